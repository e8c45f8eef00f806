"""AND: an image is novel when its reconstruction is poor or its code improbable."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocnd_lib.detectors.base import DeepDetector

BORDER = 2  # pixels left out around grey images, which MNIST's padding to 32 had added


class MaskedLinear(nn.Module):
    """A fully connected layer over ordered positions: (N, inputs, length) → (N, outputs, length).

    Output position i sees the input positions j ≤ i, or j < i if `strict`.
    """

    def __init__(self, inputs: int, outputs: int, length: int, strict: bool):
        super().__init__()
        self.linear = nn.Linear(inputs * length, outputs * length)
        self.shape = (outputs, length)
        # in the forward pass, so that no optimiser step can undo it
        sees = torch.ones(length, length, dtype=torch.bool).tril(-1 if strict else 0)
        self.register_buffer("mask", sees.repeat(outputs, inputs), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.linear.weight * self.mask
        return F.linear(x.flatten(1), weight, self.linear.bias).unflatten(1, self.shape)


class Estimator(nn.Module):
    """Codes (N, length) in [0, 1] → logits (N, bins, length) of each entry by those before it."""

    def __init__(self, length: int, bins: int, channels: int):
        super().__init__()
        widths = (1, channels, channels, channels, channels, bins)
        layers: list[nn.Module] = []
        for k, (before, after) in enumerate(pairwise(widths)):
            layers += [MaskedLinear(before, after, length, strict=k == 0), nn.LeakyReLU(0.01)]
        self.layers = nn.Sequential(*layers[:-1])
        self.bins = bins

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z[:, None])

    def surprise(self, z: Tensor) -> Tensor:
        """-log p(z) in nats, (N,); only as the estimator's input does `z` receive a gradient."""
        bins = (z.detach() * self.bins).long().clamp(max=self.bins - 1)
        return F.cross_entropy(self(z).float(), bins, reduction="none").sum(1)


# Strides of 1x1 convolutions are taken apart here: PyTorch 2.14's own, over channels-last tensors
# of fewer than eight channels, write beyond their memory on a CPU with AVX2 and without AVX-512.


class EveryOther(nn.Conv2d):
    """A 1x1 convolution of every other row and column of (N, C, 2H, 2W)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x[..., ::2, ::2], self.weight)


class BetweenZeros(nn.ConvTranspose2d):
    """A 1x1 convolution of (N, C, H, W), with zeros after every row and column: (N, K, 2H, 2W)."""

    def forward(self, x: Tensor) -> Tensor:
        made = F.conv2d(x, self.weight.transpose(0, 1))
        spread = made.new_zeros(*made.shape[:2], 2 * made.shape[2], 2 * made.shape[3])
        spread[..., ::2, ::2] = made
        return spread


def _normed(conv: nn.Module) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels))


class Residual(nn.Module):
    """Two convolutions and a way around them; `scale` "down" halves the size, "up" doubles it."""

    def __init__(self, inputs: int, outputs: int, scale: str = "same"):
        super().__init__()
        if scale == "down":
            first = nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False)
            around = _normed(EveryOther(inputs, outputs, 1, bias=False))
        elif scale == "up":
            first = nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, output_padding=1, bias=False)
            around = _normed(BetweenZeros(inputs, outputs, 1, bias=False))
        else:
            first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            around = nn.Identity()
        second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.through = nn.Sequential(_normed(first), nn.LeakyReLU(0.01), _normed(second))
        self.around = around

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.through(x) + self.around(x), 0.01)


def _dense(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.LeakyReLU(0.01)
    )


class SigmoidEncoder(nn.Module):
    """Images (N, channels, side, side) in [0, 1] → codes (N, latent_dim) in [0, 1]."""

    def __init__(self, channels: int, side: int, latent_dim: int, width: int):
        super().__init__()
        if channels == 1:
            body, maps, hidden, small = [Residual(1, width, "down")], width, 64, side // 4
        else:
            stem = nn.Conv2d(channels, width, 3, bias=False)
            body = [stem, nn.LeakyReLU(0.01), Residual(width, width)]
            body += [Residual(width, 2 * width, "down"), Residual(2 * width, 4 * width, "down")]
            maps, hidden, small = 4 * width, 256, side // 8
        body += [Residual(maps, 2 * maps, "down"), nn.Flatten()]
        body += [_dense(2 * maps * small**2, hidden), nn.Linear(hidden, latent_dim)]
        self.layers = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.layers(x).float())


class PlainDecoder(nn.Module):
    """Codes (N, latent_dim) → images (N, channels, side, side), unbounded."""

    def __init__(self, channels: int, side: int, latent_dim: int, width: int):
        super().__init__()
        if channels == 1:
            maps, hidden, steps, end = 2 * width, 64, 2, []
        else:
            maps, hidden, steps, end = 8 * width, 256, 3, [Residual(width, width)]
        small = side // 2**steps
        body = [Residual(maps >> k, maps >> k + 1, "up") for k in range(steps)]
        self.layers = nn.Sequential(
            _dense(latent_dim, hidden),
            _dense(hidden, maps * small**2),
            nn.Unflatten(1, (maps, small, small)),
            *body,
            *end,
            nn.Conv2d(maps >> steps, channels, 1, bias=False),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


@dataclass(eq=False, repr=False)
class AND(DeepDetector):
    """Autoregressive novelty detector (Abati et al. 2019, arXiv 1807.01653).

    A residual autoencoder with a sigmoid code, and an estimator of the code's probability, one
    entry after the other. Loss: squared error summed over pixels in [0, 1], plus the code's
    -log p. Score: the sum of both, each scaled so that the in-class validation images span 0 to 1.
    The authors' networks are twice as wide, their estimator four times. Grey images lose `BORDER`.
    """

    latent_dim: int = 64  # size of the sigmoid code
    width: int = 16  # channels of the first layer; even
    estimator_channels: int = 8  # for each code entry, in the estimator's hidden layers
    bins: int = 100  # of each code entry
    surprise: float = 1.0  # weight of -log p(code) in the loss; the paper's λ
    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 1e-3  # falls to zero along a cosine

    adam = {"fused": True}  # noqa: RUF012

    def _networks(self) -> dict[str, nn.Module]:
        sizes = (self.channels_, 32 - 2 * self._border(), self.latent_dim, self.width)
        return {
            "encoder": SigmoidEncoder(*sizes),
            "decoder": PlainDecoder(*sizes),
            "estimator": Estimator(self.latent_dim, self.bins, self.estimator_channels),
        }

    def _border(self) -> int:
        return BORDER if self.channels_ == 1 else 0

    def _view(self, x: Tensor) -> Tensor:
        """Images in [-1, 1] → [0, 1] without their border."""
        inner = slice(self._border(), 32 - self._border())
        return (x[..., inner, inner] + 1) / 2

    def _terms(self, networks: nn.ModuleDict | dict, x: Tensor) -> tuple[Tensor, Tensor]:
        """Squared error summed over pixels and -log p of the code in nats, each (N,)."""
        x = self._view(x)
        z = networks["encoder"](x)
        error = (x - networks["decoder"](z).float()).square().sum((1, 2, 3))
        return error, networks["estimator"].surprise(z)

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        super()._learn(x, x_validation, checkpoint)
        terms = self.terms(x_validation)
        ends = np.stack([terms.min(axis=0), terms.max(axis=0)])
        ends[1, ends[1] == ends[0]] += 1  # a single validation image spans nothing
        self.state_["ends"] = ends

    def _loss(self, model: nn.ModuleDict, x: Tensor, epoch: int) -> dict[str, Tensor]:
        error, surprise = (term.mean() for term in self._terms(model, x))
        return {"loss": error + self.surprise * surprise, "error": error, "surprise": surprise}

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images in [-1, 1] (N, C, 32, 32) → their reconstructions, the border as it was."""
        inner = slice(self._border(), 32 - self._border())
        redrawn = x.clone()
        z = self.state_["encoder"](self._view(x))
        redrawn[..., inner, inner] = self.state_["decoder"](z).float() * 2 - 1
        return redrawn

    def terms(self, x: np.ndarray) -> np.ndarray:
        """Before scaling: squared error summed over [0, 1], -log p in nats; float32 (N, 2)."""
        return self._batchwise(lambda x: torch.stack(self._terms(self.state_, x), 1), x)

    def _score(self, x: Tensor) -> Tensor:
        low, high = torch.from_numpy(self.state_["ends"]).to(x.device)
        terms = torch.stack(self._terms(self.state_, x), 1)
        return ((terms - low) / (high - low)).sum(1)
