"""Multiply-accumulates, against counts by hand."""

import numpy as np
import pytest

from ocnd_lib.compute import training_macs
from ocnd_lib.detectors.autoencoder import AutoEncoder
from ocnd_lib.detectors.kde import KDE

X = np.random.default_rng(0).integers(0, 256, (24, 1, 32, 32), dtype=np.uint8)


def test_an_autoencoder_counts_as_by_hand():
    width, code = 4, 3
    detector = AutoEncoder(latent_dim=code, width=width, epochs=3, batch_size=8)
    # output pixels x output channels x input channels x 4x4 kernel; the last sees all of 4x4 pixels
    first = 16 * 256 * width
    encoder = first + 16 * (64 * 2 * width * width + 16 * 4 * width * 2 * width + 4 * width * code)
    # the decoder is its mirror image; backward again for weights and, but of the image, for inputs
    image = 3 * 2 * encoder - first
    assert training_macs(detector, X, 48) == pytest.approx(3 * 48 * image)
    assert training_macs(KDE(), X, 48) == 0
