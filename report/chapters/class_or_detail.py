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

from ocnd_lib.comparison import Run, average_runs, compare_means, wilcoxon_over_classes
from ocnd_lib.detail import in_details
from ocnd_lib.experiments import pictured
from report import tables
from report.chapters.reconstruction import redrawn
from report.drawing import COLOURS, forest, interval, panels, signed
from report.source import no_record, record_of
from report.tables import TITLES, once

ERRORS = {  # what redraws by a squared error, and its name in the numbers of the page
    "ocgan": "ocgan",
    "ae": "ae",
    "pca": "pca",
    "pca+components=0": "mean",  # the mean of the training images, whatever is given
}
ATTENTION, ONES = "attention-gan", "attention-gan+mask=ones"
TRIED = ("2", "5", "8")  # of MNIST: on these the rule of choice and most settings were found
PICTURES = "cifar10/ocgan/truck/0"
CELLS = tuple(
    f"{dataset}/{method}/*/*"
    for dataset in TITLES
    for method in ("detail", *tables.DECKS, ONES, "pca", "pca+components=0")
)


# --- detail alone, beside the methods ------------------------------------------------------------


@once
def class_aurocs(dataset: str) -> pd.DataFrame:
    """AUROCs, means over seeds: a row a class in order; a column a method, `detail` among them, and
    OCGAN's errors divided by detail (`units`) and printed ones (`published`)."""
    names, units = tables.class_names(dataset), average_runs(divided(dataset, "ocgan")).classes
    cells = tables.results(dataset, ("detail", *tables.DECKS)).cells
    table = cells.pivot_table(index="normal_class", columns="method", values="auroc")
    table = table.reindex(names).rename_axis(index=None, columns=None)
    table["published"] = tables.load_published(dataset).loc["ocgan", names].astype(float)
    return table.assign(units=[units[k] for k in range(len(names))])


def correlation(a: pd.Series, b: pd.Series) -> tuple[float, float, float]:
    """Pearson's r over the classes of both, with Fisher's interval: (r, low, high)."""
    both = pd.concat([a, b], axis=1).dropna()
    r = pearsonr(*both.to_numpy().T)
    return float(r.statistic), *map(float, r.confidence_interval())


def correlations(dataset: str) -> pd.DataFrame:
    """`correlation` with detail alone of each method's class AUROCs, and OCGAN's printed ones."""
    table = class_aurocs(dataset)
    rows = {m: correlation(table["detail"], table[m]) for m in (*tables.DECKS, "published")}
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])
    return found.sort_values("value", ascending=False)


def order_of_images(dataset: str) -> float:
    """Spearman's correlation of OCGAN's error and detail over test images, mean over its cells."""
    detail = detail_scores(dataset)
    return float(np.mean([spearmanr(detail, r.score).statistic for r in runs(dataset, "ocgan")]))


# --- errors in units of detail -------------------------------------------------------------------


@once
def detail_scores(dataset: str) -> np.ndarray:
    """The detail of every test image (N,); it is the same for every normal class."""
    return record_of(f"{dataset}/detail/{tables.class_names(dataset)[0]}/0")["score"].astype(float)


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


@once
def units_table() -> pd.DataFrame:
    """What the division does to the mean AUROC; index data set, method.

    Columns: error, units and gain (paired), each (value, low, high); wins, losses, p (Wilcoxon's).
    """
    rows = {}
    for dataset in TITLES:
        for method, name in ERRORS.items():
            plain, after = runs(dataset, method), divided(dataset, method)
            classes = [average_runs(of).classes for of in (after, plain)]
            over = wilcoxon_over_classes(pd.DataFrame(classes, ["after", "plain"]), "after")
            rows[dataset, name] = {
                "error": tables.mean_of(plain),
                "units": tables.mean_of(after),
                "gain": tables.gain(after, plain),
                **over.loc["plain", ["wins", "losses", "p"]],
            }
    return pd.DataFrame(rows).T


# --- what the page says --------------------------------------------------------------------------


def numbers() -> dict[str, object]:
    """Every recorded or published number that a sentence of the page has, by its name there."""
    found: dict[str, object] = {}
    for (dataset, method), row in units_table().iterrows():
        for name in ("error", "units"):
            found[f"{name}-{dataset}-{method}"] = interval(*row[name])
        found[f"gain-{dataset}-{method}"] = signed(*row["gain"])
        for name in ("wins", "losses", "p"):
            found[f"{name}-{dataset}-{method}"] = float(row[name])
    for dataset in TITLES:
        ocgan, parts = divided(dataset, "ocgan"), two_errors(dataset)
        ahead = compare_means(ocgan, divided(dataset, "ae"), repeats=tables.REPEATS)  # more seeds
        for name, gain in {
            "base": tables.gain(parts["both"], parts["base"]),
            "ones": tables.gain(parts["both"], parts["ones"]),
            "ae": ahead,
            "pca": tables.gain(ocgan, divided(dataset, "pca")),
        }.items():
            found[f"over-{name}-{dataset}"] = signed(*gain)
        for method, row in correlations(dataset).iterrows():
            found[f"r-{dataset}-{method}"] = interval(*row, ".2f")
        found[f"order-{dataset}"] = order_of_images(dataset)
        found[f"product-{dataset}"] = interval(*tables.mean_of(parts["both"]))
        ensembles = tables.together(parts["both"])
        found[f"together-{dataset}"] = interval(*tables.mean_of(ensembles))
    tried = [tables.class_names("mnist").index(name) for name in TRIED]
    others = [run for run in divided("mnist", "ocgan") if run.normal_class not in tried]
    return found | {"untried-mnist": interval(*tables.mean_of(others))}


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
    title = "On CIFAR-10 the AUROC is high for classes with little detail"
    fig, axes = panels(title, 3.6, TITLES.values(), sharey=False)
    for ax, (dataset, name) in zip(axes, TITLES.items(), strict=True):
        table = class_aurocs(dataset).sort_values("detail", ascending=False)
        dumbbells(ax, table, "detail", "ocgan")
        r = interval(*correlation(table["detail"], table["ocgan"]), ".2f")
        ax.set(title=f"{name}: r = {r}", xlim=(0, 1.02))
    fig.supxlabel("○ detail alone   ● OCGAN", fontsize=9.5)
    return fig


def recorded_methods() -> Figure:
    """Pearson's r of each method's class AUROCs with those of detail alone."""
    title = "Nearly every method follows detail on CIFAR-10; Deep SVDD does not"
    fig, axes = panels(title, 3.6, list(TITLES.values())[::-1])
    order = correlations("cifar10").index.drop("published")
    for ax, dataset in zip(axes, list(TITLES)[::-1], strict=True):
        forest(ax, correlations(dataset).loc[order].rename(index=tables.METHODS))
        ax.set(xlim=(-1, 1.03), xlabel="r with detail, over ten classes")
        ax.set_xticks([-0.5, 0, 0.5, 1])
    return fig


def recorded_units() -> Figure:
    """OCGAN's AUROC of each class by its error and in units of detail."""
    title = "The division helps every digit, and exchanges classes on CIFAR-10"
    fig, axes = panels(title, 3.6, TITLES.values(), sharey=False)
    for ax, dataset in zip(axes, TITLES, strict=True):
        table = class_aurocs(dataset)
        ax.plot(table["published"], np.arange(len(table))[::-1], "D", color=COLOURS["known"], ms=4)
        dumbbells(ax, table, "ocgan", "units")
    axes[0].set_xlim(0.855, 1.005)
    fig.supxlabel("○ error   ● in units of detail   ◆ published, by the error", fontsize=9.5)
    return fig


def recorded_pictures() -> Figure:
    """Test images in the order of their detail, as an OCGAN of trucks redraws them."""
    arrays = record_of(PICTURES)
    index = pictured(arrays["class_test"])
    detail = detail_scores("cifar10")[index]
    order = np.argsort(detail)[::2]
    novel = arrays["class_test"][index][order] != tables.class_names("cifar10").index("truck")
    return redrawn(
        "A model of trucks redraws smooth pictures best",
        arrays["picture_given"][order], {"OCGAN, truck": arrays["picture_redrawn"][order]},
        novel, [f"{value:.3f}" for value in detail[order]],
    )  # fmt: skip


FIGURES = {
    "detail-classes": recorded_classes,
    "detail-methods": recorded_methods,
    "detail-pictures": recorded_pictures,
    "detail-units": recorded_units,
}
