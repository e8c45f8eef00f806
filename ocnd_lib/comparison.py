"""Which method is better, and how sure that is: intervals of means, paired tests, ranks.

Label 1 is novel; a higher score means more novel. A table of AUROC has a row a method, a column a
class.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from scipy import stats
from scipy.sparse import csr_matrix

from ocnd_lib.stats import LEVEL, Z, middle_of, placements, seed_noise

REPEATS = 400  # of a bootstrap whose interval a page or a table shows


@dataclass(frozen=True, eq=False)
class Run:
    """What one trained detector says of the test images: `score` and `class_test`, both (N,).

    ValueError if the lengths differ or a score is not a number.
    """

    normal_class: int  # an index, as in `class_test`
    seed: int
    score: np.ndarray
    class_test: np.ndarray

    def __post_init__(self):
        name, images = f"class {self.normal_class}, seed {self.seed}", len(self.class_test)
        if self.score.shape != self.class_test.shape:
            raise ValueError(f"{name}: {len(self.score)} scores for {images} test images")
        if bad := int(np.isnan(self.score).sum()):
            raise ValueError(f"{name}: {bad} scores are not numbers; the detector has diverged")

    @property
    def y(self) -> np.ndarray:
        """0 normal, 1 novel."""
        return (self.class_test != self.normal_class).astype(int)

    @cached_property
    def auroc(self) -> float:
        """Area under the ROC curve of novel against normal images."""
        return float(placements(self.y, self.score)[0].mean())


# --- one method: its mean over classes and seeds, and the interval of that mean ------------------


@dataclass(frozen=True)
class Average:
    """Mean AUROC of a method over the classes that were run, and what it rests on."""

    mean: float  # of `classes`
    sd: float  # of the mean over classes, over the seeds that all share; NaN for fewer than two
    seeds: int  # the least number of a class
    classes: dict  # class → mean over its seeds


def average(cells: Iterable[tuple[Hashable, int, float]]) -> Average:
    """Average (class, seed, AUROC) of one method; ValueError if a class and seed come twice."""
    table = pd.DataFrame(cells, columns=["class", "seed", "auroc"])
    if table.duplicated(["class", "seed"]).any():
        raise ValueError("two runs have the same class and seed; take one method at a time")
    table = table.pivot(index="class", columns="seed", values="auroc")
    classes = table.mean(axis=1)
    sd, seeds = table.dropna(axis=1).mean().std(), table.notna().sum(axis=1).min()
    return Average(float(classes.mean()), float(sd), int(seeds), classes.to_dict())


def average_runs(runs: Iterable[Run]) -> Average:
    """`average` of runs of one method."""
    return average((run.normal_class, run.seed, run.auroc) for run in runs)


def shared_runs(a: list[Run], b: list[Run]) -> tuple[list[Run], list[Run]]:
    """Those runs of either method whose class and seed the other has, too."""
    shared = {(r.normal_class, r.seed) for r in a} & {(r.normal_class, r.seed) for r in b}
    a, b = ([run for run in runs if (run.normal_class, run.seed) in shared] for runs in (a, b))
    return a, b


def mean_interval(runs: list[Run], repeats: int = 1000) -> tuple[float, float]:
    """Interval, over seeds and images, of the mean that `average` gives.

    Each repeat of a bootstrap draws the test images once for all classes and seeds, class by class
    so that their numbers stay, and adds what chance in training does (`seed_noise`). With one seed
    the interval speaks of the images only.
    """
    aurocs, means = _by_class(runs, repeats)
    noise = seed_noise([list(of.values()) for of in aurocs.values()], repeats, len(aurocs))
    low, high = middle_of(np.mean(list(means.values()), axis=0) + noise)
    return max(low, 0.0), min(high, 1.0)


def compare_means(
    a: list[Run], b: list[Run], level: float = LEVEL, repeats: int = 1000
) -> tuple[float, float, float]:
    """Mean AUROC of method A minus that of B over the classes both have: (difference, low, high).

    As in `mean_interval`, with the same images for both in each repeat, and with the differences of
    equal seeds where both have the same: what a hard image, or a lucky seed, does to both cancels.
    """
    shared = {run.normal_class for run in a} & {run.normal_class for run in b}
    if not shared:
        raise ValueError("the two methods have no class in common")
    a, b = ([run for run in runs if run.normal_class in shared] for runs in (a, b))
    mean_a, mean_b = (average_runs(runs).mean for runs in (a, b))
    (aurocs_a, means_a), (aurocs_b, means_b) = _by_class(a, repeats), _by_class(b, repeats)
    differences, groups = [means_a[k] - means_b[k] for k in means_a], []
    for k, of_a in aurocs_a.items():
        of_b = aurocs_b[k]
        if of_a.keys() == of_b.keys():
            groups.append([of_a[seed] - of_b[seed] for seed in of_a])
        else:
            groups += [list(of_a.values()), list(of_b.values())]
    draws = np.mean(differences, axis=0) + seed_noise(groups, repeats, len(differences))
    return mean_a - mean_b, *middle_of(draws, level)


def _by_class(
    runs: list[Run], repeats: int
) -> tuple[dict[int, dict[int, float]], dict[int, np.ndarray]]:
    """By normal class: seed → AUROC; and the mean over seeds in each repeat, (repeats,)."""
    aurocs, resampled = defaultdict(dict), defaultdict(list)
    for run in runs:
        held = [(array.tobytes(), array.dtype.str) for array in (run.score, run.class_test)]
        aurocs[run.normal_class][run.seed] = run.auroc
        resampled[run.normal_class].append(_resampled(*held, run.normal_class, repeats))
    return aurocs, {k: np.mean(of, axis=0) for k, of in resampled.items()}


# by what the run holds, since the same record is read again by every table that it stands in
@lru_cache(maxsize=1500)
def _resampled(
    score: tuple[bytes, str], images: tuple[bytes, str], normal_class: int, repeats: int
) -> np.ndarray:
    """AUROC of a run in each repeat, (repeats,)."""
    y = (np.frombuffer(*images) != normal_class).astype(int)
    return resampled_auroc(y, np.frombuffer(*score), _image_draws(*images, repeats))


@lru_cache(maxsize=4)
def _image_draws(images: bytes, dtype: str, repeats: int) -> np.ndarray:
    return image_draws(np.frombuffer(images, dtype), repeats)


def image_draws(class_test: np.ndarray, repeats: int) -> np.ndarray:
    """How often each image is drawn, class by class, float32 (N, repeats); alike for all methods.
    """
    rng = np.random.default_rng(0)
    counts = np.zeros((len(class_test), repeats), np.float32)
    for k in np.unique(class_test):
        rows = np.flatnonzero(class_test == k)
        drawn = rng.integers(len(rows), size=(repeats, len(rows)))
        drawn += len(rows) * np.arange(repeats)[:, None]
        drawn = np.bincount(drawn.ravel(), minlength=len(rows) * repeats)
        counts[rows] = drawn.reshape(repeats, len(rows)).T
    return counts


def resampled_auroc(y: np.ndarray, score: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """AUROC of every resample, (repeats,), where image i stands `counts[i]` times."""
    order = np.argsort(score, kind="stable")
    novel, normal = order[y[order] == 1], order[y[order] == 0]
    below, upto = (np.searchsorted(score[normal], score[novel], side) for side in ("left", "right"))
    # novel images between the same two normal ones are added first: a few thousand rows, not all
    starts = np.flatnonzero(np.diff(below + upto, prepend=-1))
    ones = np.ones(len(novel), np.float32)
    shape = len(starts), len(y)
    drawn = csr_matrix((ones, novel, np.append(starts, len(novel))), shape=shape) @ counts
    normals = np.cumsum(counts[normal], axis=0)
    normals = np.concatenate([np.zeros_like(normals[:1]), normals])
    lower = (normals[below[starts]] + normals[upto[starts]]) / 2  # a tie counts half
    aurocs = np.einsum("ib,ib->b", lower, drawn) / (normals[-1] * drawn.sum(axis=0))
    return aurocs.astype(float)


# --- two methods on the same images --------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """AUROC of A minus AUROC of B, its interval and two-sided p."""

    difference: float
    low: float
    high: float
    p: float


def paired_delong(y: np.ndarray, score_a: np.ndarray, score_b: np.ndarray) -> Difference:
    """DeLong's test of two scores (N,) of the same images, `y` (N,) in {0, 1}.

    Two scores that rank every pair alike differ by 0, with p = 1. Source: DeLong, DeLong and
    Clarke-Pearson, Biometrics 44 (1988).
    """
    y, score_a, score_b = np.asarray(y), np.asarray(score_a, float), np.asarray(score_b, float)
    if not y.shape == score_a.shape == score_b.shape:
        counts = f"{len(y)} labels, {len(score_a)} and {len(score_b)} scores"
        raise ValueError(f"the scores are not of the same images: {counts}")
    return compare_placements(placements(y, score_a), placements(y, score_b))


def compare_placements(
    a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]
) -> Difference:
    """`paired_delong` of the `placements` of two scores, which many pairs can share."""
    parts = [of_a - of_b for of_a, of_b in zip(a, b, strict=True)]
    difference = float(parts[0].mean())
    error = float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)))
    if error == 0:
        p = 1.0 if difference == 0 else 0.0
    else:
        p = float(2 * stats.norm.sf(abs(difference) / error))
    return Difference(difference, difference - Z * error, difference + Z * error, p)


@dataclass(frozen=True)
class McNemar:
    """Images that only A, and only B, answers rightly, and the exact two-sided p that both are as
    likely."""

    only_a: int
    only_b: int
    p: float


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> McNemar:
    """McNemar's exact test (1947) of whether two classifiers are right, (N,) bool, image by image.
    """
    right_a, right_b = np.asarray(right_a, bool), np.asarray(right_b, bool)
    if right_a.shape != right_b.shape:
        raise ValueError(f"{right_a.size} and {right_b.size} answers are not of the same images")
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    # of one image as of none p is 1
    p = stats.binomtest(only_a, max(only_a + only_b, 1)).pvalue
    return McNemar(only_a, only_b, float(p))


def mean_over_runs(values: np.ndarray, repeats: int = 2000) -> tuple[float, float, float]:
    """Mean of values (seeds, images) with an interval over both: (mean, low, high).

    The values are of the same images in each seed, which are drawn once for all seeds; chance in
    training is added (`seed_noise`). With one seed the interval speaks of the images only.
    """
    values = np.asarray(values, float)
    means = _weights(values.shape[1], repeats) @ values.mean(axis=0)
    means = means + seed_noise([values.mean(axis=1)], repeats)
    return float(values.mean()), *middle_of(means)


@lru_cache(maxsize=8)  # a table asks for many means of as many values
def _weights(images: int, repeats: int) -> np.ndarray:
    """Weights of images in each repeat, (repeats, images)."""
    rng = np.random.default_rng(0)
    return rng.multinomial(images, np.full(images, 1 / images), repeats) / images


# --- several methods over classes ----------------------------------------------------------------


def holm(p: np.ndarray) -> np.ndarray:
    """P values adjusted for their number by Holm's step-down rule (1979), in the given order."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def wilcoxon_over_classes(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """Compare one method with each other one, class by class: signed ranks, Holm over the others.

    One row another method that shares classes: classes (how many), wins, ties, losses and
    mean_difference of `method`, p of Wilcoxon's two-sided test, p_holm.
    """
    rows = {}
    for other in table.index.drop(method):
        # rounded, since equal differences of decimals must tie and binary fractions keep them apart
        difference = (table.loc[method] - table.loc[other]).dropna().round(9)
        if difference.empty:
            continue
        rows[other] = {
            "classes": len(difference),
            "wins": int((difference > 0).sum()),
            "ties": int((difference == 0).sum()),
            "losses": int((difference < 0).sum()),
            "mean_difference": float(difference.mean()),
            "p": float(stats.wilcoxon(difference).pvalue) if difference.any() else 1.0,
        }
    columns = ["classes", "wins", "ties", "losses", "mean_difference", "p"]
    compared = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return compared.assign(p_holm=holm(compared["p"]))


def mean_ranks(table: pd.DataFrame) -> tuple[pd.Series, float]:
    """Mean rank of each method (1 is best, ties share) and Friedman's p that all are alike.

    Over the classes that every method has; ValueError if there is none. p is NaN for fewer than
    three methods or two classes.
    """
    table = table.dropna(axis=1).round(9)
    if not table.shape[1]:
        raise ValueError("no class has been run with every method")
    ranks = table.rank(ascending=False).mean(axis=1).sort_values()
    enough = len(table) > 2 and table.shape[1] > 1
    p = float(stats.friedmanchisquare(*table.to_numpy()).pvalue) if enough else float("nan")
    return ranks, p


def confusability(runs: list[Run], classes: int) -> np.ndarray:
    """AUROC of each normal class (row) against each novel one (column), mean over seeds, else NaN.
    """
    rows = defaultdict(list)
    for run in runs:
        ordered, kinds = placements(run.y, run.score)[0], run.class_test[run.y == 1]
        rows[run.normal_class].append(pd.Series(ordered).groupby(kinds).mean())
    found = pd.DataFrame({k: pd.concat(some, axis=1).mean(axis=1) for k, some in rows.items()})
    return found.reindex(index=range(classes), columns=range(classes)).to_numpy().T
