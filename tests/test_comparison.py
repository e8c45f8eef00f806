"""Intervals that cover, tests that reject as often as they say, and known answers."""

import numpy as np
import pandas as pd
import pytest
from MLstatkit import Delong_test
from scipy import stats
from sklearn.metrics import roc_auc_score

from ocnd_lib import comparison
from ocnd_lib.comparison import Run, average, compare_means, mean_interval, paired_delong


def two_scores(rng, n_normal, n_novel, shift_a=1.0, shift_b=1.0, common=0.7):
    """Scores of two methods for the same images, which are correlated by `common`."""
    y = np.r_[np.zeros(n_normal, int), np.ones(n_novel, int)]
    image = np.sqrt(common) * rng.normal(size=len(y))
    a, b = (image + np.sqrt(1 - common) * rng.normal(size=len(y)) for _ in range(2))
    return y, a + shift_a * y, b + shift_b * y


def some_runs(rng, classes=3, seeds=2, images=40, shift=1.0, sd=0.3):
    """Runs whose images are as hard in every seed; AUROC varies with the seed by `sd`."""
    class_test = np.repeat(np.arange(classes), images)
    image = rng.normal(size=len(class_test))
    runs = []
    for k in range(classes):
        for seed in range(seeds):
            novel = (class_test != k) * (shift + sd * rng.normal())
            noise = 0.5 * rng.normal(size=len(class_test))
            runs.append(Run(k, seed, image + noise + novel, class_test))
    return runs


@pytest.mark.parametrize("decimals", [9, 1])
def test_delong_equals_an_independent_package(decimals):
    rng = np.random.default_rng(0)
    for _ in range(5):
        y, a, b = two_scores(rng, 60, 90, shift_b=1.3)
        a, b = a.round(decimals), b.round(decimals)
        difference, low, high = paired_delong(y, a, b)
        z, _ = Delong_test(y, b, a, return_ci=False, return_auc=False)
        error = (high - low) / (2 * stats.norm.ppf(0.975))
        assert difference / error == pytest.approx(z, rel=1e-9)
        assert (low + high) / 2 == pytest.approx(difference)
        assert difference == pytest.approx(roc_auc_score(y, a) - roc_auc_score(y, b))
    assert paired_delong(y, a, np.exp(a) * 7) == (0, 0, 0)
    with pytest.raises(ValueError, match="not of the same images: 150 labels, 150 and 2 scores"):
        paired_delong(y, a, [0.1, 0.2])


def test_average_is_over_classes_of_the_mean_over_seeds():
    ours = average([("a", 0, 0.8), ("a", 1, 0.6), ("b", 0, 0.9), ("b", 1, 0.9), ("b", 2, 0.3)])
    assert ours.classes == pytest.approx({"a": 0.7, "b": 0.7})
    assert ours.mean == pytest.approx(0.7)
    assert ours.seeds == 2
    # the seeds that both have give means of 0.85 and 0.75
    assert ours.sd == pytest.approx(np.std([0.85, 0.75], ddof=1))
    assert np.isnan(average([("a", 0, 0.8)]).sd)
    with pytest.raises(ValueError, match="same class and seed"):
        average([("a", 0, 0.8), ("a", 0, 0.6)])


@pytest.mark.parametrize(("classes", "seeds"), [(10, 3), (1, 2)])
def test_the_interval_of_the_mean_covers_the_truth(classes, seeds):
    rng, sd = np.random.default_rng(10), 0.6
    truth = stats.norm.cdf(1 / np.sqrt(2 * 1.25 + sd**2))
    hits = 0
    for _ in range(150):
        runs = [r for r in some_runs(rng, 10, seeds, 20, sd=sd) if r.normal_class < classes]
        low, high = mean_interval(runs, repeats=150)
        hits += low <= truth <= high
    assert 0.9 <= hits / 150 <= (0.99 if classes == 10 else 1)


def test_a_gain_that_is_chance_in_training_alone_is_seldom_called():
    """One class, and two methods alike, whose seeds differ more than their images."""
    rng, called, seeds = np.random.default_rng(21), 0, 2
    class_test = np.repeat([0, 1], [100, 100])
    hard = rng.normal(size=200)
    for _ in range(200):
        a, b = (
            [Run(0, s, hard + rng.normal(1, 0.5) * class_test, class_test) for s in range(seeds)]
            for _ in "ab"
        )
        _, low, high = compare_means(a, b, repeats=200)
        called += low > 0 or high < 0
    assert called / 200 <= 0.09


def test_images_are_shared_by_seeds_and_classes():
    """Seeds that agree on every image leave as much doubt as one of them."""
    one = some_runs(np.random.default_rng(11), seeds=1)
    many = [
        Run(run.normal_class, seed, run.score, run.class_test) for run in one for seed in "abcd"
    ]
    assert mean_interval(many) == pytest.approx(mean_interval(one), abs=1e-6)
    classes, score = one[0].class_test, (4 * one[0].score).round()  # with ties, a half each
    held = [(array.tobytes(), array.dtype.str) for array in (score, classes)]
    weights = comparison._image_draws(*held[1], 5).T
    expected = [roc_auc_score(classes != 0, score, sample_weight=weight) for weight in weights]
    assert comparison._resampled(*held, 0, 5) == pytest.approx(expected, abs=1e-6)


def test_compared_means_are_paired_by_image():
    rng = np.random.default_rng(12)
    a = some_runs(rng, seeds=1)
    b = [Run(r.normal_class, r.seed, r.score + 0.15 * r.y, r.class_test) for r in a]
    difference, low, high = compare_means(b, a)
    expected = np.mean([r.auroc for r in b]) - np.mean([r.auroc for r in a])
    assert difference == pytest.approx(expected)
    assert 0 < low < difference < high
    low_a, high_a = mean_interval(a)
    assert high - low < 0.5 * (high_a - low_a)
    # over the classes that both have
    few = [run for run in a if run.normal_class != 1]
    assert compare_means(a, few)[0] == 0
    with pytest.raises(ValueError, match="no class in common"):
        compare_means([r for r in a if r.normal_class == 1], few)
    with pytest.raises(ValueError, match="class 3, seed 1: 1 scores are not numbers"):
        Run(3, 1, np.array([0.0, np.nan]), np.zeros(2, int))


def test_compared_means_are_paired_by_seed_where_both_have_the_same():
    """Two methods alike, whose AUROC is 0, 1/2 or 1 by seed."""
    class_test = np.repeat(np.arange(4), 2)
    runs = [
        Run(k, seed, (class_test != k) * (seed - 1.0), class_test)
        for k in range(4)
        for seed in range(3)
    ]
    assert compare_means(runs, runs[::-1], repeats=100) == (0, 0, 0)
    others = [Run(run.normal_class, run.seed + 1, run.score, run.class_test) for run in runs]
    difference, low, high = compare_means(runs, others, repeats=400)
    assert difference == 0 and low < -0.1 and high > 0.1


def test_holm_by_a_worked_example():
    assert comparison.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def table(rows):
    return pd.DataFrame(rows, index=["a", "b", "c", "d", "e", "f"]).T


def test_wilcoxon_by_enumerating_signs_with_ties_and_zeros():
    better = [0.3, 0.3, -0.1, 0.2, 0.0, 0.1]
    ours = comparison.wilcoxon_over_classes(
        table({"one": np.add(0.6, better), "other": [0.6] * 6}), "one"
    ).loc["other"]
    ranks = stats.rankdata(np.abs([0.3, 0.3, -0.1, 0.2, 0.1]))
    signs = (np.arange(32)[:, None] >> np.arange(5)) % 2 * 2 - 1
    sums = np.abs(signs @ ranks)
    observed = abs(np.sign([0.3, 0.3, -0.1, 0.2, 0.1]) @ ranks)
    assert ours["p"] == pytest.approx((sums >= observed - 1e-9).mean())
    assert (ours["wins"], ours["ties"], ours["losses"], ours["classes"]) == (4, 1, 1, 6)
    assert ours["mean_difference"] == pytest.approx(0.8 / 6)


def test_each_other_method_is_compared_and_holm_is_over_them():
    base = np.random.default_rng(15).uniform(0.5, 0.6, 6)
    rows = {"best": base + 0.3, "low": base, "same": base + 0.3, "part": base.copy()}
    rows["part"][2:] = np.nan
    rows["none"] = np.full(6, np.nan)
    ours = comparison.wilcoxon_over_classes(table(rows), "best")
    assert list(ours.index) == ["low", "same", "part"]
    assert ours["p"].tolist() == pytest.approx([2 / 64, 1, 0.5])
    assert ours["p_holm"].tolist() == pytest.approx([6 / 64, 1, 1])


def test_mean_ranks():
    rows = {
        "bad": [0.5] * 6,
        "good": [0.9, 0.9, 0.9, 0.9, 0.9, np.nan],
        "fair": [0.7, 0.7, 0.7, 0.9, 0.9, 0.9],
    }
    ranks, p = comparison.mean_ranks(table(rows))
    assert ranks.to_dict() == pytest.approx({"good": 1.2, "fair": 1.8, "bad": 3})
    assert p == pytest.approx(stats.friedmanchisquare(*table(rows).to_numpy()[:, :5]).pvalue)


def test_the_interval_of_a_mean_over_runs_covers_new_seeds_and_new_images():
    rng, truth, hits = np.random.default_rng(0), 0.7, 0
    for _ in range(200):
        easy = rng.normal(size=150) * 0.5  # an image is as hard in every seed
        right = [(easy + 0.2 * rng.normal() + rng.normal(size=150)) < 0 for _ in range(5)]
        spread = np.array(right, float) + truth - 0.5
        mean, low, high = comparison.mean_over_runs(spread, repeats=400)
        assert mean == pytest.approx(spread.mean())
        hits += low <= truth <= high
    assert 0.9 <= hits / 200 <= 0.985
