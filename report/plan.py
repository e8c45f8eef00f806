"""Every cell that the report rests on, most valuable first, and how long it should take."""

from collections import Counter
from collections.abc import Iterable
from itertools import product

import pandas as pd

from ocnd_lib import background, versions
from ocnd_lib.data import class_names
from ocnd_lib.records import own_seconds, parse_cell, read_record, read_records, records_folder
from ocnd_lib.registry import DETECTORS
from ocnd_lib.sharing import shared_checkpoint, untrained
from ocnd_lib.training import choose_hardware
from report.chapters import (
    attention_gan,
    benchmark,
    class_imbalance,
    masked_vs_original,
    ocgan,
    reconstruction,
    where_it_looks,
)

DATASETS = ("mnist", "cifar10")
DEVICES = {"cpu": "CPU", "cuda": "GPU"}  # as records name them, and in words
# the methods of the tables and how many seeds each should have on (MNIST, CIFAR-10)
SEEDS = {
    "ocsvm": (3, 3),
    "kde": (3, 3),
    "ocgan": (5, 5),
    "ae": (5, 3),
    "vae": (5, 3),
    "deep-svdd": (3, 3),
    "dae": (3, 3),
    "and": (3, 3),
    "gan": (3, 3),
    "f-anogan": (3, 3),
    "pixelcnn": (3, 3),
    "anogan": (3, 3),
}


def table_cells() -> list[str]:
    """The cells of both tables: the first seed of every method, then the second, and so on."""
    found = []
    for seed in range(max(map(max, SEEDS.values()))):
        for (method, seeds), (i, dataset) in product(SEEDS.items(), enumerate(DATASETS)):
            if seed < seeds[i]:
                found += [f"{dataset}/{method}/{name}/{seed}" for name in class_names(dataset)]
    return found


def report_cells() -> list[str]:
    """All cells that chapters show, in the order in which a sweep should make them."""
    chapters = (
        class_imbalance.CELLS,
        table_cells(),
        reconstruction.CELLS,
        ocgan.ABLATION_CELLS,
        masked_vs_original.CELLS,
        benchmark.CELLS,
        attention_gan.CELLS,
        where_it_looks.CELLS,
    )
    return list(dict.fromkeys(cell for cells in chapters for cell in cells))


# --- what detectors see of pictures with masks ----------------------------------------------------

# of the made sets the first, middle and last class; of COCO those with the most objects
MASK_CLASSES = {
    "voc_animals": class_names("voc_animals"),
    "mnist_on_cifar": ("0", "5", "9"),
    "scenes": ("airplane", "dog", "truck"),
    "coco10": ("bowl", "car", "bird"),
}
# the decisive sets first, and the cheap detectors, of which one group is run seed by seed
MASK_SETS = (("voc_animals", "mnist_on_cifar"), ("scenes", "coco10"))
MASK_METHODS = (("kde", "ae", "deep-svdd"), ("rotation",), ("ocgan",))
MASK_VERSIONS = (("original", *versions.TRUE), *((name,) for name in versions.PREDICTED))
MASK_SEEDS = range(3)
ARM_SEEDS = {"original": 3, "masked": 3}  # a fold; of the controls one


def version_cell(dataset: str, method: str, version: str, name: str, seed: int) -> str:
    """The cell of a detector that sees a version of a class."""
    shown = "" if version == "original" else f"+version={version}"
    return f"{dataset}/{method}{shown}/{name}/{seed}"


def version_cells() -> list[str]:
    """The cells of detectors on versions of pictures with masks, in the order of a sweep."""
    orders = product(MASK_SETS, MASK_VERSIONS, MASK_METHODS, MASK_SEEDS)
    return [
        version_cell(dataset, method, version, name, seed)
        for datasets, shown, methods, seed in orders
        for method, dataset in product(methods, datasets)
        if method in DETECTORS
        for name, version in product(MASK_CLASSES[dataset], shown)
        if versions.PREDICTED.get(version, method) in DETECTORS
    ]


def fold_cells() -> list[str]:
    """The cells of VGG11 on animals, fold by fold: the two main arms first."""
    arms = [(arm, seed) for seed in range(3) for arm in background.VERSIONS]
    arms = [(arm, seed) for arm, seed in arms if seed < ARM_SEEDS.get(arm, 1)]
    arms.sort(key=lambda pair: pair[0] not in ARM_SEEDS)
    return [
        f"voc_animals/vgg11-{arm}+fold={fold}/all/{seed}"
        for arm, seed in arms
        for fold in range(background.FOLDS)
    ]


def missing(cells: Iterable[str]) -> list[str]:
    """Those cells, in their order, that have no record."""
    return [cell for cell in cells if read_record(cell) is None]


# --- how long they should take -------------------------------------------------------------------


def told(cells: list[str], workers: int) -> str:
    """What would be run, a line a data set and method, and about how long it takes side by side.

    By records of the same kind of device as this machine's.
    """
    if not cells:
        return "Nothing is missing."
    device = choose_hardware().device.type
    expected, base = expected_seconds(cells, device), base_seconds(device)
    timed = [cell for cell in cells if expected[cell] is not None]
    bases = {name: n for name, n in untrained_bases(timed, cells).items() if name in base}
    time, apart = "no time is known", ""
    if timed:
        seconds = sum(expected[cell] for cell in timed)
        seconds += sum(base[dataset] * number for dataset, number in bases.items())
        hours = seconds / workers / 3600
        time = f"about {hours:.1f} hours with {workers} at a time"
    if timed and (unknown := len(cells) - len(timed)):
        apart = f", without the {unknown} of kinds not timed on a {DEVICES[device]}"
    lines = [f"To run: {len(cells)} cell{'s' * (len(cells) != 1)}; {time}{apart}."]
    groups: dict[tuple[str, str], list[str]] = {}
    for text, cell in zip(cells, map(parse_cell, cells), strict=True):
        groups.setdefault((cell.dataset, cell.method), []).append(text)
    for (dataset, method), group in groups.items():
        each = expected[group[0]]  # of all that share data set and method
        long = f"no time on a {DEVICES[device]} yet" if each is None else f"about {each:.0f} s each"
        lines.append(f"{len(group):6} {dataset}/{method}, {long}")
    for dataset, number in bases.items():
        lines.append(
            f"and {number} base GAN{'s' * (number != 1)} of {dataset}, about "
            f"{base[dataset]:.0f} s each, trained once for the cells that share it"
        )
    return "\n".join(lines)


def untrained_bases(cells: Iterable[str], others: Iterable[str]) -> dict[str, int]:
    """How many base GANs these cells have to train first, by data set.

    One is shared by the cells of one class and seed. Not counted are those that are kept from
    earlier cells, and those that are themselves a cell of `others`, which trains them.
    """
    checkpoints = records_folder().parent / "checkpoints"
    there, found = set(others), set()
    for cell in map(parse_cell, cells):
        if cell.method != "looks" and not cell.method.startswith("attention-gan"):
            continue
        work = checkpoints / str(cell) / "checkpoint.pt"
        shared = shared_checkpoint(untrained(cell), cell, work)
        name = shared.parent.relative_to(checkpoints).as_posix()
        if not shared.exists() and (name not in there or parse_cell(name).parameters):
            found.add(name)
    return dict(Counter(parse_cell(name).dataset for name in sorted(found)))


def base_seconds(device: str) -> dict[str, float]:
    """The median seconds of base GANs recorded on a kind of device, by data set."""
    rows = [
        (parse_cell(record["cell"]).dataset, record["shared_seconds"])
        for record in read_records()
        if record.get("shared_seconds") and record["hardware"].split()[0] == device
    ]
    table = pd.DataFrame(rows, columns=["dataset", "seconds"])
    return table.groupby("dataset")["seconds"].median().to_dict()


def expected_seconds(cells: Iterable[str], device: str = "cpu") -> dict[str, float | None]:
    """For each cell the median seconds of recorded cells of its data set and method, else None.

    Only of records made on a `device` of that kind, cpu or cuda.
    """
    known = measured_kinds()["seconds"].to_dict()
    parsed = {text: parse_cell(text) for text in cells}
    return {text: known.get((device, cell.dataset, cell.method)) for text, cell in parsed.items()}


def measured_kinds() -> pd.DataFrame:
    """A row a device, data set and method with records: medians of seconds and kilobytes.

    Seconds are without the base GAN that cells share: `base_seconds` has those.
    """
    rows = []
    for record in read_records():
        cell = parse_cell(record["cell"])
        files = (cell.path(), cell.path().with_suffix(".npz"))
        size = sum(file.stat().st_size for file in files if file.exists()) / 1000
        device = record["hardware"].split()[0]
        rows.append((device, cell.dataset, cell.method, own_seconds(record), size))
    keys = ["device", "dataset", "method"]
    return pd.DataFrame(rows, columns=[*keys, "seconds", "kilobytes"]).groupby(keys).median()
