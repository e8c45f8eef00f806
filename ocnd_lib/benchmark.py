"""One cell of a table: what can be run, and how one record comes to be."""

from dataclasses import fields
from pathlib import Path

from ocnd_lib import classifier
from ocnd_lib.data import class_index, load_images
from ocnd_lib.records import (
    Cell,
    claim,
    parse_cell,
    provenance,
    read_record,
    records_folder,
    write_record,
)
from ocnd_lib.training import choose_hardware


def _vgg11(images, cell: Cell, checkpoint: Path, hardware) -> tuple[dict, dict]:
    settings = dict(cell.parameters)
    ratio = float(settings.pop("ratio", 9))
    recipe = classifier.Recipe(batch_norm=cell.method == "vgg11-bn", **settings)
    return classifier.imbalance_experiment(
        images, cell.normal_class, cell.seed, ratio, recipe, checkpoint, hardware
    )


# name → (function that runs a cell, parameters that may stand in the cell's name)
VGG11_PARAMETERS = {"ratio", *(f.name for f in fields(classifier.Recipe))} - {"batch_norm"}
METHODS = {"vgg11": (_vgg11, VGG11_PARAMETERS), "vgg11-bn": (_vgg11, VGG11_PARAMETERS)}


class CellIsTaken(RuntimeError):
    """Another process on this machine is running the cell."""


def check_cell(text: str) -> Cell:
    """Parse a cell and check its method and parameters; ValueError lists what exists."""
    cell = parse_cell(text)
    if cell.method not in METHODS:
        raise ValueError(f"unknown method {cell.method!r}; there are: {', '.join(METHODS)}")
    allowed = METHODS[cell.method][1]
    for name in cell.parameters:
        if name not in allowed:
            raise ValueError(
                f"{cell.method} has no parameter {name!r}; there are: {', '.join(sorted(allowed))}"
            )
    return cell


def run_cell(text: str, folder: Path | None = None, device: str = "auto") -> dict:
    """Return the record of a cell, running it first if it does not exist.

    A finished cell is never run twice; a stopped one goes on from its checkpoint; CellIsTaken if
    another process is at it. Bad names raise ValueError before anything is trained.
    """
    cell = check_cell(text)
    if record := read_record(cell, folder):
        return record
    hardware = choose_hardware(device)
    images = load_images(cell.dataset)
    class_index(images, cell.normal_class)
    work = (folder or records_folder()).parent / "checkpoints" / str(cell)
    with claim(work / "lock") as mine:
        if not mine:
            raise CellIsTaken(f"{cell} is being run by another process")
        if record := read_record(cell, folder):
            return record
        checkpoint = work / "checkpoint.pt"
        run = METHODS[cell.method][0]
        record, arrays = run(images, cell, checkpoint, hardware)
        record = {"cell": str(cell), **record, "provenance": provenance()}
        write_record(record, arrays, folder)
        checkpoint.unlink(missing_ok=True)
    return record
