"""Scores into numbers, with intervals of 95 %, and what the way of evaluating does to them.

Label 1 is novel; a higher score means more novel.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy import special, stats

Estimate = tuple[float, float, float]  # a value, and the ends of its interval
LEVEL = 0.95
Z = stats.norm.ppf(0.5 + LEVEL / 2)  # standard errors from the middle of an interval to its end


def placements(y: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's structural components: the share of the other class ordered rightly."""
    novel, normal = score[y == 1], score[y == 0]
    if not len(novel) or not len(normal):
        raise ValueError("AUROC needs images of both classes, 0 normal and 1 novel")
    rank = stats.rankdata(np.concatenate([novel, normal]))
    m, n = len(novel), len(normal)
    v_novel = (rank[:m] - stats.rankdata(novel)) / n
    v_normal = 1 - (rank[m:] - stats.rankdata(normal)) / m
    return v_novel, v_normal


def auroc_interval(y: np.ndarray, score: np.ndarray) -> Estimate:
    """AUROC of scores (N,) with DeLong's interval: (auroc, low, high), `y` (N,) in {0, 1}.

    It is symmetric on the logit scale; of an AUROC of 0 or 1 both ends are that number. ValueError
    for fewer than two images of a class. Source: DeLong et al., Biometrics 44 (1988).
    """
    parts = placements(np.asarray(y), np.asarray(score, dtype=float))
    if min(map(len, parts)) < 2:
        raise ValueError("an interval of AUROC needs at least two images of each class")
    auroc = float(parts[0].mean())
    if not 0 < auroc < 1:
        return auroc, auroc, auroc
    error = np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts))
    half = Z * error / (auroc * (1 - auroc))
    low, high = special.expit(special.logit(auroc) + np.array([-half, half]))
    return auroc, float(low), float(high)


def wilson_interval(successes: int, trials: int) -> Estimate:
    """A share with its Wilson interval: (share, low, high)."""
    ends = stats.binomtest(successes, trials).proportion_ci(LEVEL, "wilson")
    return successes / trials, float(ends.low), float(ends.high)


def seed_interval(values) -> Estimate:
    """Mean over seeds with Student's t interval: (mean, low, high); NaN bounds for one seed."""
    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = stats.t.ppf(0.5 + LEVEL / 2, len(values) - 1) * stats.sem(values)
    return mean, float(mean - half), float(mean + half)


def decision_numbers(y: np.ndarray, score: np.ndarray, threshold: float = 0.0) -> dict[str, float]:
    """What a two-class decision `score > threshold` is worth, each number in [0, 1].

    Keys: accuracy, normal_recall, novel_recall, balanced_accuracy, auroc, aupr_novel and
    aupr_normal (average precision with that class as the one sought).
    """
    numbers = _weighted_numbers(y, score, np.ones((1, len(y))), threshold)
    return {name: float(value[0]) for name, value in numbers.items()}


def _weighted_numbers(
    y: np.ndarray, score: np.ndarray, weight: np.ndarray, threshold: float = 0.0
) -> dict[str, np.ndarray]:
    """`decision_numbers` for many weightings of the same images at once: weight (R, N) → (R,)."""
    y, score = np.asarray(y), np.asarray(score, dtype=float)
    if y.shape != score.shape or not np.isfinite(score).all():
        raise ValueError("every image needs one score, a finite number")
    order = np.argsort(score, kind="stable")
    y, score, weight = y[order], score[order], weight[:, order]
    starts = np.flatnonzero(np.diff(score, prepend=-np.inf) > 0)  # equal scores are one step
    novel, normal = (np.add.reduceat(weight * (y == k), starts, axis=1) for k in (1, 0))
    all_novel, all_normal = novel.sum(1), normal.sum(1)

    line = np.searchsorted(score[starts], threshold, side="right")
    novel_recall = novel[:, line:].sum(1) / all_novel
    normal_recall = normal[:, :line].sum(1) / all_normal
    right = novel_recall * all_novel + normal_recall * all_normal
    below = normal.cumsum(1) - normal / 2

    def average_precision(sought: np.ndarray, other: np.ndarray) -> np.ndarray:
        found = sought.cumsum(1)
        precision = found / np.maximum(found + other.cumsum(1), 1e-12)
        return (sought * precision).sum(1) / found[:, -1]

    return {
        "accuracy": right / (all_novel + all_normal),
        "normal_recall": normal_recall,
        "novel_recall": novel_recall,
        "balanced_accuracy": (normal_recall + novel_recall) / 2,
        "auroc": (novel * below).sum(1) / (all_novel * all_normal),
        "aupr_novel": average_precision(novel[:, ::-1], normal[:, ::-1]),
        "aupr_normal": average_precision(normal, novel),
    }


def seed_noise(groups: Iterable[Sequence[float]], repeats: int, means: int = 1) -> np.ndarray:
    """What chance in training adds to a mean in each repeat of a bootstrap, (repeats,).

    `groups` hold one value a seed each; the mean is the sum of their means over `means`. A
    bootstrap of a few seeds is too narrow, so the noise is Student's t, by Welch and Satterthwaite
    (Biometrika 34, 1947). Groups of one seed add nothing.
    """
    groups = [np.asarray(group, float) for group in groups if len(group) > 1]
    variances = np.array([group.var(ddof=1) / len(group) for group in groups])
    if not variances.sum():
        return np.zeros(repeats)
    shares = variances / variances.sum()
    degrees = 1 / sum(s**2 / (len(group) - 1) for s, group in zip(shares, groups, strict=True))
    quantiles = stats.t.ppf((np.arange(repeats) + 0.5) / repeats, degrees)
    return np.sqrt(variances.sum()) / means * np.random.default_rng(1).permutation(quantiles)


def percentile_interval(draws: np.ndarray) -> tuple[float, float]:
    """(low, high) between which 95 % of the draws of a bootstrap lie."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def bootstrap_intervals(runs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Estimate]:
    """`decision_numbers` over seeds and images: name → (mean, low, high).

    `runs` are (y, score) of the same test images, one a seed; ValueError if their labels differ.
    Each of 500 repeats draws the images once for all seeds, class by class, and adds `seed_noise`.
    """
    y, repeats = np.asarray(runs[0][0]), 500
    if not all(np.array_equal(y, other) for other, _ in runs):
        raise ValueError("the runs are not of the same test images: their labels differ")
    rng, weight = np.random.default_rng(0), np.zeros((repeats, len(y)))
    for rows in (np.flatnonzero(y == c) for c in (0, 1)):
        weight[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), repeats)
    drawn = [_weighted_numbers(y, score, weight) for _, score in runs]
    points = pd.DataFrame([decision_numbers(y, score) for _, score in runs])
    found = {}
    for name, values in points.items():
        means = np.mean([numbers[name] for numbers in drawn], axis=0)
        low, high = np.clip(percentile_interval(means + seed_noise([values], repeats)), 0, 1)
        found[name] = (float(values.mean()), float(low), float(high))
    return found


def metrics_against_ratio(y: np.ndarray, score: np.ndarray, ratios: np.ndarray) -> pd.DataFrame:
    """The metrics of one detector if the test set held `ratio` novel images for each normal one.

    Images are weighted, not drawn. Columns: ratio, accuracy, balanced_accuracy, aupr, auroc,
    always_novel, the accuracy of calling everything novel.
    """
    y, ratios = np.asarray(y), np.asarray(ratios, float)
    weight = np.where(y == 1, ratios[:, None] / np.mean(y == 1), 1 / np.mean(y == 0))
    table = pd.DataFrame(_weighted_numbers(y, score, weight))
    table = table.rename(columns={"aupr_novel": "aupr"}).assign(ratio=ratios)
    table["always_novel"] = ratios / (1 + ratios)
    return table[["ratio", "accuracy", "balanced_accuracy", "aupr", "auroc", "always_novel"]]


def auroc_half_width(auroc: np.ndarray, normal: int, novel: int) -> np.ndarray:
    """Half the width of an AUROC's interval that the numbers of test images alone imply.

    For Gaussian scores of equal spread (Hanley and McNeil, Radiology 143, 1982); `auroc` in (0, 1).
    """
    a = np.asarray(auroc, dtype=float)
    # the chance that two novel images both score above one normal image; also one above two
    both = a - 2 * special.owens_t(stats.norm.ppf(a), 1 / np.sqrt(3))
    variance = (a * (1 - a) + (normal + novel - 2) * (both - a**2)) / (normal * novel)
    return Z * np.sqrt(variance)


def power_over_seeds(gain: float, sd: float, seeds: np.ndarray) -> np.ndarray:
    """The chance that a paired t test over `seeds` runs finds a true mean difference `gain`.

    `sd` is the standard deviation of the difference between seeds; `seeds` (n,) at least 2 each.
    """
    n = np.asarray(seeds)
    limit = stats.t.ppf(0.5 + LEVEL / 2, n - 1)
    shift = gain / sd * np.sqrt(n)
    # the lower tail is so small for a large shift that scipy gives NaN instead of 0
    below = np.nan_to_num(stats.nct.cdf(-limit, n - 1, shift))
    return stats.nct.sf(limit, n - 1, shift) + below
