"""Chapter 5: what brings a reconstruction's score nearer to what is printed, without new training.

An error in units of the image's own detail (`ocnd_lib.detail`) follows from what is recorded: the
error of each test image, and, in the cells of the method `detail`, how much detail it has.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import (
    REPEATS,
    average_runs,
    compare_means,
    mean_interval,
    wilcoxon_over_classes,
)
from ocnd_lib.detail import in_details
from ocnd_lib.records import read_arrays, read_record
from report import plots, tables
from report.figures import reruns
from report.figures.benchmark import (
    TITLES,
    IndexedRun,
    Results,
    every_result,
    names_of,
)
from report.figures.claims import interval_text
from report.figures.source import NoRecords

ERRORS = ("ocgan", "ae", "dae")  # methods whose score is a squared error
_LACKING = "no record yet; make them with: ocnd sweep --datasets mnist --methods ocgan,detail"


def detail_cell(dataset: str) -> str:
    """The cell that holds the detail of every test image; it is the same for every normal class."""
    return f"{dataset}/detail/{tables.class_names(dataset)[0]}/0"


def runs_in_details(found: Results, method: str) -> list[IndexedRun]:
    """The recorded runs of a method with their errors in units of detail; none if some lack."""
    cell = detail_cell(found.dataset)
    if read_record(cell, found.folder) is None:
        return []
    detail = read_arrays(cell, found.folder)["score"].astype(float)
    return [
        replace(run, score=in_details(run.score.astype(float), detail[run.index]))
        for run in found.runs.get(method, [])
    ]


def together(runs: list[IndexedRun]) -> list[IndexedRun]:
    """The seeds of each class as one ensemble: the mean of their scores of the same images.

    Source: Lakshminarayanan, Pritzel and Blundell 2017 (arXiv 1612.01474).
    """
    classes: dict[int, list[IndexedRun]] = {}
    for run in runs:
        classes.setdefault(run.normal_class, []).append(run)
    return [
        replace(seeds[0], score=np.mean([run.score for run in seeds], axis=0))
        for seeds in classes.values()
    ]


def detail_table(every: dict[str, Results]) -> pd.DataFrame:
    """What the division does to the mean AUROC; index data set, method.

    Columns: published (NaN if not printed), error, in_details, low, high (its 95 % interval), gain,
    gain_low, gain_high (paired: the same images and seeds for both), wins, losses (of classes) and
    p (Wilcoxon's over them), seeds, and together, which is the mean of the seeds as ensembles, NaN
    with one seed, with together_low and together_high: an interval over images, since an ensemble
    is one run. A method without a complete row on record has none here.
    """
    rows = {}
    for name, found in every.items():
        printed = tables.load_published(name)["mean"].astype(float)
        for method in ERRORS:
            if not (divided := runs_in_details(found, method)):
                continue
            both = average_runs(divided)
            low, high = mean_interval(divided, repeats=REPEATS)
            plain = average_runs(found.runs[method])
            gain, gain_low, gain_high = compare_means(divided, found.runs[method], repeats=REPEATS)
            classes = pd.DataFrame([both.classes, plain.classes], ["divided", "plain"])
            tested = wilcoxon_over_classes(classes, "divided").loc["plain"]
            rows[name, method] = {
                "published": printed.get(method, np.nan),
                "error": plain.mean,
                "in_details": both.mean,
                **{"low": low, "high": high},
                **{"gain": gain, "gain_low": gain_low, "gain_high": gain_high},
                **tested[["wins", "losses", "p"]],
                "seeds": both.seeds,
            }
            if both.seeds > 1:
                ensembles = together(divided)
                low, high = mean_interval(ensembles, repeats=REPEATS)
                rows[name, method] |= {
                    "together": average_runs(ensembles).mean,
                    **{"together_low": low, "together_high": high},
                }
    columns = ["published", "error", "in_details", "low", "high"]
    columns += ["gain", "gain_low", "gain_high", "wins", "losses", "p", "seeds"]
    columns += ["together", "together_low", "together_high"]
    index = pd.MultiIndex.from_tuples(rows, names=["data set", "method"]) if rows else None
    return pd.DataFrame(list(rows.values()), index=index, columns=columns)


def detail_page(table: pd.DataFrame) -> pd.DataFrame:
    """`detail_table` for a page; NoRecords if nothing is complete."""
    if table.empty:
        raise NoRecords(_LACKING)
    rows = {}
    for (name, method), row in table.iterrows():
        rows[TITLES[name], tables.METHODS[method]] = {
            "published": "" if np.isnan(row.published) else f"{row.published:.4f}",
            "error": f"{row.error:.4f}",
            "in units of detail": f"{row.in_details:.4f} [{row.low:.4f}, {row.high:.4f}]",
            "gain": interval_text(row.gain, row.gain_low, row.gain_high, 4),
            "classes won : lost": f"{row.wins:.0f} : {row.losses:.0f}",
            "p (Wilcoxon)": f"{row.p:.3f}",
            "seeds": f"{row.seeds:.0f}",
            "seeds together": ""
            if np.isnan(row.together)
            else f"{row.together:.4f} [{row.together_low:.4f}, {row.together_high:.4f}]",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["data set", "method"])


def behind(row: tuple[str, str], column: str) -> list[str]:
    """The cells, as patterns, that a number of `detail_page` rests on."""
    if column in ("published", "seeds"):
        return []
    dataset, method = names_of(row)
    return [f"{dataset}/{method}/*/*", detail_cell(dataset)]


def in_words(table: pd.DataFrame, dataset: str, method: str = "ocgan") -> str:
    """A row of `detail_table` as part of a sentence."""
    if (dataset, method) not in table.index:
        return "not complete"
    row = table.loc[(dataset, method)]
    mean = f"{row.in_details:.4f} [{row.low:.4f}, {row.high:.4f}] instead of {row.error:.4f}"
    if np.isnan(row.published):
        return mean
    below, above = row.high < row.published, row.low > row.published
    side = "is below" if below else "is above" if above else "agrees with"
    return f"{mean}, which {side} the published {row.published:.4f}"


def over_classes(table: pd.DataFrame, dataset: str, method: str = "ocgan") -> str:
    """How many classes the division helps, of a row of `detail_table`, in words."""
    if (dataset, method) not in table.index:
        return "not complete"
    row = table.loc[(dataset, method)]
    return f"{row.wins:.0f} classes gain and {row.losses:.0f} lose (Wilcoxon's p = {row.p:.3f})"


def on_other_digits(found: Results, method: str = "ocgan") -> str:
    """The mean in units of detail over the digits other than `reruns.TRIED`, in words."""
    runs = runs_in_details(found, method)
    return reruns.on_other_digits(found, method, runs) if runs else "not complete"


def _class_means(found: Results, method: str) -> pd.Series | None:
    """AUROC of each class in units of detail, mean over seeds; None if some class lacks."""
    if not (divided := runs_in_details(found, method)):
        return None
    return pd.Series(average_runs(divided).classes).rename(index=dict(enumerate(found.names)))


def detail_figure(every: dict[str, Results], method: str = "ocgan") -> Figure:
    """AUROC of each class by a method's error and by the same in units of detail."""
    panels = {}
    for name, found in every.items():
        if (divided := _class_means(found, method)) is not None:
            panels[TITLES[name]] = pd.DataFrame(
                {
                    "published": found.published.loc[method],
                    "error": found.ours.loc[method],
                    "in units of detail": divided.reindex(found.names),
                }
            )
    if not panels:
        raise NoRecords(_LACKING)
    return plots.before_and_after(panels)


FIGURES: dict[str, Callable[[Path | None], Figure]] = {
    "benchmark-detail": lambda folder=None: detail_figure(every_result(folder)),
}
