"""Every cell that the report rests on, most valuable first, and how long it should take."""

from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd

from ocnd_lib import background, versions
from ocnd_lib.data import class_names
from ocnd_lib.records import parse_cell, read_record, read_records
from ocnd_lib.registry import DETECTORS
from ocnd_lib.training import choose_hardware
from report.chapters import (
    attention_gan,
    benchmark,
    beyond,
    class_imbalance,
    masked_vs_original,
    objections,
    ocgan,
    reconstruction,
    where_it_looks,
)

# the methods of the tables and how many seeds each should have on MNIST and CIFAR-10
SEEDS = {
    "ocsvm": (3, 3), "kde": (3, 3), "ocgan": (5, 5), "ae": (5, 3), "vae": (5, 3),
    "deep-svdd": (3, 3), "dae": (3, 3), "and": (3, 3), "gan": (3, 3), "f-anogan": (3, 3),
    "pixelcnn": (3, 3), "anogan": (3, 3),
}  # fmt: skip


def table_cells() -> list[str]:
    """The cells of both tables: the first seed of every method, then the second, and so on."""
    return [
        f"{dataset}/{method}/{name}/{seed}"
        for seed, (method, seeds) in product(range(5), SEEDS.items())
        for dataset, most in zip(("mnist", "cifar10"), seeds, strict=True)
        if seed < most
        for name in class_names(dataset)
    ]


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
        [
            f"{dataset}/{method}/{name}/0"  # what hardly learns, in chapter 6
            for dataset, method in product(("mnist", "cifar10"), ("pca", "pca+components=0"))
            for name in class_names(dataset)
        ],
        beyond.CELLS,
        version_cells(),
        objections.CELLS,
        fold_cells(),
    )
    return list(dict.fromkeys(cell for cells in chapters for cell in cells))


def missing(cells: Iterable[str]) -> list[str]:
    """Those cells, in their order, that have no record."""
    return [cell for cell in cells if read_record(cell) is None]


# --- what detectors see of pictures with masks ----------------------------------------------------

# of the made sets the first, middle and last class; of COCO those with the most objects
MASK_CLASSES = {
    "voc_animals": class_names("voc_animals"),
    "mnist_on_cifar": ("0", "5", "9"),
    "scenes": ("airplane", "dog", "truck"),
    "coco10": ("bowl", "car", "bird"),
}


def version_cells() -> list[str]:
    """The cells of detectors on versions of pictures with masks, in the order of a sweep.

    The decisive sets first, and the cheap detectors, of which one group is run seed by seed.
    """
    sets = (("voc_animals", "mnist_on_cifar"), ("scenes", "coco10"))
    methods = (("kde", "ae", "deep-svdd"), ("rotation",), ("ocgan",))
    shown = (("original", *versions.TRUE), *((name,) for name in versions.PREDICTED))
    return [
        f"{dataset}/{method}{'' if version == 'original' else f'+version={version}'}/{name}/{seed}"
        for datasets, kinds, group, seed in product(sets, shown, methods, range(3))
        for method, dataset in product(group, datasets)
        for name, version in product(MASK_CLASSES[dataset], kinds)
        if {method, versions.PREDICTED.get(version, method)} <= set(DETECTORS)
    ]


def fold_cells() -> list[str]:
    """The cells of VGG11 on animals, fold by fold: the two main versions first, of three seeds."""
    main = ("original", "masked")
    runs = [(version, seed) for seed in range(3) for version in background.VERSIONS]
    runs = sorted(runs, key=lambda run: run[0] not in main)
    return [
        f"voc_animals/vgg11-{version}+fold={fold}/all/{seed}"
        for version, seed in runs
        if version in main or seed == 0
        for fold in range(background.FOLDS)
    ]


# --- how long they should take -------------------------------------------------------------------


def told(cells: list[str], workers: int) -> str:
    """What would be run, a line a data set and method, and about how long it takes side by side.

    By records of the same kind of device as this machine's.
    """
    if not cells:
        return "Nothing is missing."
    device = choose_hardware().device.type
    name = {"cpu": "CPU", "cuda": "GPU"}[device]
    seconds = expected_seconds(cells, device)
    hours, unknown = seconds.sum() / workers / 3600, int(seconds.isna().sum())
    time = f"about {hours:.1f} hours with {workers} at a time"
    time += f", without the {unknown} of kinds not timed on a {name}" if unknown else ""
    time = time if unknown < len(cells) else "no time is known"
    lines = [f"To run: {len(cells)} cell{'s' * (len(cells) != 1)}; {time}."]
    kinds = np.array([f"{cell.dataset}/{cell.method}" for cell in map(parse_cell, cells)])
    for kind, group in seconds.groupby(kinds, sort=False):
        known = group.iat[0]  # of all that share data set and method
        each = f"no time on a {name} yet" if np.isnan(known) else f"about {known:.0f} s each"
        lines.append(f"{len(group):6} {kind}, {each}")
    return "\n".join(lines)


def expected_seconds(cells: Iterable[str], device: str = "cpu") -> pd.Series:
    """For each cell the median seconds of recorded ones of its kind on such a device, else NaN."""
    known = measured_kinds()["seconds"].to_dict()
    parsed = {text: parse_cell(text) for text in cells}
    kinds = {text: (device, cell.dataset, cell.method) for text, cell in parsed.items()}
    return pd.Series({text: known.get(kind, np.nan) for text, kind in kinds.items()})


def measured_kinds() -> pd.DataFrame:
    """A row a device, data set and method with records: medians of seconds and kilobytes.

    The seconds of cells that share a base GAN count it each time.
    """
    rows = []
    for record in read_records():
        cell = parse_cell(record["cell"])
        files = (cell.path(), cell.path().with_suffix(".npz"))
        size = sum(file.stat().st_size for file in files if file.exists()) / 1000
        device = record["hardware"].split()[0]
        rows.append((device, cell.dataset, cell.method, record["seconds"], size))
    keys = ["device", "dataset", "method"]
    return pd.DataFrame(rows, columns=[*keys, "seconds", "kilobytes"]).groupby(keys).median()
