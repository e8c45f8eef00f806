"""What evaluation does to the numbers, against counting and drawing by hand."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats import norm
from sklearn.metrics import accuracy_score, average_precision_score

from ocnd_lib import evaluation
from ocnd_lib.data import OneClassSplit
from ocnd_lib.metrics import auroc_interval


def test_protocol_counts_account_for_every_image():
    y_test = np.array([0, 0, 1, 1, 1])
    split = OneClassSplit(np.zeros(6), np.zeros(1), np.zeros(5), y_test, y_test, normal_class=0)
    table = evaluation.protocol_counts({"P2": split}, images=30)
    assert dict(zip(table.part, table.images, strict=True)) == {
        "train": 6,
        "validation": 1,
        "test normal": 2,
        "test novel": 3,
        "unused": 18,
    }


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [40, 60])
    return y, rng.normal(1.2 * y - 0.5, 1)


def test_a_weighted_test_set_equals_one_with_repeated_images(scores):
    y, score = scores
    row = evaluation.metrics_against_ratio(y, score, [4.5]).iloc[0]
    repeated = np.r_[np.flatnonzero(y == 0), np.tile(np.flatnonzero(y == 1), 3)]
    y, score = y[repeated], score[repeated]
    assert row.accuracy == pytest.approx(accuracy_score(y, score > 0))
    assert row.aupr == pytest.approx(average_precision_score(y, score))


def test_only_accuracy_and_aupr_follow_the_class_ratio(scores):
    table = evaluation.metrics_against_ratio(*scores, ratios=[1 / 9, 1, 9])
    assert np.allclose(table.always_novel, [0.1, 0.5, 0.9])
    assert np.ptp(table.auroc) < 1e-12
    assert np.ptp(table.balanced_accuracy) < 1e-12
    assert table.aupr.is_monotonic_increasing
    assert table.accuracy[1] == pytest.approx(table.balanced_accuracy[1])


@pytest.mark.parametrize("auroc", [0.5, 0.65, 0.9])
def test_the_half_width_is_that_of_delong_on_gaussian_scores(auroc):
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], [2000, 18000])
    score = rng.normal(0, 1, len(y)) + y * np.sqrt(2) * norm.ppf(auroc)
    _, low, high = auroc_interval(y, score)
    assert evaluation.auroc_half_width(auroc, 2000, 18000) == pytest.approx(
        (high - low) / 2, rel=0.06
    )


def test_four_times_the_images_halve_the_interval():
    few, many = (evaluation.auroc_half_width(0.8, n, n) for n in (1000, 4000))
    assert few / many == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(("normal", "novel"), [(40, 40), (40, 360), (360, 40)])
def test_drawing_test_sets_gives_the_same_width(normal, novel):
    rng = np.random.default_rng(2)
    drawn = evaluation.simulated_half_width(0.75, normal, novel, draws=2000, rng=rng)
    assert drawn == pytest.approx(evaluation.auroc_half_width(0.75, normal, novel), rel=0.06)


def test_power_over_seeds_agrees_with_simulated_experiments():
    rng = np.random.default_rng(0)
    differences = rng.normal(0.02, 0.02, (4000, 5))
    found = stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05
    power = evaluation.power_over_seeds(0.02, 0.02, np.array([5]))
    assert power[0] == pytest.approx(found.mean(), abs=0.025)
    many = evaluation.power_over_seeds(0.02, 0.01, np.arange(2, 40))
    assert np.isfinite(many).all() and (np.diff(many) >= -1e-9).all()
    assert evaluation.power_over_seeds(0.0, 0.02, np.array([5]))[0] == pytest.approx(0.05)
