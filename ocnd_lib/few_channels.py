"""Strided 4x4 convolutions from and to the few channels of an image, for a CPU without bf16.

oneDNN lays output channels along the vector registers; towards an image of one or three channels
most of each register computes nothing. There one matrix product makes the 4x4 patches that every
pixel contributes and `fold` adds them up.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocnd_lib.training import on_plain_cpu

FEW = 4  # from here on the library's own kernels are as fast


def _pays(x: Tensor, channels: int) -> bool:
    return on_plain_cpu(x) and x.dtype == torch.float32 and channels < FEW


def spread(x: Tensor, kernel: Tensor) -> Tensor:
    """Transposed convolution, stride 2, padding 1: (N, wide, H, W) → (N, few, 2H, 2W).

    `kernel` is (wide, few, 4, 4), as `conv_transpose2d` takes it, which this equals but for
    rounding.
    """
    patches = kernel.flatten(1).t() @ x.flatten(2)
    return F.fold(patches, (2 * x.shape[2], 2 * x.shape[3]), 4, padding=1, stride=2)


def _library_slopes(slope: Tensor, x: Tensor, kernel: Tensor, transposed: bool, wanted) -> tuple:
    """The library's gradients on image, kernel and bias, those that are `wanted`."""
    bias = [kernel.shape[1] if transposed else kernel.shape[0]]
    return torch.ops.aten.convolution_backward(
        slope, x, kernel, bias, (2, 2), (1, 1), (1, 1), transposed, (0, 0), 1, wanted
    )


def _keep(ctx, inputs: tuple, output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:2])


class _FromImage(torch.autograd.Function):
    """The library's convolution, with `spread` for the gradient on the image."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        return F.conv2d(x, kernel, bias, stride=2, padding=1)

    setup_context = staticmethod(_keep)

    @staticmethod
    def backward(ctx, slope: Tensor) -> tuple[Tensor | None, ...]:
        x, kernel = ctx.saved_tensors
        on_x, *others = ctx.needs_input_grad
        slopes = _library_slopes(slope, x, kernel, False, (False, *others))
        return spread(slope, kernel) if on_x else None, *slopes[1:]


class _ToImage(torch.autograd.Function):
    """`spread`, with the library's gradients."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        return spread(x, kernel) + bias[:, None, None]

    setup_context = staticmethod(_keep)

    @staticmethod
    def backward(ctx, slope: Tensor) -> tuple[Tensor | None, ...]:
        return _library_slopes(slope, *ctx.saved_tensors, True, ctx.needs_input_grad)


class FromImage(nn.Conv2d):
    """Convolution 4x4, stride 2, padding 1, whose gradient on an image of few channels is fast."""

    def __init__(self, channels: int, width: int):
        super().__init__(channels, width, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad and _pays(x, self.in_channels):
            return _FromImage.apply(x, self.weight, self.bias)
        return super().forward(x)


class ToImage(nn.ConvTranspose2d):
    """Transposed convolution 4x4, stride 2, padding 1, fast towards an image of few channels."""

    def __init__(self, width: int, channels: int):
        super().__init__(width, channels, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        if _pays(x, self.out_channels):
            return _ToImage.apply(x, self.weight, self.bias)
        return super().forward(x)
