"""Chapter 7: the same crops with and without what surrounds the object."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ocnd_lib.background import SHOWN, VERSIONS, versions
from ocnd_lib.comparison import mcnemar, mean_over_runs
from ocnd_lib.crops import Crops, mean_colour
from ocnd_lib.masked import ROUNDED
from ocnd_lib.records import read_arrays, read_record
from ocnd_lib.stats import seed_interval
from report.drawing import (
    COLOURS,
    direct_labels,
    forest,
    image_grid,
    interval,
    matrix,
    panels,
    seed_lines,
    titled,
)
from report.source import NoRecords, no_record, published_claim

PERCENT = PercentFormatter(1, decimals=0)
MADE = {"scenes": "generated scenes", "mnist_on_cifar": "digits on photographs"}
DATASETS = MADE | {"coco10": "COCO"}
SEEDS = range(5)  # of the deck's two kinds of crops
CONTROL_SEEDS = range(3)
PAIR = ("masked", "original")
# controls that keep the object, and those without it. Of the generated sets one network of each of
# the latter: outlines alone tell the scenes' classes, and no picture behind a digit tells any
FILLED, WITHOUT_OBJECT = ("mean-fill", "centre"), ("background", "silhouette")
CORRELATIONS = (0, 0.5, 1)
NAMES = {
    "original": "original", "masked": "masked", "mean-fill": "mean fill",
    "centre": "centre dimmed", "background": "background only", "silhouette": "outline only",
    "swapped": "background swapped",
}  # fmt: skip


def cell(dataset: str, version: str, seed: int, correlation: float = 0.5) -> str:
    """The cell of one network; scenes have a background correlation, by default one half."""
    # of COCO there are few crops: as many steps, more epochs
    settings = "+batch_size=16+epochs=60" if dataset == "coco10" else ""
    settings += "" if correlation == 0.5 else f"+background_correlation={correlation}"
    return f"{dataset}/vgg11-{version}{settings}/all/{seed}"


def seeds_of(dataset: str, version: str) -> range:
    """The seeds with which networks of a version are trained."""
    one = version in WITHOUT_OBJECT and dataset in MADE
    return SEEDS if version in PAIR else range(1) if one else CONTROL_SEEDS


CELLS = (  # the first seed of everything, then the second, so that a sweep may stop anywhere
    *(
        cell(dataset, version, seed)
        for seed, dataset, version in product(SEEDS, DATASETS, (*PAIR, *FILLED, *WITHOUT_OBJECT))
        if seed in seeds_of(dataset, version)
    ),
    *(cell("scenes", "original", seed, c) for seed in CONTROL_SEEDS for c in (0, 1)),
)


@dataclass(frozen=True, eq=False)
class Trained:
    """A network trained on one version of the crops: its record, and what it says of all."""

    record: dict
    arrays: dict[str, np.ndarray]

    def right(self, version: str) -> np.ndarray:
        """Whether each test crop, shown in a version, was put into its class: (N,) bool."""
        return self.arrays[f"predicted_{version}"] == self.arrays["y_test"]


Seeds = Mapping[int, Trained]


@cache
def recorded(dataset: str, correlation: float = 0.5) -> dict[str, dict[int, Trained]]:
    """What is recorded of a data set: version → seed → network.

    NoRecords if that is nothing, or if two networks were tested on other crops.
    """
    found: dict[str, dict[int, Trained]] = {}
    for version in VERSIONS:
        for seed in SEEDS:
            name = cell(dataset, version, seed, correlation)
            if (record := read_record(name)) and (arrays := read_arrays(name)):
                found.setdefault(version, {})[seed] = Trained(record, arrays)
    if not found:
        raise no_record(cell(dataset, "original", 0, correlation))
    crops = {run.record["data_fingerprint"] for seeds in found.values() for run in seeds.values()}
    if len({ROUNDED.get(fingerprint, fingerprint) for fingerprint in crops}) > 1:
        raise NoRecords(
            f"the records of {dataset} are of different crops and cannot be compared; remove those "
            "made from another set, and run their cells again"
        )
    return found


# --- two versions, seed by seed ------------------------------------------------------------------


def accuracy_gain(a: tuple[Seeds, str], b: tuple[Seeds, str]) -> tuple[float, float, float]:
    """Test accuracy of `a` minus that of `b`, over the seeds both have: (value, low, high).

    Each is (networks, the version they are shown). The interval is over seeds and test crops.
    """
    common = sorted(a[0].keys() & b[0].keys())
    right = [np.stack([runs[s].right(version) for s in common]) for runs, version in (a, b)]
    return mean_over_runs(right[0].astype(float) - right[1])


def epochs_saved(found: Mapping[str, Seeds]) -> np.ndarray:
    """Epochs to 80 % of the training crops, original minus masked, of common seeds: (n,).

    A network that never came so far counts as if it had in the epoch after the last, which is the
    least that it would need.
    """
    needed = {
        version: {
            seed: run.record["metrics"]["epochs_to_80_train"] or len(run.record["curves"]) + 1
            for seed, run in found[version].items()
        }
        for version in PAIR
    }
    return (pd.Series(needed["original"]) - pd.Series(needed["masked"])).dropna().to_numpy()


def paired_table() -> pd.DataFrame:
    """For a page: both kinds of crops, a row a data set and seed, each with McNemar's exact p."""
    rows = {}
    for dataset, title in DATASETS.items():
        found = recorded(dataset)
        for seed in sorted(found["masked"].keys() & found["original"].keys()):
            right = {version: found[version][seed].right(version) for version in PAIR}
            test = mcnemar(right["masked"], right["original"])
            rows[title, f"seed {seed}"] = {
                **{version: f"{right[version].mean():.1%}" for version in PAIR},
                "only masked right": str(test.only_a),
                "only original right": str(test.only_b),
                "p, McNemar": "< 0.001" if test.p < 0.001 else f"{test.p:.3f}",
            }
    return pd.DataFrame.from_dict(rows, orient="index")


# --- tables --------------------------------------------------------------------------------------


def accuracy_table(dataset: str) -> pd.DataFrame:
    """Test accuracy of networks on the version that they learnt from: value, low, high by it."""
    rows = {}
    for version, runs in recorded(dataset).items():
        mean, low, high = mean_over_runs(np.stack([run.right(version) for run in runs.values()]))
        rows[version] = {"value": mean, "low": max(low, 0.0), "high": min(high, 1.0)}
    return pd.DataFrame.from_dict(rows, orient="index")


def crossed_table(found: Mapping[str, Seeds]) -> pd.DataFrame:
    """Mean test accuracy: a row for what was learnt from, a column for what is shown."""
    cells = {
        (version, shown): np.mean([run.right(shown).mean() for run in found[version].values()])
        for version, shown in product(found, SHOWN)
    }
    return pd.Series(cells).unstack().loc[list(found), list(SHOWN)]


def deck_counts() -> pd.DataFrame:
    """For a page: the accuracies nearest to the deck's that so many crops can give, in percent.

    Marked when none of them is printed so with three decimals, rounded or cut off.
    """
    rows = {}
    for name, count in {"test": 500, "training": 5000, "in all": 5500}.items():
        row = {}
        for version in PAIR:
            printed = published_claim(f"{version}_accuracy")
            share = 100 * round(printed / 100 * count) / count
            possible = abs(share - printed) < 0.001 and (
                round(share, 3) == printed or int(share * 1000) == round(printed * 1000)
            )
            row[f"{version}, printed"] = f"{printed:.3f}"
            row[f"{version}, nearest"] = f"{share:.4f}" + ("" if possible else ": not it")
        rows[f"{count} {name}"] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def learnt_table() -> pd.DataFrame:
    """For a page: epochs to 80 % and final accuracy on training and test crops; the deck's on top.

    Means over seeds with Student's interval; "never" where no network reached 80 %.
    """
    deck = {f"epochs, {v}": f"{published_claim(f'{v}_epochs_to_80'):.0f}" for v in PAIR}
    deck |= {f"accuracy, {v}": f"{published_claim(f'{v}_accuracy'):.3f} %" for v in PAIR}
    rows = {("deck", "not said"): deck}
    keys = {"training": ("epochs_to_80_train", "train_accuracy")}
    keys["test"] = "epochs_to_80_test", "accuracy"
    for (dataset, title), (crops, (epochs, accuracy)) in product(DATASETS.items(), keys.items()):
        row = rows[title, crops] = {}
        for version in PAIR:
            runs = recorded(dataset)[version].values()
            reached = seed_interval([run.record["metrics"][accuracy] for run in runs])
            row[f"epochs, {version}"] = mean_epochs(runs, epochs)
            row[f"accuracy, {version}"] = percent(*reached)
    return pd.DataFrame.from_dict(rows, orient="index")[list(deck)]


def mean_epochs(runs: Iterable[Trained], key: str) -> str:
    """For a page: the mean epochs of networks with Student's interval, or `never`."""
    values = [run.record["metrics"][key] for run in runs]
    reached = [value for value in values if value is not None]
    if not reached:
        return "never"
    never = f", {len(values) - len(reached)} never" if len(reached) < len(values) else ""
    return interval(*seed_interval(reached), ".1f") + never


def behind(row: tuple[str, str], column: str) -> list[str]:
    """The cells that a number of `learnt_table`, or of `paired_table`, rests on."""
    kinds = [version for version in PAIR if column.endswith(f", {version}")] or PAIR
    seeds = [int(row[1].removeprefix("seed "))] if row[1].startswith("seed") else SEEDS
    datasets = [dataset for dataset, title in DATASETS.items() if title == row[0]]
    return [cell(name, version, seed) for name, seed, version in product(datasets, seeds, kinds)]


def correlation_table() -> pd.DataFrame:
    """Accuracy on scenes: columns masked, original, swapped; rows (correlation, seed).

    The same objects stand before other backgrounds at each correlation, so without their
    background they are the same crops: the masked networks are recorded once. `swapped` is the
    original ones shown objects before backgrounds of other classes.
    """
    masked, rows = recorded("scenes")["masked"], {}
    for correlation in CORRELATIONS:
        for seed, run in recorded("scenes", correlation)["original"].items():
            row = {version: run.right(version).mean() for version in ("original", "swapped")}
            rows[correlation, seed] = {"masked": masked[seed].right("masked").mean(), **row}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["correlation", "seed"])


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there; accuracies and gains in percent."""
    found: dict[str, object] = {}
    for dataset in DATASETS:
        runs = recorded(dataset)
        own = {version: (seeds, version) for version, seeds in runs.items()}
        pairs = {
            "gain": (own["masked"], own["original"]),
            "centre_gain": (own["centre"], own["original"]),
            "surroundings": (own["background"], own["silhouette"]),
            "outline": (own["silhouette"], own["masked"]),
            "swapped": (own["original"], (runs["original"], "swapped")),
        }
        for name, (a, b) in pairs.items():
            found[f"{dataset}_{name}"] = interval(*(100 * x for x in accuracy_gain(a, b)), "+.1f")
        found[f"{dataset}_saved"] = interval(*seed_interval(epochs_saved(runs)), "+.1f")
        for version, row in accuracy_table(dataset).iterrows():
            found[f"{dataset}_{version}"] = f"{100 * row.value:.1f}"
        for version in PAIR:
            found[f"{dataset}_epochs_{version}"] = mean_epochs(
                runs[version].values(), "epochs_to_80_train"
            )
        found[f"{dataset}_unmasked"] = f"{100 * crossed_table(runs).loc['masked', 'original']:.1f}"
        counts = runs["masked"][0].record["test_counts"]
        found[f"{dataset}_test"] = sum(counts)
        found[f"{dataset}_crops"] = sum(counts) + sum(runs["masked"][0].record["train_counts"])
        found[f"{dataset}_largest"] = f"{100 * max(counts) / sum(counts):.1f}"
    for correlation, rows in correlation_table().groupby("correlation"):
        gap = 100 * (rows["masked"] - rows["original"])
        found[f"gap_{correlation:g}"] = interval(*seed_interval(gap), "+.1f")
        found[f"swapped_{correlation:g}"] = percent(*seed_interval(rows["swapped"]))
    for version in PAIR:
        found[f"deck_{version}"] = f"{published_claim(f'{version}_accuracy'):.3f}"
        found[f"deck_epochs_{version}"] = f"{published_claim(f'{version}_epochs_to_80'):.0f}"
    return found


def percent(value: float, low: float, high: float) -> str:
    """A share in percent with its interval, which stays between 0 and 100."""
    return interval(*(100 * np.clip([value, low, high], 0, 1)), ".1f")


# --- figures -------------------------------------------------------------------------------------


def answer() -> Figure:
    """Test accuracy of every version of the crops, a panel a data set."""
    message = "Masks help on made pictures; so does the outline alone"
    fig, axes = panels(message, 3.1, list(DATASETS.values()))
    for ax, dataset in zip(axes, DATASETS, strict=True):
        table = accuracy_table(dataset).reindex(list(VERSIONS))
        test = recorded(dataset)["masked"][0].record["test_counts"]
        colours = [COLOURS.get(version, COLOURS["control"]) for version in table.index]
        forest(ax, table.assign(colour=colours).rename(NAMES), zero=max(test) / sum(test))
        ax.set(xlim=(0, 1.03), xlabel="test accuracy, %")
        ax.set_xticks([0, 0.5, 1], ["0", "50", "100"])
    return fig


def versions_shown(crops: Crops) -> Figure:
    """One crop of each of the first eight classes in every version that a test shows."""
    pick = np.unique(crops.y, return_index=True)[1][:8]
    shown = versions(Crops(*(array[pick] for array in crops)), mean_colour(crops.x))
    fig = titled("What a network is shown", 5.2)
    image_grid(fig, {NAMES[name]: x for name, x in shown.items()})
    return fig


def convergence() -> Figure:
    """Accuracy on the training crops after each epoch, a panel a data set."""
    message = "With masks, made pictures are learnt in half the epochs; real ones are not"
    fig, axes = panels(message, 2.9, list(DATASETS.values()))
    for ax, dataset in zip(axes, DATASETS, strict=True):
        ends = {}
        for version in PAIR:
            curves = [run.record["curves"] for run in recorded(dataset)[version].values()]
            epochs = [point["epoch"] for point in curves[0]]
            values = np.array([[point["train_accuracy"] for point in curve] for curve in curves])
            end = seed_lines(ax, epochs, values, COLOURS[version])
            ends[version] = end, COLOURS[version]
        ax.axhline(0.8, color=COLOURS["ink"], lw=0.8, ls=":")
        ax.set(xlabel="epoch", ylim=(0, 1.03))
        ax.yaxis.set_major_formatter(PERCENT)
    direct_labels(axes[-1], epochs[-1], ends)
    axes[0].set_ylabel("training crops right")
    return fig


def crossed() -> Figure:
    """Accuracy for every version learnt from and every version shown, on the made pictures."""
    tables = {DATASETS[dataset]: crossed_table(recorded(dataset)) for dataset in MADE}
    return crossed_figure(tables, "Who learnt with masks needs masks in the test")


def crossed_figure(tables: Mapping[str, pd.DataFrame], message: str) -> Figure:
    """Tables of `crossed_table` by their titles, in percent."""
    rows = [len(table) for table in tables.values()]
    fig = titled(message, 0.8 + 0.5 * len(rows) + 0.36 * sum(rows))
    axes = fig.subplots(len(rows), 1, squeeze=False, sharex=True, height_ratios=rows)[:, 0]
    columns = {name: text.replace(" ", "\n") for name, text in NAMES.items()}
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        table = 100 * table.rename(index=NAMES, columns=columns)
        matrix(ax, table, ".0f", square=False, vmin=0)
        ax.set(title=title, ylabel="learnt from")
        ax.tick_params(axis="y", labelrotation=0)
    axes[-1].set_xlabel("shown in the test")
    return fig


def correlation() -> Figure:
    """Accuracy on scenes as the background tells more about the class."""
    fig = titled("Backgrounds that tell the class are used, and mislead", 3.1)
    ax, ends = fig.subplots(), {}
    for version, values in correlation_table().items():
        colour = COLOURS.get(version, COLOURS["control"])
        groups = values.groupby("correlation")
        mean, low, high = np.array([seed_interval(group) for _, group in groups]).T
        ax.plot(values.index.get_level_values(0), values, ".", color=colour, alpha=0.4)
        ax.plot(CORRELATIONS, mean, "o-", color=colour)
        ax.vlines(CORRELATIONS, low, high, color=colour, lw=1.4)
        ends[NAMES[version]] = (mean[-1], colour)
    ax.set(xlabel="how often the texture is that of the class", ylabel="test accuracy")
    ax.set_xticks(CORRELATIONS, ["by chance", "half of the time", "always"])
    ax.set_xlim(-0.05, 1.05)
    ax.yaxis.set_major_formatter(PERCENT)
    ax.grid(axis="y")
    direct_labels(ax, 1, ends)
    return fig


FIGURES: dict[str, Callable[[], Figure]] = {
    "masked-answer": answer,
    "masked-curves": convergence,
    "masked-crossed": crossed,
    "masked-correlation": correlation,
}
