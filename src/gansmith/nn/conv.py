"""Convolutions in the 'same' geometry of TensorFlow, which pads strided layers unevenly.

A 5x5 convolution of stride 2 on an even input pads 1 before and 2 after; the usual symmetric padding of 2 gives the
same shapes, shifted by one pixel. Weights are laid out as in torch.nn.Conv2d and torch.nn.ConvTranspose2d.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad


class Conv2dSame(nn.Module):
    """Convolution [N, C_in, H, W] -> [N, C_out, ceil(H / stride), ceil(W / stride)], with a bias."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1):
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C_in, H, W] -> [N, C_out, ceil(H / stride), ceil(W / stride)]."""
        (top, bottom), (left, right) = (same_padding(side, self.kernel, self.stride) for side in x.shape[2:])
        if top == bottom and left == right:
            return conv2d(x, self.weight, self.bias, self.stride, (top, left))
        return conv2d(pad(x, (left, right, top, bottom)), self.weight, self.bias, self.stride)

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, kernel={self.kernel}, stride={self.stride}"


class ConvTranspose2dSame(nn.Module):
    """Transposed convolution [N, C_in, H, W] -> [N, C_out, H * stride, W * stride], with a bias; kernel >= stride."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1):
        super().__init__()
        if kernel < stride:
            raise ValueError(f"kernel={kernel} leaves gaps at stride={stride}; take a kernel of at least the stride.")
        self.kernel, self.stride = kernel, stride
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C_in, H, W] -> [N, C_out, H * stride, W * stride]."""
        before = (self.kernel - self.stride) // 2
        surplus = self.kernel - self.stride - 2 * before  # 1 when the crop is uneven: the last row and column go
        full = conv_transpose2d(x, self.weight, self.bias, self.stride, before)
        return full[:, :, : full.shape[2] - surplus, : full.shape[3] - surplus] if surplus else full

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}, kernel={self.kernel}, stride={self.stride}"


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros that TensorFlow's 'same' puts before and after an axis of `size` pixels."""
    total = max((same_size(size, stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def same_size(size: int, stride: int) -> int:
    """Length of an axis of `size` pixels after a 'same' convolution: size / stride, rounded up."""
    return -(-size // stride)
