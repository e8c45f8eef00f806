"""Scores into numbers, with intervals. Label 1 is novel; a higher score means more novel."""

from collections.abc import Callable

import numpy as np
from scipy import stats
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score


def _placements(y: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's structural components: the share of the other class ordered rightly."""
    novel, normal = score[y == 1], score[y == 0]
    if not len(novel) or not len(normal):
        raise ValueError("AUROC needs images of both classes, 0 normal and 1 novel")
    rank = stats.rankdata(np.concatenate([novel, normal]))
    m, n = len(novel), len(normal)
    v_novel = (rank[:m] - stats.rankdata(novel)) / n
    v_normal = 1 - (rank[m:] - stats.rankdata(normal)) / m
    return v_novel, v_normal


def auroc_interval(y: np.ndarray, score: np.ndarray, level: float = 0.95):
    """AUROC with DeLong's interval: (auroc, low, high), all in [0, 1].

    `y` (N,) in {0, 1}, `score` (N,). The interval is symmetric on the logit scale, so it stays in
    [0, 1]. Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988).
    """
    v_novel, v_normal = _placements(np.asarray(y), np.asarray(score, dtype=float))
    auroc = float(v_novel.mean())
    variance = v_novel.var(ddof=1) / len(v_novel) + v_normal.var(ddof=1) / len(v_normal)
    if not 0 < auroc < 1:
        return auroc, auroc, auroc
    z = stats.norm.ppf(0.5 + level / 2)
    half = z * np.sqrt(variance) / (auroc * (1 - auroc))
    low, high = (1 / (1 + np.exp(-(np.log(auroc / (1 - auroc)) + side * half))) for side in (-1, 1))
    return auroc, float(low), float(high)


def proportion_interval(successes: float, trials: int, level: float = 0.95):
    """A share with its Wilson interval: (share, low, high)."""
    share = successes / trials
    z = stats.norm.ppf(0.5 + level / 2)
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return share, float(centre - half), float(centre + half)


def seed_interval(values, level: float = 0.95):
    """Mean over seeds with Student's t interval: (mean, low, high); NaN bounds for one seed."""
    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = stats.t.ppf(0.5 + level / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return mean, float(mean - half), float(mean + half)


def decision_numbers(y: np.ndarray, score: np.ndarray, threshold: float = 0.0) -> dict[str, float]:
    """What a two-class decision `score > threshold` is worth, each number in [0, 1].

    Keys: accuracy, normal_recall (the deck's "accuracy on normal data"), novel_recall,
    balanced_accuracy, and, whatever the threshold, auroc, aupr_novel, aupr_normal.
    """
    y, score = np.asarray(y), np.asarray(score, dtype=float)
    right = (score > threshold) == y
    normal_recall, novel_recall = (float(right[y == k].mean()) for k in (0, 1))
    return {
        "accuracy": float(right.mean()),
        "normal_recall": normal_recall,
        "novel_recall": novel_recall,
        "balanced_accuracy": (normal_recall + novel_recall) / 2,
        "auroc": float(roc_auc_score(y, score)),
        "aupr_novel": float(average_precision_score(y, score)),
        "aupr_normal": float(average_precision_score(1 - y, -score)),
    }


def binary_report(y: np.ndarray, score: np.ndarray, threshold: float = 0.0) -> dict:
    """`decision_numbers` with DeLong's interval of the AUROC and the confusion matrix.

    confusion is [[normal as normal, normal as novel], [novel as normal, novel as novel]].
    """
    _, low, high = auroc_interval(y, score)
    return {
        **decision_numbers(y, score, threshold),
        "auroc_low": low,
        "auroc_high": high,
        "confusion": confusion_matrix(y, score > threshold, labels=[0, 1]).tolist(),
    }


def bootstrap_intervals(
    runs: list[tuple[np.ndarray, np.ndarray]],
    numbers: Callable[[np.ndarray, np.ndarray], dict[str, float]] = decision_numbers,
    level: float = 0.95,
    repeats: int = 300,
) -> dict[str, tuple[float, float, float]]:
    """Mean over runs (seeds) with a hierarchical bootstrap interval: name → (mean, low, high).

    `runs` are (y, score), one a seed. Each repeat draws seeds with replacement, then, within each
    drawn seed, images with replacement and class by class, so the class ratio stays. With one seed
    the interval speaks of the images only.
    """
    rng = np.random.default_rng(0)
    point = [numbers(y, score) for y, score in runs]
    draws: list[dict[str, float]] = []
    for _ in range(repeats):
        drawn = []
        for k in rng.integers(len(runs), size=len(runs)):
            y, score = runs[k]
            rows = np.concatenate(
                [rng.choice(np.flatnonzero(y == c), (y == c).sum()) for c in (0, 1)]
            )
            drawn.append(numbers(y[rows], score[rows]))
        draws.append({name: float(np.mean([d[name] for d in drawn])) for name in point[0]})
    tail = (1 - level) / 2
    return {
        name: (
            float(np.mean([p[name] for p in point])),
            *(float(np.quantile([d[name] for d in draws], q)) for q in (tail, 1 - tail)),
        )
        for name in point[0]
    }


def threshold_curve(y: np.ndarray, score: np.ndarray, points: int = 200) -> dict[str, np.ndarray]:
    """Both recalls as the threshold moves: arrays threshold, normal_recall, novel_recall."""
    y, score = np.asarray(y), np.asarray(score, dtype=float)
    threshold = np.quantile(score, np.linspace(0, 1, points))
    normal, novel = np.sort(score[y == 0]), np.sort(score[y == 1])
    return {
        "threshold": threshold,
        "normal_recall": np.searchsorted(normal, threshold, side="right") / len(normal),
        "novel_recall": 1 - np.searchsorted(novel, threshold, side="right") / len(novel),
    }
