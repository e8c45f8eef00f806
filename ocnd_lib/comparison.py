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

from ocnd_lib.stats import Estimate, Z, percentile_interval, placements, seed_noise

REPEATS = 400  # of a bootstrap whose interval a page or a table shows


@dataclass(frozen=True, eq=False)
class Run:
    """What one trained detector says of test images; ValueError for a score that is no number."""

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

    Each repeat of a bootstrap draws the test images once for all classes and seeds, class by class,
    and adds what chance in training does (`seed_noise`). One seed speaks of the images only.
    """
    aurocs, means = _by_class(runs, repeats)
    noise = seed_noise([list(of.values()) for of in aurocs.values()], repeats, len(aurocs))
    low, high = percentile_interval(np.mean(list(means.values()), axis=0) + noise)
    return max(low, 0.0), min(high, 1.0)


def compare_means(a: list[Run], b: list[Run], repeats: int = 1000) -> Estimate:
    """Mean AUROC of method A minus that of B over the classes both have: (difference, low, high).

    As in `mean_interval`, with the same images for both in each repeat, and with the differences of
    equal seeds where both have the same.
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
    return mean_a - mean_b, *percentile_interval(draws)


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
    """AUROC of a run in each repeat, (repeats,), in which images stand several times or not."""
    counts, score = _image_draws(*images, repeats), np.frombuffer(*score)
    y, order = np.frombuffer(*images) != normal_class, np.argsort(score, kind="stable")
    novel, normal = order[y[order]], order[~y[order]]
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


@lru_cache(maxsize=4)
def _image_draws(images: bytes, dtype: str, repeats: int) -> np.ndarray:
    """How often each image is drawn, class by class, float32 (N, repeats)."""
    class_test, rng = np.frombuffer(images, dtype), np.random.default_rng(0)
    counts = np.zeros((len(class_test), repeats), np.float32)
    for k in np.unique(class_test):
        rows = np.flatnonzero(class_test == k)
        drawn = rng.integers(len(rows), size=(repeats, len(rows)))
        drawn += len(rows) * np.arange(repeats)[:, None]
        drawn = np.bincount(drawn.ravel(), minlength=len(rows) * repeats)
        counts[rows] = drawn.reshape(repeats, len(rows)).T
    return counts


def paired_delong(y: np.ndarray, score_a: np.ndarray, score_b: np.ndarray) -> Estimate:
    """AUROC of A minus that of B, two scores (N,) of the same images: (difference, low, high).

    `y` (N,) is in {0, 1}. Source: DeLong et al., Biometrics 44 (1988).
    """
    y, score_a, score_b = np.asarray(y), np.asarray(score_a, float), np.asarray(score_b, float)
    if not y.shape == score_a.shape == score_b.shape:
        counts = f"{len(y)} labels, {len(score_a)} and {len(score_b)} scores"
        raise ValueError(f"the scores are not of the same images: {counts}")
    a, b = placements(y, score_a), placements(y, score_b)
    parts = [of_a - of_b for of_a, of_b in zip(a, b, strict=True)]
    difference = float(parts[0].mean())
    error = float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)))
    return difference, difference - Z * error, difference + Z * error


def mean_over_runs(values: np.ndarray, repeats: int = 2000) -> Estimate:
    """Mean of values (seeds, images) with an interval over both: (mean, low, high).

    Images are drawn once for all seeds; chance in training is added (`seed_noise`).
    """
    values = np.asarray(values, float)
    means = _weights(values.shape[1], repeats) @ values.mean(axis=0)
    means = means + seed_noise([values.mean(axis=1)], repeats)
    return float(values.mean()), *percentile_interval(means)


@lru_cache(maxsize=8)  # a table asks for many means of as many values
def _weights(images: int, repeats: int) -> np.ndarray:
    """Weights of images in each repeat, (repeats, images)."""
    rng = np.random.default_rng(0)
    return rng.multinomial(images, np.full(images, 1 / images), repeats) / images


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

    Columns: classes (how many), wins, ties, losses and mean_difference of `method`, p, p_holm.
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
