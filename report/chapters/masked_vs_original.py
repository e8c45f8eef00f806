"""Chapter 7: the same crops with and without what surrounds the object."""

from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ocnd_lib.background import SHOWN, VERSIONS, versions
from ocnd_lib.comparison import mean_over_runs
from ocnd_lib.crops import Crops, mean_colour
from ocnd_lib.masked import ROUNDED
from ocnd_lib.records import read_arrays, read_record
from ocnd_lib.stats import seed_interval
from report import drawing
from report.drawing import COLOURS, interval
from report.source import NoRecords, no_record, published_claim
from report.tables import once

PERCENT = PercentFormatter(1, decimals=0)
MADE = {"scenes": "generated scenes", "mnist_on_cifar": "digits on photographs"}
DATASETS = MADE | {"coco10": "COCO"}
PAIR = ("masked", "original")  # the deck's two kinds of crops
NAMES = {
    "original": "original", "masked": "masked", "mean-fill": "mean fill",
    "centre": "centre dimmed", "background": "background only", "silhouette": "outline only",
    "swapped": "background swapped",
}  # fmt: skip
COMPARED = {  # accuracies, whose difference the page tells
    "gain": PAIR,
    "centre_gain": ("centre", "original"),
    "surroundings": ("background", "silhouette"),
    "outline": ("silhouette", "masked"),
}


def cell(dataset: str, version: str, seed: int, correlation: float = 0.5) -> str:
    """The cell of one network; scenes have a background correlation, by default one half."""
    # of COCO there are few crops: as many steps, more epochs
    settings = "+batch_size=16+epochs=60" if dataset == "coco10" else ""
    settings += "" if correlation == 0.5 else f"+background_correlation={correlation}"
    return f"{dataset}/vgg11-{version}{settings}/all/{seed}"


def seeds_of(dataset: str, version: str) -> int:
    """How many seeds a version has: five of the pair, of the controls three.

    Of the generated sets one of what shows no object: outlines alone tell the scenes' classes, and
    no picture behind a digit tells any.
    """
    alone = dataset in MADE and version in ("background", "silhouette")
    return 5 if version in PAIR else 1 if alone else 3


CELLS = (  # the first seed of everything, then the second, so that a sweep may stop anywhere
    *(
        cell(dataset, version, seed)
        for seed, dataset, version in product(
            range(5), DATASETS, (*PAIR, "mean-fill", "centre", "background", "silhouette")
        )
        if seed < seeds_of(dataset, version)
    ),
    *(cell("scenes", "original", seed, c) for seed in range(3) for c in (0, 1)),
)


@once
def recorded(dataset: str, correlation: float = 0.5) -> dict[str, dict[int, dict]]:
    """Records with their arrays of a data set, by version and seed.

    NoRecords if that is nothing, or if two networks were tested on other crops.
    """
    found: dict[str, dict[int, dict]] = {}
    for version, seed in product(VERSIONS, range(5)):
        name = cell(dataset, version, seed, correlation)
        if (record := read_record(name)) and (arrays := read_arrays(name)):
            found.setdefault(version, {})[seed] = record | arrays
    if not found:
        raise no_record(cell(dataset, "original", 0, correlation))
    crops = {run["data_fingerprint"] for seeds in found.values() for run in seeds.values()}
    if len({ROUNDED.get(fingerprint, fingerprint) for fingerprint in crops}) > 1:
        raise NoRecords(
            f"the records of {dataset} are of different crops and cannot be compared; remove those "
            "made from another set, and run their cells again"
        )
    return found


def right(runs: Mapping[int, dict], shown: str) -> pd.DataFrame:
    """Whether each test crop, shown in a version, was put into its class: a row a seed."""
    answers = {seed: run[f"predicted_{shown}"] == run["y_test"] for seed, run in runs.items()}
    return pd.DataFrame(answers).T


def accuracy_gain(a: pd.DataFrame, b: pd.DataFrame) -> tuple[float, float, float]:
    """Mean of `right` minus that of another over the seeds both have: value, low, high."""
    a, b = a.align(b, join="inner", axis=0)
    return mean_over_runs(a.to_numpy(float) - b.to_numpy(float))


def epochs_needed(runs: Mapping[int, dict]) -> pd.Series:
    """Epochs to 80 % of the training crops, by seed; the epoch after the last for never."""
    epochs = {s: run["metrics"]["epochs_to_80_train"] for s, run in runs.items()}
    return pd.Series({s: epoch or len(runs[s]["curves"]) + 1 for s, epoch in epochs.items()})


def accuracy_table(dataset: str) -> pd.DataFrame:
    """Test accuracy of networks on the version that they learnt from: value, low, high by it."""
    found = recorded(dataset).items()
    rows = {version: mean_over_runs(right(runs, version).to_numpy()) for version, runs in found}
    return pd.DataFrame(rows, ["value", "low", "high"]).T.clip(0, 1)


def crossed_table(found: Mapping[str, Mapping[int, dict]]) -> pd.DataFrame:
    """Mean test accuracy: a row for what was learnt from, a column for what is shown."""
    rows = {v: {to: right(runs, to).mean(axis=None) for to in SHOWN} for v, runs in found.items()}
    return pd.DataFrame(rows).T


def correlation_table() -> pd.DataFrame:
    """Accuracy on scenes: columns masked, original, swapped; rows (correlation, seed).

    The same objects stand before other backgrounds at each correlation, so without their
    background they are the same crops: the masked networks are recorded once. `swapped` is the
    original ones shown objects before backgrounds of other classes.
    """
    masked, rows = recorded("scenes")["masked"], {}
    for correlation in (0, 0.5, 1):
        for seed, run in recorded("scenes", correlation)["original"].items():
            rows[correlation, seed] = {
                shown: right({seed: of}, shown).mean(axis=None)
                for shown, of in (("masked", masked[seed]), ("original", run), ("swapped", run))
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["correlation", "seed"])


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there; accuracies and gains in percent."""
    found: dict[str, object] = {}
    for dataset in DATASETS:
        runs, shares = recorded(dataset), accuracy_table(dataset)["value"]
        own = {version: right(seeds, version) for version, seeds in runs.items()}
        epochs = {version: epochs_needed(runs[version]) for version in PAIR}
        first = runs["masked"][0]
        tested, largest = sum(first["test_counts"]), max(first["test_counts"])
        numbers = {
            **{name: percent(accuracy_gain(own[a], own[b])) for name, (a, b) in COMPARED.items()},
            **{version: f"{100 * share:.1f}" for version, share in shares.items()},
            **{f"epochs_{v}": interval(*seed_interval(e), ".1f") for v, e in epochs.items()},
            "unmasked": f"{100 * crossed_table(runs).loc['masked', 'original']:.1f}",
            "test": tested,
            "crops": tested + sum(first["train_counts"]),
            "largest": f"{100 * largest / tested:.1f}",
        }
        found |= {f"{dataset}_{name}": value for name, value in numbers.items()}
    for correlation, rows in correlation_table().groupby("correlation"):
        found[f"gap_{correlation:g}"] = percent(seed_interval(rows["masked"] - rows["original"]))
        swapped = np.clip(seed_interval(rows["swapped"]), 0, 1)
        found[f"swapped_{correlation:g}"] = percent(swapped, ".1f")
    for version in PAIR:
        found[f"deck_{version}"] = f"{published_claim(f'{version}_accuracy'):.3f}"
        found[f"deck_epochs_{version}"] = f"{published_claim(f'{version}_epochs_to_80'):.0f}"
    return found


def percent(found: Iterable[float], form: str = "+.1f") -> str:
    """A share with its interval, in percent."""
    return interval(*(100 * number for number in found), form)


# --- figures -------------------------------------------------------------------------------------


def answer() -> Figure:
    """Test accuracy of every version of the crops, a panel a data set."""
    message = "Masks help on made pictures; so does the outline alone"
    fig, axes = drawing.panels(message, 3.1, list(DATASETS.values()))
    for ax, dataset in zip(axes, DATASETS, strict=True):
        table = accuracy_table(dataset).reindex(list(VERSIONS))
        test = recorded(dataset)["masked"][0]["test_counts"]
        colours = [COLOURS.get(version, COLOURS["control"]) for version in table.index]
        drawing.forest(ax, table.assign(colour=colours).rename(NAMES), zero=max(test) / sum(test))
        ax.set(xlim=(0, 1.03), xlabel="test accuracy, %")
        ax.set_xticks([0, 0.5, 1], ["0", "50", "100"])
    return fig


def versions_shown(crops: Crops) -> Figure:
    """One crop of each of the first eight classes in every version that a test shows."""
    pick = np.unique(crops.y, return_index=True)[1][:8]
    shown = versions(Crops(*(array[pick] for array in crops)), mean_colour(crops.x))
    fig = drawing.titled("What a network is shown", 5.2)
    drawing.image_grid(fig, {NAMES[name]: x for name, x in shown.items()})
    return fig


def convergence() -> Figure:
    """Accuracy on the training crops after each epoch, a panel a data set."""
    message = "With masks, made pictures are learnt in half the epochs; real ones are not"
    fig, axes = drawing.panels(message, 2.9, list(DATASETS.values()))
    for ax, dataset in zip(axes, DATASETS, strict=True):
        ends = {}
        for version in PAIR:
            curves = [pd.DataFrame(r["curves"]) for r in recorded(dataset)[version].values()]
            values = np.array([curve["train_accuracy"] for curve in curves])
            end = drawing.seed_lines(ax, curves[0]["epoch"], values, COLOURS[version])
            ends[version] = end, COLOURS[version]
        ax.axhline(0.8, color=COLOURS["ink"], lw=0.8, ls=":")
        ax.set(xlabel="epoch", ylim=(0, 1.03))
        ax.yaxis.set_major_formatter(PERCENT)
    drawing.direct_labels(axes[-1], curves[0]["epoch"].max(), ends)
    axes[0].set_ylabel("training crops right")
    return fig


def correlation() -> Figure:
    """Accuracy on scenes as the background tells more about the class."""
    fig = drawing.titled("Backgrounds that tell the class are used, and mislead", 3.1)
    ax, ends = fig.subplots(), {}
    for version, values in correlation_table().items():
        colour = COLOURS.get(version, COLOURS["control"])
        groups = values.groupby("correlation").apply(seed_interval)
        mean, low, high = np.transpose(groups.to_list())
        ax.plot(values.index.get_level_values(0), values, ".", color=colour, alpha=0.4)
        ax.plot(groups.index, mean, "o-", color=colour)
        ax.vlines(groups.index, low, high, color=colour, lw=1.4)
        ends[NAMES[version]] = (mean[-1], colour)
    ax.set(xlabel="how often the texture is that of the class", ylabel="test accuracy")
    ax.set_xticks([0, 0.5, 1], ["by chance", "half of the time", "always"])
    ax.set_xlim(-0.05, 1.05)
    ax.yaxis.set_major_formatter(PERCENT)
    ax.grid(axis="y")
    drawing.direct_labels(ax, 1, ends)
    return fig


FIGURES = {
    "masked-answer": answer,
    "masked-curves": convergence,
    "masked-correlation": correlation,
}
