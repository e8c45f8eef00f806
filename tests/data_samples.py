"""What the tests of data sets share: tiny sets in the stored layout, and images as bytes."""

from pathlib import Path

import numpy as np

from data_prep import archives


def tiny(name: str) -> dict[str, np.ndarray]:
    """Four images of each class for training and two for testing, in the stored layout."""
    rng = np.random.default_rng(1)
    shape = archives.IMAGE_SHAPE[name]
    return {
        "x_train": rng.integers(1, 256, (40, *shape), np.uint8),
        "y_train": np.repeat(np.arange(10, dtype=np.uint8), 4),
        "x_test": rng.integers(1, 256, (20, *shape), np.uint8),
        "y_test": np.tile(np.arange(10, dtype=np.uint8), 2),
    }


def write_npz(path: Path, name: str, save=np.savez, **changes) -> None:
    """Write a well-formed file, then whatever `changes` says (None: without that array)."""
    arrays = tiny(name)
    arrays["md5"] = np.array([archives.md5_of(array) for array in arrays.values()])
    arrays["class_names"] = np.array(archives.CLASS_NAMES[name].split())
    save(path, **{k: v for k, v in {**arrays, **changes}.items() if v is not None})


def rows(*arrays: np.ndarray) -> list[bytes]:
    return sorted(image.tobytes() for array in arrays for image in array)
