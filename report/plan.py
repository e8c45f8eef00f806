"""Every cell that the report rests on, most valuable first, and what such cells took."""

from collections.abc import Iterable
from itertools import product

import pandas as pd

from ocnd_lib import versions
from ocnd_lib.data import class_names
from ocnd_lib.records import read_records
from ocnd_lib.training import choose_hardware
from report.chapters import (
    attention_gan,
    benchmark,
    beyond,
    class_imbalance,
    class_or_detail,
    masked_vs_original,
    objections,
    ocgan,
    reconstruction,
    where_it_looks,
)
from report.tables import TITLES, cells_of

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
        *(cells_of(name, class_or_detail.HARDLY, class_names(name), [0]) for name in TITLES),
        beyond.CELLS,
        version_cells(),
        objections.CELLS,
    )
    return list(dict.fromkeys(cell for cells in chapters for cell in cells))


def count_kinds(cells: Iterable[str]) -> pd.DataFrame:
    """A row a data set and method: how many cells, and the median seconds of recorded ones.

    Seconds are those on this machine's kind of device, CPU or GPU; NaN where there are none.
    """
    kind_of = lambda cell: cell.rsplit("/", 2)[0]  # noqa: E731
    device = choose_hardware().device.type
    known = [
        (kind_of(record["cell"]), record["seconds"])
        for record in read_records()
        if record["hardware"].startswith(device)
    ]
    medians = pd.DataFrame(known, columns=["kind", "seconds"]).groupby("kind")["seconds"].median()
    counts = pd.Series(map(kind_of, cells), dtype=str).value_counts(sort=False)
    return pd.DataFrame({"cells": counts, "seconds each": medians.reindex(counts.index)})


# of the made sets the first, middle and last class; of COCO those with the most objects
MASK_CLASSES = {
    "voc_animals": class_names("voc_animals"),
    "mnist_on_cifar": ("0", "5", "9"),
    "scenes": ("airplane", "dog", "truck"),
    "coco10": ("bowl", "car", "bird"),
}


def version_cells() -> list[str]:
    """Detectors on versions of pictures with masks: seed by seed, the cheap detectors first."""
    methods = ("kde", "ae", "deep-svdd", "rotation", "ocgan")
    return [
        f"{dataset}/{method}{version}/{name}/{seed}"
        for seed, method, dataset in product(range(3), methods, MASK_CLASSES)
        for name in MASK_CLASSES[dataset]
        for version in ("", *(f"+version={shown}" for shown in versions.VERSIONS))
    ]
