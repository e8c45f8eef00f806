"""OC-SVM: a smooth boundary around the training images in the space of an RBF kernel."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.spatial.distance import pdist
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import OneClassSVM

from ocnd_lib.detectors.base import Detector
from ocnd_lib.detectors.features import features, fit_features


@dataclass(eq=False, repr=False)
class OCSVM(Detector):
    """One-class support vector machine (Schölkopf et al. 2001) on principal components of pixels.

    Score: minus scikit-learn's decision function. No parameter is chosen by labels.
    """

    gcn: bool = False  # normalise the contrast of each image first
    gamma: Literal["scale", "median"] = "scale"  # of the kernel: as in scikit-learn, or by distance
    nu: float = 0.1  # bound on the part of the training images outside the boundary

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        learned = fit_features(x, self.gcn)
        z = features(x, learned, self.gcn)
        if self.gamma == "scale":
            gamma = 1 / (z.shape[1] * z.var())
        else:
            some = np.random.default_rng(self.seed).permutation(z)[:1000]
            gamma = 1 / (2 * np.median(pdist(some, "sqeuclidean")))
        svm = OneClassSVM(kernel="rbf", gamma=gamma, nu=self.nu, cache_size=500).fit(z)
        self.state_ = learned | {
            "gamma": np.array([gamma]),
            "support_vectors": svm.support_vectors_,
            "weights": svm.dual_coef_[0],
            "intercept": svm.intercept_,
        }

    def novelty_score(self, x: np.ndarray) -> np.ndarray:
        """Score of uint8 images (N, C, 32, 32) → float (N,); above 0 lies outside the boundary."""
        z = features(self._ready(x), self.state_, self.gcn)
        kernel = rbf_kernel(z, self.state_["support_vectors"], gamma=self.state_["gamma"][0])
        return -(kernel @ self.state_["weights"] + self.state_["intercept"])
