"""Chapter 2: what its figures and tables take from the records of the classifiers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.records import read_arrays, read_records
from ocnd_lib.stats import bootstrap_intervals, decision_numbers
from report import plots
from report.figures.source import NoRecords, published_claim

IMBALANCE = "cifar10/{}/airplane"
NETWORKS = {"vgg11": "VGG11", "vgg11-bn": "VGG11 with batch norm"}
RATIOS = ("vgg11-bn", "vgg11-bn+ratio=30", "vgg11-bn+ratio=99")
IMBALANCE_CELLS = tuple(
    f"{IMBALANCE.format(variant)}/{seed}"
    for seed in range(3)
    for variant in dict.fromkeys((*NETWORKS, *RATIOS))
)


def runs(variant: str, folder: Path | None = None) -> list[dict]:
    """All seeds of one row of chapter 2, each a record with its arrays `score` and `novel`."""
    records = read_records(folder, IMBALANCE.format(variant))
    if not records:
        cell = f"{IMBALANCE.format(variant)}/0"
        raise NoRecords(f"there is no record of {variant}; make one with: ocnd run {cell}")
    return [{**record, **read_arrays(record["cell"], folder)} for record in records]


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
    return {
        "accuracy": accuracy,
        "normal_recall": normal,
        "novel_recall": novel,
        "balanced_accuracy": (normal + novel) / 2,
    }


def imbalance_table(folder: Path | None = None) -> pd.DataFrame:
    """The deck's numbers and ours: rows (quantity, who, value, low, high, seeds)."""
    rows = [
        {"quantity": quantity, "who": "deck, as printed", "value": value, "seeds": 1}
        for quantity, value in deck_numbers().items()
    ]
    for variant, who in NETWORKS.items():
        seeds = runs(variant, folder)
        intervals = bootstrap_intervals([(r["novel"], r["score"]) for r in seeds])
        for quantity, (value, low, high) in intervals.items():
            row = {"quantity": quantity, "who": who, "value": value, "low": low, "high": high}
            rows.append({**row, "seeds": len(seeds)})
    return pd.DataFrame(rows)


def threshold_moved(run: dict) -> dict[str, float]:
    """`decision_numbers` of a run at its balanced threshold."""
    return decision_numbers(run["novel"], run["score"], balanced_threshold(run))


QUANTITIES = {
    "accuracy": "accuracy",
    "normal_recall": "normal images found",
    "novel_recall": "novel images found",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "aupr_novel": "AUPR, novel sought",
    "aupr_normal": "AUPR, normal sought",
}


RECALLS = ("normal_recall", "novel_recall")


def decision_table(rows: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Several `decision_numbers`, a column each, rounded and named for a page."""
    return pd.DataFrame(rows).rename(index=QUANTITIES).map("{:.3f}".format)


def intervals_table(table: pd.DataFrame) -> pd.DataFrame:
    """`imbalance_table` for a page: one row a quantity, one column a network."""

    def text(row) -> str:
        interval = "" if np.isnan(row.low) else f" [{row.low:.3f}, {row.high:.3f}]"
        return f"{row.value:.4f}" if not interval else f"{row.value:.3f}{interval}"

    shown = table.assign(
        text=[text(row) for row in table.itertuples()],
        who=[f"{r.who}" if r.who.startswith("deck") else f"{r.who}, seeds: {r.seeds}"
             for r in table.itertuples()],
        quantity=table["quantity"].map(QUANTITIES),
    )  # fmt: skip
    wide = shown.pivot(index="quantity", columns="who", values="text").fillna("")
    wide = wide.loc[list(QUANTITIES.values()), list(dict.fromkeys(shown["who"]))]
    return wide.rename_axis(index=None, columns=None)


def deck_lies(table: pd.DataFrame) -> str:
    """Where the deck's share of normal images lies among ours in `imbalance_table`, in words."""
    ours = table[table["quantity"] == "normal_recall"].dropna(subset="low")
    deck = deck_numbers()["normal_recall"]
    return (
        "below" if deck < ours["low"].min() else "above" if deck > ours["high"].max() else "within"
    )


def behind(row: str, column: str) -> list[str]:
    """The cells that a number of `intervals_table` rests on, by its labels."""
    variants = {title: variant for variant, title in NETWORKS.items()}
    who = column.partition(", seeds")[0]
    return [f"{IMBALANCE.format(variants[who])}/*"] if who in variants else []


def imbalance_deck() -> Figure:
    """Chapter 2: the deck's shares beside ours."""
    table = imbalance_table()
    table = table[table["quantity"].isin(list(deck_numbers()))]
    return plots.deck_beside_ours(table.replace({"quantity": QUANTITIES}))


def imbalance_curves() -> Figure:
    """Chapter 2: recorded learning curves of both networks."""
    return plots.learning_curves(
        {title: [r["curves"] for r in runs(variant)] for variant, title in NETWORKS.items()}
    )


def imbalance_confusion() -> Figure:
    """Chapter 2: confusion matrices of the first seed of both networks."""
    return plots.confusion_matrices(
        {title: runs(variant)[0]["metrics"]["confusion"] for variant, title in NETWORKS.items()}
    )


def imbalance_threshold() -> Figure:
    """Chapter 2: what moving the threshold does to the network with batch norm."""
    run = runs("vgg11-bn")[0]
    marks = {"as trained": 0.0, "imbalance undone": balanced_threshold(run)}
    return plots.threshold_effect(run["novel"], run["score"], marks)


def imbalance_precision_recall() -> Figure:
    """Chapter 2: precision and recall when novel and when normal images are sought."""
    chosen = {title: runs(variant)[0] for variant, title in NETWORKS.items()}
    colours = dict(
        zip(chosen, (plots.COLOURS["known"], plots.COLOURS["balanced_accuracy"]), strict=True)
    )
    return plots.precision_recall(
        {title: (r["novel"], r["score"]) for title, r in chosen.items()}, colours
    )


def ratio_table(folder: Path | None = None) -> pd.DataFrame:
    """Numbers against the training ratio: rows (ratio, quantity, value, low, high, seeds)."""
    rows = []
    for variant in RATIOS:
        try:
            seeds = runs(variant, folder)
        except NoRecords:
            if variant == RATIOS[0]:
                raise
            continue  # a ratio that was not run is left out, never filled in
        moved = [(r["novel"], r["score"] - balanced_threshold(r)) for r in seeds]
        found = bootstrap_intervals([(r["novel"], r["score"]) for r in seeds])
        shown = {QUANTITIES[name]: found[name] for name in ("accuracy", "auroc", *RECALLS)}
        found = bootstrap_intervals(moved)
        shown |= {f"{QUANTITIES[name]}, threshold moved": found[name] for name in RECALLS}
        for quantity, (value, low, high) in shown.items():
            row = {"ratio": seeds[0]["parameters"]["ratio"], "quantity": quantity}
            rows.append({**row, "value": value, "low": low, "high": high, "seeds": len(seeds)})
    return pd.DataFrame(rows)


def imbalance_ratios() -> Figure:
    """Chapter 2: 1:9, 1:30 and 1:99."""
    table = ratio_table()
    return plots.ratio_effect(table[~table["quantity"].str.startswith(QUANTITIES["novel_recall"])])


FIGURES: dict[str, Callable[[], Figure]] = {
    "imbalance-deck": imbalance_deck,
    "imbalance-curves": imbalance_curves,
    "imbalance-confusion": imbalance_confusion,
    "imbalance-threshold": imbalance_threshold,
    "imbalance-precision-recall": imbalance_precision_recall,
    "imbalance-ratios": imbalance_ratios,
}
