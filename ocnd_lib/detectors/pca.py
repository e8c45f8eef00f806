"""PCA: how badly an image is redrawn from the directions in which normal images differ most."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA as Components

from ocnd_lib.detectors.base import Detector
from ocnd_lib.detectors.features import chunks
from ocnd_lib.settings import MAY_BE_0


@dataclass(eq=False, repr=False)
class PCA(Detector):
    """Redraws an image from its leading principal components (Pearson 1901).

    Score: mean squared error of pixels in [-1, 1], as of autoencoders, whose linear form it is.
    """

    components: int = 32  # as many numbers as an autoencoder's code; 0 redraws the mean image

    may_be_0 = MAY_BE_0 | {"components"}

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        flat = self._flat(x)
        if flat.var(axis=0).sum() < 1e-9:
            raise ValueError(f"the {len(x)} training images are all alike; give images that differ")
        kept = min(self.components, *flat.shape)
        pca = Components(kept, svd_solver="covariance_eigh").fit(flat)
        self.state_ = {"mean": pca.mean_, "directions": np.ascontiguousarray(pca.components_)}

    @staticmethod
    def _flat(x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), -1) / 127.5 - 1

    def novelty_score(self, x: np.ndarray) -> np.ndarray:
        """Score of uint8 images (N, C, 32, 32) → float (N,); at least 0."""
        errors = []
        for flat in map(self._flat, chunks(self._ready(x))):
            mean, directions = self.state_["mean"], self.state_["directions"]
            redrawn = (flat - mean) @ directions.T @ directions + mean
            errors.append(np.square(flat - redrawn).mean(axis=1))
        return np.concatenate(errors)
