"""How settings are chosen without a test image: generated novelties of in-class validation images.

An image with a part erased, mirrored, or turned is a novelty that costs no label. A detector that
learns from turns is judged by others: a part erased, pasted elsewhere (Li et al. 2021), or mixed.
"""

import numpy as np

from ocnd_lib.stats import placements

BLOCK = 4  # pixels
ERASED = 0.3  # share of the blocks


def erased(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Set 30 % of the 4x4 blocks of uint8 images (N, C, 32, 32) to each image's darkest value."""
    n, _, height, width = x.shape
    holes = rng.random((n, 1, height // BLOCK, width // BLOCK)) < ERASED
    holes = holes.repeat(BLOCK, axis=2).repeat(BLOCK, axis=3)
    return np.where(holes, x.min(axis=(1, 2, 3), keepdims=True), x)


def mirrored(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Swap left and right."""
    return np.ascontiguousarray(x[..., ::-1])


def turned(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn by a quarter."""
    return np.ascontiguousarray(np.rot90(x, axes=(2, 3)))


def pasted(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Copy a rectangle of a quarter to a half of each side to another place of the same image."""
    made, side = x.copy(), x.shape[-1]
    for image, new in zip(x, made, strict=True):
        size = rng.integers(side // 4, side // 2 + 1, 2)
        (top, left), (down, right) = rng.integers(0, side + 1 - size, (2, 2))
        piece = image[:, top : top + size[0], left : left + size[1]]
        new[:, down : down + size[0], right : right + size[1]] = piece
    return made


def mixed(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The mean of each image and another of the same."""
    order = rng.permutation(len(x))
    other = np.empty(x.shape, np.uint16)
    other[order] = x[np.roll(order, 1)]
    return ((x + other) // 2).astype(np.uint8)


NOVELTIES = {f.__name__: f for f in (erased, mirrored, turned, pasted, mixed)}
KINDS = ("erased", "mirrored", "turned")  # of most detectors


def validation_aurocs(detector, x_validation: np.ndarray, most: int = 500) -> dict[str, float]:
    """AUROC between the first `most` validation images and each kind of generated novelty.

    Keys: the kinds, `KINDS` or the detector's `choice_by`, and `mean`, the number to choose by.
    """
    x = x_validation[:most]
    usual, found = detector.novelty_score(x), {}
    labels = np.repeat([0, 1], len(x))
    for kind in getattr(detector, "choice_by", KINDS):
        novel = NOVELTIES[kind](x, np.random.default_rng(0))
        score = np.concatenate([usual, detector.novelty_score(novel)])
        found[kind] = float(placements(labels, score)[0].mean())
    return {**found, "mean": float(np.mean(list(found.values())))}
