"""Multiply-accumulates, against counts by hand."""

import numpy as np
import pytest

from ocnd_lib.compute import macs_per_image
from ocnd_lib.detectors.autoencoder import AutoEncoder
from ocnd_lib.detectors.gan import GAN
from ocnd_lib.detectors.kde import KDE
from ocnd_lib.detectors.ocsvm import OCSVM

X = np.random.default_rng(0).integers(0, 256, (24, 1, 32, 32), dtype=np.uint8)


def test_an_autoencoder_counts_as_by_hand():
    width, code = 4, 3
    detector = AutoEncoder(latent_dim=code, width=width, epochs=1, device="cpu").fit(X)
    # output pixels x output channels x input channels x 4x4 kernel; the last sees all of 4x4 pixels
    encoder = 16 * (256 * width + 64 * 2 * width * width + 16 * 4 * width * 2 * width)
    encoder += 16 * 4 * width * code
    assert macs_per_image(detector, X) == 2 * encoder  # the decoder is its mirror image


def test_a_search_counts_every_step_and_nothing_that_a_batch_shares():
    settings = {"latent_dim": 2, "width": 2, "epochs": 1, "device": "cpu"}
    counts = {
        (steps, candidates): macs_per_image(
            GAN(**settings, search_steps=steps, candidates=candidates).fit(X), X
        )
        for steps, candidates in ((1, 4), (2, 4), (1, 64))
    }
    assert counts[2, 4] > counts[1, 4]
    assert counts[1, 64] == counts[1, 4]


@pytest.mark.parametrize(
    ("detector", "centres"), [(KDE(), "centres"), (OCSVM(), "support_vectors")]
)
def test_a_classical_method_projects_and_meets_each_centre(detector, centres):
    state = detector.fit(X).state_
    size = len(state["components"])
    assert macs_per_image(detector, X) == size * 1024 + len(state[centres]) * size
