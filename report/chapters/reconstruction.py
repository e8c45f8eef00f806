"""Chapter 3: the size of an autoencoder's code, and what random codes are decoded to."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ocnd_lib.benchmark import pictured
from ocnd_lib.comparison import compare_means
from ocnd_lib.data import class_index
from ocnd_lib.records import Cell, parse_cell, read_arrays, read_record
from ocnd_lib.stats import proportion_interval, seed_interval
from report import tables
from report.drawing import COLOURS, WIDTH, forest, interval, show_image, titled
from report.source import no_record
from report.tables import once

DATASETS = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
LATENT_DIMS = (2, 4, 8, 16, 32, 64, 128, 256)
USUAL_DIM = 32  # of the tables' own cells, which are not run again under another name
SEEDS = range(3)
OCGAN_CELLS = tuple(f"mnist/ocgan/8/{seed}" for seed in range(5))
# methods whose random codes are recorded, of one normal class a data set, seed 0
DRAWN = {
    "ae": "autoencoder",
    "dae": "denoising AE",
    "vae": "VAE",
    "gan": "GAN",
    "anogan": "AnoGAN",
    "f-anogan": "f-AnoGAN",
}
NORMAL = {"mnist": "8", "cifar10": "truck"}
PICTURES = {
    (dataset, method): f"{dataset}/{method}/{name}/0"
    for dataset, name in NORMAL.items()
    for method in DRAWN
}
USUAL = 0.05  # of real held-out images that lie beyond the 95 % quantile of their distances


def latent_cell(latent_dim: int, seed: int) -> str:
    """The cell of MNIST's 8 with this size of code."""
    changed = "" if latent_dim == USUAL_DIM else f"+latent_dim={latent_dim}"
    return f"mnist/ae{changed}/8/{seed}"


LATENT_CELLS = tuple(latent_cell(k, seed) for seed in SEEDS for k in LATENT_DIMS)
CELLS = tuple(dict.fromkeys((*LATENT_CELLS, *PICTURES.values(), *OCGAN_CELLS)))


# --- the size of the code ------------------------------------------------------------------------


def sweep_row(latent_dim: int, seed: int, y: np.ndarray, score: np.ndarray) -> dict:
    """One line of a latent sweep, but for its AUROCs, from an autoencoder's errors (N,).

    Keys: latent_dim, seed; normal and novel, the mean error of either; passed, the share of novel
    images (`y` 1) redrawn no worse than 95 % of the normal ones are.
    """
    normal, novel = score[y == 0], score[y == 1]
    return {
        "latent_dim": latent_dim,
        "seed": seed,
        "normal": float(normal.mean()),
        "novel": float(novel.mean()),
        "passed": float(np.mean(novel <= np.quantile(normal, 0.95))),
    }


@once
def latent_table() -> pd.DataFrame:
    """The recorded latent sweep: `sweep_row` with auroc and validation, a row a cell.

    validation: the AUROC between in-class validation images and the same, damaged. Cells without a
    record are left out; NoRecords if that is all of them.
    """
    rows = []
    for cell in map(parse_cell, LATENT_CELLS):
        if record := read_record(cell):
            arrays, metrics = read_arrays(cell), record["metrics"]
            latent_dim = record["parameters"]["latent_dim"]
            row = sweep_row(latent_dim, cell.seed, _novel(cell, arrays), arrays["score"])
            validation = metrics["validation"]["mean"]
            rows.append({**row, "auroc": metrics["auroc"], "validation": validation})
    if not rows:
        raise no_record(LATENT_CELLS[0])
    return pd.DataFrame(rows)


def _novel(cell: Cell, arrays: dict[str, np.ndarray]) -> np.ndarray:
    return (arrays["class_test"] != class_index(cell.dataset, cell.normal_class)).astype(int)


def mean_by_code(table: pd.DataFrame, column: str) -> pd.Series:
    """The mean of a column by code: over the seeds that every code has; over all if none is."""
    wide = table.pivot(index="seed", columns="latent_dim", values=column)
    whole = wide.dropna()
    return (whole if len(whole) else wide).mean()


def latent_change(table: pd.DataFrame, column: str, since: int) -> tuple[float, float, float]:
    """A column at the largest code minus at `since`, over seeds with both: (mean, low, high).

    Student's interval over seeds; NaN bounds for one seed.
    """
    wide = table.pivot(index="seed", columns="latent_dim", values=column)
    return seed_interval((wide[wide.columns.max()] - wide[since]).dropna())


def against_ocgan(latent_dim: int) -> tuple[float, float, float]:
    """AUROC on MNIST's 8 of an autoencoder with this code minus OCGAN's: (difference, low, high).

    The interval is over seeds and test images, the same images for both.
    """
    cells = [latent_cell(latent_dim, seed) for seed in SEEDS]
    return compare_means(*map(tables.read_runs, (cells, OCGAN_CELLS)))


# --- random codes --------------------------------------------------------------------------------


def beyond(distance: np.ndarray, held_out: np.ndarray) -> float:
    """The share of distances above the 95 % quantile of those of held-out normal images."""
    return float(np.mean(distance > np.quantile(held_out, 0.95)))


def difference_of_shares(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> tuple[float, float, float]:
    """First share minus second, each (share, low, high): (difference, low, high).

    Source: Newcombe 1998, Statistics in Medicine 17, method 10.
    """
    (p, low, high), (q, least, most) = first, second
    return (
        p - q,
        p - q - float(np.hypot(p - low, most - q)),
        p - q + float(np.hypot(high - p, q - least)),
    )


@once
def elsewhere_table() -> pd.DataFrame:
    """How many random codes of each model draw nothing that is as near to the normal class as real
    images of it are; index data set, method.

    Columns: value, low, high (the share and its Wilson interval), more, more_low, more_high (minus
    the share of real held-out images), codes (their number). Distance is that to the nearest normal
    training image, in pixels. NoRecords without any record.
    """
    rows = {}
    for key, cell in PICTURES.items():
        if "distance_drawn" in (arrays := read_arrays(cell)):
            drawn, held_out = arrays["distance_drawn"], arrays["distance_held_out"]
            share = proportion_interval(beyond(drawn, held_out) * len(drawn), len(drawn))
            usual = proportion_interval(USUAL * len(held_out), len(held_out))
            more = difference_of_shares(share, usual)
            rows[key] = (*share, *more, len(drawn))
    if not rows:
        raise no_record(next(iter(PICTURES.values())))
    columns = ["value", "low", "high", "more", "more_low", "more_high", "codes"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).set_axis(
        pd.MultiIndex.from_tuples(rows, names=["data set", "method"])
    )


def fewer_on_cifar10(table: pd.DataFrame, method: str) -> tuple[float, float, float]:
    """The share of `elsewhere_table` on MNIST minus that on CIFAR-10: (difference, low, high)."""
    return difference_of_shares(
        *(tuple(table.loc[(name, method), ["value", "low", "high"]]) for name in DATASETS)
    )


# --- what the page says --------------------------------------------------------------------------


def numbers() -> dict[str, object]:
    """Every recorded number that a sentence of the page has, by its name there."""
    table, drawn = latent_table(), elsewhere_table()
    auroc, chosen = mean_by_code(table, "auroc"), int(mean_by_code(table, "validation").idxmax())
    sizes = {"shortest": auroc.index.min(), "chosen": chosen, "peak": auroc.idxmax()}
    sizes["longest"] = auroc.index.max()
    found: dict[str, object] = {f"{name}-code": int(size) for name, size in sizes.items()}
    for name, size in sizes.items():
        for column in ("auroc", "novel", "passed"):
            found[f"{column}-{name}"] = float(mean_by_code(table, column)[size])
    novel = latent_change(table, "novel", sizes["shortest"])
    found["novel-change"] = interval(*novel, "+.3f")
    found["auroc-change"] = interval(*latent_change(table, "auroc", chosen), "+.3f")
    found["ocgan-8"] = float(tables.results("mnist", ["ocgan"]).ours.loc["ocgan", "8"])
    for name in ("peak", "chosen"):
        found[f"{name}-above-ocgan"] = interval(*against_ocgan(sizes[name]), "+.3f")
    for (dataset, method), row in drawn.iterrows():
        found[f"elsewhere-{dataset}-{method}"] = interval(row.value, row.low, row.high, ".0%")
    found["fewer-on-cifar10"] = interval(*fewer_on_cifar10(drawn, "ae"), ".0%")
    found["codes"] = int(drawn["codes"].max())
    return found


# --- figures -------------------------------------------------------------------------------------


def latent_sweep(table: pd.DataFrame) -> Figure:
    """Errors of normal and novel images, and AUROC, against the size of the code.

    Columns: latent_dim, seed, normal, novel, auroc, and perhaps validation. Lines: means over
    seeds, bars: Student's 95 % interval where there are several; small dots: seeds.
    """
    fig = Figure(figsize=(WIDTH, 3.0))
    errors, areas = fig.subplots(1, 2)
    _curves(errors, table, {"novel": "novel", "normal": "normal"})
    _curves(areas, table, {"validation": "damaged", "auroc": "test"})
    sizes = sorted(table["latent_dim"].unique())
    titles = "Error of test images", "How well the error detects them"
    for ax, title in zip((errors, areas), titles, strict=True):
        ax.set_xscale("log", base=2)
        ax.set_xlim(sizes[0] / 1.3, sizes[-1] * (sizes[-1] / sizes[0]) ** 0.3)  # room for names
        ax.set_xticks(sizes, [f"{size}" for size in sizes])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set(title=title, xlabel="size of the code")
        ax.grid()
    errors.set(yscale="log", ylabel="mean squared error")
    errors.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    errors.yaxis.set_major_formatter("{x:g}")
    errors.yaxis.set_minor_locator(NullLocator())
    low, high = areas.get_ylim()  # so wide that a difference of no account looks like one
    high = min(high + 0.002, 1.004)
    areas.set(ylim=(min(low, high - 0.05), high), ylabel="AUROC")
    return fig


def _curves(ax: Axes, table: pd.DataFrame, names: Mapping[str, str]) -> None:
    """A curve a column that the table has, named at its right end, the lower name below."""
    sizes, ends = np.array(sorted(table["latent_dim"].unique())), {}
    for column in (column for column in names if column in table):
        colour, values = COLOURS[column], table.groupby("latent_dim")[column]
        mean, low, high = np.array([seed_interval(values.get_group(size)) for size in sizes]).T
        ax.plot(sizes, mean, "o-", color=colour)
        if values.size().max() > 1:
            low = np.maximum(low, mean / 10)  # a logarithmic axis has no place for less than 0
            ax.vlines(sizes, low, np.minimum(high, 1), color=colour, lw=1)
            ax.plot(table["latent_dim"], table[column], ".", ms=3, color=colour, alpha=0.6)
        ends[column] = mean[-1]
    sides = ("top", "bottom") if len(ends) == 2 else ("center",)
    for column, va in zip(sorted(ends, key=ends.get), sides, strict=True):
        ax.annotate(
            names[column], (sizes[-1], ends[column]), xytext=(9, 0),
            textcoords="offset points", va=va, color=COLOURS[column],
        )  # fmt: skip


def redrawn(given: np.ndarray, rows: Mapping[str, np.ndarray], novel: np.ndarray) -> Figure:
    """Images as several models redraw them; under each, its mean squared error in [-1, 1].

    `given` uint8 (n, C, H, W) is the first row, `rows` maps labels to arrays like it; `novel` (n,)
    in {0, 1} colours the frames.
    """
    fig = Figure(figsize=(WIDTH, 0.85 + 0.86 * len(rows)))
    axes = fig.subplots(1 + len(rows), len(given), squeeze=False)
    for line, (label, images) in zip(axes, {"given": given, **rows}.items(), strict=True):
        for ax, image, original, is_novel in zip(line, images, given, novel, strict=True):
            show_image(ax, image)
            ax.spines[:].set(visible=True, color=COLOURS["novel" if is_novel else "normal"], lw=1.6)
            if label != "given":
                error = np.square((image - original.astype(float)) / 127.5).mean()
                ax.set_xlabel(f"{error:.3f}", labelpad=2, fontsize=9)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
    for k, name in enumerate(("normal", "novel")):
        for column in np.flatnonzero(np.asarray(novel) == k)[:1]:
            axes[0, column].set_title(name, color=COLOURS[name])
    return fig


def random_decodes(grids: Mapping[str, np.ndarray]) -> Figure:
    """A square of images of random codes for each model: title → uint8 (n, C, H, W)."""
    places = max(3, len(grids))
    fig = Figure(figsize=(WIDTH, 0.6 + WIDTH / places))
    axes = fig.subplots(1, places)
    for ax in axes[len(grids) :]:
        ax.set_axis_off()
    for ax, (title, images) in zip(axes, grids.items(), strict=False):
        side = int(np.sqrt(len(images)))
        n, c, h, w = images[: side * side].shape
        mosaic = images[:n].reshape(side, side, c, h, w).transpose(2, 0, 3, 1, 4)
        show_image(ax, mosaic.reshape(c, side * h, side * w))
        ax.set_title(title, fontsize=9)
        ax.spines[:].set_visible(False)
    return fig


def recorded_latent() -> Figure:
    """MNIST's 8: errors and AUROC against the size of the code."""
    fig = latent_sweep(latent_table())
    message = "Longer codes redraw novelties better, and in the end detect them less well"
    fig.suptitle(message, x=0, ha="left")
    return fig


def recorded_redrawn(dataset: str, methods: tuple[str, ...]) -> Figure:
    """One test image of every class, the normal one first, as models redraw it.

    A GAN redraws an image by the nearest one that the search of its score finds.
    """
    rows = {}
    for method in methods:
        cell = PICTURES[dataset, method]
        if "picture_redrawn" in (arrays := read_arrays(cell)):
            novel = _novel(parse_cell(cell), arrays)[pictured(arrays["class_test"])]
            order = normal_first(novel, 2)
            given, novel = arrays["picture_given"][order], novel[order]
            rows[DRAWN[method]] = arrays["picture_redrawn"][order]
    if not rows:
        raise no_record(PICTURES[dataset, methods[0]])
    return redrawn(given, rows, novel)


def normal_first(novel: np.ndarray, each: int) -> np.ndarray:
    """Indices of both normal pictures and then one of each novel class, of `each` a class."""
    return np.concatenate([np.flatnonzero(novel == 0), np.flatnonzero(novel)[::each]])


def recorded_decodes() -> Figure:
    """Images of random codes of four models."""
    table, grids = elsewhere_table(), {}
    for key in (("mnist", "ae"), ("mnist", "vae"), ("mnist", "gan"), ("cifar10", "ae")):
        if key in table.index:
            dataset, method = key
            title = f"{DRAWN[method]}, {NORMAL[dataset]}\n{table.loc[key, 'value']:.0%} elsewhere"
            grids[title] = read_arrays(PICTURES[key])["picture_drawn"]
    return random_decodes(grids)


def recorded_elsewhere() -> Figure:
    """The share of random codes that draw something far from the normal class, model by model."""
    table = elsewhere_table()
    shown = [name for name in DATASETS if name in table.index]
    fig = titled("Random codes draw something else mostly in plain autoencoders of the 8", 2.6)
    for ax, name in zip(fig.subplots(1, 2, sharex=True, sharey=True), shown, strict=False):
        rows = table.loc[name].rename(index=DRAWN)
        forest(ax, rows, zero=USUAL)
        ax.text(USUAL + 0.01, len(rows) - 0.65, "real images", fontsize=9)
        ax.set(title=f"{DATASETS[name]}, {NORMAL[name]}", xlabel="share of random codes")
        ax.xaxis.set_major_formatter("{x:.0%}")
    return fig


FIGURES = {
    "reconstruction-latent": recorded_latent,
    "reconstruction-mnist": partial(recorded_redrawn, "mnist", ("ae", "vae", "gan")),
    "reconstruction-cifar10": partial(recorded_redrawn, "cifar10", ("ae",)),
    "reconstruction-decodes": recorded_decodes,
    "reconstruction-elsewhere": recorded_elsewhere,
}
