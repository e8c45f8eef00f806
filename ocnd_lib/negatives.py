"""Generated negatives: novel images made of normal ones, so that a classifier needs no real ones.

None is among the novelties of `ocnd_lib.selection`, by which settings are chosen: what a model was
taught to tell apart would not measure it. None turns or mirrors, which makes one digit of another.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def shuffled(x: Tensor, block: int = 8) -> Tensor:
    """Images (N, C, 32, 32) with their square blocks in random order."""
    n = len(x)
    side = 32 // block
    blocks = F.unfold(x, block, stride=block)  # (N, C·block², side²)
    order = torch.rand(n, side**2, device=x.device).argsort(1)
    return F.fold(blocks.gather(2, order[:, None].expand_as(blocks)), 32, block, stride=block)


def pasted(x: Tensor) -> Tensor:
    """Images with a rectangle of 8 to 16 pixels a side copied to another place in them.

    CutPaste (Li et al., CVPR 2021), without its change of colour.
    """
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


def blurred(x: Tensor, noise: float = 0.2) -> Tensor:
    """Images seen at a quarter of their resolution, with noise of that standard deviation."""
    soft = F.interpolate(F.avg_pool2d(x, 4), size=(32, 32), mode="bilinear", align_corners=False)
    return (soft + noise * torch.randn_like(soft)).clamp(-1, 1)


def generated_negatives(x: Tensor) -> Tensor:
    """One negative of each image in [-1, 1] (N, C, 32, 32), the four kinds in equal parts."""
    kinds = (shuffled, pasted, mixed, blurred)
    order = torch.randperm(len(x), device=x.device)
    parts = [kind(part) for kind, part in zip(kinds, x[order].chunk(len(kinds)), strict=False)]
    return torch.cat(parts)
