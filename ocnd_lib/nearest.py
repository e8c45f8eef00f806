"""How far images are from the nearest image of a class, in pixel space."""

import numpy as np
from sklearn.metrics import pairwise_distances_argmin_min


def nearest_distance(x: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Root mean squared difference over pixels in [-1, 1] to the nearest of `to` → float (N,).

    `x` (N, C, 32, 32) and `to` (M, C, 32, 32) are uint8; distances are from 0 to 2. A blurred image
    is nearer to everything than a sharp one, so a small distance does not prove a likeness.
    """
    x, to = (images.reshape(len(images), -1).astype(np.float32) / 127.5 for images in (x, to))
    return pairwise_distances_argmin_min(x, to)[1] / np.sqrt(x.shape[1])
