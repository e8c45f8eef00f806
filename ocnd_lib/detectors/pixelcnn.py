"""PixelCNN: the likelihood of an image, one pixel after the other."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocnd_lib.detectors.base import DeepDetector

LEVELS = 16  # an image is quantised to so many grey levels a channel


@dataclass(eq=False, repr=False)
class PixelCNN(DeepDetector):
    """Autoregressive model of pixels (van den Oord et al. 2016, arXiv 1601.06759).

    Score: negative log-likelihood of the quantised image in bits per dimension. The paper's
    networks are several times wider and deeper and tell all 256 levels apart.
    """

    width: int = 32  # channels between blocks; inside a block half of them
    blocks: int = 4  # residual blocks after the 7x7 convolution
    epochs: int = 6
    batch_size: int = 64
    learning_rate: float = 2e-3  # falls to zero along a cosine

    def _networks(self) -> dict[str, nn.Module]:
        return {"pixels": PixelNetwork(self.channels_, self.width, self.blocks)}

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        if self.width < 2 * self.channels_:
            raise ValueError(f"width is {self.width}; it must be {2 * self.channels_} or more")
        super()._learn(x, x_validation, checkpoint)

    def _loss(self, model: nn.ModuleDict, x: Tensor, epoch: int) -> dict[str, Tensor]:
        return {"loss": bits_per_dimension(model["pixels"], x).mean()}

    def _score(self, x: Tensor) -> Tensor:
        return bits_per_dimension(self.state_["pixels"], x)


def bits_per_dimension(network: nn.Module, x: Tensor) -> Tensor:
    """Negative log-likelihood of images in [-1, 1] (N, C, H, W), a value's mean → bits (N,)."""
    levels = ((x + 1) * 127.5).round().long() * LEVELS // 256
    logits = network(levels * (2 / (LEVELS - 1)) - 1).float()
    nats = F.cross_entropy(logits, levels, reduction="none").mean((1, 2, 3))
    return nats / np.log(2)


class MaskedConv2d(nn.Conv2d):
    """Convolution that sees the rows above, the pixels to the left, and earlier colours.

    Channels, in and out, fall into equal groups, one a colour. At the pixel itself mask "A" leaves
    the groups before the output's own, mask "B" that one too.
    """

    def __init__(self, mask: str, colours: int, inputs: int, outputs: int, size: int):
        super().__init__(inputs, outputs, size, padding=size // 2)
        colour_in = torch.arange(inputs) * colours // inputs
        colour_out = torch.arange(outputs)[:, None] * colours // outputs
        known = colour_in < colour_out if mask == "A" else colour_in <= colour_out
        visible, centre = torch.zeros_like(self.weight), size // 2
        visible[:, :, :centre] = 1
        visible[:, :, centre, :centre] = 1
        visible[:, :, centre, centre] = known.float()
        self.register_buffer("visible", visible, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.visible, self.bias, padding=self.padding)


class Block(nn.Module):
    """Residual block of masked convolutions: 1x1 to half the width, 3x3, 1x1 back."""

    def __init__(self, colours: int, width: int):
        super().__init__()
        half = width // 2
        layers: list[nn.Module] = []
        for before, after, size in ((width, half, 1), (half, half, 3), (half, width, 1)):
            layers += [nn.ReLU(), MaskedConv2d("B", colours, before, after, size)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class PixelNetwork(nn.Module):
    """Quantised images in [-1, 1] (N, C, H, W) → logits of their levels (N, LEVELS, C, H, W).

    Those of a value depend on the values before it: by rows, from left to right, from red to blue.
    """

    def __init__(self, colours: int, width: int, blocks: int):
        super().__init__()
        self.colours = colours
        self.layers = nn.Sequential(
            MaskedConv2d("A", colours, colours, width, 7),
            *(Block(colours, width) for _ in range(blocks)),
            nn.ReLU(),
            MaskedConv2d("B", colours, width, width, 1),
            nn.ReLU(),
            MaskedConv2d("B", colours, width, colours * LEVELS, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).unflatten(1, (self.colours, LEVELS)).transpose(1, 2)
