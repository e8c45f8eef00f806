"""Chapter 9: where an attention-GAN looks, against true outlines, and whether that helps it."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import mean_over_runs
from ocnd_lib.looks import AFTER, ATTENTION, BEFORE
from ocnd_lib.records import parse_cell, read_arrays, read_record
from ocnd_lib.stats import seed_interval
from report.chapters.attention_gan import signed
from report.drawing import COLOURS, forest, interval, panels, titled
from report.source import no_record, plain

# data set: its title, the normal class of its cells, how many seeds
SETS = {
    "mnist": ("MNIST", "8", 1),
    "cifar10": ("CIFAR-10", "truck", 1),
    "mnist_on_cifar": ("digits on photos", "8", 3),
    "scenes": ("scenes", "boat", 3),
    "coco10": ("COCO", "bowl", 3),  # of which the subset has the most
}
PLAIN, GENERATED = "looks", "looks+classifier=generated"
ENCODER = "looks+classifier=auxiliary+taps=encoder"  # the smallest change that finds a digit
VARIANTS = {
    PLAIN: "no classifier",
    GENERATED: "generated negatives",
    "looks+classifier=auxiliary": "photographs as negatives",
    ENCODER: "and the map from the encoder",
    "looks+classifier=auxiliary+mask_epochs=120+pretrain_mask=True+taps=encoder": (
        "and trained beforehand"
    ),
    "looks+classifier=auxiliary+mask_epochs=120+most_area=0.4+pretrain_mask=True+smoothness=0.1"
    "+taps=encoder": "and smaller and smoother",
}
ONLY = {variant: ("mnist_on_cifar",) for variant in VARIANTS if "auxiliary" in variant}
CELLS = tuple(
    f"{dataset}/{variant}/{normal}/{seed}"
    for seed in range(3)
    for variant in VARIANTS
    for dataset, (_, normal, seeds) in SETS.items()
    if seed < seeds and dataset in ONLY.get(variant, SETS)
)
MAPS = {  # names in records, in words, and colours
    BEFORE: ("heat map, first GAN", "ink"),
    AFTER: ("heat map, second GAN", "outlier"),
    ATTENTION: ("attention map", "masked"),
}
GROUPS = {
    "finds": ["map", "images", "measure", "baseline"],
    "strength": ["map"],
    "road": ["map"],
    "randomised": ["map", "step", "layer"],
}
VALUE = {"strength": "weaker", "road": "lift", "randomised": "mean"}
BOUNDS = {"strength": (0, 1), "randomised": (-1, 1)}  # of chances and of correlations


def recorded(kind: str, variants: Iterable[str] = VARIANTS) -> pd.DataFrame:
    """A table of `looks.look` over all records, `finds` and so on, with dataset, variant, seed."""
    parts = []
    for cell in map(parse_cell, CELLS):
        record = read_record(cell) if cell.variant in variants else None
        # the interval of `finds` is that of its images, one by one
        if record and record["tables"][kind] and (kind != "finds" or read_arrays(cell)):
            about = {"dataset": cell.dataset, "variant": cell.variant, "seed": cell.seed}
            parts.append(pd.DataFrame(record["tables"][kind]).assign(**about))
    if not parts:
        raise no_record(CELLS[0])
    return pd.concat(parts, ignore_index=True)


def over_seeds(kind: str, table: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds of each data set and variant: one row instead of one a seed.

    Of several seeds the interval low, high is over seeds and images: of `finds`, whose images are
    recorded one by one, that of `mean_over_runs`, else Student's over seeds made wider by that over
    images; of one seed it stays that over images. It ends at the `BOUNDS` of the number, if it has
    any. Further columns: seeds, and the means of all other numbers.
    """
    keys = ["dataset", "variant", *GROUPS[kind]]
    read = cache(read_arrays)  # a cell has many rows
    rows = []
    for values, part in table.groupby(keys, sort=False):
        others = part.drop(columns=[*keys, "seed"]).mean().to_dict()
        row = dict(zip(keys, values, strict=True)) | others | {"seeds": part["seed"].nunique()}
        if row["seeds"] > 1:
            if kind == "finds":
                name = "/".join(row[key] for key in ("images", "map", "measure", "baseline"))
                where = f"{row['dataset']}/{row['variant']}/{SETS[row['dataset']][1]}"
                lifts = np.stack([read(f"{where}/{seed}")[name] for seed in part["seed"]])
                _, low, high = mean_over_runs(lifts[:, np.isfinite(lifts).all(0)].astype(float))
            else:  # the images are the same in all seeds: they do not average out
                mean, _, high = seed_interval(part[VALUE[kind]])
                half = np.hypot(high - mean, (part["high"] - part["low"]).mean() / 2)
                low, high = mean - half, mean + half
            bounds = BOUNDS.get(kind, (-np.inf, np.inf))
            row["low"], row["high"] = np.clip([low, high], *bounds).tolist()
        rows.append(row)
    return pd.DataFrame(rows)


# --- tables --------------------------------------------------------------------------------------


def finds_table(variants: Iterable[str] = VARIANTS) -> pd.DataFrame:
    """How well maps find objects, pixel AUROC: indexed by dataset, variant, map, images, baseline.

    Columns: value, baseline_value, lift with its interval low, high; seeds.
    """
    finds = recorded("finds", variants)
    finds = over_seeds("finds", finds[finds["measure"] == "auroc"])
    return finds.set_index(["dataset", "variant", "map", "images", "baseline"]).sort_index()


def detection_table() -> pd.DataFrame:
    """Whether a map that finds the object detects: indexed by dataset and variant.

    Columns: score and base, AUROCs of the whole and of its first GAN, means over seeds; value, low,
    high, their difference with Student's interval over seeds (NaN for one); seeds.
    """
    rows = {}
    for dataset, variant in dict.fromkeys((c.dataset, c.variant) for c in map(parse_cell, CELLS)):
        cells = [c for c in CELLS if c.startswith(f"{dataset}/{variant}/")]
        found = [record["metrics"] for record in map(read_record, cells) if record]
        if found:
            score, base = (np.array([m[f"auroc_{k}"] for m in found]) for k in ("score", "base"))
            step = dict(zip(("value", "low", "high"), seed_interval(score - base), strict=True))
            rows[dataset, variant] = {"score": score.mean(), "base": base.mean(), **step,
                                      "seeds": len(found)}  # fmt: skip
    if not rows:
        raise no_record(CELLS[0])
    return pd.DataFrame.from_dict(rows, orient="index")


def measures_table() -> pd.DataFrame:
    """All three measures of every map above the centred Gaussian, on normal images, in words."""
    finds = recorded("finds")
    finds = finds[(finds["images"] == "normal") & (finds["baseline"] == "centre")]
    rows: dict[tuple, dict] = {}
    names = {"auroc": "pixel AUROC", "energy": "heat inside", "iou": "IoU"}
    for row in over_seeds("finds", finds).itertuples():
        at = SETS[row.dataset][0], VARIANTS[row.variant], row.map
        text = f"{row.value:.3f}, {signed(row.lift, row.low, row.high)}"
        rows.setdefault(at, {})[names[row.measure]] = text
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["images", "model", "map"])


def behind(row: tuple[str, str, str], column: str) -> list[str]:
    """The cells that a number of `measures_table` rests on."""
    datasets = {title: name for name, (title, *_) in SETS.items()}
    variants = {title: name for name, title in VARIANTS.items()}
    return [c for c in CELLS if c.startswith(f"{datasets[row[0]]}/{variants[row[1]]}/")]


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there: `mnist+generated-finds`."""
    said: dict[str, object] = {}
    names = {PLAIN: "", GENERATED: "+generated", ENCODER: "+encoder"}
    finds = finds_table(names).xs(ATTENTION, level="map")
    for (dataset, variant, images, baseline), row in finds.iterrows():
        key = f"{dataset}{names[variant]}-" + ("finds" if images == "normal" else "finds-novel")
        if baseline == "centre":
            said[f"{key}-over-blot"] = signed(row["lift"], row["low"], row["high"])
        if baseline == "uniform":  # whose value is 0.5
            said[key] = interval(row["value"], row["low"] + 0.5, row["high"] + 0.5)
    for (dataset, variant), row in detection_table().iterrows():
        if variant in names:
            key = f"{dataset}{names[variant]}"
            said |= {f"{key}-score": row["score"], f"{key}-base": row["base"]}
            said[f"{key}-gain"] = signed(row["value"], row["low"], row["high"])
    which = {BEFORE: "first", AFTER: "second", ATTENTION: "map"}
    for kind, value in {"strength": "weaker", "road": "lift"}.items():
        for row in over_seeds(kind, recorded(kind, [PLAIN])).to_dict("records"):
            if row["map"] in which:
                key = f"{row['dataset']}-{kind}-{which[row['map']]}"
                said[key] = interval(row[value], row["low"], row["high"], ".2f")
    return plain(said)


# --- figures -------------------------------------------------------------------------------------


def finding_and_detecting() -> Figure:
    """Left, how well the attention map finds normal objects; right, what the score gains by it."""
    finds = finds_table().xs((ATTENTION, "normal"), level=("map", "images"))
    rows, centre = (finds.xs(name, level="baseline") for name in ("uniform", "centre"))
    detects = detection_table()
    fig = titled("Finding the object does not raise detection", 3.9)
    left, right = fig.subplots(1, 2, sharey=True, width_ratios=(1.2, 1))
    order = [at for at in product(SETS, VARIANTS) if at in detects.index and at in rows.index]
    names = [SETS[name][0] if of == PLAIN else f"  {VARIANTS[of]}" for name, of in order]
    pixels = rows.loc[order, ["value", "low", "high"]]
    pixels[["low", "high"]] += 0.5  # of the lift over a uniform map, whose value is 0.5
    colour = COLOURS["masked"]
    forest(left, pixels.clip(upper=1).set_axis(names).assign(colour=colour), zero=0.5)
    places = range(len(order))[::-1]
    blot = {"color": COLOURS["known"], "ms": 11, "mew": 2}
    left.plot(centre.loc[order, "baseline_value"], places, "|", **blot)
    left.set(title="pixel AUROC of the map", xlim=(0, 1.03))
    left.set_xlabel("yellow: a blot in the middle", color=COLOURS["known"])
    steps = detects.loc[order, ["value", "low", "high"]].set_axis(names)
    forest(right, steps.assign(colour=COLOURS["ink"]))
    right.set(title="detection", xlabel="AUROC over its first GAN")
    left.set_yticklabels(names[::-1], ha="left")
    left.tick_params(axis="y", pad=165)
    return fig


def _by_set(title: str, table: pd.DataFrame, zero: float, label: str) -> np.ndarray:
    """The axes of a panel a data set: value, low, high of each map, indexed by dataset and map."""
    there = [name for name in SETS if name in table.index]
    names = [SETS[name][0].replace(" on ", " on\n") for name in there]
    fig, axes = panels(title, 2.2, names, sharex=True)
    words, colours = zip(*MAPS.values(), strict=True)
    colours = [COLOURS[colour] for colour in colours]
    for ax, name in zip(axes, there, strict=True):
        forest(ax, table.loc[name].loc[list(MAPS)].set_axis(words).assign(colour=colours), zero)
    fig.supxlabel(label, fontsize=9.5)
    return axes


def lifts() -> Figure:
    """Pixel AUROC of heat maps and attention map minus that of a centred Gaussian."""
    table = finds_table([PLAIN]).xs((PLAIN, "normal", "centre"), level=(1, 3, 4))
    message = "Only on bare strokes does a map beat a blot in the middle"
    label = "pixel AUROC, minus that of a centred Gaussian"
    return _by_set(message, table.assign(value=table["lift"]), 0, label)[0].figure


def checks() -> Figure:
    """Left, ROAD above random maps; right, rank correlation as layers are shuffled, on MNIST."""
    road = over_seeds("road", recorded("road", [PLAIN])).set_index(["dataset", "map"])
    shuffled = over_seeds("randomised", recorded("randomised", [PLAIN]))
    shuffled = shuffled[shuffled["dataset"] == "mnist"]
    fig = titled("MNIST: the first GAN relies on what its heat map marks, the second does not", 3.2)
    left, right = fig.subplots(1, 2)
    there = [at for at in product(SETS, (BEFORE, AFTER)) if at in road.index]
    labels = [f"{SETS[name][0]}, first GAN" if of == BEFORE else "second" for name, of in there]
    rows = road.loc[there, ["lift", "low", "high"]].rename(columns={"lift": "value"})
    colours = [COLOURS[MAPS[kind][1]] for _, kind in there]
    forest(left, rows.set_axis(labels).assign(colour=colours))
    left.set(xlabel="ROAD above random maps", title="Do marked pixels matter?")
    for kind in (BEFORE, AFTER):
        line = shuffled[shuffled["map"] == kind].sort_values("step")
        right.plot(line["layer"], line["mean"], "o-", color=COLOURS[MAPS[kind][1]])
    right.axhline(0, color=COLOURS["control"], lw=1)
    right.tick_params(axis="x", rotation=90)  # slanted names would overlap
    right.set(title="Do maps follow weights?", ylabel="rank correlation", ylim=(-0.3, 1))
    right.set_xlabel("weights shuffled down to this layer")
    return fig


def strengths() -> Figure:
    """The chance that a novel image's map is weaker than a normal one's."""
    table = over_seeds("strength", recorded("strength", [PLAIN])).set_index(["dataset", "map"])
    label = "chance that the map of a novel image is the weaker one"
    table = table.rename(columns={"weaker": "value"})
    axes = _by_set("Novel images do not get less heat", table, 0.5, label)
    axes[0].set(xlim=(-0.05, 1.05), xticks=(0, 0.5, 1), xticklabels=("0", "0.5", "1"))
    return axes[0].figure


def heat_rows(kept: Mapping[str, np.ndarray], names: Iterable[str], title: str) -> Figure:
    """Images and below them their maps: heat maps of a row have one scale, attention 0 to 1.

    `kept` are those of `looks.pictures`; true outlines are drawn where they are known.
    """
    names = list(names)
    fig = titled(title, 0.35 + 0.72 * (1 + len(names)))
    axes = fig.subplots(1 + len(names), len(kept["given"]))
    for column, image in enumerate(kept["given"]):
        role = "novel" if kept["novel"][column] else "normal"
        axes[0, column].imshow(image.transpose(1, 2, 0).squeeze(), cmap="gray")
        axes[0, column].spines[:].set(visible=True, color=COLOURS[role], lw=1.6)
        for ax, name in zip(axes[1:, column], names, strict=True):
            most = 1 if name.startswith(ATTENTION) else max(kept[name].max(), 1e-12)
            ax.imshow(kept[name][column], cmap="inferno", vmin=0, vmax=most)
            ax.spines[:].set_visible(False)
            if "masks" in kept and 0 < kept["masks"][column].mean() < 1:
                ax.contour(kept["masks"][column], levels=[0.5], colors="white", linewidths=0.7)
    words = [MAPS.get(name, (name,))[0].replace(", ", ",\n") for name in names]
    for ax, word in zip(axes[:, 0], ["given", *words], strict=True):
        ax.set_ylabel(word, rotation=0, ha="right", va="center")
    for column in (0, int(np.argmax(kept["novel"]))):
        role = "novel" if kept["novel"][column] else "normal"
        axes[0, column].set_title(role, color=COLOURS[role])
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    return fig


def maps() -> Figure:
    """Digits on photographs: images of seed 0, heat maps, the attention map and the encoder's."""
    cells = [f"mnist_on_cifar/{variant}/8/0" for variant in (PLAIN, ENCODER)]
    kept, other = (
        {name.removeprefix("look_"): array for name, array in read_arrays(cell).items()}
        for cell in cells
    )
    if not {"given"} <= kept.keys() & other.keys():
        raise no_record(cells[0])
    last = f"{ATTENTION}, from the encoder"
    message = "On photographs: the digit is found only from the encoder"
    return heat_rows(kept | {last: other[ATTENTION]}, [*MAPS, last], message)


FIGURES: dict[str, Callable[[], Figure]] = {
    "looks-answer": finding_and_detecting,
    "looks-lifts": lifts,
    "looks-checks": checks,
    "looks-strengths": strengths,
    "looks-maps-mnist_on_cifar": maps,
}


def live_table(tables: Mapping[str, list[dict]]) -> pd.DataFrame:
    """Pixel AUROC of each map of `looks.look` on normal and novel images, and above the blot."""
    finds = pd.DataFrame(tables["finds"]).query("measure == 'auroc' and baseline == 'centre'")
    finds = finds.assign(map=finds["map"].map({name: words for name, (words, _) in MAPS.items()}))
    table = finds.pivot_table(index="map", columns="images", values="value").round(3)
    normal = finds[finds["images"] == "normal"].set_index("map")[["lift", "low", "high"]]
    table["normal, over the blot"] = [signed(*normal.loc[of]) for of in table.index]
    return table
