"""Chapter 6: how far the error of a reconstruction follows the detail of an image, not its class.

An error in units of the image's own detail (`ocnd_lib.detail`) follows from what is recorded: the
error of each test image, and, in the cells of the method `detail`, how much detail it has.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import pearsonr

from ocnd_lib.comparison import Run, average_runs, wilcoxon_over_classes
from ocnd_lib.detail import in_details
from ocnd_lib.stats import Estimate
from report import tables
from report.drawing import COLOURS, interval, panels, signed
from report.source import record_of
from report.tables import TITLES, once

HARDLY = ("pca", "pca+components=0")  # learn; the last gives the mean training image for every one
REDRAWS = ("ocgan", "ae", *HARDLY)  # by a squared error
CELLS = tuple(
    f"{dataset}/{method}/*/*" for dataset in TITLES for method in ("detail", *tables.DECKS, *HARDLY)
)


@once
def class_aurocs(dataset: str) -> pd.DataFrame:
    """AUROCs, means over seeds: a row a class in order; a column a method, `detail` among them, and
    OCGAN's errors divided by detail (`units`) and printed ones (`published`)."""
    names, units = tables.class_names(dataset), average_runs(divided(dataset, "ocgan")).classes
    cells = tables.results(dataset, ("detail", *tables.DECKS)).cells
    table = cells.pivot_table(index="normal_class", columns="method", values="auroc")
    table = table.reindex(names).rename_axis(index=None, columns=None)
    table["published"] = tables.load_published(dataset).loc["ocgan", list(names)].astype(float)
    return table.assign(units=[units[k] for k in range(len(names))])


def correlation(dataset: str, method: str) -> Estimate:
    """Pearson's r over classes of a method's AUROCs and those of detail alone: (r, low, high).

    The interval is Fisher's.
    """
    both = class_aurocs(dataset)[["detail", method]].dropna()
    r = pearsonr(*both.to_numpy().T)
    return float(r.statistic), *map(float, r.confidence_interval())


@once
def detail_scores(dataset: str) -> np.ndarray:
    """The detail of every test image (N,); it is the same for every normal class."""
    return record_of(f"{dataset}/detail/{tables.class_names(dataset)[0]}/0")["score"].astype(float)


@once
def divided(dataset: str, method: str) -> list[Run]:
    """The recorded runs of a method whose score is an error, that in units of detail."""
    detail, runs = detail_scores(dataset), tables.runs_of(dataset, method)
    return [replace(run, score=in_details(run.score.astype(float), detail)) for run in runs]


def numbers() -> dict[str, object]:
    """Every recorded or published number that a sentence of the page has, by its name there."""
    found: dict[str, object] = {}
    for dataset in TITLES:
        for method in REDRAWS:
            error, units = tables.runs_of(dataset, method), divided(dataset, method)
            found[f"error-{dataset}-{method}"] = interval(*tables.mean_of(error))
            found[f"units-{dataset}-{method}"] = interval(*tables.mean_of(units))
            found[f"gain-{dataset}-{method}"] = signed(*tables.gain(units, error))
        classes = class_aurocs(dataset)[["units", "ocgan"]].T
        over = wilcoxon_over_classes(classes, "units").loc["ocgan"]
        found |= {f"{name}-{dataset}": float(over[name]) for name in ("wins", "losses", "p")}
        for method in ("ocgan", "published", "kde", "deep-svdd"):
            found[f"r-{dataset}-{method}"] = interval(*correlation(dataset, method), ".2f")
    return found


def recorded_classes() -> Figure:
    """Classes in the order of the AUROC of detail alone, hollow, and OCGAN's beside it, filled."""
    title = "On CIFAR-10 the AUROC is high for classes with little detail"
    fig, axes = panels(title, 3.6, TITLES.values(), sharey=False)
    for ax, (dataset, name) in zip(axes, TITLES.items(), strict=True):
        table = class_aurocs(dataset).sort_values("detail", ascending=False)
        at = range(len(table))[::-1]
        ax.hlines(at, table["detail"], table["ocgan"], color=COLOURS["unused"], lw=2.2, zorder=1)
        ax.plot(table["detail"], at, "o", color=COLOURS["ink"], mfc="white", ms=6)
        ax.plot(table["ocgan"], at, "o", color=COLOURS["ink"], ms=6)
        ax.axvline(0.5, color=COLOURS["control"], lw=1, zorder=0)
        ax.set_yticks(at, table.index)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x")
        r = interval(*correlation(dataset, "ocgan"), ".2f")
        ax.set(title=f"{name}: r = {r}", xlabel="AUROC", xlim=(0, 1.02), ylim=(-0.6, len(at) - 0.2))
    fig.supxlabel("○ detail alone   ● OCGAN", fontsize=9.5)
    return fig


FIGURES = {"detail-classes": recorded_classes}
