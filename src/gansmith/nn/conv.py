"""Convolutions in the 'same' geometry of TensorFlow, which pads strided layers unevenly.

A 5x5 convolution of stride 2 on an even input pads 1 before and 2 after; the usual symmetric padding of 2 gives the
same shapes, shifted by one pixel. Weights are laid out as in torch.nn.Conv2d and torch.nn.ConvTranspose2d.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad, pixel_shuffle

LANES = 16
"""Output channels that processors compute at once: where fewer come out, the rest of the work is for nothing."""


class Conv2dSame(nn.Module):
    """Convolution [N, C_in, H, W] -> [N, C_out, ceil(H / stride), ceil(W / stride)], with a bias.

    `fast` computes few output channels of stride 1 by blocks of pixels, see `conv_in_blocks`, and the gradient of few
    input channels of a larger stride in phases, see `transposed_in_phases`; `fast=False` is the readable reference.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, *, fast: bool = True):
        super().__init__()
        self.kernel, self.stride, self.fast = kernel, stride, fast
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C_in, H, W] -> [N, C_out, ceil(H / stride), ceil(W / stride)]."""
        if self.fast and self.stride == 1 and self.kernel % 2:
            return conv_in_blocks(x, self.weight, self.bias)
        few = x.shape[1] * self.stride**2 <= LANES
        if self.fast and few and x.requires_grad and not any(side % self.stride for side in x.shape[2:]):
            return _GradientInPhases.apply(x, self.weight, self.bias, self.stride)
        return _strided(x, self.weight, self.bias, self.stride)

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, kernel={self.kernel}, stride={self.stride}"


class ConvTranspose2dSame(nn.Module):
    """Transposed convolution [N, C_in, H, W] -> [N, C_out, H * stride, W * stride], with a bias; kernel >= stride.

    `fast` computes few output channels as a convolution on the small image, see `transposed_in_phases`; `fast=False`
    is the readable reference.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, *, fast: bool = True):
        super().__init__()
        if kernel < stride:
            raise ValueError(f"kernel={kernel} leaves gaps at stride={stride}; take a kernel of at least the stride.")
        self.kernel, self.stride, self.fast = kernel, stride, fast
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C_in, H, W] -> [N, C_out, H * stride, W * stride]."""
        if self.fast and self.stride > 1 and self.weight.shape[1] * self.stride**2 <= LANES:
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


class _GradientInPhases(torch.autograd.Function):
    """A strided convolution, whose transposed one brings back the gradient of its input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
        ctx.stride = stride
        ctx.save_for_backward(x, weight)
        return _strided(x, weight, bias, stride)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        x, weight = (tensor.to(gradient.dtype) for tensor in ctx.saved_tensors)
        of_x, of_weight, of_bias = None, None, None
        if ctx.needs_input_grad[0]:
            of_x = transposed_in_phases(gradient, weight, gradient.new_zeros(x.shape[1]), ctx.stride)
        if ctx.needs_input_grad[1]:
            padded, strides, none = _padded(x, weight.shape[-1], ctx.stride), [ctx.stride] * 2, [0, 0]
            _, of_weight, of_bias = torch.ops.aten.convolution_backward(
                gradient, padded, weight, [len(weight)], strides, none, [1, 1], False, none, 1, [False, True, True]
            )
        return of_x, of_weight, of_bias, None


def _strided(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    (top, bottom), (left, right) = (same_padding(side, weight.shape[-1], stride) for side in x.shape[2:])
    if top == bottom and left == right:
        return conv2d(x, weight, bias, stride, (top, left))
    return conv2d(_padded(x, weight.shape[-1], stride), weight, bias, stride)


def _padded(x: Tensor, kernel: int, stride: int) -> Tensor:
    (top, bottom), (left, right) = (same_padding(side, kernel, stride) for side in x.shape[2:])
    return pad(x, (left, right, top, bottom))


def conv_in_blocks(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """[N, C_in, H, W] -> [N, C_out, H, W]: a 'same' convolution of stride 1, computed by blocks of s x s pixels.

    The pixels of a block become channels: the kernel, put at each of its s^2 places in a larger one, moves by strides
    of s, and the channels are shuffled back into pixels. s is the largest of 4, 2 and 1 that divides the sides and
    leaves no more than `LANES` channels: more taps, but fewer for nothing. The kernel has an odd side.
    """
    channels, middle = weight.shape[0], weight.shape[-1] // 2
    fits = (s for s in (4, 2) if channels * s**2 <= LANES and x.shape[2] % s == x.shape[3] % s == 0)
    block = next(fits, 1)
    if block == 1:
        return conv2d(x, weight, bias, padding=middle)
    ends = [(start, block - 1 - start) for start in range(block)]
    places = [pad(weight, (*across, *down)) for down in ends for across in ends]
    large = torch.stack(places, 1).flatten(0, 1)
    return pixel_shuffle(conv2d(x, large, bias.repeat_interleave(block**2), block, middle), block)


def transposed_in_phases(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """[N, C_in, H, W] -> [N, C_out, H * stride, W * stride]: a 'same' transposed convolution as a dense one.

    Output pixels a stride apart see the same taps of the kernel, so each of the stride^2 phases is a convolution of its
    own on the small image. They are computed as one, with the phases as channels, and shuffled into place. Zeros
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
