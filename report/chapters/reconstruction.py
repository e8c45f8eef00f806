"""Chapter 3: the size of an autoencoder's code, and what random codes are decoded to."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from ocnd_lib.comparison import compare_means
from ocnd_lib.experiments import pictured
from ocnd_lib.stats import proportion_interval, seed_interval
from report import tables
from report.drawing import COLOURS, direct_labels, forest, image_grid, interval, panels, titled
from report.source import record_of
from report.tables import TITLES, once

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


def latent_change(table: pd.DataFrame, column: str, since: int) -> tuple[float, float, float]:
    """A column at the largest code minus at `since`: (mean, low, high) over seeds."""
    wide = table.pivot(index="seed", columns="latent_dim", values=column)
    return seed_interval(wide[wide.columns.max()] - wide[since])


def against_ocgan(latent_dim: int) -> tuple[float, float, float]:
    """AUROC on MNIST's 8 of an autoencoder minus OCGAN's: (difference, low, high)."""
    cells = [latent_cell(latent_dim, seed) for seed in SEEDS]
    return compare_means(*map(tables.read_runs, (cells, OCGAN_CELLS)))


# --- random codes --------------------------------------------------------------------------------


def beyond(distance: np.ndarray, held_out: np.ndarray) -> float:
    """The share of distances above the 95 % quantile of those of held-out normal images."""
    return float(np.mean(distance > np.quantile(held_out, 0.95)))


def difference_of_shares(first: tuple, second: tuple) -> tuple[float, float, float]:
    """First share minus second, each (share, low, high): (difference, low, high).

    Source: Newcombe 1998, Statistics in Medicine 17, method 10.
    """
    (p, low, high), (q, least, most) = first, second
    return (
        p - q,
        p - q - float(np.hypot(p - low, most - q)),
        p - q + float(np.hypot(high - p, q - least)),
    )


def elsewhere(cells: Mapping[Hashable, str]) -> pd.DataFrame:
    """How many random codes of each cell draw what is farther, in pixels, from every normal image
    of the training than real held-out ones are; index the keys of `cells`.

    Columns: value, low, high (the share and its Wilson interval), more, more_low, more_high (minus
    the share of real images), codes (their number).
    """
    rows = {}
    for key, cell in cells.items():
        drawn, held_out = (record_of(cell)[f"distance_{of}"] for of in ("drawn", "held_out"))
        share = proportion_interval(beyond(drawn, held_out) * len(drawn), len(drawn))
        usual = proportion_interval(USUAL * len(held_out), len(held_out))
        rows[key] = (*share, *difference_of_shares(share, usual), len(drawn))
    return pd.DataFrame(rows, "value low high more more_low more_high codes".split()).T


def fewer_on_cifar10(table: pd.DataFrame, method: str) -> tuple[float, float, float]:
    """A share of `elsewhere(PICTURES)` on MNIST minus that on CIFAR-10: (difference, low, high)."""
    return difference_of_shares(
        *(table.loc[(name, method), ["value", "low", "high"]] for name in TITLES)
    )


def numbers() -> dict[str, object]:
    """Every recorded number that a sentence of the page has, by its name there."""
    table, drawn = latent_table(), elsewhere(PICTURES)
    means = table.groupby("latent_dim").mean()
    codes = {"shortest": min(LATENT_DIMS), "longest": max(LATENT_DIMS)}
    codes |= {"chosen": int(means["validation"].idxmax()), "peak": int(means["auroc"].idxmax())}
    found: dict[str, object] = {f"{name}-code": code for name, code in codes.items()}
    for (name, code), column in product(codes.items(), ("auroc", "novel", "passed")):
        found[f"{column}-{name}"] = float(means.loc[code, column])
    for name in ("peak", "chosen"):
        found[f"{name}-above-ocgan"] = interval(*against_ocgan(codes[name]), "+.3f")
    for (dataset, method), row in drawn.iterrows():
        found[f"elsewhere-{dataset}-{method}"] = interval(*row[["value", "low", "high"]], ".0%")
    return found | {
        "novel-change": interval(*latent_change(table, "novel", codes["shortest"]), "+.3f"),
        "auroc-change": interval(*latent_change(table, "auroc", codes["chosen"]), "+.3f"),
        "ocgan-8": float(tables.results("mnist", ["ocgan"]).ours.loc["ocgan", "8"]),
        "fewer-on-cifar10": interval(*fewer_on_cifar10(drawn, "ae"), ".0%"),
        "codes": int(drawn["codes"].max()),
    }


# --- figures -------------------------------------------------------------------------------------


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
            sizes = list(groups.groups)
            mean, low, high = np.array([seed_interval(values) for _, values in groups]).T
            ax.plot(sizes, mean, "o-", color=colour)
            low = np.maximum(low, mean / 10)  # a logarithmic axis has no place for less than 0
            ax.vlines(sizes, low, np.minimum(high, 1), color=colour, lw=1)
            ax.plot(table["latent_dim"], table[column], ".", ms=3, color=colour, alpha=0.6)
            ends[name] = (mean[-1], colour)
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, sizes)
        ax.minorticks_off()
        ax.set_xlabel("size of the code")
        ax.grid()
        direct_labels(ax, sizes[-1], ends)
    return fig


def redrawn(
    title: str,
    given: np.ndarray,
    rows: Mapping[str, np.ndarray],
    novel: np.ndarray,
    below: Sequence[str] = (),
) -> Figure:
    """Images as several models redraw them; under each, its mean squared error in [-1, 1].

    `given` uint8 (n, C, H, W) is the first row, with `below` under it; `rows` maps labels to arrays
    like it; `novel` (n,) colours the frames.
    """
    kinds = ["novel" if each else "normal" for each in novel]
    texts = {
        label: [f"{e:.3f}" for e in np.square((images - given * 1.0) / 127.5).mean((1, 2, 3))]
        for label, images in rows.items()
    }
    fig = titled(title, 1.0 + 0.86 * len(rows))
    image_grid(
        fig, {"given": given, **rows}, cmap="gray_r", frames=[COLOURS[kind] for kind in kinds],
        columns=["" if kind in kinds[:k] else kind for k, kind in enumerate(kinds)],
        below=texts | ({"given": below} if below else {}),
    )  # fmt: skip
    return fig


def recorded_redrawn() -> Figure:
    """Both 8s and one image of every other digit as models redraw them."""
    stored = {DRAWN[m]: record_of(PICTURES["mnist", m]) for m in ("ae", "vae", "gan")}
    one = next(iter(stored.values()))
    novel = one["class_test"][pictured(one["class_test"])] != 8
    order = np.r_[np.flatnonzero(~novel), np.flatnonzero(novel)[::2]]
    rows = {name: arrays["picture_redrawn"][order] for name, arrays in stored.items()}
    title = "Novel digits come out as something between themselves and an 8"
    return redrawn(title, one["picture_given"][order], rows, novel[order])


def recorded_elsewhere() -> Figure:
    """The share of random codes that draw something far from the normal class, model by model."""
    table = elsewhere(PICTURES)
    title = "Random codes draw something else mostly in plain autoencoders of the 8"
    names = [f"{title}, {NORMAL[name]}" for name, title in TITLES.items()]
    fig, axes = panels(title, 2.6, names, sharex=True)
    for ax, name in zip(axes, TITLES, strict=True):
        rows = table.loc[name].rename(index=DRAWN)
        forest(ax, rows, zero=USUAL)
        ax.text(USUAL + 0.01, len(rows) - 0.65, "real images", fontsize=9)
        ax.set_xlabel("share of random codes")
        ax.xaxis.set_major_formatter("{x:.0%}")
    return fig


FIGURES = {
    "reconstruction-latent": latent_sweep,
    "reconstruction-mnist": recorded_redrawn,
    "reconstruction-elsewhere": recorded_elsewhere,
}
