"""Fast 3x3 convolutions on small images for a CPU without bf16.

A 3x3 convolution over 4x4 output tiles needs 36 multiplications a tile instead of 144 when it is
done in Winograd's domain (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
CVPR 2016, arXiv 1509.09308). With the layout (pixel, image, channel) every transform is one matrix
product with a constant, so plain autograd differentiates the whole thing.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Input, kernel and output transforms of F(m, 3), keyed by m (Lavin and Gray, sections 4.1 and 4.3).
TRANSFORMS = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}
SIZES = (2, 4, 8)  # beyond 8 px the dense transforms cost more than they save


@lru_cache
def transforms(size: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor, int]:
    """Dense two-dimensional transforms for a zero-padded `size` x `size` image.

    Returns (input, kernel, output, tiles) with shapes (points·tiles, size²), (points, 9),
    (size², points·tiles): rows of the domain are ordered by point, then by tile.
    """
    m = 2 if size == 2 else 4
    to_input, to_kernel, to_output = (torch.tensor(t, dtype=dtype) for t in TRANSFORMS[m])
    points, tiles = m + 2, size // m
    gather = torch.zeros(points, tiles, size, dtype=dtype)
    scatter = torch.zeros(size, points, tiles, dtype=dtype)
    for t in range(tiles):
        for k in range(points):
            pixel = t * m - 1 + k
            if 0 <= pixel < size:  # outside lies the zero padding
                gather[:, t, pixel] += to_input[:, k]
        scatter[t * m : (t + 1) * m, :, t] = to_output
    both_ways = torch.einsum("ith,jsw->ijtshw", gather, gather)
    back = torch.einsum("hit,wjs->hwijts", scatter, scatter)
    kernel = torch.einsum("ia,jb->ijab", to_kernel, to_kernel)
    rows = points**2 * tiles**2
    return (
        both_ways.reshape(rows, size**2),
        kernel.reshape(points**2, 9),
        back.reshape(size**2, rows),
        tiles**2,
    )


def kernels_first(conv: nn.Conv2d) -> None:
    """Store the weights of `conv` with the kernel positions outermost, which the domain wants.

    Shape, values and state dict stay the same; only the strides change.
    """
    conv.weight.data = conv.weight.data.permute(2, 3, 1, 0).contiguous().permute(3, 2, 0, 1)


def conv3x3(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Zero-padded 3x3 convolution of (pixels, N, C) with weight (K, C, 3, 3) → (pixels, N, K)."""
    pixels, n, c = x.shape
    k = weight.shape[0]
    to_input, to_kernel, to_output, tiles = transforms(round(pixels**0.5), x.dtype)
    points = len(to_kernel)
    v = (to_input @ x.reshape(pixels, n * c)).view(points, tiles * n, c)
    u = (to_kernel @ weight.permute(2, 3, 1, 0).reshape(9, c * k)).view(points, c, k)
    y = (to_output @ torch.bmm(v, u).view(points * tiles, n * k)).view(pixels, n, k)
    return y if bias is None else y + bias


def batch_norm(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """`norm` applied to (pixels, N, C); its running statistics move in training mode."""
    pixels, n, c = x.shape
    nchw = x.view(pixels, n, 1, c).permute(0, 3, 1, 2)  # a channels_last view, nothing is copied
    return norm(nchw).permute(0, 2, 3, 1).reshape(pixels, n, c)


def max_pool2x2(x: Tensor) -> Tensor:
    """2x2 max pooling of (pixels, N, C) → (pixels / 4, N, C)."""
    pixels, n, c = x.shape
    half = round(pixels**0.5) // 2
    windows = x.view(half, 2, half, 2, n * c).permute(1, 3, 0, 2, 4).reshape(4, half * half, n, c)
    return windows.max(0).values


def run(layers: nn.Sequential, x: Tensor) -> Tensor:
    """Run conv 3x3 / batch norm / ReLU / max pool layers over NCHW fp32 images on a CPU.

    Equal to `layers(x)` up to rounding; the part at 8 px and below runs in Winograd's domain.
    """
    pixel_first = False
    for layer in layers:
        if not pixel_first and isinstance(layer, nn.Conv2d) and x.shape[-1] in SIZES:
            n, c, h, w = x.shape
            x = x.permute(2, 3, 0, 1).reshape(h * w, n, c)
            pixel_first = True
        if not pixel_first:
            x = layer(x)
        elif isinstance(layer, nn.Conv2d):
            x = conv3x3(x, layer.weight, layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            x = batch_norm(x, layer)
        elif isinstance(layer, nn.MaxPool2d):
            x = max_pool2x2(x)
        else:
            x = F.relu(x, inplace=True)
    if not pixel_first:
        return x
    pixels, n, c = x.shape
    side = round(pixels**0.5)
    return x.view(side, side, n, c).permute(2, 3, 0, 1)
