"""Chapter 2: a classifier that knows one rare class, the normal one, from everything else."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ocnd_lib.records import read_arrays, read_record
from ocnd_lib.stats import bootstrap_intervals, decision_numbers, threshold_curve
from report.drawing import COLOURS, direct_labels, forest, interval, panels, seed_lines, titled
from report.source import no_record, published_claim

PERCENT = PercentFormatter(1, decimals=0)
NETWORKS = {"vgg11": "VGG11", "vgg11-bn": "VGG11 with batch norm"}
RATIOS = {"vgg11-bn": "1 : 9", "vgg11-bn+ratio=30": "1 : 30", "vgg11-bn+ratio=99": "1 : 99"}
CELLS = tuple(
    f"cifar10/{variant}/airplane/{seed}"
    for seed in range(3)
    for variant in dict.fromkeys((*NETWORKS, *RATIOS))
)
QUANTITIES = {
    "accuracy": "accuracy",
    "normal_recall": "normal images found",
    "novel_recall": "novel images found",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "aupr_novel": "AUPR, novel sought",
    "aupr_normal": "AUPR, normal sought",
}


def runs(variant: str) -> list[dict]:
    """All seeds of a network, each a record with its arrays `score` and `novel`."""
    cells = [cell for cell in CELLS if f"/{variant}/" in cell]
    kept = [(read_record(cell), read_arrays(cell)) for cell in cells]
    if not (found := [record | arrays for record, arrays in kept if record and arrays]):
        raise no_record(cells[0])
    return found


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
    names = list(QUANTITIES)[:4]
    return dict(zip(names, (accuracy, normal, novel, (normal + novel) / 2), strict=True))


@cache
def network_table(variant: str, moved: bool = False) -> pd.DataFrame:
    """value, low, high of QUANTITIES over seeds and test images.

    `moved`: at the threshold that undoes the imbalance instead of 0, only the first four.
    """
    if moved:  # answers instead of scores: there is less to sort
        pairs = [(r["novel"], np.sign(r["score"] - balanced_threshold(r))) for r in runs(variant)]
    else:
        pairs = [(run["novel"], run["score"]) for run in runs(variant)]
    found = pd.DataFrame(bootstrap_intervals(pairs), index=["value", "low", "high"]).T
    return found.loc[list(deck_numbers())] if moved else found


def full_table() -> pd.DataFrame:
    """For a page: every number of both networks, and of the deck the two it prints and two more."""
    columns = {"deck": {k: f"{v:.4f}" for k, v in deck_numbers().items()}}
    for variant, title in NETWORKS.items():
        columns[title] = {name: interval(*row) for name, row in network_table(variant).iterrows()}
    return pd.DataFrame(columns).fillna("").loc[list(QUANTITIES)].rename(index=QUANTITIES)


def behind(row: str, column: str) -> list[str]:
    """The cells that a number of `full_table` rests on, by its labels."""
    return [f"cifar10/{name}/airplane/*" for name, title in NETWORKS.items() if title == column]


def decision_table(rows: Mapping[str, dict]) -> pd.DataFrame:
    """For a page: `decision_numbers` of several runs with `novel`, `score` and a `threshold`."""
    found = {
        name: decision_numbers(run["novel"], run["score"], run["threshold"])
        for name, run in rows.items()
    }
    return pd.DataFrame(found).loc[list(QUANTITIES)].rename(index=QUANTITIES).map("{:.3f}".format)


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there; shares in percent."""
    deck = deck_numbers()
    found: dict[str, object] = {f"deck_{name}": f"{100 * v:.2f} %" for name, v in deck.items()}
    found["deck_normal_images"] = f"{1000 * deck['normal_recall']:.1f}"
    always_novel = 0.9  # accuracy of that answer on 1000 normal and 9000 novel images
    found["deck_above_constant"] = f"{100 * (deck['accuracy'] - always_novel):.1f}"
    names = {"plain": "vgg11", "bn": "vgg11-bn", "ratio99": "vgg11-bn+ratio=99"}
    tables = {short: network_table(variant) for short, variant in names.items()}
    moved = network_table(names["ratio99"], moved=True)
    tables["ratio99"] = pd.concat([tables["ratio99"], moved.add_suffix("_moved", axis=0)])
    for short, table in tables.items():
        for name, row in table.iterrows():
            score = name.startswith("au")
            found[f"{short}_{name}"] = interval(*row) if score else percent(*(100 * row))
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
    fig = titled("Rare airplanes are missed; a moved threshold brings most of them back", 3.5)
    ax, ends = fig.subplots(), {}
    for label, (name, moved, colour) in lines.items():
        rows = {title: network_table(v, moved).loc[name] for v, title in RATIOS.items()}
        part = pd.DataFrame.from_dict(rows, orient="index")
        ax.plot(part["value"], color=colour, marker="o")
        ax.fill_between(part.index, part["low"], part["high"], color=colour, alpha=0.15, lw=0)
        ends[label] = (part["value"].iloc[-1], colour)
    ax.set(xlabel="normal : novel images in training", ylim=(0, 1.03))
    ax.set_ylabel("share of test images, or AUROC")
    ax.yaxis.set_major_formatter(PERCENT)
    ax.grid(axis="y")
    direct_labels(ax, len(RATIOS) - 1, ends)
    return fig


def deck_beside_ours() -> Figure:
    """The deck's four shares beside those of both networks with intervals."""
    colours = [COLOURS[name] for name in ("ink", "known", "balanced_accuracy")]
    fig = titled("Accuracies are alike, the airplanes found are not", 3.5)
    axes = fig.subplots(2, 2, sharey=True, sharex=True)
    for ax, (name, value) in zip(axes.flat, deck_numbers().items(), strict=True):
        rows = {"deck": {"value": value}, "VGG11": network_table("vgg11").loc[name]}
        rows["with batch norm"] = network_table("vgg11-bn").loc[name]
        forest(ax, pd.DataFrame(rows).T.assign(colour=colours), zero=None)
        ax.set(title=QUANTITIES[name], xlim=(0.5, 1.01))
        ax.xaxis.set_major_formatter(PERCENT)
    return fig


def recorded_curves() -> Figure:
    """Recorded learning curves of both networks."""
    return learning_curves(
        {title: [run["curves"] for run in runs(variant)] for variant, title in NETWORKS.items()},
        "The accuracy hides how slowly airplanes are learnt",
    )


def learning_curves(curves: Mapping[str, list[list[dict]]], message: str) -> Figure:
    """Test accuracy of all, novel and normal images after each epoch, a panel a title.

    A title's curves are those of its seeds, each a list of one dict an epoch (`classifier.fit`).
    """
    fig, axes = panels(message, 3.2, list(curves))
    for ax, seeds in zip(axes, curves.values(), strict=True):
        epochs = [point["epoch"] for point in seeds[0]]
        recall = np.array([[point["test_recall"] for point in curve] for curve in seeds])
        every = np.array([[point["test_accuracy"] for point in curve] for curve in seeds])
        shares = {"all images": (every, "ink"), "novel": (recall[..., 1], "novel")}
        shares["normal"] = recall[..., 0], "normal"
        ends = {
            label: (seed_lines(ax, epochs, values, COLOURS[colour]), COLOURS[colour])
            for label, (values, colour) in shares.items()
        }
        ax.set(xlabel="epoch", ylim=(-0.03, 1.03), xlim=(0.7, epochs[-1] + 0.3))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.yaxis.set_major_formatter(PERCENT)
        ax.grid(axis="y")
    direct_labels(axes[-1], epochs[-1], ends)
    return fig


def threshold_effect() -> Figure:
    """Scores of both classes, and both recalls as the threshold moves; batch norm, first seed."""
    run = runs("vgg11-bn")[0]
    score, novel = run["score"], run["novel"]
    low, high = np.quantile(score, [0.001, 0.999]) + np.array([-1, 1])
    scale = 3.0  # linear within ± this, logarithmic beyond: far scores are all equally sure
    bins = scale * np.sinh(np.linspace(*np.arcsinh([low / scale, high / scale]), 60))
    fig = titled("Moving the threshold finds more airplanes and costs few others", 4.4)
    top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=[1, 1.3])
    curve, ends = threshold_curve(novel, score), {}
    for k, name in enumerate(("normal", "novel")):
        part = np.clip(score[novel == k], low, high)
        share = np.full(len(part), 1 / len(part))
        top.hist(part, bins, weights=share, color=COLOURS[name], alpha=0.6)
        bottom.plot(curve["threshold"], curve[f"{name}_recall"], color=COLOURS[name])
        ends[name] = (curve[f"{name}_recall"][-1], COLOURS[name])
    top.set_ylabel("share of the class")
    bottom.set(xlabel="threshold on the score (log-odds of novel)", ylabel="answered rightly")
    bottom.set(xlim=(low, high), ylim=(-0.03, 1.03))
    bottom.set_xscale("asinh", linear_width=scale)
    ticks = [t for t in (-100, -30, -10, -3, 0, 3, 10, 30, 100) if low <= t <= high]
    bottom.set_xticks(ticks, map(str, ticks))
    bottom.minorticks_off()
    direct_labels(bottom, high, ends)
    for ax in (top, bottom):
        ax.yaxis.set_major_formatter(PERCENT)
        ax.grid(axis="y")
        for mark in (0.0, balanced_threshold(run)):
            ax.axvline(mark, color=COLOURS["ink"], lw=1, ls="--")
    bottom.text(0, 0.04, "as trained ", ha="right")
    bottom.text(balanced_threshold(run), 0.04, " moved", ha="left")
    return fig


FIGURES: dict[str, Callable[[], Figure]] = {
    "imbalance-ratios": ratio_effect,
    "imbalance-deck": deck_beside_ours,
    "imbalance-curves": recorded_curves,
    "imbalance-threshold": threshold_effect,
}
