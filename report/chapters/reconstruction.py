"""Chapter 3: the size of an autoencoder's code, and what random codes are decoded to."""

from collections.abc import Hashable, Mapping
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from ocnd_lib.comparison import compare_means
from ocnd_lib.data import class_names
from ocnd_lib.records import parse_cell
from ocnd_lib.stats import seed_interval, wilson_interval
from report import drawing
from report.drawing import COLOURS, forest, image_grid, percent, signed, titled
from report.source import record_of
from report.tables import TITLES, once, read_runs, results

LATENT_DIMS = (2, 4, 8, 16, 32, 64, 128, 256)
USUAL_DIM = 32  # of the tables' own cells, which are not run again under another name
SEEDS = range(3)
DRAWN = {  # methods whose random codes are recorded, of one normal class a data set, seed 0
    "ae": "autoencoder", "dae": "denoising AE", "vae": "VAE", "gan": "GAN", "anogan": "AnoGAN",
    "f-anogan": "f-AnoGAN",
}  # fmt: skip
NORMAL = {"mnist": "8", "cifar10": "truck"}
PICTURES = {(data, m): f"{data}/{m}/{name}/0" for data, name in NORMAL.items() for m in DRAWN}
# what slide 17 pictures, from the narrowest class to the broadest
SAMPLES = {
    "COIL-100": "coil100/ae/obj4/0", "Fashion-MNIST": "fashion_mnist/ae/bag/0",
    "CIFAR-10": "cifar10/ae/truck/0",
}  # fmt: skip
USUAL = 0.05  # of real held-out images that lie beyond the 95 % quantile of their distances


def latent_cell(latent_dim: int, seed: int) -> str:
    """The cell of MNIST's 8 with this size of code."""
    changed = "" if latent_dim == USUAL_DIM else f"+latent_dim={latent_dim}"
    return f"mnist/ae{changed}/8/{seed}"


LATENT_CELLS = [latent_cell(size, seed) for seed, size in product(SEEDS, LATENT_DIMS)]
CELLS = tuple(dict.fromkeys([*LATENT_CELLS, *PICTURES.values(), *SAMPLES.values()]))


def errors(y: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """Of an autoencoder's errors (N,): the means of normal and novel images (`y` 1), and passed,
    the share of novel images redrawn no worse than 95 % of the normal ones."""
    normal, novel = score[y == 0], score[y == 1]
    passed = np.mean(novel <= np.quantile(normal, 0.95))
    return {"normal": float(normal.mean()), "novel": float(novel.mean()), "passed": float(passed)}


@once
def latent_table() -> pd.DataFrame:
    """The recorded latent sweep, a row a cell: latent_dim, seed, `errors`, auroc, and validation,
    the AUROC between in-class validation images and the same, damaged."""
    rows = []
    for seed, size in product(SEEDS, LATENT_DIMS):
        record = record_of(latent_cell(size, seed))
        auroc, validation = (record["metrics"][name] for name in ("auroc", "validation"))
        row = {"latent_dim": size, "seed": seed, "auroc": auroc, "validation": validation["mean"]}
        rows.append(row | errors(record["class_test"] != 8, record["score"]))
    return pd.DataFrame(rows)


def beyond(distance: np.ndarray, held_out: np.ndarray) -> float:
    """The share of distances above the 95 % quantile of those of held-out normal images."""
    return float(np.mean(distance > np.quantile(held_out, 0.95)))


def elsewhere(cells: Mapping[Hashable, str]) -> pd.DataFrame:
    """The share of each cell's random codes that draw what is farther, in pixels, from every normal
    image of the training than 95 % of real held-out ones are; index the keys of `cells`.

    Columns: value, low, high (Wilson's interval).
    """
    rows = {}
    for key, cell in cells.items():
        drawn, held_out = (record_of(cell)[f"distance_{of}"] for of in ("drawn", "held_out"))
        rows[key] = wilson_interval(round(beyond(drawn, held_out) * len(drawn)), len(drawn))
    return pd.DataFrame(rows, ["value", "low", "high"]).T


def numbers() -> dict[str, object]:
    """Every recorded number that a sentence of the page has, by its name there."""
    table = latent_table()
    means = table.groupby("latent_dim").mean()
    codes = {"shortest": min(LATENT_DIMS), "longest": max(LATENT_DIMS)}
    codes |= {"chosen": int(means["validation"].idxmax()), "peak": int(means["auroc"].idxmax())}
    found: dict[str, object] = {f"{name}-code": code for name, code in codes.items()}
    for name, code in codes.items():
        found[f"auroc-{name}"] = float(means.loc[code, "auroc"])
        found[f"novel-{name}"] = float(means.loc[code, "novel"])
        found[f"passed-{name}"] = f"{100 * means.loc[code, 'passed']:.0f} %"
    for column, since in (("novel", "shortest"), ("auroc", "chosen")):
        sizes = table.pivot(index="seed", columns="latent_dim", values=column)
        change = sizes[codes["longest"]] - sizes[codes[since]]
        found[f"{column}-change"] = signed(*seed_interval(change))
    for name in ("peak", "chosen"):
        runs = read_runs([latent_cell(codes[name], seed) for seed in SEEDS])
        found[f"{name}-above-ocgan"] = signed(*compare_means(runs, read_runs("mnist/ocgan/8")))
    for (dataset, method), share in elsewhere(PICTURES).iterrows():
        found[f"elsewhere-{dataset}-{method}"] = percent(*share)
    for name, cell in SAMPLES.items():
        found[f"sample-{name}"] = float(record_of(cell)["metrics"]["auroc"])
    found["ocgan-8"] = float(results("mnist", ["ocgan"]).ours.loc["ocgan", "8"])
    return found | {"codes": len(record_of(PICTURES["mnist", "ae"])["distance_drawn"])}


def latent_sweep() -> Figure:
    """Errors and AUROCs of `latent_table` against the size of the code, Student's intervals."""
    table = latent_table()
    fig = titled("Longer codes redraw novelties better, and in the end detect them less well", 3.0)
    left, right = fig.subplots(1, 2)
    shown = {
        left: {"novel": "novel", "normal": "normal"},
        right: {"validation": "damaged", "auroc": "test"},
    }
    left.set(yscale="log", ylabel="mean squared error")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter("{x:g}")
    right.set_ylabel("AUROC")
    for ax, names in shown.items():
        ends = {}
        for column, name in names.items():
            colour, groups = COLOURS[column], table.groupby("latent_dim")[column]
            mean, low, high = np.array([seed_interval(values) for _, values in groups]).T
            ax.plot(LATENT_DIMS, mean, "o-", color=colour)
            low = np.maximum(low, mean / 10)  # a logarithmic axis has no place for less than 0
            ax.vlines(LATENT_DIMS, low, np.minimum(high, 1), color=colour, lw=1)
            ax.plot(table["latent_dim"], table[column], ".", ms=3, color=colour, alpha=0.6)
            ends[name] = (mean[-1], colour)
        ax.set_xscale("log", base=2)
        ax.set_xticks(LATENT_DIMS, LATENT_DIMS)
        ax.minorticks_off()
        ax.set_xlabel("size of the code")
        ax.grid()
        drawing.direct_labels(ax, LATENT_DIMS[-1], ends)
    return fig


def recorded_elsewhere() -> Figure:
    """The share of random codes that draw something far from the normal class, model by model."""
    table = elsewhere(PICTURES)
    title = "Random codes draw something else mostly in autoencoders of the 8"
    names = [f"{title}, {NORMAL[name]}" for name, title in TITLES.items()]
    fig, axes = drawing.panels(title, 2.6, names, sharex=True)
    for ax, name in zip(axes, TITLES, strict=True):
        forest(ax, table.loc[name].rename(index=DRAWN), zero=USUAL)
        ax.set_xlabel("share of random codes (line: of real images)")
        ax.xaxis.set_major_formatter("{x:.0%}")
    return fig


def samples() -> Figure:
    """Two normal and seven novel test images a set, and how an autoencoder redraws them."""
    rows = {}
    for name, cell in SAMPLES.items():
        kept, at = record_of(cell), parse_cell(cell)
        normal = class_names(at.dataset).index(at.normal_class)
        others = np.delete(np.arange(len(kept["picture_given"]) // 2), normal)
        others = others[np.linspace(0, len(others) - 1, 7).astype(int)]
        shown = [2 * normal, 2 * normal + 1, *(2 * others)]  # there are two of a class
        rows[name] = kept["picture_given"][shown]
        rows[f"AUROC {kept['metrics']['auroc']:.3f}"] = kept["picture_redrawn"][shown]
    fig = titled("Trained on a tomato it draws tomatoes, trained on trucks anything", 4.6)
    frames = [COLOURS["normal"]] * 2 + [COLOURS["novel"]] * 7
    image_grid(fig, rows, ("normal", "", "novel"), frames=frames, cmap="gray_r")
    return fig


FIGURES = {
    "reconstruction-latent": latent_sweep,
    "reconstruction-elsewhere": recorded_elsewhere,
    "reconstruction-samples": samples,
}
