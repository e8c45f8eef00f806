"""Rotation: it learns from turns, says so where there is nothing to learn, and knows novelties."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from data_samples import high_bars
from ocnd_lib.detectors import rotation
from ocnd_lib.detectors.rotation import Rotation, turned

SMALL = {"width": 8, "epochs": 6, "batch_size": 16, "device": "cpu"}


def rings(count: int, seed: int) -> np.ndarray:
    """Noise and a bright ring, the same in every turn."""
    away = np.hypot(*np.mgrid[-15.5:16, -15.5:16])
    x = np.random.default_rng(seed).integers(0, 60, (count, 1, 32, 32)).astype(np.uint8)
    x[:, :, np.abs(away - 9) < 2] += 180
    return x


@pytest.fixture(scope="module")
def fitted():
    return Rotation(**SMALL, augment=False).fit(high_bars(160, 0))


def test_the_four_turns_are_what_numpy_makes_of_each_image():
    x = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    made = turned(torch.from_numpy(x)).view(4, 3, 3, 32, 32).numpy()
    for turn in range(4):
        np.testing.assert_array_equal(made[turn], np.rot90(x, turn, (2, 3)))


def test_it_tells_turns_and_scores_turned_images_as_novel(fitted):
    assert fitted.turn_accuracy_ > 0.9
    usual = high_bars(60, 1)
    upside_down = np.ascontiguousarray(usual[:, :, ::-1, ::-1])
    labels = np.repeat([0, 1], 60)
    for novel in (upside_down, rings(60, 2)):
        score = fitted.novelty_score(np.concatenate([usual, novel]))
        assert roc_auc_score(labels, score) > 0.9


def test_the_distance_is_from_five_images_in_the_same_turn(fitted, monkeypatch):
    five = fitted.score_parts(high_bars(160, 0)[:20])["distance"]  # most were learnt
    monkeypatch.setattr(rotation, "NEIGHBOURS", 1)
    one = fitted.score_parts(high_bars(160, 0)[:20])["distance"]
    assert np.median(one) < 1e-4 < five.min()


def test_a_mirror_image_scores_alike_where_mirror_images_were_learnt_from():
    x, detector = high_bars(8, 1), Rotation(**SMALL | {"epochs": 1}).fit(high_bars(40, 0))
    both = (detector.novelty_score(images) for images in (x, x[..., ::-1]))
    np.testing.assert_allclose(*both, rtol=1e-3)


def test_images_that_look_the_same_when_turned_leave_it_at_chance_and_it_says_so():
    with pytest.warns(UserWarning, match="look the same when turned"):
        detector = Rotation(**SMALL, augment=False).fit(rings(160, 0))
    assert abs(detector.turn_accuracy_ - 0.25) < 0.15


def test_augmented_copies_are_turned_after_they_are_moved():
    batch = torch.from_numpy(high_bars(8, 4))
    made = Rotation()._seen(batch, torch.Generator().manual_seed(0)).view(4, 8, 1, 32, 32)
    for turn in range(1, 4):
        assert torch.equal(torch.rot90(made[0], turn, (2, 3)), made[turn])


def test_either_part_of_the_score_is_one_in_the_mean_of_the_validation_images():
    held_out = high_bars(40, 3)
    detector = Rotation(**SMALL | {"epochs": 1}, augment=False)
    both = detector.fit(high_bars(80, 0), x_validation=held_out).novelty_score(held_out)
    distance = detector.score_parts(held_out)["distance"]
    assert both.mean() == pytest.approx(2, rel=1e-4) and both.std() > 0
    alone = detector.set_params(surprise=False).novelty_score(held_out)
    np.testing.assert_allclose(alone, distance / distance.mean(), rtol=1e-4)
