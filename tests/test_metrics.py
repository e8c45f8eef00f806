"""Known answers, orientation, and intervals that cover."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    roc_auc_score,
)

from ocnd_lib import metrics


def scores(rng, n_normal=200, n_novel=600, shift=1.0):
    y = np.r_[np.zeros(n_normal, int), np.ones(n_novel, int)]
    return y, rng.normal(size=len(y)) + shift * y


def test_higher_score_means_more_novel():
    assert metrics.auroc_interval([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4])[0] == 1
    assert metrics.auroc_interval([0, 0, 1, 1], [4, 3, 2, 1])[0] == 0


def test_auroc_equals_sklearn_with_ties():
    rng = np.random.default_rng(0)
    y, s = scores(rng)
    s = s.round(1)
    assert metrics.auroc_interval(y, s)[0] == pytest.approx(roc_auc_score(y, s), abs=1e-12)


def test_delong_variance_by_counting_pairs():
    rng = np.random.default_rng(1)
    y, s = scores(rng, 15, 25)
    novel, normal = s[y == 1], s[y == 0]
    wins = (novel[:, None] > normal) + 0.5 * (novel[:, None] == normal)
    auroc = wins.mean()
    variance = wins.mean(1).var(ddof=1) / 25 + wins.mean(0).var(ddof=1) / 15
    _, low, high = metrics.auroc_interval(y, s)
    logit = [np.log(p / (1 - p)) for p in (low, auroc, high)]
    half = stats.norm.ppf(0.975) * np.sqrt(variance) / (auroc * (1 - auroc))
    assert logit[2] - logit[1] == pytest.approx(half)
    assert logit[1] - logit[0] == pytest.approx(half)


def test_delong_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    truth = stats.norm.cdf(1 / np.sqrt(2))
    hits = 0
    for _ in range(400):
        _, low, high = metrics.auroc_interval(*scores(rng, 60, 60))
        hits += low <= truth <= high
    assert 0.92 <= hits / 400 <= 0.98


def test_one_class_only_is_an_error():
    with pytest.raises(ValueError, match="both classes"):
        metrics.auroc_interval([1, 1], [0.2, 0.3])


def test_one_image_of_a_class_has_no_interval():
    with pytest.raises(ValueError, match="at least two images"):
        metrics.auroc_interval([0, 1, 1], [0.1, 0.05, 0.3])


def test_always_novel_is_90_percent_accurate_and_worth_nothing():
    y = np.r_[np.zeros(1000, int), np.ones(9000, int)]
    report = metrics.binary_report(y, np.ones(10_000))
    assert report["accuracy"] == 0.9
    assert report["normal_recall"] == 0 and report["novel_recall"] == 1
    assert report["balanced_accuracy"] == 0.5 and report["auroc"] == 0.5
    assert report["confusion"] == [[0, 1000], [0, 9000]]


def test_the_decks_two_numbers_imply_the_other_two():
    y = np.r_[np.zeros(1000, int), np.ones(9000, int)]
    score = np.r_[-np.ones(572), np.ones(428), np.ones(8951), -np.ones(49)]
    numbers = metrics.decision_numbers(y, score)
    assert numbers["accuracy"] == 0.9523
    assert numbers["novel_recall"] == pytest.approx(0.9945, abs=1e-4)
    assert numbers["balanced_accuracy"] == pytest.approx(0.783, abs=1e-3)


def test_moving_the_threshold_moves_recall_but_not_auroc():
    y, s = scores(np.random.default_rng(3))
    low, high = (metrics.decision_numbers(y, s, t) for t in (-1, 1))
    assert low["auroc"] == high["auroc"]
    assert low["normal_recall"] < high["normal_recall"]
    assert low["novel_recall"] > high["novel_recall"]


def test_threshold_curve_agrees_with_decisions():
    y, s = scores(np.random.default_rng(4))
    curve = metrics.threshold_curve(y, s, points=17)
    for t, normal, novel in zip(*curve.values(), strict=True):
        numbers = metrics.decision_numbers(y, s, t)
        assert normal == pytest.approx(numbers["normal_recall"])
        assert novel == pytest.approx(numbers["novel_recall"])


def test_wilson_and_seed_intervals_have_known_values():
    share, low, high = metrics.proportion_interval(572.1, 1000)
    assert (share, low, high) == pytest.approx((0.5721, 0.5412, 0.6025), abs=2e-4)
    mean, low, high = metrics.seed_interval([0.5, 0.6, 0.7])
    assert (mean, low, high) == pytest.approx((0.6, 0.6 - 0.2484, 0.6 + 0.2484), abs=1e-4)
    assert np.isnan(metrics.seed_interval([0.5])[1])


@pytest.mark.parametrize("digits", [1, 6])
def test_decision_numbers_equal_sklearn_with_and_without_ties(digits):
    y, s = scores(np.random.default_rng(6))
    s = s.round(digits)
    numbers = metrics.decision_numbers(y, s, 0.3)
    assert numbers["auroc"] == pytest.approx(roc_auc_score(y, s), abs=1e-12)
    assert numbers["aupr_novel"] == pytest.approx(average_precision_score(y, s), abs=1e-12)
    assert numbers["aupr_normal"] == pytest.approx(average_precision_score(1 - y, -s), abs=1e-12)
    assert numbers["accuracy"] == accuracy_score(y, s > 0.3)
    assert numbers["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, s > 0.3))


def test_bootstrap_interval_widens_when_seeds_differ():
    rng = np.random.default_rng(5)
    alike = [scores(rng, 300, 300, 1.0) for _ in range(4)]
    unlike = [scores(rng, 300, 300, shift) for shift in (0.0, 0.7, 1.3, 2.0)]
    width = []
    for runs in (alike, unlike):
        mean, low, high = metrics.bootstrap_intervals(runs)["auroc"]
        assert mean == pytest.approx(np.mean([roc_auc_score(y, s) for y, s in runs]))
        assert low < mean < high
        width.append(high - low)
    assert width[1] > 4 * width[0]


def test_runs_that_agree_are_no_surer_than_one_for_their_images_are_the_same():
    run = scores(np.random.default_rng(8), 40, 60)
    _, low, high = metrics.bootstrap_intervals([run])["auroc"]
    assert metrics.bootstrap_intervals([run] * 3)["auroc"][1:] == pytest.approx((low, high))


def test_the_interval_over_seeds_is_as_wide_as_that_of_a_mean_of_so_many():
    y = np.r_[np.zeros(4000, int), np.ones(4000, int)]
    shares = np.array([0.2, 0.5, 0.8])  # of the normal images that each seed finds
    runs = [
        (y, np.where((np.arange(8000) % 4000 < 4000 * share) & (y == 0), -1, 1)) for share in shares
    ]
    _, low, high = metrics.bootstrap_intervals(runs, level=0.68, repeats=4000)["normal_recall"]
    expected = stats.t.ppf(0.84, 2) * shares.std(ddof=1) / 3**0.5  # Student's, of three seeds
    assert (high - low) / 2 == pytest.approx(expected, rel=0.05)


def test_seed_noise_is_students_t_with_the_degrees_of_freedom_of_welch():
    even = [[0.5, 0.6, 0.7], [0.2, 0.3, 0.4]]
    noise = metrics.seed_noise([*even, [0.9]], 4000, means=3)
    error = np.sqrt(2 * 0.1**2 / 3) / 3
    assert np.quantile(noise, 0.975) == pytest.approx(stats.t.ppf(0.975, 4) * error, rel=0.01)
    # of two groups of which one hardly varies there are the degrees of freedom of the other
    odd = metrics.seed_noise([[0.5, 0.6, 0.7], [0.2, 0.2, 0.2001]], 4000)
    alone = metrics.seed_noise([[0.5, 0.6, 0.7]], 4000)
    assert np.quantile(odd, 0.975) == pytest.approx(np.quantile(alone, 0.975), rel=0.01)
    assert not metrics.seed_noise([[0.9], [0.8]], 10).any()
    assert not metrics.seed_noise([[0.9, 0.9]], 10).any()


def test_runs_of_other_images_are_an_error():
    rng = np.random.default_rng(9)
    with pytest.raises(ValueError, match="same test images"):
        metrics.bootstrap_intervals([scores(rng, 10, 20), scores(rng, 20, 10)])


def test_bootstrap_keeps_the_class_ratio():
    y = np.r_[np.zeros(10, int), np.ones(90, int)]
    found = metrics.bootstrap_intervals([(y, np.where(y, 1.0, 1.0))])  # novel to everything
    assert found["accuracy"] == (0.9, 0.9, 0.9)


def test_bootstrap_interval_of_one_run_agrees_with_wilson():
    y = np.r_[np.zeros(500, int), np.ones(500, int)]
    score = np.where(np.arange(1000) % 500 < 350, -1.0, 1.0)
    mean, low, high = metrics.bootstrap_intervals([(y, score)])["normal_recall"]
    _, wilson_low, wilson_high = metrics.proportion_interval(350, 500)
    assert mean == 0.7
    assert (low, high) == pytest.approx((wilson_low, wilson_high), abs=0.012)
