"""Chapter 8: what a learned map adds to a GAN of one class, and what maps that see no image add."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from ocnd_lib.comparison import Run, average_runs
from ocnd_lib.data import class_index
from ocnd_lib.experiments import pictured
from ocnd_lib.records import parse_cell
from ocnd_lib.registry import ABLATED
from report.drawing import COLOURS, forest, image_grid, interval, panels, signed, titled
from report.source import no_record, plain, record_of
from report.tables import cells_of, class_names, gain, load_published, mean_of, once, read_runs

TITLES = {"cifar10": "CIFAR-10", "mnist": "MNIST"}
BLIND = {
    "map of ones": "attention-gan+mask=ones",
    "random map": "attention-gan+mask=random",
    "centre map": "attention-gan+mask=centre",
}
LEARNED = {
    "learned map": "attention-gan",
    "+ generated negatives": "attention-gan+classifier=generated",
    "+ temperature 0.2": "attention-gan+temperature=0.2",
    "+ second GAN restarted": "attention-gan+reinitialise=True",
    "+ map trained beforehand": "attention-gan+pretrain_mask=True",
}
ONE_SEED = (
    "attention-gan+cbam=True",
    "attention-gan+joint_discriminator=True",
    "attention-gan+guidance=masked",
    "attention-gan-auxiliary",  # given images of another data set as negatives
    "attention-gan-oracle",  # given real novel images, which is no one-class detection
)
SEEDS = range(5)
VARIANTS = BLIND | LEARNED
PLAIN, NEGATIVES, RESTARTED = "learned map", "+ generated negatives", "+ second GAN restarted"
AGAINST = (
    ("mnist", PLAIN, "map of ones"),
    ("cifar10", PLAIN, "centre map"),
    ("mnist", RESTARTED, PLAIN),
)
PICTURES = ("mnist/attention-gan/8/0", "cifar10/attention-gan/truck/0")
LABELS = ("airplane", "automobile")  # 0 and 1, of which the deck gives a gain

Pair = tuple[list[Run], list[Run]]  # the runs of a variant by its score, and by its first GAN alone


def _cells() -> list[str]:
    found = []
    for name in TITLES:
        found += cells_of(name, ["attention-gan"], class_names(name), SEEDS)
        found += cells_of(name, ["ocgan", *VARIANTS.values()], ABLATED[name], SEEDS)
        found += cells_of(name, [LEARNED[NEGATIVES], BLIND["map of ones"]], class_names(name), [0])
        found += cells_of(name, ONE_SEED, ABLATED[name], [0])
    return sorted(dict.fromkeys(found), key=lambda cell: parse_cell(cell).seed)


CELLS = tuple(_cells())  # the first seed of everything, then the second, and so on


def pair(cells: list[str]) -> Pair:
    """The runs of these cells and those of their first GANs; NoRecords if a class has none."""
    runs, classes = read_runs(cells), {parse_cell(cell).normal_class for cell in cells}
    if len({run.normal_class for run in runs}) < len(classes):
        raise no_record(cells[0])
    return runs, read_runs(cells, lambda kept: kept["part_base"])


@once
def over_classes(dataset: str) -> Pair:
    """The runs of the model over all classes, and their first GANs."""
    return pair(cells_of(dataset, ["attention-gan"], class_names(dataset), SEEDS))


@once
def ablation() -> dict[tuple[str, str], Pair]:
    """Data set and variant → its runs over the classes of the ablation, and their first GANs."""
    return {
        (name, title): pair(cells_of(name, [VARIANTS[title]], ABLATED[name], SEEDS))
        for name, title in product(TITLES, VARIANTS)
    }


@once
def gains_table() -> pd.DataFrame:
    """What variants gain over the first GAN of the same runs: a row a data set and variant.

    value, low, high; `sure`: the interval leaves out 0 even when it is widened for the number of
    gains (Bonferroni, by Student's t of as many seeds).
    """
    found = {at: gain(*runs) for at, runs in ablation().items()}
    table = pd.DataFrame(found, ["value", "low", "high"]).T
    wider = np.divide(*stats.t.ppf([1 - 0.025 / len(table), 0.975], len(SEEDS) - 1))
    return table.assign(sure=table["value"].abs() > wider * (table["high"] - table["low"]) / 2)


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there."""
    found, gains = ablation(), gains_table()
    said: dict[str, object] = {"compared": len(gains), "sure": int(gains["sure"].sum())}
    for name in TITLES:
        runs = over_classes(name)
        said[f"row-{name}"] = interval(*mean_of(runs[0]))
        said[f"gain-{name}"] = signed(*gain(*runs))
        ones = cells_of(name, [BLIND["map of ones"]], class_names(name), SEEDS)
        said[f"ones-{name}"] = signed(*gain(*pair(ones)))
    ours, base = (pd.Series(average_runs(runs).classes) for runs in over_classes("mnist"))
    said["ahead-mnist"] = int((ours > base).sum())
    said["p-mnist"] = stats.wilcoxon((ours - base).round(9)).pvalue
    deck = load_published("cifar10").loc["attention-gan"].drop("mean").astype(float)
    truck = average_runs(over_classes("cifar10")[0]).classes[class_index("cifar10", "truck")]
    said |= {"deck-mean": deck.mean(), "deck-truck": deck["truck"], "truck": truck}
    for (name, title), row in gains.iterrows():
        said[f"{name} {title} - its first GAN"] = signed(*row[["value", "low", "high"]])
    for name, title, other in AGAINST:
        both = found[name, title][0], found[name, other][0]
        said[f"{name} {title} - {other}"] = signed(*gain(*both))
    said["sd 8"] = np.std([run.auroc for run in found["mnist", PLAIN][0]], ddof=1)
    for name, cell in zip(("8", "truck"), PICTURES, strict=True):
        said[f"first {name}"] = record_of(cell)["metrics"]["auroc"]
        again = record_of(cell.replace("attention-gan", "looks"))  # equal seed, first GAN, settings
        said[f"again {name}"] = again["metrics"]["auroc_score"]
    for k in LABELS:
        both = (cells_of("cifar10", [LEARNED[t]], [k], SEEDS) for t in (NEGATIVES, PLAIN))
        said[f"negatives {k}"] = signed(*gain(*map(read_runs, both)))
    oracle = record_of("mnist/attention-gan-oracle/8/0")  # whose map real novel digits have guided
    bare = Run(8, 0, oracle["part_classifier"], oracle["class_test"])
    said |= {"oracle score": oracle["metrics"]["auroc"], "oracle classifier alone": bare.auroc}
    return plain(said)


def answer() -> Figure:
    """What each map gains over the first GAN of the same runs, a panel a data set."""
    colours = [COLOURS["control" if title in BLIND else "masked"] for title in VARIANTS]
    names = [f"{title}: {', '.join(ABLATED[name])}" for name, title in TITLES.items()]
    message = "On three classes some map that sees no image (grey) does as well"
    fig, axes = panels(message, 3.5, names)
    for ax, name in zip(axes, TITLES, strict=True):
        rows = gains_table().loc[name]
        forest(ax, rows.assign(colour=colours))
        unsure = [y for y, sure in enumerate(rows["sure"][::-1]) if not sure]
        ax.plot(rows["value"][::-1].iloc[unsure], unsure, "o", color="white", ms=2.5, zorder=3)
        ax.set_xlabel("AUROC, minus its first GAN's")
    for label, colour in zip(axes[0].get_yticklabels(), colours[::-1], strict=True):
        label.set_color(colour)
    return fig


def maps() -> Figure:
    """Maps of test images, two normal ones first: MNIST above, CIFAR-10 below."""
    fig = titled("The map covers strokes on black, and is dark where these photographs are", 5.6)
    for half, cell in zip(fig.subfigures(2, 1), PICTURES, strict=True):
        kept, at = record_of(cell), parse_cell(cell)
        classes = kept["class_test"][pictured(kept["class_test"])]
        normal = class_index(at.dataset, at.normal_class)
        novel = [np.flatnonzero(classes == k)[0] for k in np.unique(classes) if k != normal]
        shown = [*np.flatnonzero(classes == normal)[:2], *novel[:6]]
        given, maps = kept["picture_given"][shown], kept["picture_map"][shown]
        seen = (given * (maps / 255)).astype(np.uint8)
        rows = {"given": given, "map": maps, "map x image": seen}
        image_grid(half, rows, ["normal", "", "novel"])
    return fig


FIGURES = {"attention-answer": answer, "attention-maps": maps}
