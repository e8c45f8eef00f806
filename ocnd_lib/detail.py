"""Pixels that nobody learnt from: how much fine detail an image has, how near another one is."""

from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import pairwise_distances_argmin_min
from torch import Tensor

from ocnd_lib.data import one_class_split
from ocnd_lib.image_sets import ImageSet
from ocnd_lib.records import coarse
from ocnd_lib.stats import auroc_interval

BLOCK = 4
FLOOR = 1e-3  # detail below which an image counts as flat: a deviation of four grey levels


def lost_detail(x: Tensor) -> Tensor:
    """Squared error of images in [-1, 1] (N, C, 32, 32) in one colour a block of 4x4 → (N,) ≥ 0."""
    shrunk = F.avg_pool2d(x, BLOCK)
    return (x.square().mean((1, 2, 3)) - shrunk.square().mean((1, 2, 3))).clamp(min=0)


def in_details(error, detail, power: float = 1.0):
    """Squared errors in units of the images' own detail, to a power; arrays or tensors (N,)."""
    return error / (detail + FLOOR) ** power


def reconstruction_error(x: Tensor, redrawn: Tensor) -> Tensor:
    """Mean squared error of images redrawn, both in [-1, 1] (N, C, 32, 32) → (N,)."""
    return (x - redrawn.float()).square().mean((1, 2, 3))


def experiment(images: ImageSet, normal_class: int | str) -> tuple[dict, dict[str, np.ndarray]]:
    """Score the test images by their detail: (record without its cell, `score` and `class_test`).

    Over all classes of equal size the mean AUROC of any such score is a half.
    """
    start = perf_counter()
    split = one_class_split(images, normal_class, 0)
    score = lost_detail(torch.from_numpy(split.x_test / 127.5 - 1)).numpy()
    auroc, low, high = auroc_interval(split.y_test, score)
    record = {
        "parameters": {},
        "metrics": {"auroc": auroc, "auroc_low": low, "auroc_high": high},
        "curves": [],
        "seconds": perf_counter() - start,
        "scored": len(score),
        "hardware": "cpu float64",
    }
    return record, {"score": coarse(score), "class_test": split.class_test.astype(np.uint8)}


def nearest_distance(x: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Root mean squared difference over pixels in [-1, 1] to the nearest of `to` → float (N,), ≤ 2.

    `x` and `to` are uint8 (N or M, C, 32, 32). A blurred image is nearer to everything than a sharp
    one, so a small distance does not prove a likeness.
    """
    x, to = (images.reshape(len(images), -1).astype(np.float32) / 127.5 for images in (x, to))
    return pairwise_distances_argmin_min(x, to)[1] / np.sqrt(x.shape[1])
