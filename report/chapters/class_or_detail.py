"""Chapter 6: how far the error of a reconstruction follows the detail of an image, not its class.

An error in units of the image's own detail (`ocnd_lib.detail`) follows from what is recorded: the
error of each test image, and, in the cells of the method `detail`, how much detail it has.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import pearsonr, spearmanr

from ocnd_lib.comparison import (
    REPEATS,
    Run,
    average_runs,
    compare_means,
    mean_interval,
    shared_runs,
    wilcoxon_over_classes,
)
from ocnd_lib.detail import FLOOR, in_details
from ocnd_lib.experiments import pictured
from ocnd_lib.records import read_arrays
from report import tables
from report.chapters.reconstruction import DATASETS, redrawn
from report.drawing import COLOURS, WIDTH, forest, interval, titled
from report.source import no_record
from report.tables import once

ERRORS = ("ocgan", "ae")  # methods whose score is a squared error
ATTENTION, ONES = "attention-gan", "attention-gan+mask=ones"
TRIED = ("2", "5", "8")  # of MNIST: on these the rule of choice and most settings were found
PICTURES = "cifar10/ocgan/truck/0"
CELLS = tuple(
    f"{dataset}/{method}/*/*"
    for dataset in DATASETS
    for method in ("detail", *tables.DECKS, ONES)
)


# --- detail alone, beside the methods ------------------------------------------------------------


@once
def class_aurocs(dataset: str, method: str) -> pd.DataFrame:
    """Recorded AUROCs of a method: a row a class, in order, a column a seed; NaN where none is."""
    names, cells = tables.class_names(dataset), tables.results(dataset, [method]).cells
    if cells.empty:
        raise no_record(f"{dataset}/{method}/{names[0]}/0")
    wide = cells.pivot(index="normal_class", columns="seed", values="auroc")
    return wide.reindex(names).rename_axis(None)


def correlation(a: pd.Series, b: pd.Series) -> tuple[float, float, float]:
    """Pearson's r over the classes of both, with Fisher's interval: (r, low, high)."""
    both = pd.concat([a, b], axis=1).dropna()
    r = pearsonr(*both.to_numpy().T)
    return float(r.statistic), *map(float, r.confidence_interval())


def correlations(dataset: str) -> pd.DataFrame:
    """How the class AUROCs of each method, means over seeds, follow those of detail alone.

    Columns value, low, high: Pearson's r and Fisher's interval; index methods, the highest first.
    """
    detail = class_aurocs(dataset, "detail")[0]
    rows = {m: correlation(detail, class_aurocs(dataset, m).mean(axis=1)) for m in tables.DECKS}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])
    return table.sort_values("value", ascending=False)


def order_of_images(dataset: str) -> float:
    """Spearman's correlation of OCGAN's error and detail over test images, mean over its cells."""
    detail = detail_scores(dataset)
    return float(np.mean([spearmanr(detail, r.score).statistic for r in runs(dataset, "ocgan")]))


# --- errors in units of detail -------------------------------------------------------------------


@once
def detail_scores(dataset: str) -> np.ndarray:
    """The detail of every test image (N,); it is the same for every normal class."""
    cell = f"{dataset}/detail/{tables.class_names(dataset)[0]}/0"
    if "score" not in (arrays := read_arrays(cell)):
        raise no_record(cell)
    return arrays["score"].astype(float)


@once
def runs(dataset: str, variant: str, score=lambda kept: kept["score"].astype(float)) -> list[Run]:
    """The recorded runs of a variant, by their scores or another number of what is kept."""
    if not (found := tables.read_runs(f"{dataset}/{variant}/*", score)):
        raise no_record(f"{dataset}/{variant}/{tables.class_names(dataset)[0]}/0")
    return found


@once
def divided(dataset: str, method: str) -> list[Run]:
    """The runs of a method whose score is an error, in units of detail."""
    detail = detail_scores(dataset)
    return [replace(r, score=in_details(r.score, detail)) for r in runs(dataset, method)]


def two_errors(dataset: str) -> dict[str, list[Run]]:
    """Runs of attention-GANs in units of detail: `base`, its base GAN's error; `both`, that times
    the error of the masked image's GAN; `ones`, the same product where the mask hides nothing.

    Records hold no errors of validation images, with which the parts are standardised before they
    are added; in these units they need no standard, and are multiplied.
    """
    detail = detail_scores(dataset)

    def part(kept: dict, name: str) -> np.ndarray:
        return in_details(kept[f"part_{name}"].astype(float), detail)

    def both(kept: dict) -> np.ndarray:
        return part(kept, "base") * part(kept, "masked")

    return {
        "base": runs(dataset, ATTENTION, lambda kept: part(kept, "base")),
        "both": runs(dataset, ATTENTION, both),
        "ones": runs(dataset, ONES, both),
    }


def mean_of(runs: list[Run]) -> tuple[float, float, float]:
    """Mean AUROC over classes and seeds, with its interval over seeds and images."""
    return average_runs(runs).mean, *mean_interval(runs, repeats=REPEATS)


@once
def units_table() -> pd.DataFrame:
    """What the division does to the mean AUROC; index data set, method.

    Columns: error and units (the mean by the error and in units of detail) and gain (units minus
    error, paired), each with _low and _high; wins, losses (of classes) and p (Wilcoxon's).
    """
    rows = {}
    for dataset in DATASETS:
        for method in ERRORS:
            plain, after = runs(dataset, method), divided(dataset, method)
            means = [average_runs(of).classes for of in (after, plain)]
            over = wilcoxon_over_classes(pd.DataFrame(means, ["after", "plain"]), "after")
            rows[dataset, method] = dict(over.loc["plain", ["wins", "losses", "p"]])
            gain = compare_means(after, plain, repeats=REPEATS)
            found = {"error": mean_of(plain), "units": mean_of(after), "gain": gain}
            for name, values in found.items():
                rows[dataset, method] |= dict(zip(_ends(name), values, strict=True))
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.set_axis(pd.MultiIndex.from_tuples(rows, names=["data set", "method"]))


def _ends(name: str) -> list[str]:
    return [name, f"{name}_low", f"{name}_high"]


def units_page() -> pd.DataFrame:
    """`units_table` for a page."""
    rows = {
        f"{DATASETS[dataset]}, {tables.METHODS[method]}": {
            "error": f"{row['error']:.3f}",
            "in units of detail": interval(*row[_ends("units")]),
            "gain": interval(*row[_ends("gain")], "+.3f"),
            "won : lost": f"{row['wins']:.0f} : {row['losses']:.0f}",
        }
        for (dataset, method), row in units_table().iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def class_table(dataset: str) -> pd.DataFrame:
    """OCGAN's AUROC of each class: detail alone, error, units, means over seeds; published."""
    table = pd.DataFrame({"detail": class_aurocs(dataset, "detail")[0]})
    table["error"] = class_aurocs(dataset, "ocgan").mean(axis=1)
    units = average_runs(divided(dataset, "ocgan")).classes
    table["units"] = [units[k] for k in range(len(table))]
    printed = tables.load_published(dataset)
    return table.assign(published=printed.loc["ocgan", table.index].astype(float))


# --- what the page says --------------------------------------------------------------------------


def numbers() -> dict[str, object]:
    """Every recorded or published number that a sentence of the page has, by its name there."""
    found, units = {}, units_table()
    for dataset in DATASETS:
        names = tables.class_names(dataset)
        for method, row in correlations(dataset).iterrows():
            found[f"r-{dataset}-{method}"] = interval(*row, ".2f")
        classes = class_table(dataset)
        printed = correlation(classes["detail"], classes["published"])
        found[f"r-{dataset}-published"] = interval(*printed, ".2f")
        found[f"order-{dataset}"] = order_of_images(dataset)
        for method in ERRORS:
            row = units.loc[(dataset, method)]
            for name in ("error", "units", "gain"):
                form = "+.3f" if name == "gain" else ".3f"
                found[f"{name}-{dataset}-{method}"] = interval(*row[_ends(name)], form)
            for name in ("wins", "losses", "p"):
                found[f"{name}-{dataset}-{method}"] = float(row[name])
        ocgan, ae = (divided(dataset, method) for method in ERRORS)
        found[f"over-ae-{dataset}"] = interval(*compare_means(ocgan, ae, repeats=REPEATS), "+.3f")
        parts = two_errors(dataset)
        found[f"product-{dataset}"] = interval(*mean_of(parts["both"]))
        for name in ("base", "ones"):
            gain = compare_means(*shared_runs(parts["both"], parts[name]), repeats=REPEATS)
            found[f"over-{name}-{dataset}"] = interval(*gain, "+.3f")
        found[f"together-{dataset}"] = interval(*mean_of(tables.together(parts["both"])))
        if dataset == "mnist":
            others = [run for run in ocgan if names[run.normal_class] not in TRIED]
            found["untried-mnist"] = interval(*mean_of(others))
    return found


# --- figures -------------------------------------------------------------------------------------


def dumbbells(ax: Axes, table: pd.DataFrame, first: str, second: str) -> None:
    """A row a class, the first on top: two AUROCs joined by a line, hollow and filled."""
    at = np.arange(len(table))[::-1]
    ax.hlines(at, table[first], table[second], color=COLOURS["unused"], lw=2.2, zorder=1)
    ax.plot(table[first], at, "o", color=COLOURS["ink"], mfc="white", ms=6)
    ax.plot(table[second], at, "o", color=COLOURS["ink"], ms=6)
    ax.axvline(0.5, color=COLOURS["control"], lw=1, zorder=0)
    ax.set_yticks(at, table.index)
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel="AUROC", ylim=(-0.6, len(table) - 0.2))
    ax.grid(axis="x")


def recorded_classes() -> Figure:
    """Classes in the order of the AUROC of detail alone, and OCGAN's beside it."""
    fig = titled("On CIFAR-10 the AUROC is high for classes with little detail", 3.6)
    for ax, dataset in zip(fig.subplots(1, 2), DATASETS, strict=True):
        table = class_table(dataset).sort_values("detail", ascending=False)
        r = correlation(table["detail"], table["error"])
        dumbbells(ax, table, "detail", "error")
        ax.set(title=f"{DATASETS[dataset]}: r = {interval(*r, '.2f')}", xlim=(0, 1.02))
    ax.text(0.62, 0.1, "○ detail alone\n● OCGAN", transform=ax.transAxes, va="bottom")
    return fig


def recorded_methods() -> Figure:
    """Pearson's r of each method's class AUROCs with those of detail alone."""
    fig = titled("Nearly every method follows detail on CIFAR-10; Deep SVDD does not", 3.6)
    first = correlations("cifar10")
    for ax, dataset in zip(fig.subplots(1, 2, sharey=True), ("cifar10", "mnist"), strict=True):
        rows = correlations(dataset).loc[first.index]
        forest(ax, rows.rename(index=tables.METHODS))
        ax.set(title=DATASETS[dataset], xlim=(-1, 1.03), xlabel="r with detail, over ten classes")
        ax.set_xticks([-0.5, 0, 0.5, 1])
    return fig


def recorded_units() -> Figure:
    """OCGAN's AUROC of each class by its error and in units of detail."""
    fig = titled("The division helps every digit, and exchanges classes on CIFAR-10", 3.6)
    for ax, dataset in zip(fig.subplots(1, 2), DATASETS, strict=True):
        table = class_table(dataset)
        dumbbells(ax, table, "error", "units")
        at = np.arange(len(table))[::-1]
        ax.plot(table["published"], at, "D", color=COLOURS["known"], ms=4, zorder=1)
        ax.set(title=DATASETS[dataset])
        if dataset == "mnist":
            ax.set_xlim(0.855, 1.005)
    first = fig.axes[0]
    first.text(0.03, 0.35, "○ error\n● in units of detail", transform=first.transAxes)
    first.text(0.03, 0.27, "◆ published", color=COLOURS["known"], transform=first.transAxes)
    return fig


def recorded_pictures() -> Figure:
    """Test images in the order of their detail, as an OCGAN of trucks redraws them."""
    if "picture_given" not in (arrays := read_arrays(PICTURES)):
        raise no_record(PICTURES)
    index = pictured(arrays["class_test"])
    detail = detail_scores("cifar10")[index]
    order = np.argsort(detail)[::2]
    truck = tables.class_names("cifar10").index("truck")
    novel = (arrays["class_test"][index] != truck).astype(int)
    rows = {"OCGAN, truck": arrays["picture_redrawn"][order]}
    fig = redrawn(arrays["picture_given"][order], rows, novel[order])
    fig.suptitle("A model of trucks redraws smooth pictures best", x=0, ha="left", fontsize=10.5)
    for ax, value in zip(fig.axes, detail[order], strict=False):
        ax.set_xlabel(f"{value:.3f}", labelpad=2, fontsize=9)
    return fig


def error_against_detail(detail: np.ndarray, error: np.ndarray, y: np.ndarray) -> Figure:
    """Errors (N,) of test images against their detail (N,); `y` 1 is novel.

    Lines: above the level one lie 5 % of normal images by their error, above the slanting one 5 %
    by the error in units of detail.
    """
    fig = Figure(figsize=(WIDTH, 3.2))
    ax = fig.subplots()
    for label, name in enumerate(("normal", "novel")):
        at = y == label
        ax.plot(detail[at], error[at], ".", color=COLOURS[name], alpha=0.6, label=name)
    ends = np.array([detail.min(), detail.max()])
    ax.axhline(np.quantile(error[y == 0], 0.95), color=COLOURS["control"], lw=1)
    slope = np.quantile(in_details(error, detail)[y == 0], 0.95)
    ax.plot(ends, slope * (ends + FLOOR), "--", color=COLOURS["control"], lw=1)
    ax.set(xlabel="detail of the image", ylabel="error", ylim=(0, None))
    ax.legend(loc="upper left")
    return fig


FIGURES = {
    "detail-classes": recorded_classes,
    "detail-methods": recorded_methods,
    "detail-pictures": recorded_pictures,
    "detail-units": recorded_units,
}
