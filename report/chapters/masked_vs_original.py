"""Chapter 7: the same crops with and without what surrounds the object."""

from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import binomtest

from ocnd_lib.background import FOLDS, VERSIONS
from ocnd_lib.comparison import mean_over_runs
from ocnd_lib.masked import ROUNDED
from ocnd_lib.records import read_arrays, read_record
from ocnd_lib.stats import Estimate, seed_interval
from report import drawing
from report.drawing import COLOURS, interval
from report.source import NoRecords, no_record, plain, published_claim, record_of
from report.tables import once

MADE = {"scenes": "scenes", "mnist_on_cifar": "digits on photos"}
DATASETS = MADE | {"voc_animals": "animals", "coco10": "COCO"}
PAIR = ("masked", "original")  # the deck's two kinds of crops
NAMES = {
    "original": "original", "masked": "masked", "mean-fill": "mean fill",
    "centre": "centre dimmed", "background": "background only", "silhouette": "silhouette only",
    "swapped": "background swapped",
}  # fmt: skip
PICTURED = "coco10/looks/bowl/0"  # keeps eight crops
FREE = [1, 2, 4, 5, 7]  # those under "Attribution": photographs 458756, 196393, 234748, 126107, 790
COMPARED = {  # accuracies, whose difference the page tells
    "gain": PAIR,
    "centre_gain": ("centre", "original"),
    "surroundings": ("background", "silhouette"),
    "outline": ("silhouette", "masked"),
}


def cells(dataset: str, version: str, seed: int, correlation: float = 0.5) -> list[str]:
    """The cell of a network, or of animals those of five, each tested on a fold of its own.

    Scenes have a background correlation, by default one half.
    """
    # of COCO there are few crops: as many steps, more epochs
    settings = "+batch_size=16+epochs=60" if dataset == "coco10" else ""
    settings += "" if correlation == 0.5 else f"+background_correlation={correlation}"
    folds = [f"+fold={k}" for k in range(FOLDS)] if dataset == "voc_animals" else [settings]
    return [f"{dataset}/vgg11-{version}{parameters}/all/{seed}" for parameters in folds]


def seeds_of(dataset: str, version: str) -> int:
    """How many seeds a version has: five of the pair, three of animals; of the controls three.

    Of the generated sets one of what shows no object: silhouettes alone tell the scenes' classes,
    and no picture behind a digit tells any. Of animals one of every control.
    """
    alone = dataset in MADE and version in ("background", "silhouette")
    if dataset == "voc_animals":
        return 3 if version in PAIR else 1
    return 5 if version in PAIR else 1 if alone else 3


CELLS = (  # the first seed of everything, then the second, so that a sweep may stop anywhere
    *(
        name
        for seed, dataset, version in product(range(5), DATASETS, VERSIONS)
        if seed < seeds_of(dataset, version)
        for name in cells(dataset, version, seed)
    ),
    *(name for seed in range(3) for name in cells("scenes", "original", seed, 1)),
)


def joined(folds: list[dict]) -> dict:
    """Records and arrays of the networks of one seed as if one network had answered all folds."""
    run = dict(folds[0])
    for name in ("y_test", *(name for name in run if name.startswith("predicted_"))):
        run[name] = np.concatenate([fold[name] for fold in folds])
    run["test_counts"] = np.sum([fold["test_counts"] for fold in folds], 0).tolist()
    epochs = [fold["metrics"]["epochs_to_80_train"] for fold in folds]
    return run | {"metrics": {"epochs_to_80_train": np.mean(epochs)}}


@once
def recorded(dataset: str, correlation: float = 0.5) -> dict[str, dict[int, dict]]:
    """Records with their arrays of a data set, by version and seed.

    NoRecords if that is nothing, or if two networks were tested on other crops.
    """
    found: dict[str, dict[int, dict]] = {}
    for version, seed in product(VERSIONS, range(5)):
        names = cells(dataset, version, seed, correlation)
        kept = [(read_record(name), read_arrays(name)) for name in names]
        if all(record and arrays for record, arrays in kept):
            runs = [record | arrays for record, arrays in kept]
            found.setdefault(version, {})[seed] = joined(runs) if len(runs) > 1 else runs[0]
    if not found:
        raise no_record(cells(dataset, "original", 0, correlation)[0])
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


def accuracy_gain(a: pd.DataFrame, b: pd.DataFrame) -> Estimate:
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
            if own.keys() >= {a, b}:
                found[f"{dataset}_{name}"] = percent(accuracy_gain(own[a], own[b]))
        for version, answers in own.items():
            found[f"{dataset}_{version}"] = f"{100 * answers.mean(axis=None):.1f}"
        epochs = pd.DataFrame({version: pd.Series(runs[version]) for version in PAIR})
        epochs = epochs.map(lambda run: run["metrics"]["epochs_to_80_train"], na_action="ignore")
        epochs["saved"] = epochs["original"] - epochs["masked"]
        for name, of in epochs.items():
            found[f"{dataset}_epochs_{name}"] = interval(*seed_interval(of.dropna()), ".1f")
        unmasked = right(runs["masked"], "original").mean(axis=None)
        found[f"{dataset}_unmasked"] = f"{100 * unmasked:.1f}"
        tested = runs["masked"][0]["test_counts"]
        found[f"{dataset}_test"] = sum(tested)
        found[f"{dataset}_largest"] = f"{100 * max(tested) / sum(tested):.1f}"
    found["coco10_crops"] = found["coco10_test"] + sum(runs["masked"][0]["train_counts"])
    masked = recorded("scenes")["masked"]  # the same crops, whatever the background tells
    telling = recorded("scenes", 1)["original"]  # it always tells the class
    gap = accuracy_gain(right(masked, "masked"), right(telling, "original"))
    swapped = mean_over_runs(right(telling, "swapped"))
    found |= {"gap_1": percent(gap), "swapped_1": percent(swapped, ".1f")}
    masked, original = (right(recorded("voc_animals")[v], v).loc[0] for v in PAIR)
    only = [int(np.sum(a & ~b)) for a, b in ((masked, original), (original, masked))]
    found["animals_p"] = binomtest(only[0], sum(only)).pvalue  # McNemar's
    for version in PAIR:
        found[f"deck_{version}"] = f"{published_claim(f'{version}_accuracy'):.3f}"
        found[f"deck_epochs_{version}"] = f"{published_claim(f'{version}_epochs_to_80'):.0f}"
    return plain(found)


def percent(found: Iterable[float], form: str = "+.1f") -> str:
    """A share with its interval, in percent."""
    return interval(*(100 * number for number in found), form)


def answer() -> Figure:
    """Test accuracy of networks on the version that they learnt from, a panel a data set."""
    message = "Masks help on artificial pictures and on animals; so does the silhouette alone"
    fig, axes = drawing.panels(message, 3.1, list(DATASETS.values()))
    for ax, dataset in zip(axes, DATASETS, strict=True):
        found = recorded(dataset)
        rows = {version: mean_over_runs(right(runs, version)) for version, runs in found.items()}
        table = pd.DataFrame(rows, ["value", "low", "high"]).T.clip(0, 1).reindex(VERSIONS)
        test = found["masked"][0]["test_counts"]
        colours = [COLOURS.get(version, COLOURS["control"]) for version in table.index]
        drawing.forest(ax, table.assign(colour=colours).rename(NAMES), zero=max(test) / sum(test))
        ax.set(xlim=(0, 1.07), xlabel="test accuracy, %")
        ax.set_xticks([0, 0.5, 1], ["0", "50", "100"])
    return fig


def photographs() -> Figure:
    """Crops of COCO whose licence lets a page show them, whole and by their true masks."""
    kept = record_of(PICTURED)
    given, masks = (kept[f"look_{name}"][FREE] for name in ("given", "masks"))
    fig = drawing.titled("COCO's crops, and what a true mask leaves of them", 2.5)
    crops = {"original": given, "masked": given * masks[:, None]}
    drawing.image_grid(fig, crops, ("bowl", "bowl", "car", "bird", "dog"))
    return fig


FIGURES = {"masked-answer": answer, "masked-photographs": photographs}
