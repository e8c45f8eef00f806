"""Beyond the slides: what a detector reaches that makes up its own task, and what true masks do."""

from functools import cache

import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import average, compare_means, shared_runs
from ocnd_lib.compute import training_macs
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.protocol import detector_class, settings_of
from ocnd_lib.records import parse_cell, read_records
from report import tables
from report.drawing import COLOURS, WIDTH, forest
from report.source import PUBLISHED, no_record

COMPUTE = PUBLISHED.parent / "training_macs.csv"
COUNTED = 256  # training images from which the work of an epoch is counted
# a backward pass costs twice a forward one, and a multiply-accumulate is two operations: counted
FLOP = 2.0
SETS = {
    "voc_animals": "animals (VOC)",
    "mnist_on_cifar": "digits on photographs",
    "scenes": "generated scenes",
    "coco10": "COCO",
}
VERSIONS = {
    "masked": "the object alone",
    "silhouette": "its outline alone",
    "background": "the background alone",
    "centre": "a Gaussian in the middle",
}
MASKED = ("kde", "ae", "deep-svdd", "ocgan", "rotation")
CELLS = tuple(
    f"cifar10/rotation/{name}/{seed}"
    for seed in range(3)
    for name in tables.class_names("cifar10")
)


def published() -> pd.DataFrame:
    """Mean AUROCs on CIFAR-10 as published, with the help that each method has."""
    return pd.read_csv(PUBLISHED / "beyond.csv").set_index("method")


def count_training(dataset: str = "cifar10") -> pd.DataFrame:
    """Multiply-accumulates of training each method on a class, counted anew; takes minutes."""
    split = one_class_split(load_images(dataset), 0, 0)
    rows = []
    for method in tables.METHODS:
        detector = detector_class(method)(**settings_of(dataset, method))
        macs = training_macs(detector, split.x_train[:COUNTED], len(split.x_train))
        rows.append((dataset, method, len(split.x_train), macs))
    return pd.DataFrame(rows, columns=["dataset", "method", "images", "macs"])


@cache
def ours() -> pd.DataFrame:
    """Of each method with ten recorded classes: mean AUROC, interval, PFLOP of training a class."""
    found = tables.means(tables.results("cifar10"))
    found = found[found["classes"] == 10]
    counted = pd.read_csv(COMPUTE).set_index("method")["macs"]
    return found.assign(pflop=FLOP * counted.reindex(found.index) / 1e15)


def class_table() -> pd.DataFrame:
    """AUROC of each class of CIFAR-10: rotation, OCGAN, the deck's two rows; means over seeds."""
    found = tables.results("cifar10")
    rows = {
        "Rotation": found.ours.loc["rotation"] if "rotation" in found.ours.index else None,
        "OCGAN": found.ours.loc["ocgan"],
        "OCGAN, deck": found.published.loc["ocgan"],
        "Attention-GAN, deck": found.published.loc["attention-gan"],
    }
    if rows["Rotation"] is None:
        raise no_record(CELLS[0])
    return pd.DataFrame(rows)


# --- true masks ----------------------------------------------------------------------------------


def _runs(dataset: str, variant: str) -> list[tables.IndexedRun]:
    cells = [parse_cell(record["cell"]) for record in read_records(None, f"{dataset}/{variant}/*")]
    return tables.read_runs(cells)


@cache
def mask_gains() -> pd.DataFrame:
    """AUROC of each version of the pictures minus that of the pictures as they are.

    A row a set, method and version with records: value, low, high, over the classes and seeds that
    both have, on the same test images; auroc, that of the version; classes; seeds.
    """
    rows = []
    for dataset in SETS:
        for method in MASKED:
            plain = _runs(dataset, method)
            for version in VERSIONS:
                seen, whole = shared_runs(_runs(dataset, f"{method}+version={version}"), plain)
                if not seen:
                    continue
                value, low, high = compare_means(seen, whole)
                mean = average((r.normal_class, r.seed, r.auroc) for r in seen)
                numbers = (value, low, high, mean.mean, len(mean.classes), mean.seeds)
                rows.append((dataset, method, version, *numbers))
    columns = ["dataset", "method", "version", "value", "low", "high", "auroc", "classes", "seeds"]
    if not rows:
        raise no_record("voc_animals/kde+version=masked/dog/0")
    return pd.DataFrame(rows, columns=columns)


# --- figures -------------------------------------------------------------------------------------


def compute_figure() -> Figure:
    """Mean AUROC on CIFAR-10 against the work of training one class."""
    mine, theirs = ours(), published().dropna(subset="pflop")
    fig = Figure(figsize=(WIDTH, 4.2))
    ax = fig.subplots()
    kinds = (
        (theirs["pflop"], theirs["auroc"], {"color": COLOURS["control"], "fillstyle": "none"}),
        (mine["pflop"], mine["mean"], {"color": COLOURS["ink"]}),
    )
    for work, auroc, style in kinds:
        work = work.clip(lower=1e-5)  # what does not train stands at the left edge
        ax.plot(work, auroc, "o", **style)
        for name, x, y in zip(work.index, work, auroc, strict=True):
            text = tables.METHODS.get(name, name)
            ax.annotate(
                text, (x, y), xytext=(5, 3), textcoords="offset points", color=style["color"]
            )
    ax.set(xscale="log", xlabel="PFLOP to train one class", ylabel="mean AUROC, CIFAR-10")
    ax.grid()
    return fig


def masks_figure() -> Figure:
    """What the object alone changes in the AUROC, by detector and set."""
    gains = mask_gains()
    gains = gains[gains["version"] == "masked"]
    there = [name for name in SETS if name in set(gains["dataset"])]
    fig = Figure(figsize=(WIDTH, 2.6))
    fig.suptitle("The object alone, minus the whole picture", x=0.01, ha="left")
    axes = fig.subplots(1, len(there), sharey=True, squeeze=False)[0]
    for ax, name in zip(axes, there, strict=True):
        rows = gains[gains["dataset"] == name].set_index("method")
        forest(ax, rows.reindex(MASKED).dropna(how="all").rename(index=tables.METHODS))
        ax.set(title=SETS[name], xlabel="change of the mean AUROC")
    return fig


FIGURES = {"beyond-compute": compute_figure, "beyond-masks": masks_figure}


if __name__ == "__main__":
    count_training().to_csv(COMPUTE, index=False)
