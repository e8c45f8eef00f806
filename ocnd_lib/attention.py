"""Attention maps of images: the network that draws them, the controls, and how they are used.

A map is (N, 1, 32, 32) in [0, 1]: 1 where a pixel counts, 0 where it is painted black.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONTROLS = ("random", "centre", "ones")
BLOCK = 8  # pixels


def enlarged(x: Tensor) -> Tensor:
    """Maps or images (N, C, h, w) at 32 pixels, bilinear → (N, C, 32, 32)."""
    return F.interpolate(x, size=(32, 32), mode="bilinear", align_corners=False)


class CBAM(nn.Module):
    """Convolutional block attention: features (N, C, H, W) weighted by channel, then by place.

    Source: Woo et al., ECCV 2018 (arXiv 1807.06521).
    """

    def __init__(self, channels: int):
        super().__init__()
        hidden = max(channels // 16, 4)
        first, last = nn.Linear(channels, hidden), nn.Linear(hidden, channels)
        self.channel = nn.Sequential(first, nn.ReLU(), last)
        self.place = nn.Sequential(nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.BatchNorm2d(1))

    def forward(self, x: Tensor) -> Tensor:
        by_channel = self.channel(x.mean((2, 3))) + self.channel(x.amax((2, 3)))
        x = x * by_channel.sigmoid()[:, :, None, None]
        by_place = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return x * self.place(by_place).sigmoid()


class AttentionMap(nn.Module):
    """Feature maps (N, C_i, H_i, W_i) of several sizes → logits of a map, (N, 1, 32, 32).

    `taps` are the C_i; at first the map is about `start`. With `cbam` each tap has a CBAM of its
    own.
    """

    def __init__(self, taps: tuple[int, ...], width: int, cbam: bool, start: float):
        super().__init__()

        def narrow(channels: int) -> nn.Sequential:
            gate = [CBAM(channels)] if cbam else []
            conv = nn.Conv2d(channels, width, 1, bias=False)
            return nn.Sequential(*gate, conv, nn.BatchNorm2d(width), nn.LeakyReLU(0.2))

        self.taps = nn.ModuleList(narrow(channels) for channels in taps)
        self.draw = nn.Sequential(
            nn.Conv2d(len(taps) * width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width // 2, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width // 2, 1, 1),
        )
        nn.init.constant_(self.draw[-1].bias, math.log(start / (1 - start)))

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        grown = [enlarged(tap(h)) for tap, h in zip(self.taps, features, strict=True)]
        return self.draw(torch.cat(grown, 1))


def control_map(kind: str, area: float, seed: int = 0) -> Tensor:
    """A map (1, 1, 32, 32) that looks at no image; ValueError lists the kinds.

    ones; centre, a Gaussian whose mean is `area`; random, blobs of 1 on a share `area` of the
    pixels.
    """
    if kind == "ones":
        return torch.ones(1, 1, 32, 32)
    if kind == "centre":
        place = torch.arange(32) - 15.5
        distance = place[:, None].square() + place.square()
        narrow, wide = 0.1, 1000.0
        for _ in range(60):  # its mean grows with its width
            middle = (narrow * wide) ** 0.5
            drawn = torch.exp(-distance / (2 * middle**2))
            narrow, wide = (middle, wide) if drawn.mean() < area else (narrow, middle)
        return drawn[None, None]
    if kind == "random":
        coarse = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
        order = enlarged(coarse).flatten().argsort(descending=True)
        drawn = torch.zeros(1024)
        drawn[order[: round(area * 1024)]] = 1
        return drawn.view(1, 1, 32, 32)
    raise ValueError(f"there is no control map {kind!r}; there are: {', '.join(CONTROLS)}")


def multiply(x: Tensor, attention: Tensor) -> Tensor:
    """Images in [-1, 1] times a map as if black were 0: in [-1, 1] it would turn grey → [-1, 1]."""
    return (x + 1) * attention - 1


def attended_error(x: Tensor, redrawn: Tensor, attention: Tensor) -> Tensor:
    """Squared error (N,) of images (N, C, 32, 32), averaged over pixels weighted by the map."""
    weighted = (attention * (x - redrawn.float()).square()).sum((1, 2, 3))
    return weighted / (x.shape[1] * attention.sum((1, 2, 3)) + 1e-6)


def area_penalty(attention: Tensor, least: float, most: float) -> Tensor:
    """Mean square by which the mean of each image's map leaves [least, most]."""
    area = attention.mean((1, 2, 3))
    return (F.relu(least - area).square() + F.relu(area - most).square()).mean()


def total_variation(attention: Tensor) -> Tensor:
    """Total variation: mean absolute difference of neighbours, down plus across."""
    return attention.diff(dim=2).abs().mean() + attention.diff(dim=3).abs().mean()


# Generated negatives: novel images made of normal ones, where a classifier sees no real ones.
# None is among the novelties of `ocnd_lib.selection`: what a model was taught to tell apart would
# not measure it. None turns or mirrors, which makes one digit of another.


def shuffled(x: Tensor) -> Tensor:
    """Images (N, C, 32, 32) with their square blocks in random order."""
    blocks = F.unfold(x, BLOCK, stride=BLOCK)  # (N, C·BLOCK², count)
    order = torch.rand(len(x), blocks.shape[2], device=x.device).argsort(1)
    return F.fold(blocks.gather(2, order[:, None].expand_as(blocks)), 32, BLOCK, stride=BLOCK)


def pasted(x: Tensor) -> Tensor:
    """A rectangle of 8 to 16 pixels a side copied elsewhere: CutPaste (Li et al., CVPR 2021)."""
    n = len(x)
    size = torch.randint(8, 17, (2, n), device=x.device)  # rows, columns
    start, to = ((torch.rand(2, n, device=x.device) * (33 - size)).long() for _ in range(2))
    place = torch.arange(32, device=x.device)
    inside = (place >= to[..., None]) & (place < (to + size)[..., None])
    source = torch.where(inside, place + (start - to)[..., None], place)
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    image = torch.arange(n, device=x.device)[:, None, None]
    moved = x.permute(0, 2, 3, 1)[image, source[0][:, :, None], source[1][:, None]]
    return torch.where(hole, moved.permute(0, 3, 1, 2), x)


def mixed(x: Tensor) -> Tensor:
    """Means of each image and its neighbour in the batch."""
    return (x + x.roll(1, 0)) / 2


def blurred(x: Tensor) -> Tensor:
    """Images seen at a quarter of their resolution, with some noise."""
    soft = enlarged(F.avg_pool2d(x, 4))
    return (soft + 0.2 * torch.randn_like(soft)).clamp(-1, 1)


def generated_negatives(x: Tensor) -> Tensor:
    """One negative of each image in [-1, 1] (N, C, 32, 32), the four kinds in equal parts."""
    kinds = (shuffled, pasted, mixed, blurred)
    order = torch.randperm(len(x), device=x.device)
    parts = [kind(part) for kind, part in zip(kinds, x[order].chunk(len(kinds)), strict=False)]
    return torch.cat(parts)
