"""One cell of a table: what can be run, and how one record comes to be."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from time import perf_counter

import numpy as np

from ocnd_lib import classifier
from ocnd_lib.data import ImageSet, class_index, class_names, load_images, one_class_split
from ocnd_lib.metrics import auroc_interval
from ocnd_lib.records import (
    Cell,
    claim,
    parse_cell,
    provenance,
    read_record,
    records_folder,
    write_record,
)
from ocnd_lib.selection import validation_aurocs
from ocnd_lib.training import Hardware, choose_hardware

Run = Callable[[ImageSet, Cell, Path, Hardware], tuple[dict, dict[str, np.ndarray]]]


@dataclass(frozen=True)
class Method:
    """How a cell is run, and the parameters that may stand in its name."""

    run: Run
    parameters: Callable[[], set[str]]


# --- chapter 2: the supervised classifier -------------------------------------------------------


def _vgg11(images: ImageSet, cell: Cell, checkpoint: Path, hardware: Hardware):
    settings = dict(cell.parameters)
    ratio = float(settings.pop("ratio", 9))
    recipe = classifier.Recipe(batch_norm=cell.method == "vgg11-bn", **settings)
    return classifier.imbalance_experiment(
        images, cell.normal_class, cell.seed, ratio, recipe, checkpoint, hardware
    )


def _vgg11_parameters() -> set[str]:
    return {"ratio", *(f.name for f in fields(classifier.Recipe))} - {"batch_norm"}


# --- chapter 5: one-class detectors -------------------------------------------------------------

# method: module in ocnd_lib.detectors, class, settings that make the class this method
DETECTORS = {
    "ocsvm": ("ocsvm", "OCSVM", {}),
    "kde": ("kde", "KDE", {}),
    "ae": ("autoencoder", "AutoEncoder", {}),
    "dae": ("autoencoder", "AutoEncoder", {"noise": 0.2}),
    "vae": ("vae", "VAE", {}),
    "pixelcnn": ("pixelcnn", "PixelCNN", {}),
    "gan": ("gan", "GAN", {}),
    "and": ("and_", "AND", {}),
    "anogan": ("anogan", "AnoGAN", {}),
    "f-anogan": ("f_anogan", "FAnoGAN", {}),
    "deep-svdd": ("deep_svdd", "DeepSVDD", {}),
    "ocgan": ("ocgan", "OCGAN", {}),
}
# what differs between data sets, fixed before any test score was seen
SETTINGS = {
    ("cifar10", "ae"): {"latent_dim": 128},
    ("cifar10", "dae"): {"latent_dim": 128},
    ("cifar10", "ocgan"): {"latent_dim": 128},
}
SCORED = {"anogan": 1000}  # test images, drawn by seed, where scoring all takes hours on a CPU


def detector_class(method: str) -> type:
    """The class of a method, imported when it is asked for."""
    module, name, _ = DETECTORS[method]
    return getattr(import_module(f"ocnd_lib.detectors.{module}"), name)


def _detector(images: ImageSet, cell: Cell, checkpoint: Path, hardware: Hardware):
    split = one_class_split(images, cell.normal_class, cell.seed)
    settings = {
        **DETECTORS[cell.method][2],
        **SETTINGS.get((cell.dataset, cell.method), {}),
        **cell.parameters,
        "seed": cell.seed,
    }
    detector = detector_class(cell.method)(**settings)
    if "device" in detector.get_params():
        detector.set_params(device=hardware.device.type)
    start = perf_counter()
    detector.fit(split.x_train, x_validation=split.x_validation, checkpoint=checkpoint)
    fitted = perf_counter()
    most = 100 if cell.method in SCORED else 500
    validation = validation_aurocs(detector, split.x_validation, most)
    index = np.arange(len(split.x_test))
    if cell.method in SCORED:
        drawn = np.random.default_rng(cell.seed).permutation(index)[: SCORED[cell.method]]
        index = np.sort(drawn)
    score = detector.novelty_score(split.x_test[index]).astype(np.float32)
    auroc, low, high = auroc_interval(split.y_test[index], score)
    record = {
        "parameters": detector.get_params(),
        "train_counts": [len(split.x_train), 0],
        "metrics": {"auroc": auroc, "auroc_low": low, "auroc_high": high, "validation": validation},
        "curves": detector.curves_,
        "seconds": perf_counter() - start,
        "fit_seconds": fitted - start,
        "scored": len(index),
        "hardware": str(hardware),
        "data_fingerprint": images.fingerprint,
    }
    arrays = {
        "score": score,
        "class_test": split.class_test[index].astype(np.uint8),
        "index": index.astype(np.int32),
    }
    if cell.seed == 0:  # one seed's pictures show what the others would
        shown = detector.pictures(split.x_test[pictured(split.class_test)])
        arrays |= {f"picture_{name}": images for name, images in shown.items()}
    return record, arrays


def pictured(class_test: np.ndarray, each: int = 2) -> np.ndarray:
    """Indices of the first `each` test images of every class, in the order of the classes."""
    return np.concatenate([np.flatnonzero(class_test == k)[:each] for k in np.unique(class_test)])


def _detector_parameters(method: str) -> set[str]:
    return set(inspect.signature(detector_class(method)).parameters) - {"seed", "device"}


METHODS = {
    "vgg11": Method(_vgg11, _vgg11_parameters),
    "vgg11-bn": Method(_vgg11, _vgg11_parameters),
    **{name: Method(_detector, partial(_detector_parameters, name)) for name in DETECTORS},
}


class CellIsTaken(RuntimeError):
    """Another process on this machine is running the cell."""


def check_cell(text: str) -> Cell:
    """Parse a cell and check its names; ValueError lists what exists.

    The class gets its one name ("car" and "1" become "automobile"), so no cell is run twice.
    """
    cell = parse_cell(text)
    if cell.method not in METHODS:
        raise ValueError(f"unknown method {cell.method!r}; there are: {', '.join(METHODS)}")
    allowed = METHODS[cell.method].parameters() if cell.parameters else set()
    for name in cell.parameters:
        if name not in allowed:
            raise ValueError(
                f"{cell.method} has no parameter {name!r}; there are: {', '.join(sorted(allowed))}"
            )
    names = class_names(cell.dataset)
    return replace(cell, normal_class=names[class_index(cell.dataset, cell.normal_class)])


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
    work = (folder or records_folder()).parent / "checkpoints" / str(cell)
    with claim(work / "lock") as mine:
        if not mine:
            raise CellIsTaken(f"{cell} is being run by another process")
        if record := read_record(cell, folder):
            return record
        checkpoint = work / "checkpoint.pt"
        record, arrays = METHODS[cell.method].run(images, cell, checkpoint, hardware)
        record = {"cell": str(cell), **record, "provenance": provenance()}
        write_record(record, arrays, folder)
        checkpoint.unlink(missing_ok=True)
    return record
