"""Distances to the nearest image."""

import numpy as np
import pytest

from ocnd_lib.detail import nearest_distance


def test_it_is_the_least_root_mean_squared_difference_over_pixels_in_minus_1_to_1():
    rng = np.random.default_rng(0)
    x, to = (rng.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8) for n in (4, 7))
    # two that are alike but for noise, so that not all distances are about the same
    to[5] = np.clip(x[2].astype(int) + rng.integers(-3, 4, x[2].shape), 0, 255)
    pairs = (x[:, None].astype(float) - to[None]) / 127.5
    expected = np.sqrt(np.square(pairs).mean((2, 3, 4))).min(1)
    assert nearest_distance(x, to) == pytest.approx(expected, abs=1e-4)
    assert expected[2] < 0.1 < expected[0]


def test_black_is_two_from_white_and_an_image_is_nothing_from_itself():
    black, white = (np.full((1, 1, 32, 32), v, np.uint8) for v in (0, 255))
    assert nearest_distance(black, white) == pytest.approx([2])
    assert nearest_distance(white, np.concatenate([black, white])) == pytest.approx([0], abs=1e-3)
