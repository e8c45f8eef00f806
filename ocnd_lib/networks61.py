"""The networks of OCGAN's release, for 61x61 images: five-pixel kernels, stride 2, no padding.

Source: the authors' public code for Perera, Nallapati and Xiang, CVPR 2019, which enlarges every
data set to 61 pixels; feature maps have 29, 13, 5 and 1. Not from there is the tanh of the code:
the release leaves codes unbounded, though its random ones come from a cube; the paper has it. Nor
are the latent discriminator, which keeps one logit, and what the classifier sees: the release shows
it images drawn with batch norm and dropout at rest.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ocnd_lib.networks import dcgan_weights

SIDE = 61


def enlarge(x: Tensor) -> Tensor:
    """Images (N, C, H, W) → (N, C, 61, 61), bilinear, as the release does."""
    return F.interpolate(x, size=(SIDE, SIDE), mode="bilinear", align_corners=False)


def shrink(x: Tensor) -> Tensor:
    """Images (N, C, 61, 61) → (N, C, 32, 32), each pixel the mean of what it covers."""
    return F.interpolate(x, size=(32, 32), mode="area")


def _down(channels: int, width: int, outputs: int) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 5, 2), nn.LeakyReLU(0.2)]
    for wide in (width, 2 * width):
        conv = nn.Conv2d(wide, 2 * wide, 5, 2, bias=False)
        layers += [conv, nn.BatchNorm2d(2 * wide), nn.LeakyReLU(0.2)]
    return [*layers, nn.Conv2d(4 * width, outputs, 5)]


class Encoder61(nn.Sequential):
    """Images (N, channels, 61, 61) in [-1, 1] → codes (N, latent_dim) in (-1, 1)."""

    def __init__(self, channels: int, latent_dim: int, width: int = 64):
        super().__init__(*_down(channels, width, latent_dim), nn.Flatten(), nn.Tanh())
        self.apply(dcgan_weights)


class Decoder61(nn.Sequential):
    """Codes (N, latent_dim) → images (N, channels, 61, 61) in (-1, 1)."""

    def __init__(self, channels: int, latent_dim: int, width: int = 64, dropout: float = 0.0):
        layers: list[nn.Module] = [nn.Unflatten(1, (latent_dim, 1, 1))]
        wide, stride = latent_dim, 1
        for out in (4 * width, 2 * width, width):
            conv = nn.ConvTranspose2d(wide, out, 5, stride, bias=False)
            layers += [conv, nn.BatchNorm2d(out), nn.ReLU()]
            wide, stride = out, 2
        if dropout:
            layers.append(nn.Dropout(dropout))
        super().__init__(*layers, nn.ConvTranspose2d(width, channels, 5, 2), nn.Tanh())
        self.apply(dcgan_weights)


class Critic61(nn.Sequential):
    """Images (N, channels, 61, 61) → one logit (N,)."""

    def __init__(self, channels: int, width: int = 64):
        super().__init__(*_down(channels, width, 1), nn.Flatten(0))
        self.apply(dcgan_weights)
