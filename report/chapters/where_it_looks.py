"""Chapter 9: where an attention-GAN looks, against true outlines, and whether that helps it."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import mean_over_runs
from ocnd_lib.looks import AFTER, ATTENTION, BEFORE
from ocnd_lib.records import parse_cell
from ocnd_lib.stats import seed_interval
from report.drawing import COLOURS, forest, interval, signed, titled
from report.source import plain, record_of
from report.tables import once

# data set: its title, the normal class of its cells, how many seeds
SETS = {
    "mnist": ("MNIST", "8", 3),
    "cifar10": ("CIFAR-10", "truck", 1),
    "mnist_on_cifar": ("digits on photos", "8", 3),
    "scenes": ("scenes", "boat", 3),
    "coco10": ("COCO", "bowl", 3),  # of which the subset has the most
}
PLAIN = "looks"
ENCODER = "looks+classifier=auxiliary+taps=encoder"  # the smallest change that finds a digit
VARIANTS = {
    PLAIN: "no classifier",
    "looks+classifier=generated": "generated negatives",
    "looks+classifier=auxiliary": "photographs as negatives",
    ENCODER: "map from the encoder",
    "looks+classifier=auxiliary+mask_epochs=120+pretrain_mask=True+taps=encoder": (
        "map trained beforehand"
    ),
    "looks+classifier=auxiliary+mask_epochs=120+most_area=0.4+pretrain_mask=True+smoothness=0.1"
    "+taps=encoder": "map smaller and smoother",
}
CELLS = tuple(
    f"{dataset}/{variant}/{normal}/{seed}"
    for seed in range(3)
    for variant in VARIANTS
    for dataset, (_, normal, seeds) in SETS.items()
    if seed < seeds and (dataset == "mnist_on_cifar" or "auxiliary" not in variant)
)
MAPS = {BEFORE: "heat map, first GAN", AFTER: "heat map, second GAN", ATTENTION: "attention map"}


@once
def finds_table() -> pd.DataFrame:
    """How well maps find the object: pixel AUROC by dataset, variant, images, map and baseline.

    value and baseline_value, means over seeds, and lift, their difference, with the interval low,
    high over seeds and images (`mean_over_runs`).
    """
    parts = []
    for cell in map(parse_cell, CELLS):
        if not (record := record_of(cell))["tables"]["finds"]:
            continue  # of CIFAR-10, whose outlines are not known
        table = pd.DataFrame(record["tables"]["finds"]).query("measure == 'auroc'")
        names = table["images"] + "/" + table["map"] + "/auroc/" + table["baseline"]
        each = [record[name] for name in names]  # lifts, image by image
        parts.append(table.assign(dataset=cell.dataset, variant=cell.variant, each=each))
    groups = pd.concat(parts).groupby(["dataset", "variant", "images", "map", "baseline"])
    rows = groups.mean(numeric_only=True)
    for at, part in groups:
        lifts = np.stack(part["each"])
        _, *ends = mean_over_runs(lifts[:, np.isfinite(lifts).all(0)].astype(float))
        rows.loc[at, ["low", "high"]] = ends
    return rows


@once
def detection_table() -> pd.DataFrame:
    """Whether a map that finds the object detects: indexed by dataset and variant.

    Columns: score and base, AUROCs of the whole and of its first GAN, means over seeds; value, low,
    high, their difference with Student's interval over seeds (NaN for one).
    """
    aurocs: dict[tuple, list] = {}
    for cell in map(parse_cell, CELLS):
        metrics = record_of(cell)["metrics"]
        both = metrics["auroc_score"], metrics["auroc_base"]
        aurocs.setdefault((cell.dataset, cell.variant), []).append(both)
    rows = {at: [*np.mean(of, 0), *seed_interval(-np.diff(of)[:, 0])] for at, of in aurocs.items()}
    return pd.DataFrame(rows, ["score", "base", "value", "low", "high"]).T


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there: `mnist_on_cifar+encoder-finds`."""
    said: dict[str, object] = {}
    keys = {(name, PLAIN): name for name in SETS}
    keys["mnist_on_cifar", ENCODER] = "mnist_on_cifar+encoder"
    for at, key in keys.items():
        score, base, *gain = detection_table().loc[at]
        said |= {f"{key}-score": score, f"{key}-base": base, f"{key}-gain": signed(*gain)}
    finds = finds_table().xs(ATTENTION, level="map")
    for (dataset, variant, images, baseline), row in finds.iterrows():
        if key := keys.get((dataset, variant)):
            key += "-finds" if images == "normal" else "-finds-novel"
            if baseline == "centre":
                said[f"{key}-over-blot"] = signed(*row[["lift", "low", "high"]])
            if baseline == "uniform":  # whose value is 0.5
                said[key] = interval(row["value"], row["low"] + 0.5, row["high"] + 0.5)
    table = pd.DataFrame(record_of("cifar10/looks/truck/0")["tables"]["strength"]).set_index("map")
    strength = table.loc[AFTER, ["weaker", "low", "high"]]
    said["cifar10-strength-second"] = interval(*strength, ".2f")  # of one seed, over images
    _, normal, seeds = SETS["mnist"]
    cells = [f"mnist/{PLAIN}/{normal}/{seed}" for seed in range(seeds)]
    roads = [record_of(cell)["tables"]["road"] for cell in cells]
    lifts = pd.concat(map(pd.DataFrame, roads)).groupby("map")["lift"]
    for name, of in (("first", BEFORE), ("second", AFTER)):
        said[f"mnist-road-{name}"] = interval(*seed_interval(lifts.get_group(of)), ".2f")
    return plain(said)


def finding_and_detecting() -> Figure:
    """Left, how well the attention map finds normal objects; right, what the score gains by it."""
    finds = finds_table().xs((ATTENTION, "normal"), level=("map", "images"))
    rows, centre = (finds.xs(name, level="baseline") for name in ("uniform", "centre"))
    detects = detection_table()
    fig = titled("Maps that find the object are not shown to detect better", 3.9)
    left, right = fig.subplots(1, 2, sharey=True, width_ratios=(1.2, 1))
    order = [at for at in product(SETS, VARIANTS) if at in detects.index and at in rows.index]
    names = [SETS[name][0] if of == PLAIN else f"   + {VARIANTS[of]}" for name, of in order]
    pixels = rows.loc[order, ["value", "low", "high"]]
    pixels[["low", "high"]] += 0.5  # of the lift over a uniform map, whose value is 0.5
    pixels = pixels.clip(0, 1).set_axis(names).assign(colour=COLOURS["masked"])
    forest(left, pixels, zero=0.5)
    blot = {"color": COLOURS["known"], "ms": 11, "mew": 2}
    left.plot(centre.loc[order, "baseline_value"], range(len(order))[::-1], "|", **blot)
    left.set(title="finding", xlabel="pixel AUROC (yellow: a blot)", xlim=(0, 1.05))
    forest(right, detects.loc[order].set_axis(names).assign(colour=COLOURS["ink"]))
    right.set(title="detection", xlabel="AUROC, minus its first GAN's")
    left.set_yticklabels(names[::-1], ha="left")
    left.tick_params(axis="y", pad=165)
    return fig


def heat_rows(kept: Mapping[str, np.ndarray], names: Sequence[str], title: str) -> Figure:
    """Images and below them their maps: heat maps of a row have one scale, attention 0 to 1.

    `kept` are those of `looks.pictures`; true outlines are drawn where they are known.
    """
    fig = titled(title, 0.35 + 0.72 * (1 + len(names)))
    axes = fig.subplots(1 + len(names), len(kept["given"]))
    roles = np.where(kept["novel"], "novel", "normal")
    for column, (image, role) in enumerate(zip(kept["given"], roles, strict=True)):
        axes[0, column].imshow(image.transpose(1, 2, 0).squeeze(), cmap="gray")
        axes[0, column].spines[:].set(visible=True, color=COLOURS[role], lw=1.6)
        if column == list(roles).index(role):
            axes[0, column].set_title(role, color=COLOURS[role])
        for ax, name in zip(axes[1:, column], names, strict=True):
            most = 1 if name.startswith(ATTENTION) else max(kept[name].max(), 1e-12)
            ax.imshow(kept[name][column], cmap="inferno", vmin=0, vmax=most)
            ax.spines[:].set_visible(False)
            if "masks" in kept and 0 < kept["masks"][column].mean() < 1:
                ax.contour(kept["masks"][column], levels=[0.5], colors="white", linewidths=0.7)
    for ax, name in zip(axes[:, 0], ["given", *names], strict=True):
        words = MAPS.get(name, name).replace(", ", ",\n")
        ax.set_ylabel(words, rotation=0, ha="right", va="center")
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    return fig


def maps() -> Figure:
    """Digits on photographs: images of seed 0, heat maps, both attention maps and what they do."""
    kept, encoders = (record_of(f"mnist_on_cifar/{of}/8/0") for of in (PLAIN, ENCODER))
    last = f"{ATTENTION}, from the encoder"
    kept = {key.removeprefix("look_"): value for key, value in kept.items()}
    message = "Only the encoder's map finds the digit, and detection stays at chance"
    fig = heat_rows(kept | {last: encoders[f"look_{ATTENTION}"]}, [*MAPS, last], message)
    columns = len(kept["given"])
    for variant, ax in ((PLAIN, fig.axes[-1 - columns]), (ENCODER, fig.axes[-1])):
        at = "mnist_on_cifar", variant
        finds = finds_table().loc[(*at, "normal", ATTENTION, "uniform"), "value"]
        words = f"finds {finds:.2f}\ndetects {detection_table().loc[at, 'score']:.2f}"
        ax.text(1.1, 0.5, words, va="center", transform=ax.transAxes)
    return fig


FIGURES = {"looks-answer": finding_and_detecting, "looks-maps-mnist_on_cifar": maps}
