"""Where a network looks: Grad-CAM, whether to trust it, and how well a map finds an object.

Maps are (N, 32, 32), at least 0, larger where more is looked; masks are bool, true on the object.
"""

from collections.abc import Mapping
from copy import deepcopy

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.metrics.road import ROADCombined
from scipy.stats import rankdata
from torch import Tensor, nn

from ocnd_lib.attention import control_map, enlarged
from ocnd_lib.stats import seed_interval
from ocnd_lib.training import evaluating

PERCENTILES = [20, 40, 60, 80]  # of pixels that ROAD takes out


def grad_cam(network: nn.Module, layer: str, x: Tensor, logit: int | None = None) -> np.ndarray:
    """Grad-CAM of a network → maps (N, 32, 32), at least 0, not scaled.

    It has one logit an image, or the one of the number `logit` is explained. `layer` is the name of
    a module inside; `x` are images in [-1, 1] (N, C, 32, 32). The network is left as it was.
    ValueError for a layer that is not there (it lists those that are) or not used. Source:
    Selvaraju et al., ICCV 2017, by the package grad-cam, whose own maps are each scaled.
    """
    modules = dict(network.named_modules())
    if not layer or layer not in modules:
        names = ", ".join(name for name in modules if name)
        raise ValueError(f"the network has no layer {layer!r}; there are: {names}")
    if not len(x):
        return np.zeros((0, 32, 32), np.float32)
    target, weights, heat = modules[layer], next(network.parameters()), None
    alone = torch.autocast(x.device.type, enabled=False), torch.inference_mode(False)
    with evaluating(network), GradCAM(network, [target]) as cam, alone[0], alone[1]:
        # they ask for a gradient, so that a network at rest, which asks for none, has one too
        x = x.detach().to(weights, copy=True).requires_grad_(True)
        held = cam.activations_and_grads
        with torch.enable_grad():
            answer = held(x) if logit is None else held(x)[:, logit]
            torch.autograd.grad(answer.sum(), x)  # leaves the gradients of the weights alone
        if held.activations and held.gradients:
            kept = [part[0].float().numpy() for part in (held.activations, held.gradients)]
            heat = cam.get_cam_image(x, target, [], *kept)
    if heat is None:
        raise ValueError(f"the logit does not hang on the layer {layer!r}, so it has no map")
    return enlarged(torch.from_numpy(np.maximum(heat, 0)).float()[:, None])[:, 0].numpy()


def turned_grad_cam(network: nn.Module, layer: str, x: Tensor) -> np.ndarray:
    """Grad-CAM of a network that tells quarter turns → maps (N, 32, 32) in [0, 1].

    Each turn of images in [-1, 1] (N, C, 32, 32) is explained by its own logit, of four; the maps
    are turned back, averaged, and divided by the maximum. Where nothing speaks for a turn, it is 1.
    """
    total = np.zeros((len(x), *x.shape[2:]), np.float32)
    for k in range(4):
        heat = grad_cam(network, layer, torch.rot90(x, k, (2, 3)), logit=k)
        total += np.rot90(heat, -k, (1, 2))
    peaks = total.max((1, 2), keepdims=True)
    return np.where(peaks > 0, total / np.where(peaks > 0, peaks, 1), 1)


def road(network: nn.Module, x: Tensor, heat: np.ndarray, seed: int = 0) -> np.ndarray:
    """ROAD: does the logit hang on the hottest pixels more than on the coolest? → (N,).

    In images `x` in [-1, 1] (N, C, 32, 32) as many as each of `PERCENTILES` says become a noisy
    blend of their neighbours; half of how much more the logit falls without the hottest. `seed`
    settles ties and noise. ValueError unless there is one map an image. Source: Rong et al., ICML
    2022, by the package grad-cam.
    """
    if heat.shape != (len(x), *x.shape[2:]) or not len(x):
        raise ValueError(f"there must be one map an image, {x.shape[2:]} each, not {heat.shape}")
    # by rank, because the package would take out all pixels that share the value at a percentile
    flat = heat.reshape(len(heat), -1)
    chance = np.random.default_rng(seed).random(flat.shape)
    rank = np.lexsort((chance, flat), axis=1).argsort(axis=1)
    order = rank.reshape(heat.shape) / flat.shape[1]
    forked = torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else [])
    with evaluating(network), forked:
        torch.manual_seed(seed)
        says = [lambda logit: logit] * len(x)
        return ROADCombined(PERCENTILES)(x.detach(), order, says, network)


def randomised_correlations(
    network: nn.Module, layer: str, x: Tensor, seed: int = 0
) -> dict[str, np.ndarray]:
    """Do heat maps change with the weights? Layer → rank correlations with the original, (N,).

    From the last layer with weights to the first, one more at a time is shuffled in a copy. 0 where
    either map has one value only. Source: Adebayo et al., NeurIPS 2018, who draw new weights.
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


def pixel_auroc(heat: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """AUROC of each map's pixels against its mask, (N,); NaN where a mask is empty or full."""
    heat, mask = np.asarray(heat, dtype=float), np.asarray(mask)
    if heat.ndim != 3 or heat.shape != mask.shape or mask.dtype != bool:
        raise ValueError(
            "maps and bool masks must have one shape (N, H, W), "
            f"not {heat.shape} and {mask.shape} of {mask.dtype}"
        )
    if not (np.isfinite(heat).all() and (heat >= 0).all()):
        raise ValueError("maps must be finite and at least 0; cut what is below, as Grad-CAM does")
    heat, mask = heat.reshape(len(heat), -1), mask.reshape(len(mask), -1)
    inside = mask.sum(1)
    pairs = inside * (mask.shape[1] - inside)
    above = (rankdata(heat, axis=1) * mask).sum(1) - inside * (inside + 1) / 2
    return np.where(pairs > 0, above / np.maximum(pairs, 1), np.nan)


def baseline_maps(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Maps (count, 32, 32) that look at no image: uniform, centre (a Gaussian), random."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 1, 8, 8, generator=generator)
    return {
        "uniform": np.ones((count, 32, 32)),
        "centre": np.broadcast_to(control_map("centre", 0.3)[0].numpy(), (count, 32, 32)),
        "random": enlarged(coarse)[:, 0].numpy(),
    }


def image_values(
    heat: np.ndarray, mask: np.ndarray, seed: int = 0, beside: Mapping[str, np.ndarray] = {}
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pixel AUROC of maps against masks, and of every baseline: baseline → two (N,).

    `beside` are further maps that count as baselines. NaN where a mask is empty or full; ValueError
    if all are.
    """
    value = pixel_auroc(heat, mask)
    if not np.isfinite(value).any():
        raise ValueError("every mask is empty or full; there is no object to find")
    maps = baseline_maps(len(heat), seed) | dict(beside)
    return {baseline: (value, pixel_auroc(drawn, mask)) for baseline, drawn in maps.items()}


def lift_of(value: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """`value` and `baseline_value`, means of two (N,); `lift`, their difference; `low`, `high`."""
    lift, low, high = seed_interval(value - other)
    means = {"value": float(value.mean()), "baseline_value": float(other.mean())}
    return means | {"lift": lift, "low": low, "high": high}
