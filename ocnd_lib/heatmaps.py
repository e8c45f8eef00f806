"""Where a network looks: Grad-CAM, whether to trust it, and how well a map finds an object.

Maps are (N, 32, 32), at least 0, larger where more is looked; masks are bool, true on the object.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.metrics.road import ROADCombined
from scipy.stats import mannwhitneyu, rankdata
from torch import Tensor, nn

from ocnd_lib.attention import control_map
from ocnd_lib.stats import auroc_interval, seed_interval

PERCENTILES = [20, 40, 60, 80]  # of pixels that ROAD takes out


@contextmanager
def unchanged(network: nn.Module) -> Iterator[None]:
    """Give a network back as it was: every module's mode and every parameter's gradient."""
    modes = {module: module.training for module in network.modules()}
    slopes = {p: p.grad for p in network.parameters()}
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
        for p, slope in slopes.items():
            p.grad = slope


def grad_cam(network: nn.Module, layer: str, x: Tensor) -> np.ndarray:
    """Grad-CAM of a network with one logit an image → maps (N, 32, 32), at least 0, not scaled.

    `layer` is the name of a module inside; `x` are images in [-1, 1] (N, C, 32, 32). Maps of one
    network can be compared in strength, which the package's own, each scaled to [0, 1], cannot. The
    network is left as it was; autocast and inference mode around it do not count. ValueError for a
    layer that is not there (it lists those that are) or not used. Source: Selvaraju et al., ICCV
    2017, by the package grad-cam.
    """
    modules = dict(network.named_modules())
    if not layer or layer not in modules:
        names = ", ".join(name for name in modules if name)
        raise ValueError(f"the network has no layer {layer!r}; there are: {names}")
    if not len(x):
        return np.zeros((0, 32, 32), np.float32)
    target, weights, heat = modules[layer], next(network.parameters()), None
    alone = torch.autocast(x.device.type, enabled=False), torch.inference_mode(False)
    with unchanged(network), GradCAM(network, [target]) as cam, alone[0], alone[1]:
        # they ask for a gradient, so that a network at rest, which asks for none, has one too
        x = x.detach().to(weights, copy=True).requires_grad_(True)
        held = cam.activations_and_grads
        with torch.enable_grad():
            torch.autograd.grad(held(x).sum(), x)  # leaves the gradients of the weights alone
        if held.activations and held.gradients:
            kept = [part[0].float().numpy() for part in (held.activations, held.gradients)]
            heat = cam.get_cam_image(x, target, [], *kept)
    if heat is None:
        raise ValueError(f"the logit does not hang on the layer {layer!r}, so it has no map")
    heat = torch.from_numpy(np.maximum(heat, 0)).float()[:, None]
    return F.interpolate(heat, size=(32, 32), mode="bilinear", align_corners=False)[:, 0].numpy()


class OneLogit(nn.Module):
    """A network with several logits as one that has only the logit `number`: (N,)."""

    def __init__(self, network: nn.Module, number: int):
        super().__init__()
        self.network, self.number = network, number

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)[:, self.number]


def turned_grad_cam(network: nn.Module, layer: str, x: Tensor) -> np.ndarray:
    """Grad-CAM of a network that tells quarter turns → maps (N, 32, 32) in [0, 1].

    Each turn of images in [-1, 1] (N, C, 32, 32) is explained by its own logit, of four, so that no
    label is needed; the maps are turned back, averaged, and divided by the maximum. Where nothing
    speaks for a turn, the map is 1.
    """
    total = np.zeros((len(x), *x.shape[2:]), np.float32)
    for k in range(4):
        heat = grad_cam(OneLogit(network, k), f"network.{layer}", torch.rot90(x, k, (2, 3)))
        total += np.rot90(heat, -k, (1, 2))
    peaks = total.max((1, 2), keepdims=True)
    return np.where(peaks > 0, total / np.where(peaks > 0, peaks, 1), 1)


# --- whether a heat map is to be trusted ---------------------------------------------------------


def road(network: nn.Module, x: Tensor, heat: np.ndarray, seed: int = 0) -> np.ndarray:
    """ROAD: does the logit hang on the hottest pixels more than on the coolest? → (N,).

    As many of either as each of `PERCENTILES` says give way, in images `x` in [-1, 1] (N, C, 32,
    32), to a noisy blend of their neighbours. Returned is half of how much more the logit falls
    without the hottest: 0 on average for a map that says nothing. `seed` settles ties and noise.
    ValueError unless there is one map an image. Source: Rong et al., ICML 2022, by the package
    grad-cam.
    """
    if heat.shape != (len(x), *x.shape[2:]) or not len(x):
        raise ValueError(f"there must be one map an image, {x.shape[2:]} each, not {heat.shape}")
    # by rank, because the package would take out all pixels that share the value at a percentile
    order = _order(heat.reshape(len(heat), -1), seed).reshape(heat.shape) / heat[0].size
    forked = torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else [])
    with unchanged(network), forked:
        network.eval()
        torch.manual_seed(seed)
        says = [lambda logit: logit] * len(x)
        return ROADCombined(PERCENTILES)(x.detach(), order, says, network)


def randomised_correlations(
    network: nn.Module, layer: str, x: Tensor, seed: int = 0
) -> dict[str, np.ndarray]:
    """Do heat maps change with the weights? Layer → rank correlations with the original, (N,).

    From the last layer that has weights to the first, one more at a time is shuffled, tensor by
    tensor, in a copy. 0 where either map has one value only. Source: Adebayo et al., NeurIPS 2018,
    who draw new weights.
    """
    expected = grad_cam(network, layer, x)
    changed, generator = deepcopy(network), torch.Generator().manual_seed(seed)
    found = {}
    for name, module in reversed(list(changed.named_modules())):
        if not list(module.parameters(recurse=False)):
            continue
        with torch.no_grad():
            for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
                order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
                tensor.copy_(tensor.flatten()[order].view(tensor.shape))
        found[name] = _rank_correlation(expected, grad_cam(changed, layer, x))
    return found


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = (rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (a, b))
    a, b = (ranks - ranks.mean(1, keepdims=True) for ranks in (a, b))
    size = np.sqrt(np.square(a).sum(1) * np.square(b).sum(1))
    return (a * b).sum(1) / np.where(size > 0, size, 1)


def strength(heat: np.ndarray, novel: np.ndarray) -> dict[str, float]:
    """Are the maps (N, H, W) of novel images weaker in their mean? `novel` (N,) is in {0, 1}.

    Keys: normal and novel, the averages; weaker, the chance that a novel image's map is weaker than
    a normal one's; low and high, its 95 % interval (DeLong); p of the two-sided Mann-Whitney test.
    """
    mean, novel = np.asarray(heat, dtype=float).mean((1, 2)), np.asarray(novel)
    weaker, low, high = auroc_interval(novel, -mean)
    groups = mean[novel == 0], mean[novel == 1]
    return {
        "normal": float(groups[0].mean()), "novel": float(groups[1].mean()),
        "weaker": weaker, "low": low, "high": high, "p": float(mannwhitneyu(*groups).pvalue),
    }  # fmt: skip


# --- how well a map finds an object --------------------------------------------------------------


def _flat(heat: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    heat, mask = np.asarray(heat, dtype=float), np.asarray(mask)
    if heat.ndim != 3 or heat.shape != mask.shape or mask.dtype != bool:
        raise ValueError(
            "maps and bool masks must have one shape (N, H, W), "
            f"not {heat.shape} and {mask.shape} of {mask.dtype}"
        )
    if not (np.isfinite(heat).all() and (heat >= 0).all()):
        raise ValueError("maps must be finite and at least 0; cut what is below, as Grad-CAM does")
    return heat.reshape(len(heat), -1), mask.reshape(len(mask), -1)


def energy_inside(heat: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Share of each map's sum that lies on its mask, (N,), the energy-based pointing game.

    A map of zeros counts as uniform; NaN where a mask is empty or full. Source: Wang et al. 2020.
    """
    heat, mask = _flat(heat, mask)
    total = heat.sum(1)
    share = (heat * mask).sum(1) / np.where(total == 0, 1, total)
    return _defined(np.where(total == 0, mask.mean(1), share), mask)


def pixel_auroc(heat: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """AUROC of each map's pixels against its mask, (N,); NaN where a mask is empty or full."""
    heat, mask = _flat(heat, mask)
    inside = mask.sum(1)
    pairs = inside * (mask.shape[1] - inside)
    above = (rankdata(heat, axis=1) * mask).sum(1) - inside * (inside + 1) / 2
    return _defined(above / np.maximum(pairs, 1), mask)


def iou(heat: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Intersection over union, (N,), of each mask and as many of the map's highest pixels.

    Ties are broken at random; NaN where a mask is empty or full.
    """
    heat, mask = _flat(heat, mask)
    highest = _order(heat, 0) >= heat.shape[1] - mask.sum(1, keepdims=True)
    return _defined((highest & mask).sum(1) / np.maximum((highest | mask).sum(1), 1), mask)


def _order(heat: np.ndarray, seed: int) -> np.ndarray:
    """Rank of each value in its row (N, M), from 0, ties at random."""
    chance = np.random.default_rng(seed).random(heat.shape)
    return np.lexsort((chance, heat), axis=1).argsort(axis=1)


def _defined(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask.any(1) & ~mask.all(1), values, np.nan)


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "energy": energy_inside, "auroc": pixel_auroc, "iou": iou,
}  # fmt: skip


def baseline_maps(count: int, seed: int = 0, mean: float = 0.3) -> dict[str, np.ndarray]:
    """Maps that look at no image: uniform, centre (a Gaussian of this mean), random; (count, 32,
    32).
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 1, 8, 8, generator=generator)
    smooth = F.interpolate(coarse, size=(32, 32), mode="bilinear", align_corners=False)
    return {
        "uniform": np.ones((count, 32, 32)),
        "centre": np.broadcast_to(control_map("centre", mean)[0].numpy(), (count, 32, 32)),
        "random": smooth[:, 0].numpy(),
    }


def image_values(
    heat: np.ndarray, mask: np.ndarray, seed: int = 0, beside: Mapping[str, np.ndarray] = {}
) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """Every measure of maps against masks, and of every baseline: (measure, baseline) → two (N,).

    The centred Gaussian has the mean of the maps, each divided by its maximum. `beside` are further
    maps that count as baselines. NaN where a mask is empty or full; ValueError if all are.
    """
    # a Gaussian as spread out as the maps: a narrow one has more energy inside by that alone
    peaks = np.maximum(heat.max((1, 2), keepdims=True), 1e-12)
    mean = float(np.clip((heat / peaks).mean(), 0.02, 0.98))
    maps = baseline_maps(len(heat), seed, mean) | dict(beside)
    found = {}
    for measure, function in MEASURES.items():
        value = function(heat, mask)
        if not np.isfinite(value).any():
            raise ValueError("every mask is empty or full; there is no object to find")
        for baseline, drawn in maps.items():
            found[measure, baseline] = value, function(drawn, mask)
    return found


def lifts(
    heat: np.ndarray, mask: np.ndarray, seed: int = 0, beside: Mapping[str, np.ndarray] = {}
) -> list[dict]:
    """`image_values` averaged: one dict a measure and baseline.

    Keys: measure, baseline, value and baseline_value (means), lift, their difference, low and high,
    its 95 % interval (t, paired by image), images, how many masks are neither empty nor full.
    """
    rows = []
    for (measure, baseline), (value, other) in image_values(heat, mask, seed, beside).items():
        known = np.isfinite(value)
        row = {"measure": measure, "baseline": baseline, "images": int(known.sum())}
        rows.append(row | lift_of(value[known], other[known]))
    return rows


def lift_of(value: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Means over images of two (N,), and their difference with its 95 % interval."""
    lift, low, high = seed_interval(value - other)
    means = {"value": float(value.mean()), "baseline_value": float(other.mean())}
    return means | {"lift": lift, "low": low, "high": high}
