"""Chapter 2: a classifier that knows one rare class, the normal one, from everything else."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ocnd_lib.records import read_arrays, read_records
from ocnd_lib.stats import bootstrap_intervals, decision_numbers, threshold_curve
from report.drawing import COLOURS, WIDTH, direct_labels, forest, interval
from report.source import NoRecords, published_claim

PERCENT = PercentFormatter(1, decimals=0)
NETWORKS = {"vgg11": "VGG11", "vgg11-bn": "VGG11 with batch norm"}
RATIOS = ("vgg11-bn", "vgg11-bn+ratio=30", "vgg11-bn+ratio=99")
VARIANTS = tuple(dict.fromkeys((*NETWORKS, *RATIOS)))
CELLS = tuple(f"cifar10/{variant}/airplane/{seed}" for seed in range(3) for variant in VARIANTS)
QUANTITIES = {
    "accuracy": "accuracy",
    "normal_recall": "normal images found",
    "novel_recall": "novel images found",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "aupr_novel": "AUPR, novel sought",
    "aupr_normal": "AUPR, normal sought",
}
SHORT = {"vgg11": "plain", "vgg11-bn": "bn", RATIOS[1]: "ratio30", RATIOS[2]: "ratio99"}


def runs(variant: str) -> list[dict]:
    """All seeds of a network, each a record with its arrays `score` and `novel`."""
    records = read_records(pattern=f"cifar10/{variant}/airplane")
    if not records:
        raise NoRecords(f"no record yet; make one with: ocnd run cifar10/{variant}/airplane/0")
    return [{**record, **read_arrays(record["cell"])} for record in records]


def balanced_threshold(run: dict) -> float:
    """The threshold that undoes the training set's imbalance: log(novel / normal) in training.

    Log-odds learnt under the training ratio are too high by just this much for a world in which
    both classes are equally frequent (Bayes' rule); no test image is needed to know it.
    """
    normal, novel = run["train_counts"]
    return float(np.log(novel / normal))


# --- tables --------------------------------------------------------------------------------------


def deck_numbers() -> dict[str, float]:
    """The deck's two printed shares and what they imply, on 1000 normal and 9000 novel images."""
    accuracy = published_claim("imbalance_accuracy") / 100
    normal = published_claim("imbalance_normal_accuracy") / 100
    novel = (accuracy * 10_000 - normal * 1_000) / 9_000
    return {
        "accuracy": accuracy,
        "normal_recall": normal,
        "novel_recall": novel,
        "balanced_accuracy": (normal + novel) / 2,
    }


@cache
def network_table(variant: str, moved: bool = False) -> pd.DataFrame:
    """value, low, high of every number of QUANTITIES over seeds and test images.

    `moved`: at the threshold that undoes the imbalance instead of 0.
    """
    seeds = runs(variant)
    shifts = [balanced_threshold(run) if moved else 0.0 for run in seeds]
    found = bootstrap_intervals(
        [(run["novel"], run["score"] - shift) for run, shift in zip(seeds, shifts, strict=True)]
    )
    return pd.DataFrame(found, index=["value", "low", "high"]).T


def full_table() -> pd.DataFrame:
    """For a page: every number of both networks, and of the deck the two it prints and two more."""
    columns = {"deck": {k: f"{v:.4f}" for k, v in deck_numbers().items()}}
    for variant, title in NETWORKS.items():
        rows = network_table(variant).itertuples()
        columns[title] = {row.Index: interval(row.value, row.low, row.high) for row in rows}
    return pd.DataFrame(columns).fillna("").loc[list(QUANTITIES)].rename(index=QUANTITIES)


def behind(row: str, column: str) -> list[str]:
    """The cells that a number of `full_table` rests on, by its labels."""
    variants = {title: variant for variant, title in NETWORKS.items()}
    return [f"cifar10/{variants[column]}/airplane/*"] if column in variants else []


def decision_table(rows: Mapping[str, dict]) -> pd.DataFrame:
    """For a page: `decision_numbers` of several runs with `novel`, `score` and a `threshold`."""
    found = {
        name: decision_numbers(run["novel"], run["score"], run["threshold"])
        for name, run in rows.items()
    }
    return pd.DataFrame(found).loc[list(QUANTITIES)].rename(index=QUANTITIES).map("{:.3f}".format)


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there."""
    deck = deck_numbers()
    found: dict[str, object] = {f"deck_{name}": f"{100 * v:.2f} %" for name, v in deck.items()}
    found["deck_normal_images"] = f"{1000 * deck['normal_recall']:.1f}"
    always_novel = 0.9  # accuracy of that answer on 1000 normal and 9000 novel images
    found["deck_above_constant"] = f"{100 * (deck['accuracy'] - always_novel):.1f}"
    for variant, short in SHORT.items():
        for moved in (False, True):
            for row in network_table(variant, moved).itertuples():
                name = f"{short}_{row.Index}" + ("_moved" if moved else "")
                scores = row.Index[:4] in ("auro", "aupr")
                values = [v if scores else 100 * v for v in (row.value, row.low, row.high)]
                found[name] = interval(*values, ".3f") if scores else percent(*values)
    return found


def percent(value: float, low: float, high: float) -> str:
    """Percentages as prose has them: 96.2 % [95.7, 96.7]."""
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


# --- figures -------------------------------------------------------------------------------------


def ratio_effect() -> Figure:
    """Shares of test images and AUROC as the normal class grows rarer in training."""
    lines = {
        "AUROC": ("auroc", False, COLOURS["auroc"]),
        "accuracy": ("accuracy", False, COLOURS["accuracy"]),
        "normal found,\nthreshold moved": ("normal_recall", True, COLOURS["balanced_accuracy"]),
        "normal found": ("normal_recall", False, COLOURS["normal"]),
    }
    ax = (fig := Figure(figsize=(WIDTH, 3.5))).subplots()
    ratios = [runs(variant)[0]["parameters"]["ratio"] for variant in RATIOS]
    ends = {}
    for label, (name, moved, colour) in lines.items():
        part = pd.DataFrame([network_table(variant, moved).loc[name] for variant in RATIOS])
        ax.plot(range(len(ratios)), part["value"], color=colour, marker="o")
        ax.fill_between(range(len(ratios)), part["low"], part["high"], color=colour, alpha=0.15,
                        linewidth=0)  # fmt: skip
        ends[label] = (part["value"].iloc[-1], colour)
    ax.set(xlabel="normal : novel images in training", ylim=(0, 1.03))
    ax.set_ylabel("share of test images, or AUROC")
    ax.set_title("Rare airplanes are missed; a moved threshold brings most of them back")
    ax.set_xticks(range(len(ratios)), [f"1 : {ratio:g}" for ratio in ratios])
    ax.yaxis.set_major_formatter(PERCENT)
    ax.grid(axis="y")
    direct_labels(ax, len(ratios) - 1, ends)
    return fig


def deck_beside_ours() -> Figure:
    """The deck's four shares beside those of both networks with intervals."""
    people = {"deck": "ink", "VGG11": "known", "with batch norm": "balanced_accuracy"}
    colours = [COLOURS[name] for name in people.values()]
    tables = [network_table(variant) for variant in NETWORKS]
    fig = Figure(figsize=(WIDTH, 3.5))
    axes = fig.subplots(2, 2, sharey=True, sharex=True)
    for ax, (name, value) in zip(axes.flat, deck_numbers().items(), strict=True):
        rows = [{"value": value, "low": np.nan, "high": np.nan}, *(t.loc[name] for t in tables)]
        table = pd.DataFrame([dict(row) for row in rows], index=list(people))
        forest(ax, table.assign(colour=colours), zero=None)
        ax.set(title=QUANTITIES[name], xlim=(0.5, 1.01))
        ax.xaxis.set_major_formatter(PERCENT)
    fig.suptitle("Accuracies are alike, the airplanes found are not", x=0.01, ha="left",
                 weight="bold")  # fmt: skip
    return fig


def recorded_curves() -> Figure:
    """Recorded learning curves of both networks."""
    return learning_curves(
        {title: [run["curves"] for run in runs(variant)] for variant, title in NETWORKS.items()},
        "The accuracy hides how slowly airplanes are learnt",
    )


def learning_curves(panels: Mapping[str, Sequence[Sequence[dict]]], message: str) -> Figure:
    """Test accuracy of all, novel and normal images after each epoch.

    `panels` maps a title to the curves of its seeds (each a list of one dict an epoch, as
    `classifier.fit` returns). Thin lines are seeds, the thick one their mean.
    """
    shares: dict[str, tuple[str, Callable[[dict], float]]] = {
        "all images": ("ink", lambda point: point["test_accuracy"]),
        "novel": ("novel", lambda point: point["test_recall"][1]),
        "normal": ("normal", lambda point: point["test_recall"][0]),
    }
    fig = Figure(figsize=(WIDTH, 3.2))
    for ax, (title, seeds) in zip(
        fig.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
    ):
        epochs = [point["epoch"] for point in seeds[0]]
        ax.set(title=title, xlabel="epoch", ylim=(-0.03, 1.03), xlim=(0.7, epochs[-1] + 0.3))
        ends = {}
        for label, (colour, share) in shares.items():
            values = np.array([[share(point) for point in curve] for curve in seeds])
            ax.plot(epochs, values.T, color=COLOURS[colour], linewidth=0.7, alpha=0.45)
            ax.plot(epochs, values.mean(0), color=COLOURS[colour], marker="o", markersize=3)
            ends[label] = (values.mean(0)[-1], COLOURS[colour])
        if title == list(panels)[-1]:
            direct_labels(ax, epochs[-1], ends)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.yaxis.set_major_formatter(PERCENT)
        ax.grid(axis="y")
    fig.suptitle(message, x=0.01, ha="left", weight="bold")
    return fig


def threshold_effect() -> Figure:
    """Scores of both classes, and both recalls as the threshold moves; batch norm, first seed."""
    run = runs("vgg11-bn")[0]
    score, novel, marks = run["score"], run["novel"], (0.0, balanced_threshold(run))
    low, high = np.quantile(score, [0.001, 0.999]) + np.array([-1, 1])
    fig = Figure(figsize=(WIDTH, 4.4))
    top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=[1, 1.3])
    scale = 3.0  # linear within ± this, logarithmic beyond: far scores are all equally sure
    bins = scale * np.sinh(np.linspace(*np.arcsinh([low / scale, high / scale]), 60))
    for k, name in enumerate(("normal", "novel")):
        part = np.clip(score[novel == k], low, high)
        top.hist(part, bins, weights=np.full(len(part), 1 / len(part)), color=COLOURS[name],
                 alpha=0.6)  # fmt: skip
    top.set_ylabel("share of the class")
    top.set_title("Moving the threshold finds more airplanes and costs few others")
    curve = threshold_curve(novel, score)
    ends = {}
    for name in ("normal", "novel"):
        bottom.plot(curve["threshold"], curve[f"{name}_recall"], color=COLOURS[name])
        ends[name] = (curve[f"{name}_recall"][-1], COLOURS[name])
    bottom.set(xlabel="threshold on the score (log-odds of novel)", ylabel="answered rightly")
    bottom.set(xlim=(low, high), ylim=(-0.03, 1.03))
    bottom.set_xscale("asinh", linear_width=scale)
    ticks = [t for t in (-100, -30, -10, -3, 0, 3, 10, 30, 100) if low <= t <= high]
    bottom.set_xticks(ticks, [f"{t:g}" for t in ticks])
    bottom.minorticks_off()
    direct_labels(bottom, high, ends)
    for ax in (top, bottom):
        ax.yaxis.set_major_formatter(PERCENT)
        ax.grid(axis="y")
        for mark in marks:
            ax.axvline(mark, color=COLOURS["ink"], linewidth=1, linestyle=(0, (4, 3)))
    for mark, text, side in zip(marks, ("as trained ", " moved"), ("right", "left"), strict=True):
        bottom.text(mark, 0.04, text, ha=side)
    return fig


FIGURES: dict[str, Callable[[], Figure]] = {
    "imbalance-ratios": ratio_effect,
    "imbalance-deck": deck_beside_ours,
    "imbalance-curves": recorded_curves,
    "imbalance-threshold": threshold_effect,
}
