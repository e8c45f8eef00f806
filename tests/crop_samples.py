"""What the tests of sets with masks share: squares before noise, and photographs of noise."""

import numpy as np

from ocnd_lib.crops import Crops
from ocnd_lib.image_sets import MaskedSet


def squares(classes: int, train: int, test: int, anywhere: int = 0) -> MaskedSet:
    """Squares as large as their class says, and as bright; so many of each class in each part.

    They lie in the corner, or up to `anywhere` pixels from it.
    """
    rng = np.random.default_rng(0)

    def part(each: int) -> Crops:
        y = np.repeat(np.arange(classes), each)
        x = rng.integers(0, 256, (len(y), 3, 32, 32), np.uint8)
        m = np.zeros((len(y), 1, 32, 32), np.uint8)
        for k, label in enumerate(y):
            (top, left), side = rng.integers(0, anywhere + 1, 2), 6 + 2 * label
            m[k, :, top : top + side, left : left + side] = 255
            x[k] = np.where(m[k] == 255, x[k] // 4 + 180 * label // (classes - 1), x[k])
        return Crops(x, np.where(m == 255, x, 0), m, y)

    names = ("airplane", "car", *"cdefghij")[:classes]
    return MaskedSet("scenes", part(train), part(test), names, "0" * 16)
