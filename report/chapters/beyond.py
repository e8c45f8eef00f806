"""Beyond the slides: what a detector reaches that makes up its own task, and what true masks do."""

from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import ttest_1samp

from ocnd_lib.comparison import average_runs
from ocnd_lib.data import class_names
from ocnd_lib.records import read_records
from report import tables
from report.drawing import COLOURS, forest, interval, signed, titled
from report.source import PUBLISHED, no_record, plain, record_of
from report.tables import once

COMPUTE = PUBLISHED.parent / "training_macs.csv"  # counted as in the live run of the page
ABLATION = PUBLISHED.parent / "ablation.csv"  # `python -m benchmarks.ablation`
DRAWS = 1000  # of a bootstrap
# of labels that would meet another
PLACES = {
    "GEOM": ((6, -4), "left"), "DROC rotation": ((-7, -9), "right"),
    "DROC contrast": ((4, -13), "left"), "UniCon-HA": ((5, 8), "right"),
}  # fmt: skip
LEFT = 1e-4  # PFLOP; where what does not train is drawn
SETS = {
    "voc_animals": "VOC animals",
    "mnist_on_cifar": "digits on photographs",
    "scenes": "generated scenes",
    "coco10": "COCO",
}
VERSIONS = {
    "masked": "the object alone",
    "silhouette": "its silhouette alone",
    "background": "the background alone",
    "centre": "a Gaussian in the middle",
    "gradcam": "rotation's own heat map",
    "attention": "the deck's attention map",
}
HEATED = "rotation+version=gradcam"
ANSWER = ("masked", "silhouette")  # versions of the figure; the table has all
LONGER = 60  # epochs, chosen on cats by generated novelties; three times as many
LONG, NARROW = f"rotation+epochs={LONGER}", "rotation+epochs=36+width=48"  # of the usual work
ALONE = f"cifar10/{LONG}+surprise=False/cat/0"  # the choice of the distance as the only score
ELSEWHERE = ("fashion_mnist", "mnist", "voc_animals")  # records of rotation that keep the distance
CELLS = (
    *(
        cell
        for method in ("rotation", LONG, NARROW)
        for cell in tables.cells_of("cifar10", [method], class_names("cifar10"), range(3))
    ),
    ALONE,
)
TRIED = {  # rows of ABLATION, which also has the network as it is
    "contrast": "told copies of an image from others, too, 10 epochs",
    "moves": "told by how much an image was moved, too",
    "linear": "no hidden layer",
    "narrow": "48 channels instead of 64, 36 epochs instead of 20",
}


def published() -> pd.DataFrame:
    """Mean AUROCs on CIFAR-10 as published, with the help that each method has."""
    return pd.read_csv(PUBLISHED / "beyond.csv").set_index("method")


def work() -> pd.Series:
    """PFLOP of training a class of CIFAR-10, by method: two a multiply-accumulate, both ways."""
    return 2 * pd.read_csv(COMPUTE).set_index("method")["macs"] / 1e15


@once
def ours() -> pd.DataFrame:
    """Of each method with ten recorded classes: `tables.means`, and PFLOP of training a class."""
    found = tables.means(tables.results("cifar10"))
    if "rotation" not in found.index:
        raise no_record(CELLS[0])
    return found[found["classes"] == 10].join(work().rename("pflop"))


def class_table() -> pd.DataFrame:
    """AUROC of each class of CIFAR-10, means over seeds: a row a method."""
    return tables.results("cifar10", ("rotation", "ocgan")).ours


@once
def otherwise() -> pd.DataFrame:
    """LONG and NARROW, as in `ours`, by `score` and by `part_distance`: a row each pair."""
    rows = {}
    for variant, score in product((LONG, NARROW), ("score", "part_distance")):
        found = tables.runs_of("cifar10", variant, score)
        whole, pflop = average_runs(found), work()[variant]
        rows[variant, score] = *tables.mean_of(found), whole.seeds, len(whole.classes), pflop
    return pd.DataFrame(rows, ["mean", "low", "high", "seeds", "classes", "pflop"]).T


def ensemble() -> float:
    """Mean AUROC over the classes of CIFAR-10 where all seeds of a class score as one."""
    runs = tables.runs_of("cifar10", "rotation")
    classes = [[run for run in runs if run.normal_class == k] for k in range(10)]
    joined = [replace(of[0], score=np.mean([run.score for run in of], 0)) for of in classes]
    return average_runs(joined).mean


def ablation() -> pd.DataFrame:
    """AUROC with each part of TRIED less that without, in words: a row a part.

    Intervals are Student's over classes, each the mean of its seeds.
    """
    found, rows = pd.read_csv(ABLATION).pivot(index=["class", "seed"], columns="variant"), {}
    for variant in found["score"].columns.intersection(TRIED, sort=False):
        gains, asked = (
            (found[score][variant] - found[score]["plain"]).groupby("class").mean().dropna()
            for score in ("score", "score_validation")
        )
        ends = ttest_1samp(gains, 0).confidence_interval()
        rows[TRIED[variant]] = signed(gains.mean(), *ends), f"{asked.mean():+.3f}", len(gains)
    return pd.DataFrame(rows, ["AUROC, less that without", "of generated novelties", "classes"]).T


@once
def mask_gains() -> pd.DataFrame:
    """`tables.changes` by a version of the pictures instead of the pictures as they are."""
    return tables.changes(SETS, tables.METHODS, "version", VERSIONS, DRAWS)


def finds(dataset: str, variant: str) -> tuple[float, float]:
    """Pixel AUROC of the maps of a variant on normal pictures of a set, and of a blot instead.

    Means over the recorded classes and seeds; NoRecords without any.
    """
    if not (kept := read_records(pattern=f"{dataset}/{variant}/*")):
        raise no_record(f"{dataset}/{variant}/{class_names(dataset)[0]}/0")
    table = pd.DataFrame([record["map"]["normal"] for record in kept])
    return table["auroc"].mean(), table["centre"].mean()


def compute_figure() -> Figure:
    """Mean AUROC on CIFAR-10 against the work of training one class."""
    mine, theirs = ours(), published().dropna(subset="pflop")
    rotation = class_table().loc["rotation"].dropna()
    fig = titled("A made-up task beats every method of the deck: CIFAR-10", 3.8)
    ax = fig.subplots()
    beside = partial(ax.annotate, textcoords="offset points")
    ax.plot(theirs["pflop"], theirs["auroc"], "o", color=COLOURS["control"], fillstyle="none")
    for name, row in theirs.iterrows():
        place, side = PLACES.get(name, ((-7, 3), "right"))
        beside(name, row[["pflop", "auroc"]], place, ha=side, color=COLOURS["control"])
    pixels = mine.drop(index="rotation")
    ax.plot(pixels["pflop"].clip(lower=LEFT), pixels["mean"], "o", color=COLOURS["ink"])
    ax.annotate("the methods of the deck", (2e-3, 0.64), color=COLOURS["ink"])
    x, mean = work()["rotation"], mine.loc["rotation", "mean"]
    ax.plot([x] * len(rotation), rotation, "_", color=COLOURS["normal"], markersize=9, alpha=0.6)
    ax.plot(x, mean, "o", color=COLOURS["normal"])
    words = f"rotation: {mean:.3f},\na line for each class"
    beside(words, (x, mean), (-10, 0), ha="right", va="center", color=COLOURS["normal"])
    of = otherwise().xs("part_distance", level=1)
    ax.plot(of["pflop"], of["mean"], "o", color=COLOURS["normal"])
    said = {LONG: (f"{LONGER} epochs", 8, "left"), NARROW: ("narrower", -10, "right")}
    for variant, (words, along, side) in said.items():
        at = of.loc[variant, ["pflop", "mean"]]
        words = f"{words},\ndistance: {at['mean']:.3f}"
        beside(words, at, (along, 10), ha=side, color=COLOURS["normal"])
    ax.set(
        xscale="log", xlabel="PFLOP to train one class (leftmost: nothing is trained)",
        ylabel="AUROC", ylim=(0.5, 1),
    )  # fmt: skip
    ax.grid()
    return fig


def masks_figure() -> Figure:
    """What knowing objects, or silhouettes alone, changes in the AUROC, by detector and set."""
    gains = mask_gains().query("version in @ANSWER")
    rows = pd.DataFrame(product(gains["method"].unique(), ANSWER), columns=["method", "version"])
    message = "True masks help every detector on artificial pictures, one of five on animals"
    fig = titled(message, 1.4 + 0.26 * len(rows))
    axes = fig.subplots(1, len(SETS), sharex=True, sharey=True)
    for ax, name in zip(axes, SETS, strict=True):
        found = gains[gains["dataset"] == name].merge(rows, how="right")
        names = found["method"].map(tables.METHODS) + ", " + found["version"].map(VERSIONS)
        colours = found["version"].map({"masked": COLOURS["masked"]}).fillna(COLOURS["control"])
        forest(ax, found.assign(colour=colours).set_index(names))
        ax.set_title(SETS[name].replace(" ", "\n", 1), fontsize="medium")
        ax.set_xticks([-0.2, 0, 0.2])
    fig.supxlabel("AUROC, less that of the whole picture", fontsize="medium")
    return fig


def every_version() -> pd.DataFrame:
    """`mask_gains` in words: a row a set, detector and version."""
    found = mask_gains().replace({"dataset": SETS, "method": tables.METHODS, "version": VERSIONS})
    found["change"] = [signed(*row) for row in found[["value", "low", "high"]].to_numpy()]
    columns = ["auroc", "change", "classes", "seeds"]
    return found.round({"auroc": 3}).set_index(["dataset", "method", "version"])[columns]


def numbers() -> dict[str, object]:
    """What the page says, by name."""
    classes, mine = class_table().loc["rotation"], ours().loc["rotation"]
    more, _, small, _ = otherwise().iloc
    of = partial(tables.runs_of, "cifar10")
    usual, long, alone = of("rotation"), of(LONG), of(LONG, "part_distance")
    values = {
        "mean": interval(*mine[["mean", "low", "high"]]),
        "seeds": int(mine["seeds"]),
        "highest": classes.max(),
        "lowest": classes.min(),
        "gain": signed(*tables.gain(usual, of("ocgan"), DRAWS)),
        "ensemble": ensemble(),
        "work": mine["pflop"],
        "times-ocgan": mine["pflop"] / work()["ocgan"],
        "longer-gain": signed(*tables.gain(long, usual, DRAWS)),
        "best-gain": signed(*tables.gain(alone, long, DRAWS)),
        "longer-epochs": LONGER,
        "longer-seeds": int(more["seeds"]),
        "longer-work": more["pflop"],
        "small-work": small["pflop"],
        "small-gain": signed(*tables.gain(of(NARROW), usual, DRAWS)),
        "geom": published().loc["GEOM", "auroc"],
        "geom-share": published().loc["GEOM", "pflop"] / mine["pflop"],
    }
    for name, row in zip(("longer", "best", "small", "small-best"), otherwise().iloc, strict=True):
        values[name] = interval(*row[["mean", "low", "high"]])
    for name, cell in (("asked-sum", f"cifar10/{LONG}/cat/0"), ("asked-alone", ALONE)):
        values[name] = record_of(cell)["metrics"]["validation"]["mean"]
    for name in ELSEWHERE:  # than on the set whose test scores had shown it
        both = (tables.runs_of(name, "rotation", by) for by in ("part_distance", "score"))
        values[f"alone-{name}"] = signed(*tables.gain(*both, DRAWS))
    for row in mask_gains().itertuples():
        name = f"{row.method}-{row.dataset}"
        values[f"{row.version}-{name}"] = signed(row.value, row.low, row.high)
        values[f"{row.version}-auroc-{name}"] = row.auroc
        values.setdefault(f"whole-{name}", row.auroc - row.value)  # beside the object, the first
    for name in ("voc_animals", "mnist_on_cifar"):
        values[f"finds-{name}"], values[f"blot-{name}"] = finds(name, HEATED)
        values[f"deck-finds-{name}"], _ = finds(name, "kde+version=attention")
    return plain(values)


FIGURES = {"beyond-compute": compute_figure, "beyond-masks": masks_figure}
