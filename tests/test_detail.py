"""Detail alone as a score: what it measures, and that it knows nothing of the classes."""

import numpy as np
import pytest
import torch

from ocnd_lib import experiments
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detail import FLOOR, experiment, lost_detail, nearest_distance
from ocnd_lib.detectors.autoencoder import AutoEncoder
from ocnd_lib.image_sets import ImageSet
from ocnd_lib.records import read_arrays


def detail(x):
    return lost_detail(torch.from_numpy(x / 127.5 - 1)).numpy()


def test_only_what_is_finer_than_a_block_counts():
    rng = np.random.default_rng(0)
    coarse = np.kron(rng.integers(0, 256, (3, 1, 8, 8)), np.ones((4, 4))).astype(np.uint8)
    assert detail(coarse) == pytest.approx([0, 0, 0], abs=1e-12)
    fine = coarse.copy()
    fine[1, 0, ::2] = 0
    fine[1, 0, 1::2] = 255
    assert detail(fine) == pytest.approx([0, 1, 0], abs=1e-12)
    colour = np.concatenate([fine, coarse, coarse], 1)  # one channel of three
    assert detail(colour) == pytest.approx([0, 1 / 3, 0], abs=1e-12)


def test_an_error_in_details_is_the_error_over_what_shrinking_loses():
    rng = np.random.default_rng(3)
    x = rng.integers(0, 256, (40, 1, 32, 32)).astype(np.uint8)
    x[:20] = np.kron(x[:20, :, :8, :8], np.ones((4, 4)))  # no detail
    model = AutoEncoder(latent_dim=4, width=8, epochs=2, batch_size=10).fit(x)
    error = model.novelty_score(x)
    given = x / 127.5 - 1
    with torch.no_grad():
        redrawn = model.reconstruct(torch.from_numpy(given).float()).numpy()
    assert error == pytest.approx(np.square(given - redrawn).mean((1, 2, 3)), rel=1e-4)
    for power in (0.5, 1.0):
        scaled = model.set_params(detail_power=power).novelty_score(x)
        assert scaled == pytest.approx(error / (detail(x) + FLOOR) ** power, rel=1e-4)
    assert scaled[:20].min() > scaled[20:].max() > 0  # what is flat should be redrawn better


def test_a_score_that_knows_no_class_has_a_mean_auroc_of_one_half():
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(10), 30)
    x = rng.integers(0, 25 * (1 + labels[:, None, None, None]), (300, 1, 32, 32)).astype(np.uint8)
    images = ImageSet("n", x, labels, x, labels, tuple("0123456789"), "0" * 16)
    aurocs = [experiment(images, k)[0]["metrics"]["auroc"] for k in range(10)]
    assert aurocs[0] > 0.99 and aurocs[9] < 0.01  # smooth pictures, and rich ones
    assert np.mean(aurocs) == pytest.approx(0.5)


def test_the_nearest_image_is_that_of_least_root_mean_squared_difference():
    rng = np.random.default_rng(0)
    x, to = (rng.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8) for n in (4, 7))
    # two that are alike but for noise, so that not all distances are about the same
    to[5] = np.clip(x[2].astype(int) + rng.integers(-3, 4, x[2].shape), 0, 255)
    pairs = (x[:, None].astype(float) - to[None]) / 127.5
    expected = np.sqrt(np.square(pairs).mean((2, 3, 4))).min(1)
    assert nearest_distance(x, to) == pytest.approx(expected, abs=1e-4)
    assert expected[2] < 0.1 < expected[0]


def test_a_record_has_distances_from_what_was_learnt_and_earlier_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "seconds_trained", lambda path: 1e4 if path else 0)
    cell = "digits/ae+epochs=1+latent_dim=2+width=4/3/0"
    assert experiments.run_cell(cell, tmp_path)["seconds"] > 1e4
    kept, split = read_arrays(cell, tmp_path), one_class_split(load_images("digits"), 3, 0)
    expected = nearest_distance(split.x_validation[:500], split.x_train)
    np.testing.assert_allclose(kept["distance_held_out"], expected, rtol=1e-5)
    of_first = split.x_test[np.flatnonzero(split.class_test == 0)[:2]]
    np.testing.assert_array_equal(kept["picture_given"][:2], of_first)


def test_a_denoising_autoencoder_is_asked_for_the_image_without_the_noise():
    alike = {"encoder": lambda x: x, "decoder": lambda z: z}  # redraws what it is given
    loss = AutoEncoder(noise=0.5)._loss(alike, torch.zeros(50, 1, 32, 32), epoch=0)["loss"]
    assert loss.item() == pytest.approx(0.25, rel=0.05)
