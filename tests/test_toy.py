"""Chapter 1's points and detectors, on answers known beforehand."""

import numpy as np
import pytest

from report import toy
from report.plots import HALF_WIDTH


def rng():
    return np.random.default_rng(0)


def test_a_crescent_is_half_a_ring():
    points = toy.crescent(2000, rng()) + np.array([0, 0.8])
    assert abs(np.hypot(*points.T).mean() - 2.2) < 0.03
    assert (points[:, 1] > -1).all()


def test_a_blob_has_its_centre_and_spread():
    points = toy.blob(2000, (1, -2), rng())
    assert np.allclose(points.mean(axis=0), (1, -2), atol=0.03)
    assert np.allclose(points.std(axis=0), 0.3, atol=0.02)


@pytest.mark.parametrize("nu", [0.05, 0.2])
def test_the_one_class_svm_leaves_a_share_nu_outside_and_everything_far_away(nu):
    points = toy.crescent(400, rng())
    detector = toy.one_class_svm(points, nu)
    assert abs(np.mean(detector(points) > 0) - nu) < 0.03
    assert (detector(np.array([[9.0, 9.0], [-9.0, 0.0]])) > 0).all()


def test_the_doubting_classifier_doubts_the_border_and_nothing_far_from_it():
    x = np.r_[toy.blob(200, (-2, 0), rng()), toy.blob(200, (2, 0), rng())]
    detector = toy.doubting_classifier(x, np.repeat([0, 1], 200))
    assert np.mean(detector(x) > 0) == pytest.approx(0.05, abs=0.005)
    assert detector(np.array([[0.0, 0.0]])) > 0
    assert detector(np.array([[50.0, 0.0]])) < 0


def test_a_novelty_map_starts_at_the_lower_left():
    upwards = toy.novelty_map(lambda points: points[:, 1], steps=5)
    assert np.allclose(upwards, np.linspace(-HALF_WIDTH, HALF_WIDTH, 5)[:, None])


@pytest.mark.parametrize(
    ("normal", "novel", "area"),
    [([0, 1], [2, 3], 1), ([2], [1], 0), ([1], [1], 0.5), ([0, 2], [1], 0.5)],
)
def test_auroc_of_a_few_scores(normal, novel, area):
    assert toy.auroc(np.array(normal), np.array(novel)) == area


def test_outliers_are_asked_about_in_the_data_that_were_learned_from():
    _, asked, mixed, sifted = toy.novelty_and_outlier_panels(seed=0)
    judged = np.r_[sifted.points["normal"], sifted.points["outlier"]]
    assert np.array_equal(mixed.points["unlabelled"], judged)
    assert "30 of 30 novel" in asked.note


@pytest.mark.parametrize("seed", range(3))
def test_a_classifier_misses_the_far_novelty_that_a_boundary_finds(seed):
    one, pooled, labelled = toy.class_count_panels(seed)
    assert len(one.points["novel"]) > len(pooled.points["novel"]) == 60
    assert "60 of 60 novel" in pooled.note
    assert "30 of 60 novel" in labelled.note


def test_each_setting_uses_the_labels_it_has_and_no_others():
    normal, known, other = (
        toy.crescent(60, rng()),
        toy.blob(9, (0, 0), rng()),
        toy.blob(9, (3, 3), rng()),
    )
    detectors = toy.labelling_detectors(normal, known, seed=0)
    changed = toy.labelling_detectors(normal, other, seed=0)
    probe = toy.blob(20, (1, 1), rng())
    same = {
        name: np.array_equal(detectors[name](probe), changed[name](probe)) for name in detectors
    }
    assert same == {
        "supervised": False,
        "one_class": True,
        "unsupervised": False,
        "unsupervised_svm": False,
    }
    shown = [set(panel.points) - {"novel"} for panel in toy.labelling_panels(seed=0)]
    assert shown == [{"normal", "known"}, {"normal"}, {"unlabelled"}]


def test_what_the_chapter_says_about_the_settings_holds():
    table = toy.labelling_table(range(100, 105))
    assert len(table) == 5 * 4 * 2
    auroc = table.pivot_table("auroc", "setting", "anomaly")
    recall = table.pivot_table("recall", "setting", "anomaly")
    assert auroc.known.idxmax() == "supervised"
    assert auroc.novel["supervised"] < 0.5
    assert recall.novel["supervised"] < 0.05
    assert recall.novel["one_class"] > 0.95
    assert recall.known["one_class"] < recall.known["supervised"]
    unlabelled = ["unsupervised", "unsupervised_svm"]
    assert (auroc.known[unlabelled] < 0.7).all()


def test_the_table_follows_from_its_seeds():
    first, again = toy.labelling_table([3]), toy.labelling_table([3])
    assert first.equals(again)
    assert not first.auroc.equals(toy.labelling_table([4]).auroc)
