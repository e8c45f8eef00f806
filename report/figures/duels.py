"""Chapter 5: which method really beats which, on the same test images and over classes."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import (
    REPEATS,
    compare_means,
    holm,
    mean_ranks,
    paired_delong,
    wilcoxon_over_classes,
)
from report import plots, tables
from report.figures.benchmark import (
    REFERENCE,
    TITLES,
    IndexedRun,
    Results,
    every_result,
    named,
)


def shared_images(a: IndexedRun, b: IndexedRun) -> tuple[IndexedRun, IndexedRun]:
    """Both runs on the test images that both scored."""
    index, in_a, in_b = np.intersect1d(a.index, b.index, return_indices=True)
    return tuple(
        IndexedRun(run.normal_class, run.seed, run.score[rows], run.class_test[rows], index)
        for run, rows in ((a, in_a), (b, in_b))
    )


def against_all(found: Results, method: str = REFERENCE) -> pd.DataFrame:
    """One method against every other complete one, a row each: `wilcoxon_over_classes`, low, high.

    low and high are the 95 % interval of the mean difference, the same images for both, and the
    same seeds where both have the same (`compare_means`); a method that scored only some of the
    images is drawn by itself, which makes its interval too wide, not too narrow. Empty unless the
    method and another one are complete.
    """
    if method not in found.runs or len(found.runs) < 2:
        return pd.DataFrame(columns=["mean_difference", "low", "high", "wins", "losses", "p_holm"])
    compared = wilcoxon_over_classes(found.ours.loc[list(found.runs)], method)
    for other in compared.index:
        _, low, high = compare_means(found.runs[method], found.runs[other], repeats=REPEATS)
        compared.loc[other, ["low", "high"]] = low, high
    return compared


def delong_wins(found: Results, level: float = 0.05) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All complete methods against each other: (difference of means, classes surely won).

    A class is surely won when DeLong's test on the same images, first seed that both have, gives p
    below `level` after Holm's correction for all classes and pairs of methods together.
    """
    methods = list(found.runs)
    average = found.ours.loc[methods].mean(axis=1)
    difference = pd.DataFrame(
        average.to_numpy()[:, None] - average.to_numpy(), index=methods, columns=methods
    )
    duels = []
    for a, b in combinations(methods, 2):
        for k in range(len(found.names)):
            pair = [{r.seed: r for r in found.runs[m] if r.normal_class == k} for m in (a, b)]
            if seeds := set(pair[0]) & set(pair[1]):
                one, other = shared_images(*(runs[min(seeds)] for runs in pair))
                test = paired_delong(one.y, one.score, other.score)
                duels.append((a, b, test.difference, test.p))
    wins = pd.DataFrame(0.0, index=methods, columns=methods)
    for (a, b, by, _), p in zip(duels, holm(np.array([d[3] for d in duels])), strict=True):
        if p < level:
            wins.loc[(a, b) if by > 0 else (b, a)] += 1
    alone = np.eye(len(methods), dtype=bool)
    return difference.mask(alone), wins.mask(alone)


def printed_against_all(found: Results, method: str = REFERENCE) -> pd.DataFrame:
    """What the printed table alone says of one method: `wilcoxon_over_classes` of its rows."""
    return wilcoxon_over_classes(found.published, method).sort_values("p_holm", kind="stable")


def surely_beaten(compared: pd.DataFrame, level: float = 0.05) -> int:
    """How many others a method beats by Wilcoxon's test after Holm's correction."""
    better = compared["mean_difference"] > 0
    return int((better & (compared["p_holm"] < level)).sum())


def sure_winners(compared: pd.DataFrame, level: float = 0.05) -> str:
    """The others that beat a method by Wilcoxon's test after Holm's correction, in words."""
    rows = compared[(compared["mean_difference"] < 0) & (compared["p_holm"] < level)]
    said = [
        f"{tables.METHODS[row.Index]} ({row.losses} of {row.classes} classes, p = {row.p_holm:.3f})"
        for row in rows.itertuples()
    ]
    return ", ".join(said) or "none"


def against_page(compared: pd.DataFrame) -> pd.DataFrame:
    """`wilcoxon_over_classes` for a page."""
    page = pd.DataFrame(
        {
            "mean difference": compared["mean_difference"].map("{:+.4f}".format),
            "classes won": compared["wins"],
            "tied": compared["ties"],
            "lost": compared["losses"],
            "p": compared["p"].map("{:.4f}".format),
            "p (Holm)": compared["p_holm"].map("{:.4f}".format),
        }
    )
    return named(page)


# --- figures --------------------------------------------------------------------------------------


def ranks_figure(every: dict[str, Results]) -> Figure:
    """Ranks over the classes, as printed and of ours."""
    panels: dict[str, pd.DataFrame | str] = {}
    for found in every.values():
        for who, table in (("published", found.published), ("ours", found.ours.dropna())):
            title = f"{TITLES[found.dataset]}, {who}"
            if len(table) < 2:
                panels[title] = "ranks need two complete methods\non record; they are not there yet"
                continue
            _, p = mean_ranks(table)
            panels[title if np.isnan(p) else f"{title}: {_friedman(p)}"] = named(table)
    return plots.class_ranks(panels)


def _friedman(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def against_figure(compared: dict[str, pd.DataFrame], method: str = REFERENCE) -> Figure:
    """One method against all; `compared` are the tables of `against_all`, by data set."""
    panels = {TITLES[k]: named(rows) for k, rows in compared.items()}
    return plots.one_against_all(panels, tables.METHODS[method])


def duels_figure(every: dict[str, Results]) -> Figure:
    """Every complete method against every other."""
    both = {TITLES[name]: delong_wins(found) for name, found in every.items()}
    some = [m for m in tables.METHODS if any(m in wins.index for _, wins in both.values())]

    def square(table: pd.DataFrame) -> pd.DataFrame:
        return named(table.reindex(index=some, columns=some)).rename(columns=tables.METHODS)

    return plots.duels({k: tuple(square(table) for table in pair) for k, pair in both.items()})


FIGURES: dict[str, Callable[[], Figure]] = {
    "benchmark-ranks": lambda: ranks_figure(every_result()),
    "benchmark-against": lambda: against_figure(
        {name: against_all(found) for name, found in every_result().items()}
    ),
    "benchmark-duels": lambda: duels_figure(every_result()),
}
