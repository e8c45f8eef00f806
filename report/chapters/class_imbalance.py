"""Chapter 2: a classifier that knows one rare class, the normal one, from everything else."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ocnd_lib.stats import bootstrap_intervals
from report import tables
from report.drawing import COLOURS, direct_labels, forest, interval, percent, titled
from report.source import published_claim, record_of
from report.tables import once

PERCENT = PercentFormatter(1, decimals=0)
RATIOS = {"vgg11-bn": "1 : 9", "vgg11-bn+ratio=30": "1 : 30", "vgg11-bn+ratio=99": "1 : 99"}
CELLS = tuple(f"cifar10/{v}/airplane/{seed}" for seed in range(3) for v in ("vgg11", *RATIOS))
SHARES = {  # what the answers alone tell
    "accuracy": "accuracy",
    "normal_recall": "normal images found",
    "novel_recall": "novel images found",
    "balanced_accuracy": "balanced accuracy",
}


def runs(variant: str) -> list[dict]:
    """All seeds of a network, each a record with its arrays `score` and `novel`."""
    return [record_of(cell) for cell in CELLS if f"/{variant}/" in cell]


def balanced_threshold(run: dict) -> float:
    """The threshold that undoes the training set's imbalance: log(novel / normal) in training.

    Log-odds learnt under the training ratio are too high by just this much for a world in which
    both classes are equally frequent (Bayes' rule); no test image is needed to know it.
    """
    normal, novel = run["train_counts"]
    return float(np.log(novel / normal))


def deck_numbers() -> dict[str, float]:
    """The deck's two printed shares and what they imply, on 1000 normal and 9000 novel images."""
    accuracy = published_claim("imbalance_accuracy") / 100
    normal = published_claim("imbalance_normal_accuracy") / 100
    novel = (accuracy * 10_000 - normal * 1_000) / 9_000
    return dict(zip(SHARES, (accuracy, normal, novel, (normal + novel) / 2), strict=True))


@once
def network_table(variant: str, moved: bool = False) -> pd.DataFrame:
    """value, low, high of SHARES and auroc over seeds and test images.

    `moved`: SHARES alone, at the threshold that undoes the imbalance instead of 0.
    """
    pairs = [(run["novel"], run["score"]) for run in runs(variant)]
    if moved:  # answers instead of scores: there is less to sort
        shifts = map(balanced_threshold, runs(variant))
        pairs = [(y, np.sign(score - at)) for (y, score), at in zip(pairs, shifts, strict=True)]
    found = pd.DataFrame(bootstrap_intervals(pairs), index=["value", "low", "high"]).T
    return found.loc[list(SHARES) if moved else [*SHARES, "auroc"]]


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there; shares in percent."""
    deck, rare = deck_numbers(), "vgg11-bn+ratio=99"
    found = {f"deck_{name}": f"{100 * value:.2f} %" for name, value in deck.items()}
    # above 0.9, the accuracy of always answering novel
    found["deck_above_constant"] = f"{100 * (deck['accuracy'] - 0.9):.1f}"
    for network, variant in {"plain": "vgg11", "bn": "vgg11-bn", "ratio99": rare}.items():
        table = network_table(variant)
        found |= {f"{network}_{name}": percent(*table.loc[name], digits=1) for name in SHARES}
        found[f"{network}_auroc"] = interval(*table.loc["auroc"])
    for name, row in network_table(rare, moved=True).iterrows():
        found[f"ratio99_{name}_moved"] = percent(*row, digits=1)
    one_class = tables.results("cifar10", tables.DECKS).ours["airplane"]
    return found | {"one_class_auroc": float(one_class.max())}


def ratio_effect() -> Figure:
    """Shares of test images and AUROC as the normal class grows rarer in training."""
    lines = {
        "AUROC": ("auroc", False, COLOURS["auroc"]),
        "accuracy": ("accuracy", False, COLOURS["accuracy"]),
        "normal found,\nthreshold moved": ("normal_recall", True, COLOURS["balanced_accuracy"]),
        "normal found": ("normal_recall", False, COLOURS["normal"]),
    }
    fig = titled("Rare airplanes are missed; a moved threshold brings half or more back", 3.5)
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
        ax.set(title=SHARES[name], xlim=(0.5, 1.01))
        ax.xaxis.set_major_formatter(PERCENT)
    return fig


FIGURES = {"imbalance-ratios": ratio_effect, "imbalance-deck": deck_beside_ours}
