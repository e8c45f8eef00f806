"""Where an attention-GAN looks: heat maps of its critics, its attention maps, and their measures.

    tables, lifts = look(model, choose(split, true_masks(images), most=50))

A critic is the visual discriminator of a GAN; its map explains its logit of "real".
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from data_prep.masked_files import masked_sets
from ocnd_lib import heatmaps
from ocnd_lib.attention import multiply
from ocnd_lib.data import OneClassSplit
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.image_sets import ImageSet, MaskedSet
from ocnd_lib.masked import load_masked
from ocnd_lib.stats import auroc_interval, seed_interval
from ocnd_lib.training import to_unit

LAYER = "body.2"  # of a critic: 8x8 features; body.0 has 16x16, body.3 has 4x4
BEFORE, ON_MASKED, AFTER = "base critic", "base critic, image x map", "masked critic"
CLASSIFIER, ATTENTION = "classifier", "attention map"
KINDS = ("normal", "novel")
LOOKED_AT = 200  # test images of each kind, in a record
ROAD_IMAGES = 24  # of each kind, since every one costs some tenths of a second


@dataclass(frozen=True, eq=False)
class Shown:
    """Test images to look at, uint8 (N, C, 32, 32): `novel` and `label` (N,), `masks` or None."""

    x: np.ndarray
    novel: np.ndarray
    label: np.ndarray
    masks: np.ndarray | None


def true_masks(images: ImageSet | MaskedSet) -> np.ndarray | None:
    """Where the objects of the test images are, or None if that is not known.

    Of sets with masks, the pixels that are mostly object; of grey ones, those above half white.
    ValueError for a set without its masks in another fold than `load_masked` has.
    """
    if images.name not in masked_sets():
        return images.x_test[:, 0] > 127 if images.x_test.shape[1] == 1 else None
    crops = images if isinstance(images, MaskedSet) else load_masked(images.name)
    if crops is not images and not np.array_equal(crops.test.x, images.x_test):
        raise ValueError(
            f"these pictures of {images.name} are not those that `load_masked` has by default; "
            "give the set with its masks"
        )
    return crops.test.m[:, 0] > 127


def choose(split: OneClassSplit, masks: np.ndarray | None, most: int, seed: int = 0) -> Shown:
    """Draw, by `seed`, as many normal as novel test images, `most` of each at most."""
    rng = np.random.default_rng(seed)
    kinds = [rng.permutation(np.flatnonzero(split.y_test == kind)) for kind in (0, 1)]
    count = min(most, *map(len, kinds))
    rows = np.sort(np.concatenate([kind[:count] for kind in kinds]))
    kept = None if masks is None else masks[rows]
    return Shown(split.x_test[rows], split.y_test[rows], split.class_test[rows], kept)


def critics(model: AttentionGAN, x: np.ndarray) -> dict[str, tuple[nn.Module, Tensor]]:
    """The networks that heat maps are made of, by name, and the images that each then sees."""
    attention = torch.from_numpy(model.attention_map(x))  # and the networks are at rest
    base, masked = (model.state_[name]["visual_discriminator"] for name in ("base", "masked"))
    device = next(base.parameters()).device
    whole = to_unit(torch.from_numpy(x)).to(device)
    part = multiply(whole, attention.to(device))
    found = {BEFORE: (base, whole), ON_MASKED: (base, part), AFTER: (masked, part)}
    if CLASSIFIER in model.state_:
        found[CLASSIFIER] = (model.state_[CLASSIFIER], whole)
    return found


def maps_of(model: AttentionGAN, x: np.ndarray, layer: str = LAYER) -> dict[str, np.ndarray]:
    """Heat maps of uint8 images (N, C, 32, 32) by each of `critics`, and the attention map."""
    seen = critics(model, x).items()
    maps = {name: heatmaps.grad_cam(network, layer, of) for name, (network, of) in seen}
    return {**maps, ATTENTION: model.attention_map(x)[:, 0]}


def look(
    model: AttentionGAN, shown: Shown, layer: str = LAYER, road_images: int = ROAD_IMAGES
) -> tuple[dict[str, list[dict]], dict[str, np.ndarray]]:
    """Everything that is measured of a fitted model: tables, whose rows have `map`, and lifts.

    finds: `lift_of` each map over each baseline, the "base critic" among them, for "normal" and
    "novel" `images` apart, by the `count` of them whose mask is neither empty nor full; none
    without masks. strength: weaker, the chance that a novel image's map has a lower mean than a
    normal one's, with low and high. road: ROAD beside that of random maps, in spreads of the logit
    over images. randomised: step (0, 1, ... from the last layer), layer, mean, low, high. Both are
    of `road_images` images of each kind. The lifts stand behind `finds`, image by image, float16
    (N,) each, NaN where a mask is empty or full, by the name `IMAGES/MAP/auroc/BASELINE`.
    """
    maps, seed = maps_of(model, shown.x, layer), model.seed
    finds, lifts = _finds(maps, shown, seed)
    tables: dict[str, list[dict]] = {"finds": finds, "road": [], "randomised": [], "strength": []}
    for name, heat in maps.items():
        found = auroc_interval(shown.novel, -heat.astype(float).mean((1, 2)))
        row = dict(zip(("weaker", "low", "high"), found, strict=True))
        tables["strength"].append({"map": name, **row})
    rows = np.concatenate([np.flatnonzero(shown.novel == k)[:road_images] for k in (0, 1)])
    for name, (network, seen) in critics(model, shown.x[rows]).items() if len(rows) else ():
        tables["road"].append({"map": name, **_road(network, seen, maps[name][rows], seed)})
        steps = heatmaps.randomised_correlations(network, layer, seen, seed=seed)
        for step, (changed, values) in enumerate(steps.items()):
            summary = dict(zip(("mean", "low", "high"), seed_interval(values), strict=True))
            tables["randomised"].append({"map": name, "step": step, "layer": changed, **summary})
    return tables, lifts


def _finds(
    maps: Mapping[str, np.ndarray], shown: Shown, seed: int
) -> tuple[list[dict], dict[str, np.ndarray]]:
    finds, lifts = [], {}
    for kind, images in enumerate(KINDS if shown.masks is not None else ()):
        here = shown.novel == kind
        for name, heat in maps.items():
            beside = {} if name == BEFORE else {BEFORE: maps[BEFORE][here]}
            values = heatmaps.image_values(heat[here], shown.masks[here], seed, beside)
            for baseline, (value, other) in values.items():
                known = np.isfinite(value)
                row = {"measure": "auroc", "baseline": baseline, "images": images}
                row |= heatmaps.lift_of(value[known], other[known])
                finds.append({**row, "map": name, "count": int(known.sum())})
                lifts[f"{images}/{name}/auroc/{baseline}"] = (value - other).astype(np.float16)
    return finds, lifts


def _road(network: nn.Module, seen: Tensor, heat: np.ndarray, seed: int) -> dict[str, float]:
    with torch.no_grad():
        spread = float(network(seen).float().std())
    unit = spread if spread > 0 else 1.0
    blind = heatmaps.baseline_maps(len(heat), seed)["random"]
    both = [heatmaps.road(network, seen, of, seed).astype(float) / unit for of in (heat, blind)]
    return {**heatmaps.lift_of(*both), "count": len(heat)}


def pictures(model: AttentionGAN, shown: Shown, layer: str = LAYER) -> dict[str, np.ndarray]:
    """Four normal images, then as many novel ones of different classes, to show.

    Keys: given, uint8 (n, C, 32, 32); novel (n,); masks, if known; each map, float32 (n, 32, 32).
    """
    normal, novel = (np.flatnonzero(shown.novel == kind) for kind in (0, 1))
    _, first = np.unique(shown.label[novel], return_index=True)
    rows = np.concatenate([normal[:4], novel[first][:4]])
    kept = {"given": shown.x[rows], "novel": shown.novel[rows].astype(np.uint8)}
    if shown.masks is not None:
        kept["masks"] = shown.masks[rows]
    maps = maps_of(model, shown.x[rows], layer)
    return kept | {name: heat.astype(np.float32) for name, heat in maps.items()}
