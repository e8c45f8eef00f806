"""What a one-class detector is shown of pictures whose objects have masks.

    split = one_class_split(shown(load_masked("scenes"), "masked", "dog"), "dog", seed=0)

A version shows every picture by its own mask, or by a map that a network predicts.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from ocnd_lib.attention import control_map
from ocnd_lib.crops import Crops, background_only, silhouette
from ocnd_lib.data import OneClassSplit, class_index
from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.heatmaps import baseline_maps, lift_of, pixel_auroc, turned_grad_cam
from ocnd_lib.image_sets import ImageSet, MaskedSet
from ocnd_lib.training import to_unit

# by the truth; `area` is the mean of the masks of the training pictures
TRUE: dict[str, Callable[[Crops, float], np.ndarray]] = {
    "masked": lambda crops, area: crops.o,
    "background": lambda crops, area: background_only(crops.x, crops.o),
    "silhouette": lambda crops, area: silhouette(crops.m),
    # a control that knows neither box nor outline, and weighs all pictures alike
    "centre": lambda crops, area: multiplied(crops.x, control_map("centre", area).numpy()),
}
# by a map of a detector of the same class and seed, trained on the pictures as they are
PREDICTED = {"attention": "attention-gan", "gradcam": "rotation"}
VERSIONS = (*TRUE, *PREDICTED)


def multiplied(x: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Pictures, uint8 (N, C, 32, 32), times maps in [0, 1] that broadcast to them → uint8."""
    return np.rint(x * maps).astype(np.uint8)


def shown(images: MaskedSet, version: str, normal_class: int | str) -> ImageSet:
    """A set in one of the versions TRUE; a map has the mean area of the normal training masks."""
    plain = images.without_masks()
    normal = images.train.y == class_index(plain, normal_class)
    area = float(images.train.m[normal].mean() / 255)
    x_train, x_test = (TRUE[version](crops, area) for crops in (images.train, images.test))
    return replace(plain, x_train=x_train, x_test=x_test)


def maps_of(detector: DeepDetector, version: str, x: np.ndarray) -> np.ndarray:
    """The maps of a fitted detector, by its version, of uint8 images: (N, 1, 32, 32) in [0, 1]."""
    if version == "attention":
        return detector.attention_map(x)
    network = detector.state_["network"]
    device = next(network.parameters()).device
    parts = [
        turned_grad_cam(network, "features", to_unit(part.to(device)))
        for part in torch.from_numpy(x).split(250)
    ]
    return np.concatenate(parts)[:, None]


def by_maps(
    split: OneClassSplit, masks: np.ndarray, maps: Callable[[np.ndarray], np.ndarray]
) -> tuple[OneClassSplit, dict, np.ndarray]:
    """A split with every picture multiplied by its map; then what `found` says of the test.

    `masks` are those of the test pictures, bool (N, 32, 32); `maps(x)` are (N, 1, 32, 32).
    """
    drawn = {part: maps(getattr(split, part)) for part in ("x_train", "x_validation", "x_test")}
    seen = {part: multiplied(getattr(split, part), these) for part, these in drawn.items()}
    return replace(split, **seen), *found(drawn["x_test"][:, 0], masks, split.y_test)


def found(
    maps: np.ndarray, masks: np.ndarray, novel: np.ndarray
) -> tuple[dict[str, dict], np.ndarray]:
    """Do maps (N, 32, 32) find the objects, bool masks of that shape, better than their middle?

    For "normal" and "novel" images: images, how many masks are neither empty nor full; auroc and
    centre, mean pixel AUROCs of maps and of a centred Gaussian; lift, their difference, with low
    and high (None if none). Then each image's lift, float16 (N,), else NaN.
    """
    value = pixel_auroc(maps, masks)
    # its pixels are ranked by their distance from the middle, however wide it is
    other = pixel_auroc(baseline_maps(len(maps))["centre"], masks)
    lifts, rows = value - other, {}
    names = ("auroc", "centre", "lift", "low", "high")
    for number, kind in enumerate(("normal", "novel")):
        known = np.isfinite(lifts) & (novel == number)
        rows[kind] = {"images": int(known.sum()), **dict.fromkeys(names)}
        if known.any():
            numbers = zip(names, lift_of(value[known], other[known]).values(), strict=True)
            rows[kind] |= {name: v if np.isfinite(v) else None for name, v in numbers}
    return rows, lifts.astype(np.float16)
