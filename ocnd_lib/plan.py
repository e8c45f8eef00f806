"""Every cell that the report rests on, most valuable first, and how long it should take."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from statistics import median

from ocnd_lib.data import class_names
from ocnd_lib.figures import attention, imbalance, looks, masked, ocgan, reconstruction
from ocnd_lib.records import parse_cell, read_record, read_records

DATASETS = ("mnist", "cifar10")
# the methods of the tables and how many seeds each should have on (MNIST, CIFAR-10)
SEEDS = {
    "ocsvm": (3, 1),
    "kde": (3, 1),
    "ocgan": (5, 5),
    "ae": (5, 3),
    "vae": (5, 3),
    "deep-svdd": (3, 3),
    "dae": (3, 3),
    "and": (3, 3),
    "gan": (3, 3),
    "f-anogan": (3, 3),
    "pixelcnn": (1, 1),
    "anogan": (1, 1),
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
        imbalance.IMBALANCE_CELLS,
        table_cells(),
        reconstruction.CELLS,
        ocgan.ABLATION_CELLS,
        masked.CELLS,
        attention.CELLS,
        looks.CELLS,
    )
    return list(dict.fromkeys(cell for cells in chapters for cell in cells))


def missing(cells: Iterable[str], folder: Path | None = None) -> list[str]:
    """Those cells, in their order, that have no record."""
    return [cell for cell in cells if read_record(parse_cell(cell), folder) is None]


def told(cells: list[str], workers: int, folder: Path | None = None) -> str:
    """A few words: how many cells there are, and about how long they take side by side."""
    known = [s for s in expected_seconds(cells, folder).values() if s is not None]
    hours, unknown = sum(known) / workers / 3600, len(cells) - len(known)
    apart = f", and {unknown} of a kind that was never run" if unknown else ""
    return f"{len(known)} cells, about {hours:.1f} hours with {workers} at a time{apart}"


def expected_seconds(cells: Iterable[str], folder: Path | None = None) -> dict[str, float | None]:
    """For each cell the median seconds of recorded cells of its data set and method, else None."""
    known: dict[tuple[str, str], list[float]] = {}
    for record in read_records(folder):
        cell = parse_cell(record["cell"])
        known.setdefault((cell.dataset, cell.method), []).append(record["seconds"])
    found = {cell: known.get((parse_cell(cell).dataset, parse_cell(cell).method)) for cell in cells}
    return {cell: median(seconds) if seconds else None for cell, seconds in found.items()}
