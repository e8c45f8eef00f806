"""How settings are chosen without a test image: generated novelties of in-class validation images.

An image with a part erased, mirrored, or turned by a quarter is a novelty that costs no label. The
settings that tell these best from the images they were made of are taken.
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


def generated_novelties(x: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Three novelties of each uint8 image (N, C, 32, 32), by name, each of the same shape."""
    return {
        "erased": erased(x, np.random.default_rng(seed)),
        "mirrored": np.ascontiguousarray(x[..., ::-1]),
        "turned": np.ascontiguousarray(np.rot90(x, axes=(2, 3))),
    }


def validation_aurocs(detector, x_validation: np.ndarray, most: int = 500) -> dict[str, float]:
    """AUROC of a fitted detector between validation images and each kind of generated novelty.

    Keys: erased, mirrored, turned, and `mean` of the three, the number that settings are chosen by;
    of the uint8 images (N, C, 32, 32) the first `most` are used.
    """
    x = x_validation[:most]
    usual, found = detector.novelty_score(x), {}
    for name, novel in generated_novelties(x).items():
        score = np.concatenate([usual, detector.novelty_score(novel)])
        labels = np.repeat([0, 1], len(x))
        found[name] = float(placements(labels, score)[0].mean())
    return {**found, "mean": float(np.mean(list(found.values())))}
