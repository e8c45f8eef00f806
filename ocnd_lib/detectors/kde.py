"""KDE: the density of the training images, as a sum of one Gaussian around each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import KFold

from ocnd_lib.detectors.base import Detector
from ocnd_lib.detectors.features import chunks, features, fit_features

BANDWIDTHS = np.logspace(-4.5, 5, 20, base=2)  # the grid of Ruff et al. 2018


@dataclass(eq=False, repr=False)
class KDE(Detector):
    """Gaussian kernel density (Parzen 1962) of principal components of pixels.

    Score: minus the log-density, in nats. The bandwidth, of `BANDWIDTHS`, is the one with the
    highest likelihood in five-fold cross-validation on the training images.
    """

    gcn: bool = False  # normalise the contrast of each image first

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        learned = fit_features(x, self.gcn)
        z = features(x, learned, self.gcn)
        likelihood = np.zeros(len(BANDWIDTHS))
        for train, held_out in KFold(5).split(z):
            likelihood += log_density(z[held_out], z[train], BANDWIDTHS).sum(axis=1)
        self.curves_ = [
            {"bandwidth": float(h), "log_likelihood": float(value / len(z))}
            for h, value in zip(BANDWIDTHS, likelihood, strict=True)
        ]
        self.state_ = learned | {"bandwidth": BANDWIDTHS[[likelihood.argmax()]], "centres": z}

    def novelty_score(self, x: np.ndarray) -> np.ndarray:
        """Score of uint8 images (N, C, 32, 32) → float (N,); higher means more novel."""
        z = features(self._ready(x), self.state_, self.gcn)
        return -log_density(z, self.state_["centres"], self.state_["bandwidth"])[0]


def log_density(z: np.ndarray, centres: np.ndarray, bandwidths: np.ndarray) -> np.ndarray:
    """Log-density of points (N, d) for each of B bandwidths → (B, N), in nats.

    Equals `sklearn.neighbors.KernelDensity` with all centres in one leaf; with smaller leaves, its
    default, that loses all digits in many dimensions: scikit-learn issues 25799 and 27186.
    """
    count, d = centres.shape
    scales = 2 * np.square(bandwidths)
    parts = []
    for part in chunks(z):
        squared = euclidean_distances(part, centres, squared=True)
        nearest = squared.min(axis=1, keepdims=True)  # taken out, lest every term underflow
        squared -= nearest
        sums = np.stack([np.exp(squared / -scale).sum(axis=1) for scale in scales])
        parts.append(np.log(sums) - nearest.T / scales[:, None])
    return np.concatenate(parts, axis=1) - np.log(count) - d / 2 * np.log(np.pi * scales)[:, None]
