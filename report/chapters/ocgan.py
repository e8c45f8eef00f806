"""Chapter 4: what each part of OCGAN adds, and what random codes draw with it and without."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import Run, average_runs
from ocnd_lib.records import parse_cell
from report import tables
from report.chapters.reconstruction import elsewhere
from report.drawing import forest, image_grid, interval, mosaics, panels, signed, titled
from report.source import PUBLISHED, no_record, record_of
from report.tables import TITLES, once

# a part more each time: the name it has in figures, and the method it is in the name of a cell
VARIANTS = {
    "autoencoder": "ocgan+latent=False+mining=False+visual=False",
    "+ latent": "ocgan+mining=False+visual=False",
    "+ visual": "ocgan+mining=False",
    "+ mining": "ocgan",
}
# what is added, before and after it; parts one by one, then together
STEPS = {
    **{after.removeprefix("+ "): (before, after) for before, after in pairwise(VARIANTS)},
    "discriminators": ("autoencoder", "+ visual"),
    "all parts": ("autoencoder", "+ mining"),
}
CLASSES = {"mnist": ("2", "5", "8"), "cifar10": ("airplane", "truck")}
SEEDS = range(5)
DRAWS = 2000  # of a bootstrap: with fewer, the ends of an interval move in the fourth digit
WIDE = 1 - 0.05 / (len(CLASSES) * (len(VARIANTS) - 1))  # for the single parts that the page shows
ABLATION_CELLS = tuple(
    f"{dataset}/{method}/{name}/{seed}"
    for seed in SEEDS
    for dataset, names in CLASSES.items()
    for name in names
    for method in VARIANTS.values()
)
CELLS = tuple(dict.fromkeys((*ABLATION_CELLS, *(
    f"{dataset}/ocgan/{name}/{seed}"
    for dataset in TITLES
    for name in tables.class_names(dataset)
    for seed in SEEDS
))))  # fmt: skip
PICTURE_CELLS = {title: f"mnist/{method}/8/0" for title, method in VARIANTS.items()}

Runs = dict[str, list[Run]]  # the recorded runs of each variant, by its title


# --- the ablation --------------------------------------------------------------------------------


@once
def ablation_runs(dataset: str) -> Runs:
    """The recorded runs of the ablation on a data set; NoRecords if there is none."""
    cells = [cell for cell in map(parse_cell, ABLATION_CELLS) if cell.dataset == dataset]
    runs = {
        title: tables.read_runs([cell for cell in cells if cell.variant == method])
        for title, method in VARIANTS.items()
    }
    if not any(runs.values()):
        raise no_record(cells[0])
    return runs


def printed_ablation() -> dict[str, float]:
    """The paper's mean AUROC over MNIST's ten digits for each of our variants."""
    numbers = pd.read_csv(PUBLISHED / "ocgan.csv").set_index("name")["value"]
    names = ("ablation_ae", "ablation_latent", "ablation_visual", "ablation_mining")
    return {title: float(numbers[name]) for title, name in zip(VARIANTS, names, strict=True)}


def reruns() -> dict[str, float]:
    """Mean AUROCs from people who ran OCGAN again: a user on both data sets, a port on MNIST."""
    runs = pd.read_csv(PUBLISHED / "reruns.csv").query("method == 'ocgan'")
    runs = runs.set_index(["dataset", "setting"])["auroc"].to_dict()
    return {
        "rerun-mnist": runs["mnist", "a user with the settings of the paper"],
        "rerun-cifar10": runs["cifar10", "the same user"],
        "rerun-port": runs["mnist", "a port to TensorFlow, one run"],
        "rerun-plain": runs["mnist", "the same port, without mining"],
    }


def gains(runs: Runs) -> pd.DataFrame:
    """What each of `STEPS` adds to the mean AUROC, over the classes and seeds that both have.

    Columns: value, low, high; wide_low and wide_high, so wide that of all single parts on the page
    one in twenty times any leaves out 0 by chance (Bonferroni); printed, the paper's gain.
    """
    printed, rows = printed_ablation(), {}
    for part, (before, after) in STEPS.items():
        gain, (_, *wide) = (
            tables.gain(runs[after], runs[before], DRAWS, level) for level in (0.95, WIDE)
        )
        rows[part] = (*gain, *wide, printed[after] - printed[before])
    columns = ["value", "low", "high", "wide_low", "wide_high", "printed"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def numbers() -> dict[str, object]:
    """Every recorded or published number that a sentence of the page has, by its name there."""
    found: dict[str, object] = dict(reruns())
    for dataset in CLASSES:
        runs, names = ablation_runs(dataset), tables.class_names(dataset)
        for part, row in gains(runs).iterrows():
            found[f"{part}-{dataset}"] = signed(*row[["value", "low", "high"]])
            found[f"paper-{part}"] = float(row["printed"])
        for variant, of in runs.items():
            for k, mean in average_runs(of).classes.items():
                found[f"{variant.removeprefix('+ ')}-{names[k]}"] = mean
        ours = tables.means(tables.results(dataset, ["ocgan"])).loc["ocgan"]
        found[f"ours-{dataset}"] = interval(*ours[["mean", "low", "high"]])
        found[f"published-{dataset}"] = float(ours["published"])
    eights = [
        float(run.auroc) for run in ablation_runs("mnist")["+ latent"] if run.normal_class == 8
    ]
    found["latent-8-lowest"], found["latent-8-next"], *_ = sorted(eights)
    for variant, row in elsewhere(PICTURE_CELLS).iterrows():
        share = interval(*row[["value", "low", "high"]], ".0%")
        found[f"elsewhere-{variant.removeprefix('+ ')}"] = share
    return found


# --- figures -------------------------------------------------------------------------------------


def recorded_gains() -> Figure:
    """What each part adds to the mean AUROC, beside the paper's gain on MNIST."""
    title = "The discriminators help on MNIST and harm on CIFAR-10; mining is not seen"
    names = [f"{TITLES[dataset]}: {', '.join(of)}" for dataset, of in CLASSES.items()]
    fig, axes = panels(title, 2.6, names, sharex=True)
    for ax, dataset in zip(axes, CLASSES, strict=True):
        table = gains(ablation_runs(dataset))
        forest(ax, table if dataset == "mnist" else table.drop(columns="printed"))
        ax.set_xlabel("AUROC gained" + " (◇ paper, ten digits)" * (dataset == "mnist"))
    return fig


def recorded_decodes() -> Figure:
    """Images of random codes, variant by variant, and how many are far from every 8."""
    squares = {
        f"{title}\n{share:.0%} elsewhere": record_of(PICTURE_CELLS[title])["picture_drawn"]
        for title, share in elsewhere(PICTURE_CELLS)["value"].items()
    }
    return mosaics("With discriminators, most random codes draw an 8", squares)


def recorded_mined() -> Figure:
    """Images of random codes before and after mining."""
    arrays = record_of(PICTURE_CELLS["+ mining"])
    return mined_pairs(arrays["picture_drawn"][:12], arrays["picture_mined"][:12])


def mined_pairs(
    before: np.ndarray, after: np.ndarray, answers: Sequence[np.ndarray] = ()
) -> Figure:
    """Images of random codes (top), and of the same codes after mining (bottom).

    `before` and `after` uint8 (n, C, H, W); `answers`, what the classifier says of each, two (n,).
    """
    rows = {"random codes": before, "after mining": after}
    texts = zip(rows, answers, strict=False)  # there may be none
    below = {name: [f"{answer:.2f}" for answer in of] for name, of in texts}
    fig = titled("What random codes draw, before and after mining", 1.75 if below else 1.5)
    image_grid(fig, rows, below=below, cmap="gray_r")
    return fig


FIGURES = {
    "ocgan-gains": recorded_gains,
    "ocgan-decodes": recorded_decodes,
    "ocgan-mined": recorded_mined,
}
