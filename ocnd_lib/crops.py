"""Crops of objects with their masks, and what can be shown of such a crop.

All functions take and give uint8, where 0 is black and 255 white: masks are multiplied before any
rescaling to [-1, 1], in which 0 would be grey.
"""

from typing import NamedTuple

import numpy as np


class Crops(NamedTuple):
    """Pictures x and their objects o alone on black, uint8 (N, 3, 32, 32); masks m; labels y.

    A mask is 255 where all of a pixel is the object; on an outline, o has what the object adds to
    the pixel, and x - o what the background does.
    """

    x: np.ndarray
    o: np.ndarray
    m: np.ndarray
    y: np.ndarray


def before_colour(o: np.ndarray, m: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Objects alone, o (N, 3, 32, 32) with masks m, before one colour (3,) instead of black."""
    behind = colour.reshape(-1, 1, 1) * (1 - m / np.float32(255))
    return np.rint(o + behind).astype(np.uint8)


def mean_colour(x: np.ndarray) -> np.ndarray:
    """The mean of each channel over pictures (N, C, 32, 32): (C,), 0 to 255."""
    return x.mean((0, 2, 3))


def background_only(x: np.ndarray, o: np.ndarray) -> np.ndarray:
    """Pictures x without their objects o, which leave black holes of their shape."""
    return x - np.minimum(x, o)  # which rounding may make larger by one


def silhouette(m: np.ndarray) -> np.ndarray:
    """The masks themselves as pictures, white on black: (N, 3, 32, 32)."""
    return np.repeat(m, 3, axis=1)


def box_mask(m: np.ndarray) -> np.ndarray:
    """Masks that know the boxes of objects, but no outlines: a Gaussian in each, 255 at its middle.

    A quarter of the width or height away it has 61 % of that. No object counts as all object.
    """
    weights = []
    for across in (3, 2):
        there = m.any(across)
        size = there.shape[-1]
        first, last = there.argmax(-1), size - 1 - there[..., ::-1].argmax(-1)
        away = np.arange(size) - (first + last)[..., None] / 2
        weights.append(np.exp(-8 * (away / (last - first + 1)[..., None]) ** 2))
    down, along = weights
    weight = down[..., None] * along[..., None, :]
    return np.rint(255 * weight / weight.max((2, 3), keepdims=True)).astype(np.uint8)


def dimmed(x: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Pictures x that grow dark away from the middle of their objects' boxes, by `box_mask`."""
    return np.rint(x * (box_mask(m) / np.float32(255))).astype(np.uint8)


def swapped(crops: Crops) -> np.ndarray:
    """Each object before what stands behind one of another class.

    Its hole gets the mean around it. Who gets whose is fixed by the order of the crops; where a
    class has more than half of them, others serve more than once.
    """
    order = np.argsort(crops.y, kind="stable")
    donor = np.empty_like(order)
    donor[order] = np.roll(order, np.bincount(crops.y).max())
    if (own := crops.y[donor] == crops.y).any():
        donor[own] = np.resize(np.flatnonzero(crops.y != crops.y[own][0]), own.sum())
    seen = background_only(crops.x[donor], crops.o[donor]).astype(np.float32)
    hole = crops.m[donor] / np.float32(255)
    around = (1 - hole).sum((2, 3), keepdims=True)
    behind = seen + hole * seen.sum((2, 3), keepdims=True) / np.maximum(around, 1)
    shown = crops.o + (1 - crops.m / np.float32(255)) * behind
    return np.rint(np.minimum(shown, 255)).astype(np.uint8)
