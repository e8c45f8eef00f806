"""Features of the classical detectors: contrast normalisation, scaling, principal components."""

from collections.abc import Iterator

import numpy as np
from sklearn.decomposition import PCA


def contrast_normalised(x: np.ndarray) -> np.ndarray:
    """Each image with mean 0 and mean absolute deviation 1: real (N, ...) → float64 (N, values).

    An image without contrast becomes 0. Source: Ruff et al. 2018, their CIFAR-10 experiments.
    """
    flat = np.reshape(x, (len(x), -1)).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.abs(flat).mean(axis=1, keepdims=True), 1e-8)


def fit_features(x: np.ndarray, gcn: bool) -> dict[str, np.ndarray]:
    """Learn scale and principal components (95 % of the variance) from normal images.

    uint8 (N, C, 32, 32) → `range` (2,), the values that become 0 and 1, `mean` (D,) and
    `components` (d, D). ValueError if the images are all alike.
    """
    flat = _flat(x, gcn)
    if flat.var(axis=0).sum() < 1e-9:
        raise ValueError(f"the {len(x)} training images are all alike; give images that differ")
    limits = np.array([flat.min(), flat.max()] if gcn else [0.0, 255.0])
    flat = (flat - limits[0]) / (limits[1] - limits[0])
    # the same components either way; the covariance is the faster way to them if N is large
    solver = "covariance_eigh" if len(flat) > flat.shape[1] else "full"
    pca = PCA(0.95, svd_solver=solver).fit(flat)
    # row by row in memory: another order would change the last bit of a score
    components = np.ascontiguousarray(pca.components_)
    return {"range": limits, "mean": pca.mean_, "components": components}


def features(x: np.ndarray, learned: dict[str, np.ndarray], gcn: bool) -> np.ndarray:
    """Project uint8 images (N, C, 32, 32) on what `fit_features` learned → float64 (N, d)."""
    low, high = learned["range"]
    parts = ((_flat(part, gcn) - low) / (high - low) - learned["mean"] for part in chunks(x))
    return np.concatenate([part @ learned["components"].T for part in parts])


def chunks(x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield `x` in pieces of at most 500 rows, so that big intermediates fit in memory."""
    return (x[start : start + 500] for start in range(0, len(x), 500))


def _flat(x: np.ndarray, gcn: bool) -> np.ndarray:
    return contrast_normalised(x) if gcn else x.reshape(len(x), -1).astype(np.float64)
