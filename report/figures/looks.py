"""Chapter 8: what its figures and tables take from the records of where attention-GANs look."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import mean_over_runs
from ocnd_lib.records import parse_cell, read_arrays, read_record
from ocnd_lib.stats import seed_interval
from report import plots
from report.figures.claims import claims_table, interval_text, verdict
from report.figures.source import NoRecords

# data set: its title, the normal class of its cells, how many seeds
SETS = {
    "mnist": ("MNIST", "8", 1),
    "cifar10": ("CIFAR-10", "truck", 1),
    "mnist_on_cifar": ("MNIST on CIFAR-10", "8", 3),
    "scenes": ("scenes", "boat", 3),
    "coco10": ("COCO", "bowl", 3),  # of which the subset has the most
}
VARIANTS = {
    "looks": "no classifier",
    "looks+classifier=generated": "generated negatives",
    "looks+classifier=auxiliary": "negatives: pictures without a digit",
    "looks+classifier=auxiliary+taps=encoder": "the same, map drawn from the encoder",
    "looks+classifier=auxiliary+mask_epochs=120+pretrain_mask=True+taps=encoder": (
        "the encoder's, trained beforehand"
    ),
    "looks+classifier=auxiliary+mask_epochs=120+most_area=0.4+pretrain_mask=True+smoothness=0.1"
    "+taps=encoder": "the encoder's, trained beforehand, smaller and smoother",
}
CHANGED = "looks+classifier=auxiliary+taps=encoder"  # the smallest change that finds a digit
# data sets that have such a variant
ONLY = {variant: ("mnist_on_cifar",) for variant in VARIANTS if "auxiliary" in variant}
CELLS = tuple(
    f"{dataset}/{variant}/{normal}/{seed}"
    for seed in range(3)
    for variant in VARIANTS
    for dataset, (_, normal, seeds) in SETS.items()
    if seed < seeds and dataset in ONLY.get(variant, SETS)
)
WANTED = 0.85  # pixel AUROC that the attention map should reach where it can be told from a digit
BASE = "base critic"  # the map that is the same for all variants of one base GAN
MEASURES = {"auroc": "pixel AUROC", "energy": "energy inside", "iou": "IoU"}
GROUPS = {
    "finds": ["map", "images", "measure", "baseline"],
    "strength": ["map"],
    "road": ["map"],
    "randomised": ["map", "step", "layer"],
}
VALUE = {"strength": "weaker", "road": "lift", "randomised": "mean"}
BOUNDS = {"strength": (0, 1), "randomised": (-1, 1)}  # of chances and of correlations


def recorded(kind: str, folder: Path | None = None) -> pd.DataFrame:
    """A table of `looks.look` over all records, `finds` and so on, with dataset, variant, seed.

    Cells without a record, or without such a table, are left out; NoRecords if that is all.
    """
    parts = []
    for cell in map(parse_cell, CELLS):
        if (record := read_record(cell, folder)) and record["tables"][kind]:
            about = {"dataset": cell.dataset, "variant": cell.variant, "seed": cell.seed}
            parts.append(pd.DataFrame(record["tables"][kind]).assign(**about))
    if not parts:
        raise NoRecords(f"no record yet; make one with: ocnd run {CELLS[0]}")
    return pd.concat(parts, ignore_index=True)


def over_seeds(kind: str, table: pd.DataFrame, folder: Path | None = None) -> pd.DataFrame:
    """Means over the seeds of each data set and variant: one row instead of one a seed.

    Of several seeds the interval low, high is over seeds and images: of `finds`, whose images are
    recorded one by one, that of `mean_over_runs`, else Student's over seeds made wider by that over
    images; of one seed it stays that over images. It ends at the `BOUNDS` of the number, if it has
    any. Further columns: seeds, and the means of all other numbers.
    """
    keys = ["dataset", "variant", *GROUPS[kind]]
    read = cache(lambda cell: read_arrays(cell, folder))  # a cell has many rows
    rows = []
    for values, part in table.groupby(keys, sort=False):
        row = dict(zip(keys, values, strict=True))
        others = part.drop(columns=[*keys, "seed"]).mean().to_dict()
        row |= {**others, "seeds": part["seed"].nunique()}
        if row["seeds"] > 1:
            if kind == "finds":
                _, low, high = mean_over_runs(_lifts_of_images(row, part["seed"], read))
            else:  # the images are the same in all seeds: they do not average out
                mean, _, high = seed_interval(part[VALUE[kind]])
                half = np.hypot(high - mean, (part["high"] - part["low"]).mean() / 2)
                low, high = mean - half, mean + half
            bounds = BOUNDS.get(kind, (-np.inf, np.inf))
            row["low"], row["high"] = np.clip([low, high], *bounds).tolist()
        rows.append(row)
    return pd.DataFrame(rows)


def _lifts_of_images(row: Mapping, seeds: Iterable[int], read: Callable) -> np.ndarray:
    """The lift of a row of `finds`, (seeds, images); `read` gives the arrays of a cell."""
    name = "/".join(row[key] for key in ("images", "map", "measure", "baseline"))
    where = f"{row['dataset']}/{row['variant']}/{SETS[row['dataset']][1]}"
    lifts = np.stack([read(f"{where}/{seed}")[name] for seed in seeds]).astype(float)
    return lifts[:, np.isfinite(lifts).all(0)]


def panels(kind: str, variant: str, folder: Path | None = None) -> dict[str, pd.DataFrame]:
    """`over_seeds` of one variant, a table a data set, under its title; NoRecords if none."""
    table = recorded(kind, folder)
    table = over_seeds(kind, table[table["variant"] == variant], folder)
    if not len(table):
        cell = next(c for c in CELLS if parse_cell(c).variant == variant)
        raise NoRecords(f"no record yet; make one with: ocnd run {cell}")
    return {
        title: table[table["dataset"] == dataset]
        for dataset, (title, *_) in SETS.items()
        if (table["dataset"] == dataset).any()
    }


def for_page(finds: pd.DataFrame) -> pd.DataFrame:
    """The rows of `finds` of one model as a table: a row a measure, kind of images, and map.

    Columns: the value, and its lift over uniform, centre and random, with the interval.
    """
    shown: dict[tuple, dict] = {}
    for row in finds.itertuples():
        line = shown.setdefault((MEASURES[row.measure], row.images, row.map), {})
        line["value"] = f"{row.value:.3f}"
        if row.baseline in plots.looks.BASELINES:
            line[f"over {row.baseline}"] = interval_text(row.lift, row.low, row.high)
    order = sorted(shown, key=lambda key: (list(MEASURES.values()).index(key[0]), key[1]))
    table = pd.DataFrame.from_dict({key: shown[key] for key in order}, orient="index")
    return table.rename_axis(["measure", "images", "map"])


def recorded_numbers(folder: Path | None = None) -> pd.DataFrame:
    """For a page: how well each recorded map finds normal objects; a row a set, variant and map.

    Columns: seeds, pixel AUROC and its lift over each baseline, and the lift of the other two
    measures over the centre, with intervals.
    """
    finds = recorded("finds", folder)
    finds = over_seeds("finds", finds[finds["images"] == "normal"], folder)
    shown: dict[tuple, dict] = {}
    for row in finds.itertuples():
        line = shown.setdefault((SETS[row.dataset][0], VARIANTS[row.variant], row.map), {})
        lift = interval_text(row.lift, row.low, row.high)
        if row.measure == "auroc":
            line["pixel AUROC"] = f"{row.value:.3f}"
            line[f"AUROC over {row.baseline}"] = lift
        elif row.baseline == "centre":
            line[f"{MEASURES[row.measure]} over centre"] = lift
        line["seeds"] = row.seeds
    baselines = (*plots.looks.BASELINES, BASE)
    columns = ["seeds", "pixel AUROC", *(f"AUROC over {name}" for name in baselines)]
    columns += [f"{MEASURES[name]} over centre" for name in ("energy", "iou")]
    table = pd.DataFrame.from_dict(shown, orient="index").reindex(columns=columns)
    return table.fillna("").rename_axis(["images", "model", "map"])


def behind(row: tuple[str, str, str], column: str) -> list[str]:
    """The cells that a number of `recorded_numbers` rests on."""
    datasets = {title: name for name, (title, *_) in SETS.items()}
    variants = {title: name for name, title in VARIANTS.items()}
    where = (datasets[row[0]], variants[row[1]])
    return [c for c in CELLS if (parse_cell(c).dataset, parse_cell(c).variant) == where]


def looked_at(folder: Path | None = None) -> str:
    """For a page: how many normal test images, and as many novel ones, the records looked at."""
    said = []
    for dataset, (title, *_) in SETS.items():
        records = [
            read_record(cell, folder) for cell in CELLS if parse_cell(cell).dataset == dataset
        ]
        counts = sorted({count for record in records if record for count in record["test_counts"]})
        text = " to ".join(str(count) for count in dict.fromkeys((*counts[:1], *counts[-1:])))
        said.append(f"{title} {text or 'no record yet'}")
    return ", ".join(said)


def trained_alike(dataset: str = "mnist_on_cifar", folder: Path | None = None) -> str:
    """For a page: the recorded variants of a data set, those together that can be compared best.

    These were trained on one kind of machine from the same base GANs: in each seed that two share,
    the heat maps of their base critics are equally strong, to the last bit.
    """
    groups: list[tuple[str, dict[int, tuple], list[str]]] = []
    for variant, title in VARIANTS.items():
        cells = [parse_cell(c) for c in CELLS if c.startswith(f"{dataset}/{variant}/")]
        records = {cell.seed: record for cell in cells if (record := read_record(cell, folder))}
        if not records:
            continue
        hardware = " and ".join(sorted({record["hardware"] for record in records.values()}))
        bases = {seed: _base_strength(record) for seed, record in records.items()}
        for machine, known, titles in groups:
            shared = known.keys() & bases.keys()
            if machine == hardware and shared and all(known[s] == bases[s] for s in shared):
                known.update(bases)
                titles.append(title)
                break
        else:
            groups.append((hardware, bases, [title]))
    said = [f"{where}: " + ", ".join(f"“{title}”" for title in of) for where, _, of in groups]
    return "; ".join(said) or "no record yet"


def _base_strength(record: dict) -> tuple[float, float]:
    rows = record["tables"]["strength"]
    return next((row["normal"], row["novel"]) for row in rows if row["map"] == BASE)


# --- the deck's claims ---------------------------------------------------------------------------

# claim: the row of `finds`, normal images, pixel AUROC (map, baseline), and the sign it should have
FINDS_CLAIMS = {
    "Without attention, the heat map finds a normal object no better than the centre does": (
        "base critic",
        "centre",
        -1,
    ),
    "With attention, it finds it better than the centre does": ("masked critic", "centre", 1),
    "With attention, it finds it better than without": ("masked critic", "base critic", 1),
    "The attention map finds it better than the centre does": ("attention map", "centre", 1),
}
STRENGTH_CLAIMS = {
    "Without attention, a novel image gets no less heat": ("base critic", -1),
    "With attention, a novel image gets less heat": ("masked critic", 1),
    "The attention map takes less of a novel image": ("attention map", 1),
}
NOTHING = "nothing to compare"
UNDECIDED = "not decided"
ONE_SEED = "one seed, open"
CLAIMS = (*FINDS_CLAIMS, *STRENGTH_CLAIMS)


def claims(finds: pd.DataFrame, strength: pd.DataFrame) -> dict[str, str]:
    """What the deck says, each with its verdict and numbers, from the tables of one model.

    Tables of `over_seeds` tell on how many seeds a verdict rests: of one, nothing is decided. Other
    tables are of one live run, and so is what is said of it. Whether a heat map finds an object is
    asked against the centre baseline, which anybody could draw without the image.
    """
    said = {}
    for claim, (name, baseline, wanted) in FINDS_CLAIMS.items():
        said[claim] = NOTHING
        if len(finds):
            rows = finds[(finds["images"] == "normal") & (finds["measure"] == "auroc")]
            row = rows[(rows["map"] == name) & (rows["baseline"] == baseline)].iloc[0]
            said[claim] = _claim(
                row,
                verdict(row.low, row.high, wanted, UNDECIDED),
                f"pixel AUROC {row.value:.3f}, "
                f"{interval_text(row.lift, row.low, row.high)} over {row.baseline}",
            )
    for claim, (name, wanted) in STRENGTH_CLAIMS.items():
        row = strength[strength["map"] == name].iloc[0]
        said[claim] = _claim(
            row,
            # 0.5: as often the weaker as the stronger
            verdict(row.low - 0.5, row.high - 0.5, wanted, UNDECIDED),
            f"weaker with chance {row.weaker:.2f} [{row.low:.2f}, {row.high:.2f}]",
        )
    return said


def _claim(row: pd.Series, found: str, numbers: str) -> str:
    """What a row says of a claim: the verdict `found`, as far as it goes, and the numbers."""
    if "seeds" not in row:
        return f"{found} in this run: {numbers}"
    return f"{found if row.seeds > 1 else ONE_SEED}: {numbers} (seeds: {row.seeds})"


def recorded_claims(folder: Path | None = None) -> dict[str, dict[str, str]]:
    """`claims` for each recorded data set, of the model without classifier, under its title."""
    found: dict[str, dict[str, pd.DataFrame]] = {"finds": {}, "strength": {}}
    for kind in found:
        with suppress(NoRecords):
            found[kind] = panels(kind, "looks", folder)
    return {
        f"{title}, recorded": claims(found["finds"].get(title, pd.DataFrame()), strength)
        for title, strength in found["strength"].items()
    }


claims_markdown = partial(claims_table, CLAIMS)


def by_verdict(claim: str, found: dict[str, dict[str, str]]) -> str:
    """For a page: which data sets of `recorded_claims` have which verdict on a claim."""
    titles: dict[str, list[str]] = {}
    for title, said in found.items():
        titles.setdefault(said[claim].split(":")[0], []).append(title.removesuffix(", recorded"))
    said = [f"{word}: {', '.join(names)}" for word, names in titles.items()]
    return "; ".join(said) or "no record yet"


def unrecorded(found: dict[str, dict[str, str]]) -> str:
    """For a page: what cannot be said of the data sets that `recorded_claims` lacks."""
    lacking = [title for title, *_ in SETS.values() if f"{title}, recorded" not in found]
    if not lacking:
        return "Every data set of this chapter has a record."
    return (
        f"Without a record: {', '.join(lacking)}. The live runs neither confirm nor refute what "
        "the deck shows on such a set."
    )


def digit_finding(folder: Path | None = None) -> str:
    """For a page: does the attention map find the digit on a photograph, as it should? In words.

    Of one seed nothing is decided. Normal and novel images, as many of each, count alike; the
    interval is that of `over_seeds`, over seeds and all these images.
    """
    try:
        finds = recorded("finds", folder)
    except NoRecords:
        return "no record yet"
    wanted = {"dataset": "mnist_on_cifar", "map": "attention map", "measure": "auroc"}
    for column, value in (wanted | {"baseline": "centre"}).items():
        finds = finds[finds[column] == value]
    if not len(finds):
        return "no record yet"
    read, said = cache(lambda cell: read_arrays(cell, folder)), []
    for variant, part in over_seeds("finds", finds, folder).groupby("variant", sort=False):
        normal, novel = (part[part["images"] == kind].iloc[0] for kind in ("normal", "novel"))
        seeds = finds[finds["variant"] == variant]["seed"].unique()
        value, lift = ((normal[name] + novel[name]) / 2 for name in ("value", "lift"))
        kept = [_lifts_of_images(row, seeds, read) for row in (normal, novel)]
        _, low, high = mean_over_runs(np.concatenate(kept, axis=1))
        answer = "yes" if value >= WANTED and low > 0 else "no"
        answer = answer if len(seeds) > 1 else ONE_SEED
        said.append(
            f"{VARIANTS[variant]}: {answer}, {value:.3f} (normal {normal.value:.3f}, novel "
            f"{novel.value:.3f}), and {interval_text(lift, low, high)} over a centred Gaussian "
            f"(seeds: {len(seeds)})"
        )
    return "; ".join(said)


# --- figures -------------------------------------------------------------------------------------


def recorded_maps(dataset: str, variant: str = "looks", folder: Path | None = None) -> Figure:
    """Chapter 8: normal and novel test images, with heat maps and attention map.

    Below them the attention map of the `CHANGED` model, where it is recorded.
    """
    cell, changed = (f"{dataset}/{v}/{SETS[dataset][1]}/0" for v in (variant, CHANGED))
    kept, other = (
        {name.removeprefix("look_"): array for name, array in read_arrays(c, folder).items()}
        for c in (cell, changed)
    )
    if "given" not in kept:
        raise NoRecords(f"no record yet; make one with: ocnd run {cell}")
    rows = {name: kept[name] for name in plots.looks.MAPS if name in kept}
    if "given" in other and np.array_equal(other["given"], kept["given"]):
        rows["attention map, from the encoder"] = other["attention map"]
    return plots.heat_rows(kept["given"], rows, kept["novel"], kept.get("masks"))


def recorded_lifts(folder: Path | None = None) -> Figure:
    """Chapter 8: pixel AUROC on normal images above the baselines, a panel a data set."""
    found = panels("finds", "looks", folder)
    return plots.lift_dots(
        {
            title: table[(table["measure"] == "auroc") & (table["images"] == "normal")]
            for title, table in found.items()
        },
        "pixel AUROC",
    )


def recorded_checks(folder: Path | None = None) -> Figure:
    """Chapter 8: ROAD and the weight-randomisation check, of the first recorded data set."""
    road, randomised = (panels(kind, "looks", folder) for kind in ("road", "randomised"))
    title = next(iter(road))
    return plots.heat_checks(road[title], randomised[title])


def recorded_strengths(folder: Path | None = None) -> Figure:
    """Chapter 8: do maps of novel images come out weaker? A panel a data set."""
    return plots.weaker_maps(panels("strength", "looks", folder))


FIGURES: dict[str, Callable[[], Figure]] = {
    **{f"looks-maps-{name}": partial(recorded_maps, name) for name in SETS},
    "looks-lifts": recorded_lifts,
    "looks-checks": recorded_checks,
    "looks-strengths": recorded_strengths,
}
