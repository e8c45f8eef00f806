"""Networks for 32x32 images."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# channels of each convolution, in widths, and whether pooling follows
VGG11_PLAN = ((1, 1), (2, 1), (4, 0), (4, 1), (8, 0), (8, 1), (8, 0), (8, 1))


class VGG11(nn.Module):
    """VGG11 with one linear layer for 32-pixel images (Simonyan and Zisserman 2015, column A).

    (N, channels, 32, 32) → logits (N, classes); `width` channels in the first layer, 64 in the
    paper, and the others in proportion.
    """

    def __init__(
        self, channels: int = 3, classes: int = 2, batch_norm: bool = True, width: int = 64
    ):
        super().__init__()
        layers: list[nn.Module] = []
        for planned, pooled in VGG11_PLAN:
            wide = planned * width
            conv = nn.Conv2d(channels, wide, 3, padding=1, bias=not batch_norm)
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            layers += [conv, nn.BatchNorm2d(wide)] if batch_norm else [conv]
            # max and ReLU commute; pooling first leaves a quarter of the pixels to rectify
            layers += [nn.MaxPool2d(2)] if pooled else []
            layers.append(nn.ReLU(inplace=True))
            channels = wide
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


def _block(conv: nn.Module, activation: nn.Module) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), activation)


def _down(channels: int, width: int, kernel: int = 4, padding: int = 1) -> list[nn.Module]:
    """Images of 32 pixels → 4·width feature maps of 4; with kernel 5 and no padding, of 61 → 5."""
    first = nn.Conv2d(channels, width, kernel, 2, padding)
    layers = [first, nn.LeakyReLU(0.2, inplace=True)]
    for wide in (width, 2 * width):
        conv = nn.Conv2d(wide, 2 * wide, kernel, 2, padding, bias=False)
        layers.append(_block(conv, nn.LeakyReLU(0.2, inplace=True)))
    return layers


def dcgan_weights(module: nn.Module) -> None:
    """Weights N(0, 0.02), gains N(1, 0.02), biases 0, as in DCGAN (arXiv 1511.06434, section 3)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)
    if getattr(module, "bias", None) is not None:
        nn.init.zeros_(module.bias)


def uniform_codes(count: int, latent_dim: int, generator: torch.Generator | None = None) -> Tensor:
    """Random codes (count, latent_dim), uniform in (-1, 1), drawn on the CPU."""
    return torch.rand(count, latent_dim, generator=generator) * 2 - 1


class Encoder(nn.Module):
    """Images (N, channels, 32, 32) → codes (N, latent_dim); `features` at 4, 8 and 16 pixels."""

    def __init__(self, channels: int, latent_dim: int, width: int, tanh: bool = True):
        super().__init__()
        self.layers = nn.Sequential(
            *_down(channels, width),
            nn.Conv2d(4 * width, latent_dim, 4),
            nn.Flatten(),
            nn.Tanh() if tanh else nn.Identity(),
        )
        self.apply(dcgan_weights)

    def features(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h16 = self.layers[:2](x)
        h8 = self.layers[2](h16)
        return self.layers[3](h8), h8, h16

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Decoder(nn.Module):
    """Codes (N, latent_dim) → images (N, channels, 32, 32), by `tanh` in (-1, 1).

    `features(z)` are the feature maps at 4, 8 and 16 pixels, of the last a share `dropout` left
    out.
    """

    def __init__(self, channels: int, latent_dim: int, width: int, tanh=True, dropout=0.0):
        super().__init__()
        up = partial(nn.ConvTranspose2d, kernel_size=4, bias=False)
        self.to4 = _block(up(latent_dim, 4 * width), nn.ReLU(inplace=True))
        self.to8 = _block(up(4 * width, 2 * width, stride=2, padding=1), nn.ReLU(inplace=True))
        self.to16 = _block(up(2 * width, width, stride=2, padding=1), nn.ReLU(inplace=True))
        # identity, because dropout draws random numbers even for a share of 0
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        last = nn.Tanh() if tanh else nn.Identity()
        self.to32 = nn.Sequential(nn.ConvTranspose2d(width, channels, 4, 2, 1), last)
        self.apply(dcgan_weights)

    def features(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h4 = self.to4(z[:, :, None, None])
        h8 = self.to8(h4)
        return h4, h8, self.dropout(self.to16(h8))

    def forward(self, z: Tensor) -> Tensor:
        return self.to32(self.features(z)[-1])


class Critic(nn.Module):
    """Images (N, channels, 32, 32) → one logit (N,), through `features(x)`, (N, 4·width, 4, 4)."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.body = nn.Sequential(*_down(channels, width))
        self.head = nn.Conv2d(4 * width, 1, 4)
        self.apply(dcgan_weights)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)).flatten()


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016); `stride` 2 halves the sides."""

    def __init__(self, before: int, after: int, stride: int = 1):
        super().__init__()
        conv = partial(nn.Conv2d, bias=False)
        self.first = _block(conv(before, after, 3, stride, 1), nn.ReLU(True))
        self.second = nn.Sequential(conv(after, after, 3, 1, 1), nn.BatchNorm2d(after))
        self.shortcut = nn.Sequential(conv(before, after, 1, stride), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(self.first(x)) + self.shortcut(x), inplace=True)


class ResNet(nn.Module):
    """A small ResNet: (N, channels, 32, 32) → logits (N, classes), through features (N, 4w, 4, 4).

    `pooled` are the features averaged over places, (N, 4w).
    """

    def __init__(self, channels: int, classes: int, width: int):
        super().__init__()
        stem, hidden = max(1, width // 2), 256
        self.features = nn.Sequential(
            *_block(nn.Conv2d(channels, stem, 3, 1, 1, bias=False), nn.ReLU(True)),
            nn.MaxPool2d(2),
            *(Residual(stem, width), Residual(width, 2 * width, 2)),
            Residual(2 * width, 4 * width, 2),
        )
        first, last = nn.Linear(4 * width, hidden, bias=False), nn.Linear(hidden, classes)
        self.head = nn.Sequential(first, nn.BatchNorm1d(hidden), nn.ReLU(True), last)
        for module in self.features.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def pooled(self, x: Tensor) -> Tensor:
        return self.features(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pooled(x))


# The networks of OCGAN's release, for 61x61 images: five-pixel kernels, stride 2, no padding.
# Source: the authors' public code for Perera, Nallapati and Xiang, CVPR 2019. Its own settings are
# `width` 64, `dropout` 0.5, `latent_dim` 16 (CIFAR-10: 512), `noise` 0.2, `learning_rate` 2e-4,
# `batch_size` 512, `epochs` 201. Not from there are the tanh of the code, which the paper has, the
# latent discriminator's one logit, and that batch norm and dropout of images for the classifier
# do not rest.


class Encoder61(nn.Sequential):
    """Images (N, channels, 61, 61) → codes (N, latent_dim), both in [-1, 1]."""

    def __init__(self, channels: int, latent_dim: int, width: int):
        layers = [*_down(channels, width, 5, 0), nn.Conv2d(4 * width, latent_dim, 5)]
        super().__init__(*layers, nn.Flatten(), nn.Tanh())
        self.apply(dcgan_weights)


class Decoder61(nn.Sequential):
    """Codes (N, latent_dim) → images (N, channels, 61, 61) in (-1, 1)."""

    def __init__(self, channels: int, latent_dim: int, width: int, dropout: float = 0.0):
        layers: list[nn.Module] = [nn.Unflatten(1, (latent_dim, 1, 1))]
        wide, stride = latent_dim, 1
        for out in (4 * width, 2 * width, width):
            conv = nn.ConvTranspose2d(wide, out, 5, stride, bias=False)
            layers += [conv, nn.BatchNorm2d(out), nn.ReLU()]
            wide, stride = out, 2
        layers += [nn.Dropout(dropout)] if dropout else []
        super().__init__(*layers, nn.ConvTranspose2d(width, channels, 5, 2), nn.Tanh())
        self.apply(dcgan_weights)


class Critic61(nn.Sequential):
    """Images (N, channels, 61, 61) → one logit (N,)."""

    def __init__(self, channels: int, width: int):
        super().__init__(*_down(channels, width, 5, 0), nn.Conv2d(4 * width, 1, 5), nn.Flatten(0))
        self.apply(dcgan_weights)
