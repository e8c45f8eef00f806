"""Data sets in memory: pictures with their classes, and those whose objects have masks."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from data_prep.archives import md5_of
from ocnd_lib.crops import Crops


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A whole set: x_* uint8 (N, C, 32, 32), y_* int64 (N,), which index `class_names`."""

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    fingerprint: str  # 16 hex digits over the four arrays
    inexact: int = 0  # images that are no originals in this copy of the set, by what its file says


@dataclass(frozen=True, eq=False)
class MaskedSet:
    """A set with masks; `fingerprint` is 16 hex digits over all its arrays."""

    name: str
    train: Crops
    test: Crops
    class_names: tuple[str, ...]
    fingerprint: str

    def without_masks(self) -> ImageSet:
        """The same pictures as a plain data set."""
        arrays = self.train.x, self.train.y, self.test.x, self.test.y
        fingerprint = fingerprint_of(map(md5_of, arrays))
        return ImageSet(self.name, *arrays, self.class_names, fingerprint)


def fingerprint_of(digests: Iterable[str]) -> str:
    """16 hex digits over the md5 digests of arrays, in order."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
