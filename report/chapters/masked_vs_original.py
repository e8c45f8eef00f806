"""Chapter 7: the same crops with and without what surrounds the object."""

from collections.abc import Iterable, Mapping
from itertools import product

import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.background import VERSIONS
from ocnd_lib.comparison import mean_over_runs
from ocnd_lib.masked import ROUNDED
from ocnd_lib.records import read_arrays, read_record
from ocnd_lib.stats import seed_interval
from report import drawing
from report.drawing import COLOURS, interval
from report.source import NoRecords, no_record, published_claim
from report.tables import once

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
        for seed, dataset, version in product(range(5), DATASETS, VERSIONS)
        if seed < seeds_of(dataset, version)
    ),
    *(cell("scenes", "original", seed, 1) for seed in range(3)),
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


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there; accuracies and gains in percent."""
    found: dict[str, object] = {}
    for dataset in DATASETS:
        runs = recorded(dataset)
        own = {version: right(seeds, version) for version, seeds in runs.items()}
        for name, (a, b) in COMPARED.items():
            found[f"{dataset}_{name}"] = percent(accuracy_gain(own[a], own[b]))
        for version, answers in own.items():
            found[f"{dataset}_{version}"] = f"{100 * answers.mean(axis=None):.1f}"
        for version in PAIR:
            epochs = [run["metrics"]["epochs_to_80_train"] for run in runs[version].values()]
            found[f"{dataset}_epochs_{version}"] = interval(*seed_interval(epochs), ".1f")
        unmasked = right(runs["masked"], "original")
        found[f"{dataset}_unmasked"] = f"{100 * unmasked.mean(axis=None):.1f}"
        tested = runs["masked"][0]["test_counts"]
        found[f"{dataset}_test"] = sum(tested)
        found[f"{dataset}_largest"] = f"{100 * max(tested) / sum(tested):.1f}"
    found["coco10_crops"] = found["coco10_test"] + sum(runs["masked"][0]["train_counts"])
    masked = recorded("scenes")["masked"]  # the same crops, whatever the background tells
    telling = recorded("scenes", 1)["original"]  # it always tells the class
    gap = accuracy_gain(right(masked, "masked"), right(telling, "original"))
    swapped = mean_over_runs(right(telling, "swapped"))
    found |= {"gap_1": percent(gap), "swapped_1": percent(swapped, ".1f")}
    for version in PAIR:
        found[f"deck_{version}"] = f"{published_claim(f'{version}_accuracy'):.3f}"
        found[f"deck_epochs_{version}"] = f"{published_claim(f'{version}_epochs_to_80'):.0f}"
    return found


def percent(found: Iterable[float], form: str = "+.1f") -> str:
    """A share with its interval, in percent."""
    return interval(*(100 * number for number in found), form)


# --- figures -------------------------------------------------------------------------------------


def answer() -> Figure:
    """Test accuracy of networks on the version that they learnt from, a panel a data set."""
    message = "Masks help on made pictures; so does the outline alone"
    fig, axes = drawing.panels(message, 3.1, list(DATASETS.values()))
    for ax, dataset in zip(axes, DATASETS, strict=True):
        found = recorded(dataset)
        rows = {version: mean_over_runs(right(found[version], version)) for version in VERSIONS}
        table = pd.DataFrame(rows, ["value", "low", "high"]).T.clip(0, 1)
        test = found["masked"][0]["test_counts"]
        colours = [COLOURS.get(version, COLOURS["control"]) for version in table.index]
        drawing.forest(ax, table.assign(colour=colours).rename(NAMES), zero=max(test) / sum(test))
        ax.set(xlim=(0, 1.03), xlabel="test accuracy, %")
        ax.set_xticks([0, 0.5, 1], ["0", "50", "100"])
    return fig


FIGURES = {"masked-answer": answer}
