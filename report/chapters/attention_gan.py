"""Chapter 8: what a learned map adds to a GAN of one class, and what maps that see no image add."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats
from sklearn.metrics import roc_auc_score

from ocnd_lib import comparison
from ocnd_lib.comparison import REPEATS, Run, average_runs
from ocnd_lib.data import OneClassSplit, class_index
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.experiments import pictured
from ocnd_lib.records import parse_cell, read_arrays, read_record
from ocnd_lib.registry import ABLATED, PICTURED
from report.drawing import COLOURS, forest, image_grid, interval, panels, titled
from report.source import no_record, plain
from report.tables import class_names, load_published

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
FURTHER = {  # one seed
    "+ CBAM": "attention-gan+cbam=True",
    "+ joint discriminator": "attention-gan+joint_discriminator=True",
    "map taught by the masked part": "attention-gan+guidance=masked",
}
VARIANTS = {**BLIND, **LEARNED, **FURTHER}
REAL = {"another data set": "attention-gan-auxiliary", "the novel classes": "attention-gan-oracle"}
SEEDS, FIRST = range(5), range(1)
OWN, PLAIN = "its first GAN", "learned map"  # what gains are over
COMPARED = len(TITLES) * len({**BLIND, **LEARNED})  # gains over the first GAN with several seeds
AGAINST = {PLAIN: ("map of ones", "centre map"), "+ second GAN restarted": (PLAIN,)}
PICTURES = ("mnist/attention-gan/8/0", "cifar10/attention-gan/truck/0")
LABELS = ("airplane", "automobile")  # 0 and 1, of which the deck gives a gain


def cells_of(
    dataset: str, methods: Iterable[str], classes: Iterable[str], seeds: Iterable[int] = SEEDS
) -> list[str]:
    """Cells, seed by seed, and neighbours of different classes: none waits for another's base."""
    return [f"{dataset}/{m}/{k}/{s}" for s, m, k in product(seeds, methods, classes)]


def _cells() -> list[str]:
    main = ["ocgan", *BLIND.values(), *LEARNED.values()]
    found = cells_of("cifar10", ["attention-gan"], class_names("cifar10"))
    found += cells_of("cifar10", REAL.values(), LABELS, FIRST)
    for name, classes in ABLATED.items():
        negatives = LEARNED["+ generated negatives"]
        found += cells_of(name, main, classes)
        found += cells_of(name, ["attention-gan"], class_names(name))
        found += cells_of(name, [negatives], class_names(name), FIRST)
        found += cells_of(name, [*REAL.values(), *FURTHER.values()], classes, FIRST)
    return sorted(dict.fromkeys(found), key=lambda cell: parse_cell(cell).seed)


CELLS = tuple(_cells())  # the first seed of everything, then the second, and so on

Parts = dict[str, list[Run]]  # score, base, masked, area, perhaps classifier → recorded runs


def read_parts(cells: Iterable[str]) -> Parts:
    """The scores that are recorded of these cells, and of each part of the score alone."""
    found: Parts = {}
    for cell in map(parse_cell, cells):
        arrays = read_arrays(cell)
        if read_record(cell) and "score" in arrays:
            normal = class_index(cell.dataset, cell.normal_class)
            for name, values in arrays.items():
                if name == "score" or name.startswith("part_"):
                    run = Run(normal, cell.seed, values, arrays["class_test"])
                    found.setdefault(name.removeprefix("part_"), []).append(run)
    return found


def ablation() -> dict[str, dict[str, Parts]]:
    """Data set → variant → what is recorded; NoRecords if the learned map has nothing."""
    found = {
        name: {t: read_parts(cells_of(name, [of], ABLATED[name])) for t, of in VARIANTS.items()}
        for name in TITLES
    }
    if not any(variants[PLAIN] for variants in found.values()):
        raise no_record(CELLS[0])
    return found


def gain(after: list[Run], before: list[Run]) -> dict[str, float]:
    """Mean AUROC of `after` minus `before` over the classes and seeds that both have.

    Keys value, low, high (over seeds, and over the same test images for both) and seeds (that each
    class has); empty if they share no run.
    """
    after, before = comparison.shared_runs(after, before)
    if not after:
        return {}
    value, low, high = comparison.compare_means(after, before, repeats=REPEATS)
    seeds = min(Counter(run.normal_class for run in after).values())
    return {"value": value, "low": low, "high": high, "seeds": seeds}


# --- tables --------------------------------------------------------------------------------------


def gains_table(found: Mapping[str, Mapping[str, Parts]]) -> pd.DataFrame:
    """What variants gain: a row a data set, variant and comparison, with the keys of `gain`.

    Against the first GAN of the same runs; further those of AGAINST. `sure`: against the first GAN,
    several seeds, and the interval leaves out 0 even when it is widened for their number:
    Bonferroni, by Student's t of as many seeds, whatever share of it comes from images.
    """
    rows = {}
    wider = np.divide(*stats.t.ppf([1 - 0.025 / COMPARED, 0.975], len(SEEDS) - 1))
    for name, title in product(found, (*BLIND, *LEARNED)):
        own = found[name][title]
        for other in (OWN, *AGAINST.get(title, ())):
            before = own.get("base") if other == OWN else found[name][other].get("score")
            if row := gain(own.get("score", []), before or []):
                half = wider * (row["high"] - row["low"]) / 2
                sure = other == OWN and row["seeds"] > 1 and abs(row["value"]) > half
                rows[name, title, other] = row | {"sure": sure}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(["dataset", "variant", "against"])


def row_parts(dataset: str) -> Parts:
    """What is recorded of the model over all classes; NoRecords if a class has no record."""
    names = class_names(dataset)
    found = read_parts(cells := cells_of(dataset, ["attention-gan"], names))
    if len({run.normal_class for run in found.get("score", [])}) < len(names):
        raise no_record(cells[0])
    return found


def classes_table(dataset: str, found: Parts) -> pd.DataFrame:
    """AUROC of each class, mean over seeds: ours, and base, the first GANs of the same runs.

    And deck and OCGAN, the printed rows that there are.
    """
    names, printed = class_names(dataset), load_published(dataset)
    ours, base = (average_runs(found[part]).classes for part in ("score", "base"))
    table = pd.DataFrame({"ours": ours, "base": base}).sort_index().set_axis(names)
    rows = {"deck": "attention-gan", "OCGAN": "ocgan"}
    rows = {title: row for title, row in rows.items() if row in printed.index}
    return table.assign(**{title: printed.loc[row, names] for title, row in rows.items()})


def real_table() -> pd.DataFrame:
    """AUROC of models that are given real novel images, one seed: a row a source and class.

    Columns: first GAN, score, classifier alone (its answer to the whole image).
    """
    names = {"base": "first GAN", "score": "score", "classifier": "classifier alone"}
    rows = {}
    for (title, method), cell in product(REAL.items(), map(parse_cell, CELLS)):
        if cell.method == method and (parts := read_parts([str(cell)])):
            aurocs = {column: parts[part][0].auroc for part, column in names.items()}
            rows[title, f"{TITLES[cell.dataset]}, {cell.normal_class}"] = aurocs
    if not rows:
        raise no_record("mnist/attention-gan-oracle/8/0")
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(["novel images of", "normal class"]).sort_index()


def twins_table() -> pd.DataFrame:
    """The same cell and seed, trained twice: a row a data set and variant.

    Columns: first and second, AUROCs (the second run is the next chapter's, with the same first
    GAN); twin_sd, the spread they speak of, |first - second| / sqrt(2); seed_sd and aurocs, of all
    recorded seeds.
    """
    rows = {}
    for (name, k), title in product(PICTURED.items(), (PLAIN, "+ generated negatives")):
        cells = cells_of(name, [LEARNED[title]], [k])
        runs = read_parts(cells).get("score", [])
        twin = read_record(cells[0].replace("attention-gan", "looks"))
        if not (twin and runs):
            raise no_record(cells[0])
        aurocs, second = [run.auroc for run in runs], twin["metrics"]["auroc_score"]
        rows[name, title] = {
            "first": aurocs[0], "second": second, "seed_sd": np.std(aurocs, ddof=1),
            "twin_sd": abs(aurocs[0] - second) / np.sqrt(2), "aurocs": aurocs,
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def parts_table(found: Mapping[str, Mapping[str, Parts]]) -> pd.DataFrame:
    """AUROC of the score and of each part alone, mean over seeds: a row a class and variant."""
    runs = pd.DataFrame(
        [
            (f"{TITLES[name]}, {class_names(name)[run.normal_class]}", title, part, run.auroc)
            for name, title in product(found, VARIANTS)
            for part, group in found[name][title].items()
            for run in group
        ],
        columns=["class", "variant", "part", "auroc"],
    )
    groups = runs.groupby(["class", "variant", "part"], sort=False)["auroc"]
    scores = groups.agg(sd="std", seeds="size").xs("score", level="part")
    table = groups.mean().unstack()[["score", "base", "masked", "area", "classifier"]].join(scores)
    return table.reindex(list(VARIANTS), level="variant")


signed = partial(interval, form="+.3f")  # a gain and its interval: +0.006 [+0.001, +0.011]


def numbers(found: Mapping[str, Mapping[str, Parts]], gains: pd.DataFrame) -> dict[str, object]:
    """Every number of the page's sentences, by its name there."""
    said: dict[str, object] = {"compared": COMPARED, "sure": int(gains["sure"].sum())}
    said["brightness cifar10"] = follows_brightness(PICTURES[1])
    for title in (PLAIN, "+ second GAN restarted"):
        said[f"sd {title}"] = np.std([r.auroc for r in found["mnist"][title]["score"]], ddof=1)
    for name in TITLES:
        parts = row_parts(name)
        table = classes_table(name, parts)
        own = comparison.mean_interval(parts["score"], repeats=REPEATS)
        said[f"row-{name}"] = interval(table["ours"].mean(), *own)
        said[f"gain-{name}"] = signed(*list(gain(parts["score"], parts["base"]).values())[:3])
        step = table["ours"] - table["base"]
        said[f"ahead-{name}"] = int((step > 0).sum())
        said[f"p-{name}"] = stats.wilcoxon(step.round(9)).pvalue
        if "deck" in table:  # which prints no row for MNIST
            steps = table["deck"] - table["OCGAN"]
            said |= {
                "deck-printed": float(load_published(name).loc["attention-gan", "mean"]),
                "deck-mean": table["deck"].mean(), "deck-truck": table.loc["truck", "deck"],
                "deck-gain": steps.mean(), "deck-gain-without-truck": steps.drop("truck").mean(),
                "truck": table.loc["truck", "ours"],
            }  # fmt: skip
    for (name, title, against), row in gains.iterrows():
        said[f"{name} {title} - {against}"] = signed(*row[["value", "low", "high"]])
    for (name, title), row in twins_table().iterrows():
        said |= {f"{name} {title} {key}": row[key] for key in row.index.drop("aurocs")}
    for part, value in real_table().loc[("the novel classes", "MNIST, 8")].items():
        said[f"oracle {part}"] = value
    for k in LABELS:
        cells = (cells_of("cifar10", [LEARNED[t]], [k]) for t in ("+ generated negatives", PLAIN))
        after, before = (read_parts(group)["score"] for group in cells)
        said[f"negatives {k}"] = signed(*list(gain(after, before).values())[:3])
    return plain(said)


# --- figures -------------------------------------------------------------------------------------

def answer(gains: pd.DataFrame) -> Figure:
    """What each map gains over the first GAN of the same runs, a panel a data set."""
    titles = [*BLIND, *LEARNED]
    colours = [COLOURS["control" if title in BLIND else "masked"] for title in titles]
    names = [f"{title}: {', '.join(ABLATED[name])}" for name, title in TITLES.items()]
    message = "Maps that see no image (grey) gain about as much as learned ones"
    fig, axes = panels(message, 3.5, names)
    for ax, name in zip(axes, TITLES, strict=True):
        rows = gains.xs(OWN, level="against").loc[name].loc[titles]
        forest(ax, rows.assign(colour=colours))
        unsure = [y for y, sure in enumerate(rows["sure"][::-1]) if not sure]
        ax.plot(rows["value"][::-1].iloc[unsure], unsure, "o", color="white", ms=2.5, zorder=3)
        ax.set_xlabel("AUROC over its first GAN")
    for label, colour in zip(axes[0].get_yticklabels(), colours[::-1], strict=True):
        label.set_color(colour)
    return fig


def by_class() -> Figure:
    """CIFAR-10 class by class: the deck's row, ours, and the first GANs of our runs."""
    table = classes_table("cifar10", row_parts("cifar10"))
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


def twins() -> Figure:
    """AUROC of the seeds, and of seed 0 trained a second time."""
    table = twins_table()
    names = [f"{title}, {PICTURED[name]}" for name, title in TITLES.items()]
    fig, axes = panels("On MNIST one seed, trained twice, differs as much as two seeds", 2.5, names)
    for ax, name in zip(axes, TITLES, strict=True):
        rows = table.loc[name]
        for y, row in enumerate(rows.itertuples()):
            others = row.aurocs[1:]
            ax.plot(others, [y] * len(others), "o", color=COLOURS["control"], alpha=0.7)
            ax.plot([row.first, row.second], [y, y], "o-", color=COLOURS["novel"])
        ax.set_yticks(range(len(rows)), rows.index)
        ax.set(xlabel="AUROC", ylim=(1.6, -0.5))
        where = {"ha": "center", "fontsize": 9, "color": COLOURS["novel"]}
        ax.text(rows["second"].iloc[0], -0.15, "seed 0, twice", **where)
        ax.grid(axis="x")
    return fig


def follows_brightness(cell: str) -> float:
    """Spearman's correlation of maps with the grey level of their pixels, mean over images."""
    arrays = read_arrays(cell)
    pairs = zip(arrays["picture_given"].mean(1), arrays["picture_map"][:, 0], strict=True)
    return float(np.mean([stats.spearmanr(a, b, axis=None).statistic for a, b in pairs]))


def chosen(classes: np.ndarray, normal: int) -> np.ndarray:
    """Indices of the first two images of the normal class and the first of each of six others."""
    others = [k for k in np.unique(classes) if k != normal][:6]
    first = [np.flatnonzero(classes == k)[0] for k in others]
    return np.array([*np.flatnonzero(classes == normal)[:2], *first])


def map_grid(fig: Figure, given: np.ndarray, maps: np.ndarray, normal: str) -> None:
    """Draw uint8 images (n, C, 32, 32), two normal ones first, their maps, and map x image."""
    rows = {"given": given, "map": maps, "map x image": (given * (maps / 255)).astype(np.uint8)}
    image_grid(fig, rows, [f"{normal} (normal)", "", "novel"])


def maps() -> Figure:
    """Maps of test images, normal ones first: MNIST above, CIFAR-10 below."""
    fig = titled("On black the map covers the strokes; on photographs it hides what is dark", 5.6)
    for part, cell in zip(fig.subfigures(2, 1), PICTURES, strict=True):
        arrays, at = read_arrays(cell), parse_cell(cell)
        if "picture_map" not in arrays:
            raise no_record(cell)
        classes = arrays["class_test"][pictured(arrays["class_test"])]
        order = chosen(classes, class_index(at.dataset, at.normal_class))
        given, drawn = arrays["picture_given"][order], arrays["picture_map"][order]
        map_grid(part, given, drawn, at.normal_class)
    return fig


FIGURES: dict[str, Callable[[], Figure]] = {
    "attention-answer": lambda: answer(gains_table(ablation())),
    "attention-classes": by_class,
    "attention-twins": twins,
    "attention-maps": maps,
}


# --- a live run ----------------------------------------------------------------------------------


def live_table(models: Mapping[str, AttentionGAN], split: OneClassSplit) -> pd.DataFrame:
    """Test AUROC, a row a model: score, parts, and the score minus its first GAN (DeLong)."""
    rows = {}
    for title, model in models.items():
        score, parts = model.novelty_score(split.x_test), model.score_parts(split.x_test)
        change = comparison.paired_delong(split.y_test, score, parts["base"])
        aurocs = [roc_auc_score(split.y_test, of) for of in (score, parts["masked"], parts["area"])]
        rows[title] = [*aurocs, signed(change.difference, change.low, change.high)]
    columns = ["score", "second GAN alone", "area alone", "minus its first GAN"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).round(3)
