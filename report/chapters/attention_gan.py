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
from ocnd_lib.benchmark import pictured
from ocnd_lib.comparison import REPEATS, Run, average_runs
from ocnd_lib.data import OneClassSplit, class_index
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.protocol import ABLATED, PICTURED
from ocnd_lib.records import parse_cell, read_arrays, read_record
from report.drawing import COLOURS, WIDTH, forest, image_grid, interval, titled
from report.source import no_record
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
    found: dict[str, dict[str, Parts]] = {name: {} for name in TITLES}
    for name, (title, method) in product(TITLES, VARIANTS.items()):
        found[name][title] = read_parts(cells_of(name, [method], ABLATED[name]))
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

    Against the first GAN of the same runs; the learned maps also against each map that sees no
    image, and what is added to the learned map against that. `sure`: against the first GAN, several
    seeds, and the interval leaves out 0 even when it is widened for their number: Bonferroni, by
    Student's t of as many seeds, whatever share of it comes from images.
    """
    rows = {}
    wider = np.divide(*stats.t.ppf([1 - 0.025 / COMPARED, 0.975], len(SEEDS) - 1))
    for name, (title, own) in ((n, item) for n in found for item in found[n].items()):
        others = [t for t in BLIND if title in LEARNED] + [PLAIN] * title.startswith("+")
        if title == "+ joint discriminator":  # which has another first GAN
            others = []
        against = {t: found[name][t].get("score", []) for t in others}
        for other, before in {OWN: own.get("base", []), **against}.items():
            if row := gain(own.get("score", []), before):
                half = wider * (row["high"] - row["low"]) / 2
                sure = other == OWN and row["seeds"] > 1 and abs(row["value"]) > half
                rows[name, title, other] = row | {"sure": sure}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(["dataset", "variant", "against"])


def classes_table(dataset: str) -> pd.DataFrame:
    """AUROC of each class, mean over seeds: ours, and base, the first GANs of the same runs.

    And deck and OCGAN, the printed rows that there are. NoRecords if a class has no record.
    """
    names, printed = class_names(dataset), load_published(dataset)
    cells = cells_of(dataset, ["attention-gan"], names)
    found = read_parts(cells)
    if len({run.normal_class for run in found.get("score", [])}) < len(names):
        raise no_record(cells[0])
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
    for title, cell in ((t, parse_cell(c)) for t in REAL for c in CELLS if f"/{REAL[t]}/" in c):
        if parts := read_parts([str(cell)]):
            aurocs = {column: parts[part][0].auroc for part, column in names.items()}
            rows[title, f"{TITLES[cell.dataset]}, {cell.normal_class}"] = aurocs
    if not rows:
        raise no_record("mnist/attention-gan-oracle/8/0")
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(["novel images of", "normal class"]).sort_index()


def twins_table() -> pd.DataFrame:
    """The same cell and seed, trained twice: a row a data set and variant.

    Columns: first, second, the AUROCs of both; twin_sd, what they say of the spread of such runs,
    |first - second| / sqrt(2); seed_sd, the spread of the recorded seeds; aurocs, those of seeds.
    The second run is that of the next chapter, with the same parameters and the same first GAN.
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
    rows = {}
    for name, title in product(found, VARIANTS):
        for k in ABLATED[name] if found[name][title] else ():
            own = found[name][title].items()
            index = class_index(name, k)
            runs = {part: [r.auroc for r in g if r.normal_class == index] for part, g in own}
            spread = {"sd": pd.Series(runs["score"]).std(), "seeds": len(runs["score"])}
            means = {part: np.mean(aurocs) for part, aurocs in runs.items()}
            rows[f"{TITLES[name]}, {k}", title] = means | spread
    order = ["score", "sd", "base", "masked", "area", "classifier", "seeds"]
    table = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=order)
    return table.sort_index(level=0, sort_remaining=False)


signed = partial(interval, form="+.3f")  # a gain and its interval: +0.006 [+0.001, +0.011]


def numbers(found: Mapping[str, Mapping[str, Parts]], gains: pd.DataFrame) -> dict[str, object]:
    """Every number of the page's sentences, by its name there."""
    parts, classes = parts_table(found), {name: classes_table(name) for name in TITLES}
    printed = classes["cifar10"]
    steps = printed["deck"] - printed["OCGAN"]
    said: dict[str, object] = {
        "deck-printed": float(load_published("cifar10").loc["attention-gan", "mean"]),
        "deck-mean": printed["deck"].mean(), "deck-truck": printed.loc["truck", "deck"],
        "deck-gain": steps.mean(), "deck-gain-without-truck": steps.drop("truck").mean(),
        "compared": COMPARED, "sure": int(gains["sure"].sum()),
        "truck": printed.loc["truck", "ours"],
    }  # fmt: skip
    said |= {f"brightness {parse_cell(c).dataset}": follows_brightness(c) for c in PICTURES}
    for title in (PLAIN, "+ second GAN restarted"):
        said[f"sd {title}"] = parts.loc[("MNIST, 8", title), "sd"]
    for name, table in classes.items():
        found = read_parts(cells_of(name, ["attention-gan"], class_names(name)))
        own = comparison.mean_interval(found["score"], repeats=REPEATS)
        said[f"row-{name}"] = interval(table["ours"].mean(), *own)
        said[f"gain-{name}"] = signed(*list(gain(found["score"], found["base"]).values())[:3])
        step = table["ours"] - table["base"]
        said[f"ahead-{name}"] = int((step > 0).sum())
        said[f"p-{name}"] = float(stats.wilcoxon(step.round(9)).pvalue)
    for (name, title, against), row in gains.iterrows():
        if title in BLIND or title == PLAIN or "restarted" in title:
            said[f"{name} {title} - {against}"] = signed(*row[["value", "low", "high"]])
    for (name, title), row in twins_table().iterrows():
        said |= {f"{name} {title} {key}": row[key] for key in row.index.drop("aurocs")}
    oracle = real_table().loc[("the novel classes", "MNIST, 8")]
    said |= {f"oracle {part}": value for part, value in oracle.items()}
    for k in LABELS:
        cells = (cells_of("cifar10", [LEARNED[t]], [k]) for t in ("+ generated negatives", PLAIN))
        after, before = (read_parts(group)["score"] for group in cells)
        said[f"negatives {k}"] = signed(*list(gain(after, before).values())[:3])
    return {name: of if isinstance(of, str | int) else float(of) for name, of in said.items()}


# --- figures -------------------------------------------------------------------------------------

BOXES = {  # name: centre in inches, text, colour
    "images": (0.55, 2.4, "images", "unlabelled"), "base": (2.0, 2.4, "first GAN", "ink"),
    "error": (4.6, 2.4, "error over\nthe image", "unlabelled"),
    "product": (0.55, 1.4, "map x image", "unlabelled"), "map": (2.0, 1.4, "map", "masked"),
    "teacher": (3.9, 1.4, "a classifier may\nteach it", "known"),
    "masked": (2.0, 0.4, "second GAN", "masked"), "score": (6.2, 1.4, "score", "novel"),
    "part": (4.6, 0.4, "error over\nthe map", "unlabelled"),
}  # fmt: skip
ARROWS = (
    "images base, base error, base map, images product, map product, product masked, masked part, "
    "error score, part score, teacher map"
).split(", ")


def system() -> Figure:
    """The parts of an attention-GAN and what flows between them."""
    fig = titled("Two GANs: one of the image, one of what a map leaves of it", 2.9)
    ax = fig.subplots()
    ax.set(xlim=(0, WIDTH), ylim=(0, 2.8))
    ax.set_axis_off()
    patches = {}
    for name, (x, y, text, role) in BOXES.items():
        style = {"boxstyle": "round,pad=0.5", "fc": "white", "ec": COLOURS[role], "lw": 1.6}
        box = ax.text(x, y, text, ha="center", va="center", bbox=style)
        patches[name] = box.get_bbox_patch()
    for start, end in map(str.split, ARROWS):
        style = {"arrowstyle": "-|>", "color": COLOURS["ink"], "lw": 1.2}
        style |= {"patchA": patches[start], "patchB": patches[end]}
        ax.annotate("", BOXES[end][:2], BOXES[start][:2], arrowprops=style)
    return fig


def answer(gains: pd.DataFrame) -> Figure:
    """What each map gains over the first GAN of the same runs, a panel a data set."""
    fig = titled("Maps that see no image (grey) gain about as much as learned ones", 3.5)
    titles = [*BLIND, *LEARNED]
    colours = [COLOURS["control" if title in BLIND else "masked"] for title in titles]
    axes = fig.subplots(1, 2, sharey=True)
    for ax, (name, title) in zip(axes, TITLES.items(), strict=True):
        rows = gains.xs(OWN, level="against").loc[name].loc[titles]
        forest(ax, rows.assign(colour=colours))
        unsure = [y for y, sure in enumerate(rows["sure"][::-1]) if not sure]
        ax.plot(rows["value"][::-1].iloc[unsure], unsure, "o", color="white", ms=2.5, zorder=3)
        ax.set(title=f"{title}: {', '.join(ABLATED[name])}", xlabel="AUROC over its first GAN")
    for label, colour in zip(axes[0].get_yticklabels(), colours[::-1], strict=True):
        label.set_color(colour)
    return fig


def by_class() -> Figure:
    """CIFAR-10 class by class: the deck's row, ours, and the first GANs of our runs."""
    table = classes_table("cifar10")
    fig = Figure(figsize=(WIDTH, 3.3))
    ax = fig.subplots()
    marks = {"deck": ("D", 7, "known"), "ours": ("o", 7, "masked"), "base": ("_", 16, "ink")}
    for column, (mark, size, role) in marks.items():
        label = {"deck": "the deck", "base": "ours, first GAN alone"}.get(column, column)
        ax.plot(table[column], mark, ms=size, mew=2, color=COLOURS[role], label=label)
    ax.axhline(0.5, color=COLOURS["control"], lw=1, zorder=0)
    ax.tick_params(axis="x", rotation=30)
    ax.set(ylabel="AUROC", title="Ours stays where its first GAN is; the deck's truck is far off")
    ax.set_ylim(0.28, None)
    ax.legend(loc="lower left", ncols=3)
    return fig


def twins() -> Figure:
    """AUROC of the seeds, and of seed 0 trained a second time."""
    table = twins_table()
    fig = titled("On MNIST one seed, trained twice, differs as much as two seeds", 2.5)
    for ax, (name, title) in zip(fig.subplots(1, 2, sharey=True), TITLES.items(), strict=True):
        rows = table.loc[name]
        for y, row in enumerate(rows.itertuples()):
            others = row.aurocs[1:]
            ax.plot(others, [y] * len(others), "o", color=COLOURS["control"], alpha=0.7)
            ax.plot([row.first, row.second], [y, y], "o-", color=COLOURS["novel"])
        ax.set_yticks(range(len(rows)), rows.index)
        ax.set(title=f"{title}, {PICTURED[name]}", xlabel="AUROC", ylim=(1.6, -0.5))
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
    first = [np.flatnonzero(classes == k)[:1] for k in others]
    return np.concatenate([np.flatnonzero(classes == normal)[:2], *first])


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
    """AUROC on the test images, a row a model: score, second GAN and area of the map alone.

    And the score minus its first GAN, with DeLong's paired interval.
    """
    rows = {}
    for title, model in models.items():
        score, parts = model.novelty_score(split.x_test), model.score_parts(split.x_test)
        change = comparison.paired_delong(split.y_test, score, parts["base"])
        aurocs = [roc_auc_score(split.y_test, of) for of in (score, parts["masked"], parts["area"])]
        rows[title] = [*aurocs, signed(change.difference, change.low, change.high)]
    columns = ["score", "second GAN alone", "area alone", "minus its first GAN"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).round(3)
