"""Chapter 8: what a learned map adds to a GAN of one class, and what maps that see no image add."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats
from sklearn.metrics import roc_auc_score

from ocnd_lib.comparison import (
    Run,
    average_runs,
    paired_delong,
)
from ocnd_lib.data import OneClassSplit, class_index
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.experiments import pictured
from ocnd_lib.records import parse_cell
from ocnd_lib.registry import ABLATED, PICTURED
from report.drawing import COLOURS, forest, image_grid, interval, panels, signed, titled
from report.source import no_record, plain, record_of
from report.tables import class_names, gain, load_published, mean_of, read_runs

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
FURTHER = (  # one seed
    "attention-gan+cbam=True",
    "attention-gan+joint_discriminator=True",
    "attention-gan+guidance=masked",
)
REAL = {"another data set": "attention-gan-auxiliary", "the novel classes": "attention-gan-oracle"}
SEEDS = range(5)
VARIANTS = BLIND | LEARNED
OWN, PLAIN, NEGATIVES = "its first GAN", "learned map", "+ generated negatives"
AGAINST = {PLAIN: ("map of ones", "centre map"), "+ second GAN restarted": (PLAIN,)}
COMPARED = len(TITLES) * len(VARIANTS)  # gains over the first GAN with several seeds
PICTURES = ("mnist/attention-gan/8/0", "cifar10/attention-gan/truck/0")
LABELS = ("airplane", "automobile")  # 0 and 1, of which the deck gives a gain

Pair = tuple[list[Run], list[Run]]  # the runs of a variant by its score, and by its first GAN alone


def cells_of(
    dataset: str, methods: Iterable[str], classes: Iterable[str], seeds: Iterable[int] = SEEDS
) -> list[str]:
    """Cells, seed by seed, and neighbours of different classes: none waits for another's base."""
    return [f"{dataset}/{m}/{k}/{s}" for s, m, k in product(seeds, methods, classes)]


def _cells() -> list[str]:
    found = cells_of("cifar10", ["attention-gan"], class_names("cifar10"))
    found += cells_of("cifar10", REAL.values(), LABELS, [0])
    for name, classes in ABLATED.items():
        found += cells_of(name, ["ocgan", *VARIANTS.values()], classes)
        found += cells_of(name, ["attention-gan"], class_names(name))
        found += cells_of(name, [LEARNED[NEGATIVES]], class_names(name), [0])
        found += cells_of(name, [*REAL.values(), *FURTHER], classes, [0])
    return sorted(dict.fromkeys(found), key=lambda cell: parse_cell(cell).seed)


CELLS = tuple(_cells())  # the first seed of everything, then the second, and so on


def part(name: str, cells: Iterable[str]) -> list[Run]:
    """The recorded runs of these cells by one part of the score alone: base, classifier."""
    return read_runs(cells, lambda kept: kept[f"part_{name}"])


def pair(cells: list[str]) -> Pair:
    """The runs of these cells and those of their first GANs; NoRecords if there are none."""
    if not (runs := read_runs(cells)):
        raise no_record(cells[0])
    return runs, part("base", cells)


def ablation() -> dict[str, dict[str, Pair]]:
    """Data set → variant → its runs over the classes of the ablation."""
    return {
        name: {title: pair(cells_of(name, [of], ABLATED[name])) for title, of in VARIANTS.items()}
        for name in TITLES
    }


def over_classes(dataset: str) -> Pair:
    """The runs of the model over all classes; NoRecords if a class has none."""
    names = class_names(dataset)
    found = pair(cells := cells_of(dataset, ["attention-gan"], names))
    if len({run.normal_class for run in found[0]}) < len(names):
        raise no_record(cells[0])
    return found


# --- tables --------------------------------------------------------------------------------------


def gains_table(found: Mapping[str, Mapping[str, Pair]]) -> pd.DataFrame:
    """value, low, high of what variants gain: a row a data set, variant and comparison.

    Against the first GAN of the same runs; further those of AGAINST. `sure`: against the first GAN,
    several seeds, and the interval leaves out 0 even when it is widened for their number:
    Bonferroni, by Student's t of as many seeds, whatever share of it comes from images.
    """
    rows = {}
    wider = np.divide(*stats.t.ppf([1 - 0.025 / COMPARED, 0.975], len(SEEDS) - 1))
    for name, title in product(found, VARIANTS):
        runs, own = found[name][title]
        seeds = min(Counter(run.normal_class for run in runs).values())
        for other in (OWN, *AGAINST.get(title, ())):
            value, low, high = gain(runs, own if other == OWN else found[name][other][0])
            sure = other == OWN and seeds > 1 and abs(value) > wider * (high - low) / 2
            rows[name, title, other] = value, low, high, sure
    table = pd.DataFrame.from_dict(rows, "index", columns=["value", "low", "high", "sure"])
    return table.set_axis(pd.MultiIndex.from_tuples(rows, names=["dataset", "variant", "against"]))


def classes_table(dataset: str, found: Pair) -> pd.DataFrame:
    """AUROC of each class, mean over seeds: ours, and base, the first GANs of the same runs."""
    ours, base = (average_runs(runs).classes for runs in found)
    table = pd.DataFrame({"ours": ours, "base": base})
    return table.sort_index().set_axis(class_names(dataset))


def real_table() -> pd.DataFrame:
    """AUROC of models that are given real novel images, one seed: a row a source and class.

    Columns: first GAN, score, classifier alone (its answer to the whole image).
    """
    rows = {}
    for (title, method), cell in product(REAL.items(), map(parse_cell, CELLS)):
        if cell.method == method and (score := read_runs([cell])):
            runs = score, part("base", [cell]), part("classifier", [cell])
            at = title, f"{TITLES[cell.dataset]}, {cell.normal_class}"
            rows[at] = [of[0].auroc for of in runs]
    table = pd.DataFrame(rows, ["score", "first GAN", "classifier alone"]).T
    return table.rename_axis(["novel images of", "normal class"]).sort_index()


def twins_table() -> pd.DataFrame:
    """The same cell and seed, trained twice: a row a data set and variant.

    Columns: first and second, AUROCs (the second run is the next chapter's, with the same first
    GAN); twin_sd, the spread they speak of, |first - second| / sqrt(2); seed_sd, of all seeds.
    """
    rows = {}
    for (name, k), title in product(PICTURED.items(), (PLAIN, NEGATIVES)):
        cells = cells_of(name, [LEARNED[title]], [k])
        aurocs = [run.auroc for run in pair(cells)[0]]
        second = record_of(cells[0].replace("attention-gan", "looks"))["metrics"]["auroc_score"]
        spread = abs(aurocs[0] - second) / np.sqrt(2)
        rows[name, title] = aurocs[0], second, spread, np.std(aurocs, ddof=1)
    columns = ["first", "second", "twin_sd", "seed_sd"]
    return pd.DataFrame(rows, columns).T


def numbers(found: Mapping[str, Mapping[str, Pair]], gains: pd.DataFrame) -> dict[str, object]:
    """Every number of the page's sentences, by its name there."""
    said: dict[str, object] = {"compared": COMPARED, "sure": int(gains["sure"].sum())}
    kept = record_of(PICTURES[1])  # its maps, and the grey level of their pixels
    pairs = zip(kept["picture_given"].mean(1), kept["picture_map"][:, 0], strict=True)
    rank = np.mean([stats.spearmanr(a, b, axis=None).statistic for a, b in pairs])
    said["brightness cifar10"] = float(rank)
    for title in (PLAIN, "+ second GAN restarted"):
        said[f"sd {title}"] = np.std([run.auroc for run in found["mnist"][title][0]], ddof=1)
    for name in TITLES:
        runs = over_classes(name)
        step = classes_table(name, runs).eval("ours - base")
        said[f"row-{name}"] = interval(*mean_of(runs[0]))
        said[f"gain-{name}"] = signed(*gain(*runs))
        said[f"ahead-{name}"] = int((step > 0).sum())
        said[f"p-{name}"] = stats.wilcoxon(step.round(9)).pvalue
    truck = classes_table("cifar10", over_classes("cifar10")).loc["truck", "ours"]
    deck = load_published("cifar10").astype(float).T
    own, steps = deck["attention-gan"], (deck["attention-gan"] - deck["ocgan"]).drop("mean")
    said |= {"deck-printed": own["mean"], "deck-mean": own.drop("mean").mean(), "truck": truck}
    said |= {"deck-gain": steps.mean(), "deck-truck": own["truck"]}
    said["deck-gain-without-truck"] = steps.drop("truck").mean()
    for (name, title, against), row in gains.iterrows():
        said[f"{name} {title} - {against}"] = signed(*row[["value", "low", "high"]])
    for (name, title), row in twins_table().iterrows():
        said |= row.add_prefix(f"{name} {title} ").to_dict()
    said |= real_table().loc[("the novel classes", "MNIST, 8")].add_prefix("oracle ").to_dict()
    for k in LABELS:
        runs = (read_runs(cells_of("cifar10", [LEARNED[t]], [k])) for t in (NEGATIVES, PLAIN))
        said[f"negatives {k}"] = signed(*gain(*runs))
    return plain(said)


# --- figures -------------------------------------------------------------------------------------


def answer(gains: pd.DataFrame) -> Figure:
    """What each map gains over the first GAN of the same runs, a panel a data set."""
    colours = [COLOURS["control" if title in BLIND else "masked"] for title in VARIANTS]
    names = [f"{title}: {', '.join(ABLATED[name])}" for name, title in TITLES.items()]
    message = "Maps that see no image (grey) gain about as much as learned ones"
    fig, axes = panels(message, 3.5, names)
    for ax, name in zip(axes, TITLES, strict=True):
        rows = gains.xs(OWN, level="against").loc[name].loc[list(VARIANTS)]
        forest(ax, rows.assign(colour=colours))
        unsure = [y for y, sure in enumerate(rows["sure"][::-1]) if not sure]
        ax.plot(rows["value"][::-1].iloc[unsure], unsure, "o", color="white", ms=2.5, zorder=3)
        ax.set_xlabel("AUROC over its first GAN")
    for label, colour in zip(axes[0].get_yticklabels(), colours[::-1], strict=True):
        label.set_color(colour)
    return fig


def by_class() -> Figure:
    """CIFAR-10 class by class: the deck's row, ours, and the first GANs of our runs."""
    printed = load_published("cifar10").loc["attention-gan"].drop("mean").astype(float)
    table = classes_table("cifar10", over_classes("cifar10")).assign(deck=printed)
    fig = titled("Ours stays where its first GAN is; the deck's truck is far off", 3.3)
    ax = fig.subplots()
    marks = {"deck": ("D", 7, "known"), "ours": ("o", 7, "masked"), "base": ("_", 16, "ink")}
    for column, (mark, size, role) in marks.items():
        label = {"deck": "the deck", "base": "ours, first GAN alone"}.get(column, column)
        ax.plot(table[column], mark, ms=size, mew=2, color=COLOURS[role], label=label)
    ax.axhline(0.5, color=COLOURS["control"], lw=1, zorder=0)
    ax.tick_params(axis="x", rotation=30)
    ax.set(ylabel="AUROC", ylim=(0.28, None))
    ax.legend(loc="lower left", ncols=3)
    return fig


def map_grid(fig: Figure, given: np.ndarray, maps: np.ndarray, classes: np.ndarray, normal: int):
    """Draw two normal images and one of each of six other classes, their maps, and both together.

    given is uint8 (n, C, 32, 32), maps uint8 (n, 1, 32, 32), classes (n,).
    """
    others = [k for k in np.unique(classes) if k != normal][:6]
    first = [np.flatnonzero(classes == k)[0] for k in others]
    pick = [*np.flatnonzero(classes == normal)[:2], *first]
    given, maps = given[pick], maps[pick]
    rows = {"given": given, "map": maps, "map x image": (given * (maps / 255)).astype(np.uint8)}
    image_grid(fig, rows, ["normal", "", "novel"])


def maps() -> Figure:
    """Maps of test images, normal ones first: MNIST above, CIFAR-10 below."""
    fig = titled("On black the map covers the strokes; on photographs it hides what is dark", 5.6)
    for half, cell in zip(fig.subfigures(2, 1), PICTURES, strict=True):
        arrays, at = record_of(cell), parse_cell(cell)
        classes = arrays["class_test"][pictured(arrays["class_test"])]
        normal = class_index(at.dataset, at.normal_class)
        map_grid(half, arrays["picture_given"], arrays["picture_map"], classes, normal)
    return fig


FIGURES = {
    "attention-answer": lambda: answer(gains_table(ablation())),
    "attention-classes": by_class,
    "attention-maps": maps,
}


def live_table(models: Mapping[str, AttentionGAN], split: OneClassSplit) -> pd.DataFrame:
    """Test AUROC, a row a model: score, parts, and the score minus its first GAN (DeLong)."""
    rows = {}
    for title, model in models.items():
        score, parts = model.novelty_score(split.x_test), model.score_parts(split.x_test)
        change = signed(*paired_delong(split.y_test, score, parts["base"]))
        aurocs = [roc_auc_score(split.y_test, of) for of in (score, parts["masked"], parts["area"])]
        rows[title] = [*aurocs, change]
    columns = ["score", "second GAN alone", "area alone", "minus its first GAN"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).round(3)
