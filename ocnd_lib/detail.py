"""A control that learns nothing: how much fine detail an image has."""

from time import perf_counter

import numpy as np

from ocnd_lib.data import ImageSet, one_class_split
from ocnd_lib.metrics import auroc_interval
from ocnd_lib.records import coarse

BLOCK = 4


def lost_detail(x: np.ndarray) -> np.ndarray:
    """What 8x8 pixels do not show of uint8 images (N, C, 32, 32) → float (N,), at least 0.

    The mean squared error, pixels in [-1, 1], of an image redrawn with one colour a block of 4x4.
    """
    n, c, h, w = x.shape
    blocks = (x / 127.5 - 1).reshape(n, c, h // BLOCK, BLOCK, w // BLOCK, BLOCK)
    return blocks.var((3, 5)).mean((1, 2, 3))


def experiment(images: ImageSet, normal_class: int | str) -> tuple[dict, dict[str, np.ndarray]]:
    """Score the test images by their detail, as if that told one class from the others.

    Returns (record without its cell, arrays `score` and `class_test`). Over all classes of equal
    size the mean AUROC of any such score is a half.
    """
    start = perf_counter()
    split = one_class_split(images, normal_class, 0)
    score = lost_detail(split.x_test)
    auroc, low, high = auroc_interval(split.y_test, score)
    record = {
        "parameters": {},
        "metrics": {"auroc": auroc, "auroc_low": low, "auroc_high": high},
        "curves": [],
        "seconds": perf_counter() - start,
        "scored": len(score),
        "hardware": "cpu float64",
        "data_fingerprint": images.fingerprint,
    }
    return record, {"score": coarse(score), "class_test": split.class_test.astype(np.uint8)}
