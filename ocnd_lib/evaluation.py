"""What the way of evaluating does to the numbers: protocols, class ratio, size of the test set."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special, stats
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    roc_auc_score,
)

from ocnd_lib.data import OneClassSplit


def protocol_counts(splits: Mapping[str, OneClassSplit], images: int) -> pd.DataFrame:
    """How many images each protocol uses for what: columns protocol, classes, part, images.

    `splits` maps a protocol to its split of a data set with `images` images in all.
    """
    rows = []
    for protocol, split in splits.items():
        train, held_out = len(split.x_train), len(split.x_validation)
        novel = int(split.y_test.sum())
        normal = len(split.y_test) - novel
        rows += [
            (protocol, "normal", "train", train),
            (protocol, "normal", "validation", held_out),
            (protocol, "normal", "test normal", normal),
            (protocol, "other", "test novel", novel),
            (protocol, "other", "unused", images - train - held_out - normal - novel),
        ]
    return pd.DataFrame(rows, columns=["protocol", "classes", "part", "images"])


def metrics_against_ratio(
    y: np.ndarray, score: np.ndarray, ratios: np.ndarray, threshold: float = 0.0
) -> pd.DataFrame:
    """The metrics of one detector if the test set held `ratio` novel images for each normal one.

    `y` (N,) in {0, 1}, `score` (N,). Images are weighted, not drawn, so the detector and its scores
    stay the same. Columns: ratio, accuracy, balanced_accuracy, aupr, auroc, and always_novel, the
    accuracy of calling everything novel.
    """
    y, called = np.asarray(y), np.asarray(score) > threshold
    rows = []
    for ratio in ratios:
        weight = np.where(y == 1, ratio / np.mean(y == 1), 1 / np.mean(y == 0))
        rows.append(
            {
                "ratio": ratio,
                "accuracy": accuracy_score(y, called, sample_weight=weight),
                "balanced_accuracy": balanced_accuracy_score(y, called, sample_weight=weight),
                "aupr": average_precision_score(y, score, sample_weight=weight),
                "auroc": roc_auc_score(y, score, sample_weight=weight),
                "always_novel": accuracy_score(y, np.ones_like(y), sample_weight=weight),
            }
        )
    return pd.DataFrame(rows)


def auroc_half_width(auroc: np.ndarray, normal: int, novel: int, level: float = 0.95) -> np.ndarray:
    """Half the width of an AUROC's interval that the numbers of test images alone imply.

    Exact variance for Gaussian scores of equal spread; `auroc` in (0, 1), any shape.
    Source of the formula: Hanley and McNeil, Radiology 143 (1982).
    """
    a = np.asarray(auroc, dtype=float)
    # the chance that two novel images both score above one normal image; also one above two
    both = a - 2 * special.owens_t(stats.norm.ppf(a), 1 / np.sqrt(3))
    variance = (a * (1 - a) + (normal + novel - 2) * (both - a**2)) / (normal * novel)
    return stats.norm.ppf(0.5 + level / 2) * np.sqrt(variance)


def power_over_seeds(gain: float, sd: float, seeds: np.ndarray, level: float = 0.95) -> np.ndarray:
    """The chance that a paired t test over `seeds` runs finds a true mean difference `gain`.

    `sd` is the standard deviation of the difference between seeds; `seeds` (n,) at least 2 each.
    """
    n = np.asarray(seeds)
    limit = stats.t.ppf(0.5 + level / 2, n - 1)
    shift = gain / sd * np.sqrt(n)
    # the lower tail is so small for a large shift that scipy gives NaN instead of 0
    below = np.nan_to_num(stats.nct.cdf(-limit, n - 1, shift))
    return stats.nct.sf(limit, n - 1, shift) + below


def simulated_half_width(
    auroc: float, normal: int, novel: int, draws: int, rng: np.random.Generator
) -> float:
    """1.96 standard deviations of the AUROCs of `draws` test sets of such scores."""
    shift = np.sqrt(2) * stats.norm.ppf(auroc)
    areas = []
    for _ in range(draws):
        usual = np.sort(rng.normal(0, 1, normal))
        areas.append(np.mean(np.searchsorted(usual, rng.normal(shift, 1, novel))) / normal)
    return stats.norm.ppf(0.975) * np.std(areas, ddof=1)
