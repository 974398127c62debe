"""Convolutions in the 'same' geometry of TensorFlow, which pads strided layers unevenly.

A 5x5 convolution of stride 2 on an even input pads 1 before and 2 after; the usual symmetric padding of 2 gives the
same shapes, shifted by one pixel. Weights are laid out as in torch.nn.Conv2d and torch.nn.ConvTranspose2d.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad, pixel_shuffle

FEW_CHANNELS = 8
"""Up to so many output channels a strided transposed convolution is computed in phases, unless told otherwise."""


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
    """Transposed convolution [N, C_in, H, W] -> [N, C_out, H * stride, W * stride], with a bias; kernel >= stride.

    `phased` computes it as one convolution on the small picture, see `transposed_in_phases`: two to four times as fast
    where few channels come out, because processors compute 16 of them at once. The default is to do so there.
    `phased=False` is the readable reference.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, *, phased: bool | None = None
    ):
        super().__init__()
        if kernel < stride:
            raise ValueError(f"kernel={kernel} leaves gaps at stride={stride}; take a kernel of at least the stride.")
        self.kernel, self.stride = kernel, stride
        self.phased = stride > 1 and out_channels <= FEW_CHANNELS if phased is None else phased
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C_in, H, W] -> [N, C_out, H * stride, W * stride]."""
        if self.phased:
            return transposed_in_phases(x, self.weight, self.bias, self.stride)
        before = (self.kernel - self.stride) // 2
        surplus = self.kernel - self.stride - 2 * before  # 1 when the crop is uneven: the last row and column go
        if not surplus:
            return conv_transpose2d(x, self.weight, self.bias, self.stride, before)
        # The bias comes after the crop: with one, oneDNN 3.11 takes four times as long to an odd number of bf16 pixels.
        full = conv_transpose2d(x, self.weight, None, self.stride, before)
        cropped = full[:, :, : full.shape[2] - surplus, : full.shape[3] - surplus]
        return cropped + self.bias.to(full.dtype)[:, None, None]

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}, kernel={self.kernel}, stride={self.stride}"


def transposed_in_phases(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """[N, C_in, H, W] -> [N, C_out, H * stride, W * stride]: a 'same' transposed convolution as a dense one.

    Output pixels a stride apart see the same taps of the kernel, so each of the stride^2 phases is a convolution of its
    own on the small picture. They are computed as one, with the phases as channels, and shuffled into place. Zeros
    before the kernel put the crop at the edge of a phase.
    """
    before = (weight.shape[-1] - stride) // 2
    front = -before % stride
    back = -(front + weight.shape[-1]) % stride
    padded = pad(weight, (front, back, front, back))
    taps = padded.shape[-1] // stride
    split = padded.unflatten(3, (taps, stride)).unflatten(2, (taps, stride))
    small = split.flip(2, 4).permute(1, 3, 5, 0, 2, 4).flatten(0, 2)
    ahead = (before + front) // stride  # how many pixels beyond its own an output reads; the other taps lie behind
    behind = taps - 1 - ahead
    biases = bias.repeat_interleave(stride**2)
    if behind == ahead:
        return pixel_shuffle(conv2d(x, small, biases, padding=ahead), stride)
    return pixel_shuffle(conv2d(pad(x, (behind, ahead, behind, ahead)), small, biases), stride)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros that TensorFlow's 'same' puts before and after an axis of `size` pixels."""
    total = max((same_size(size, stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def same_size(size: int, stride: int) -> int:
    """Length of an axis of `size` pixels after a 'same' convolution: size / stride, rounded up."""
    return -(-size // stride)
