"""Known answers and intervals that cover; what evaluating does, against drawing by hand."""

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    roc_auc_score,
)

from ocnd_lib import stats


def scores(rng, n_normal=200, n_novel=600, shift=1.0):
    y = np.r_[np.zeros(n_normal, int), np.ones(n_novel, int)]
    return y, rng.normal(size=len(y)) + shift * y


def test_delong_variance_by_counting_pairs():
    rng = np.random.default_rng(1)
    y, s = scores(rng, 15, 25)
    novel, normal = s[y == 1], s[y == 0]
    wins = (novel[:, None] > normal) + 0.5 * (novel[:, None] == normal)
    auroc = wins.mean()
    variance = wins.mean(1).var(ddof=1) / 25 + wins.mean(0).var(ddof=1) / 15
    found, low, high = stats.auroc_interval(y, s)
    assert found == pytest.approx(auroc)
    logit = [np.log(p / (1 - p)) for p in (low, auroc, high)]
    half = scipy.stats.norm.ppf(0.975) * np.sqrt(variance) / (auroc * (1 - auroc))
    assert logit[2] - logit[1] == pytest.approx(half)
    assert logit[1] - logit[0] == pytest.approx(half)
    with pytest.raises(ValueError, match="both classes"):
        stats.auroc_interval([1, 1], [0.2, 0.3])
    with pytest.raises(ValueError, match="at least two images"):
        stats.auroc_interval([0, 1, 1], [0.1, 0.05, 0.3])


def test_wilson_and_seed_intervals_have_known_values():
    share, low, high = stats.wilson_interval(572, 1000)
    assert (share, low, high) == pytest.approx((0.572, 0.5411, 0.6024), abs=2e-4)
    mean, low, high = stats.seed_interval([0.5, 0.6, 0.7])
    assert (mean, low, high) == pytest.approx((0.6, 0.6 - 0.2484, 0.6 + 0.2484), abs=1e-4)
    assert np.isnan(stats.seed_interval([0.5])[1])
    noise = stats.seed_noise([[0, 1], [0.5] * 9], 4000)  # of as many degrees as its first group
    assert np.quantile(noise, 0.975) == pytest.approx(0.5 * scipy.stats.t.ppf(0.975, 1), rel=0.05)


def test_decision_numbers_equal_sklearn_with_ties():
    y, s = scores(np.random.default_rng(6))
    s = s.round(1)
    numbers = stats.decision_numbers(y, s, 0.3)
    assert numbers["auroc"] == pytest.approx(roc_auc_score(y, s), abs=1e-12)
    assert numbers["aupr_novel"] == pytest.approx(average_precision_score(y, s), abs=1e-12)
    assert numbers["aupr_normal"] == pytest.approx(average_precision_score(1 - y, -s), abs=1e-12)
    assert numbers["accuracy"] == accuracy_score(y, s > 0.3)
    assert numbers["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, s > 0.3))
    with pytest.raises(ValueError, match="one score, a finite number"):
        stats.decision_numbers(y, np.where(y, s, np.nan))


def test_bootstrap_interval_widens_when_seeds_differ():
    rng = np.random.default_rng(5)
    alike = [scores(rng, 300, 300, 1.0) for _ in range(4)]
    unlike = [scores(rng, 300, 300, shift) for shift in (0.0, 0.7, 1.3, 2.0)]
    width = []
    for runs in (alike, unlike):
        mean, low, high = stats.bootstrap_intervals(runs)["auroc"]
        assert mean == pytest.approx(np.mean([roc_auc_score(y, s) for y, s in runs]))
        assert low < mean < high
        width.append(high - low)
    assert width[1] > 4 * width[0]
    few, y = alike[:1], np.repeat([0, 1], 10)
    assert stats.bootstrap_intervals(few * 2) == stats.bootstrap_intervals(few)  # of shared images
    opposite = [(y, y - 0.5), (y, 0.5 - y)]
    assert stats.bootstrap_intervals(opposite)["auroc"] == (0.5, 0, 1)  # no further
    with pytest.raises(ValueError, match="same test images"):
        stats.bootstrap_intervals([scores(rng, 10, 20), scores(rng, 20, 10)])


def test_the_interval_over_seeds_is_as_wide_as_that_of_a_mean_of_so_many():
    y = np.r_[np.zeros(400, int), np.ones(10, int)]
    shares = np.array([0.4, 0.5, 0.6])  # of the normal images that each seed finds
    runs = [(y, np.where((np.arange(410) < 400 * share) & (y == 0), -1, 1)) for share in shares]
    _, low, high = stats.bootstrap_intervals(runs)["normal_recall"]
    # Student's, of three seeds
    expected = scipy.stats.t.ppf(0.975, 2) * shares.std(ddof=1) / 3**0.5
    assert (high - low) / 2 == pytest.approx(expected, rel=0.05)


def test_a_weighted_test_set_equals_one_with_repeated_images():
    y = np.repeat([0, 1], [40, 60])
    score = np.random.default_rng(0).normal(1.2 * y - 0.5, 1)
    row = stats.metrics_against_ratio(y, score, [4.5]).iloc[0]
    repeated = np.r_[np.flatnonzero(y == 0), np.tile(np.flatnonzero(y == 1), 3)]
    y, score = y[repeated], score[repeated]
    assert row.accuracy == pytest.approx(accuracy_score(y, score > 0))
    assert row.aupr == pytest.approx(average_precision_score(y, score))
    assert row.auroc == pytest.approx(roc_auc_score(y, score))
    assert row.balanced_accuracy == pytest.approx(balanced_accuracy_score(y, score > 0))
    assert row.always_novel == pytest.approx(y.mean())


def test_the_half_width_is_that_of_delong_on_gaussian_scores():
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], [2000, 18000])
    for auroc in (0.5, 0.9):
        score = rng.normal(0, 1, len(y)) + y * np.sqrt(2) * scipy.stats.norm.ppf(auroc)
        _, low, high = stats.auroc_interval(y, score)
        width = stats.auroc_half_width(auroc, 2000, 18000)
        assert width == pytest.approx((high - low) / 2, rel=0.06)


def test_power_over_seeds_agrees_with_simulated_experiments():
    rng = np.random.default_rng(0)
    differences = rng.normal(0.02, 0.02, (4000, 5))
    found = scipy.stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05
    power = stats.power_over_seeds(0.02, 0.02, np.array([5]))
    assert power[0] == pytest.approx(found.mean(), abs=0.025)
    assert stats.power_over_seeds(0.0, 0.02, np.array([5]))[0] == pytest.approx(0.05)
