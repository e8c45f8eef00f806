"""One cell of a table: what can be run, and how one record comes to be."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Literal, get_type_hints

import numpy as np
from sklearn.metrics import roc_auc_score

from data_prep.archives import md5_of
from data_prep.masked_files import NO_PICTURES, masked_sets
from ocnd_lib import background, classifier, detail, looks, records, versions
from ocnd_lib.data import OneClassSplit, class_index, class_names, load_images, one_class_split
from ocnd_lib.detail import nearest_distance
from ocnd_lib.image_sets import ImageSet, MaskedSet
from ocnd_lib.masked import load_masked, make_mnist_on_cifar, make_scenes
from ocnd_lib.records import REPAIR, Cell, coarse, parse_cell, read_record, write_record
from ocnd_lib.registry import DETECTORS, NEGATIVES, SCORED, detector_class, keeps_pictures
from ocnd_lib.selection import validation_aurocs
from ocnd_lib.settings import MAY_BE_0, check_settings
from ocnd_lib.sharing import OF_THE_SPLIT, fit, seen_in, shared_checkpoint, untrained
from ocnd_lib.stats import auroc_interval
from ocnd_lib.training import (
    Diverged,
    Hardware,
    choose_hardware,
    one_thread,
    own_random_numbers,
    seconds_trained,
)

Run = Callable[[ImageSet | MaskedSet, Cell, Path, Hardware], tuple[dict, dict[str, np.ndarray]]]


@dataclass(frozen=True)
class Method:
    """How a cell is run, and the types of the parameters that may stand in its name."""

    run: Run
    parameters: Callable[[], dict[str, type]]
    masks: bool = False  # it is given a `MaskedSet` where the data set is one


RECIPE_TYPES = get_type_hints(classifier.Recipe)
VGG11_TYPES = {"ratio": float} | {k: v for k, v in RECIPE_TYPES.items() if k != "batch_norm"}
ARM_TYPES = {"background_correlation": float, "fold": int} | RECIPE_TYPES


def _vgg11(images: ImageSet, cell: Cell, checkpoint: Path, hardware: Hardware):
    settings = dict(cell.parameters)
    ratio = float(settings.pop("ratio", 9))
    recipe = classifier.Recipe(batch_norm=cell.method == "vgg11-bn", **settings)
    return classifier.imbalance_experiment(
        images, cell.normal_class, cell.seed, ratio, recipe, checkpoint, hardware
    )


ALL = "all"  # the class of a cell whose method learns all classes at once, from crops with masks
ARMS = {f"vgg11-{arm}": arm for arm in background.VERSIONS}  # method: what it is trained on
KEPT_PARTS = ("base", "classifier", "distance")  # of a score, image by image: pages rank by them


def _vgg11_arm(images: MaskedSet, cell: Cell, checkpoint: Path, hardware: Hardware):
    settings = {name: value for name, value in cell.parameters.items() if name in RECIPE_TYPES}
    settings = background.CHANGED.get(cell.dataset, {}) | settings
    recipe = replace(background.RECIPE, **settings)
    record, arrays = background.background_experiment(
        images, ARMS[cell.method], cell.seed, recipe, checkpoint, hardware
    )
    if isinstance(images, background.Fold):
        arrays["rows"] = images.rows
    return record, arrays


def _detector(images: ImageSet | MaskedSet, cell: Cell, checkpoint: Path, hardware: Hardware):
    if version := cell.parameters.get("version"):
        split, about, mapped = seen_in(version, images, cell, checkpoint, hardware)
    else:
        part = cell.parameters.get("contamination", 0.0)
        split = one_class_split(images, cell.normal_class, cell.seed, part)
        about, mapped = {}, {}
    detector, seen = untrained(cell), {}
    if "device" in detector.get_params():
        detector.set_params(device=hardware.device.type)
    if cell.method in NEGATIVES:
        seen["negatives"] = NEGATIVES[cell.method](images, cell.normal_class)
    shared = shared_checkpoint(detector, cell, checkpoint)
    start = perf_counter() - sum(map(seconds_trained, (checkpoint, shared)))
    fit(detector, split, checkpoint, shared, **seen)
    some = SCORED.get(cell.method)
    validation = validation_aurocs(detector, split.x_validation, 100 if some else 500)
    index = np.sort(np.random.default_rng(cell.seed).permutation(len(split.x_test))[:some])
    score = detector.novelty_score(split.x_test[index]).astype(np.float32)
    auroc, low, high = auroc_interval(split.y_test[index], score)
    record = {
        "parameters": detector.get_params(),
        "train_counts": [len(split.x_train), len(seen.get("negatives", []))],
        "metrics": {"auroc": auroc, "auroc_low": low, "auroc_high": high, "validation": validation},
        "curves": detector.curves_,
        "seconds": perf_counter() - start,
        # of a base GAN, which every variant of it counts as its own
        "shared_seconds": seconds_trained(shared) if "attention" in cell.method else 0.0,
        "scored": len(index),
        "hardware": str(detector.hardware()),
        **{f"{name}_fingerprint": md5_of(array)[:16] for name, array in seen.items()},
        **about,
    }
    arrays = {"score": coarse(score), "class_test": split.class_test[index].astype(np.uint8)}
    arrays |= mapped | ({"index": index.astype(np.int32)} if some else {})
    parts = detector.score_parts(split.x_test[index])
    record["part_means"] = {name: float(part.mean()) for name, part in parts.items()}
    arrays |= {f"part_{name}": coarse(parts[name]) for name in KEPT_PARTS if name in parts}
    if keeps_pictures(cell):
        arrays |= _pictures(detector, split)
    return record, arrays


def _pictures(detector, split: OneClassSplit) -> dict[str, np.ndarray]:
    """What a detector draws, what it was given, and how near that comes to the normal class."""
    given = split.x_test[pictured(split.class_test)]
    if not (shown := detector.pictures(given)):
        return {}
    arrays = {f"picture_{name}": images for name, images in {**shown, "given": given}.items()}
    if "drawn" in shown:
        for name, x in {"drawn": shown["drawn"], "held_out": split.x_validation[:500]}.items():
            arrays[f"distance_{name}"] = nearest_distance(x, split.x_train).astype(np.float32)
    return arrays


def pictured(class_test: np.ndarray) -> np.ndarray:
    """Indices of the first two test images of every class, in the order of the classes."""
    return np.concatenate([np.flatnonzero(class_test == k)[:2] for k in np.unique(class_test)])


def _detector_parameters(method: str, *without: str) -> dict[str, type]:
    types = detector_class(method).parameter_types()
    types |= {"version": Literal[versions.VERSIONS], "contamination": float}
    fixed = {"seed", "device", *without}
    fixed |= {"classifier", *OF_THE_SPLIT} if method in NEGATIVES else set()
    return {name: kind for name, kind in types.items() if name not in fixed}


def _looks(images: ImageSet | MaskedSet, cell: Cell, checkpoint: Path, hardware: Hardware):
    model, seen = untrained(cell).set_params(device=hardware.device.type), {}
    plain = images.without_masks() if isinstance(images, MaskedSet) else images
    split = one_class_split(plain, cell.normal_class, cell.seed)
    if real := NEGATIVES.get(f"attention-gan-{model.classifier}"):
        seen["negatives"] = real(plain, cell.normal_class)
    shared = shared_checkpoint(model, cell, checkpoint)
    start = perf_counter() - sum(map(seconds_trained, (checkpoint, shared)))
    fit(model, split, checkpoint, shared, **seen)
    parts = {"score": model.novelty_score(split.x_test)} | model.score_parts(split.x_test)
    shown = looks.choose(split, looks.true_masks(images), looks.LOOKED_AT)  # the same for each seed
    tables, lifts = looks.look(model, shown)
    aurocs = {f"auroc_{k}": float(roc_auc_score(split.y_test, v)) for k, v in parts.items()}
    record = {
        "parameters": model.get_params(),
        "train_counts": [len(split.x_train), len(seen.get("negatives", []))],
        "test_counts": np.bincount(shown.novel).tolist(),
        "layer": looks.LAYER,
        "metrics": aurocs,
        "tables": tables,
        "seconds": perf_counter() - start,
        "shared_seconds": seconds_trained(shared),
        **{f"{name}_fingerprint": md5_of(array)[:16] for name, array in seen.items()},
    }
    draws = cell.seed == 0 and cell.dataset not in NO_PICTURES
    kept = looks.pictures(model, shown) if draws else {}
    arrays = {f"look_{name}": array for name, array in kept.items()}
    return record, arrays | lifts


LOOKED = partial(_detector_parameters, "attention-gan", "joint_discriminator", *OF_THE_SPLIT)
METHODS = {
    "vgg11": Method(_vgg11, lambda: VGG11_TYPES),
    "vgg11-bn": Method(_vgg11, lambda: VGG11_TYPES),
    "looks": Method(_looks, LOOKED, masks=True),
    "detail": Method(lambda images, cell, *_: detail.experiment(images, cell.normal_class), dict),
    **{name: Method(_vgg11_arm, lambda: ARM_TYPES, masks=True) for name in ARMS},
    **{name: Method(_detector, partial(_detector_parameters, name)) for name in DETECTORS},
}


def _load(cell: Cell) -> ImageSet | MaskedSet:
    """The pictures of a cell as its name says, not those built with other options and kept."""
    if cell.dataset not in masked_sets():
        return load_images(cell.dataset)
    if cell.dataset == "scenes":
        images = make_scenes(cell.parameters.get("background_correlation", 0.5))
    elif cell.dataset == "mnist_on_cifar":
        images = make_mnist_on_cifar()
    elif "fold" in cell.parameters:
        parts = [load_masked(cell.dataset, fold=k) for k in range(background.FOLDS)]
        images = background.balanced_fold(parts, cell.parameters["fold"])
    else:
        images = load_masked(cell.dataset)
    needs_masks = METHODS[cell.method].masks or "version" in cell.parameters
    return images if needs_masks else images.without_masks()


class CellIsTaken(RuntimeError):
    """Another process on this machine is running the cell."""


def check_cell(text: str) -> Cell:
    """Parse a cell, check its names and parameters; ValueError says what there is or may be.

    The class gets its one name ("car" and "1" become "automobile"), so no cell is run twice.
    """
    cell = parse_cell(text)
    if cell.method not in METHODS:
        raise ValueError(f"unknown method {cell.method!r}; there are: {', '.join(METHODS)}")
    if cell.parameters:
        _check_parameters(cell)
    if cell.method in ARMS:
        _check_crops(cell)
        return cell
    names = class_names(cell.dataset)
    return replace(cell, normal_class=names[class_index(cell.dataset, cell.normal_class)])


def _check_parameters(cell: Cell) -> None:
    types = METHODS[cell.method].parameters()
    if unknown := [name for name in cell.parameters if name not in types]:
        there = f"; there are: {', '.join(sorted(types))}"
        if unknown[0] == "fold":
            folded, arms = ", ".join(background.FOLDED), ", ".join(ARMS)
            there = f": on {folded} it is tested on fold 0 alone; fold by fold are {arms}"
        raise ValueError(f"{cell.method} has no parameter {unknown[0]!r}{there}")
    may_be_0 = detector_class(cell.method).may_be_0 if cell.method in DETECTORS else MAY_BE_0
    check_settings(cell.parameters, types, may_be_0 | {"fold"})
    if cell.parameters.get("contamination", 0) > 0.5:
        raise ValueError(f"contamination is at most 0.5, not {cell.parameters['contamination']}")
    if cell.parameters.keys() >= OF_THE_SPLIT:
        raise ValueError("a cell has a version or a contamination, not both")
    if "version" in cell.parameters:
        _check_masks(cell, f"version {cell.parameters['version']!r}")


def _check_masks(cell: Cell, what: str) -> None:
    if cell.dataset not in masked_sets():
        there = f"{', '.join(masked_sets())}; not {cell.dataset}"
        raise ValueError(f"{what} needs pictures with masks, which are: {there}")


def _check_crops(cell: Cell) -> None:
    _check_masks(cell, cell.method)
    if cell.normal_class != ALL:
        what = f"{ALL!r} for the class, not {cell.normal_class!r}"
        raise ValueError(f"{cell.method} learns all classes at once; write {what}")
    fold, correlation = map(cell.parameters.get, ("fold", "background_correlation"))
    if cell.dataset in background.FOLDED and fold not in range(background.FOLDS):
        last = background.FOLDS - 1
        raise ValueError(f"{cell.dataset} is tested fold by fold; write +fold=0 to +fold={last}")
    if fold is not None and cell.dataset not in background.FOLDED:
        raise ValueError(f"{cell.dataset} has no fold; only {', '.join(background.FOLDED)} has")
    if correlation is not None and cell.dataset != "scenes":
        raise ValueError(f"{cell.dataset} has no background_correlation; only scenes has")
    if correlation is not None and correlation > 1:
        raise ValueError(f"background_correlation must be from 0 to 1, not {correlation}")


def run_cell(text: str, folder: Path | None = None, device: str = "auto") -> dict:
    """Return the record of a cell, running it first if it does not exist.

    A stopped cell goes on from its checkpoint. ValueError for bad names and images, PermissionError
    for an unwritable folder, before anything is trained; CellIsTaken if another process is at it;
    Diverged if training comes to nothing. It takes one thread, so that it is the same bit for bit
    however it is run.
    """
    cell = check_cell(text)
    if record := read_record(cell, folder):
        return record
    if (path := cell.path(folder)).exists():  # and warned of, but it is not ours to write over it
        raise ValueError(f"{path} is no record that can be read; {REPAIR}")
    folder = Path(folder or records.records_folder())
    records.check_writable(folder)
    records.code_revision()
    hardware = choose_hardware(device)
    images = _load(cell)
    work = folder.parent / "checkpoints" / str(cell)
    with own_random_numbers(), records.claim(work / "lock") as mine, one_thread():
        if not mine:
            raise CellIsTaken(f"{cell} is being run by another process")
        if record := read_record(cell, folder):
            return record
        try:
            checkpoint = work / "checkpoint.pt"
            record, arrays = METHODS[cell.method].run(images, cell, checkpoint, hardware)
            made_by = records.provenance(hardware.device.type)
            about = {"hardware": str(hardware), "data_fingerprint": images.fingerprint, **record}
            write_record({"cell": str(cell), **about, "provenance": made_by}, arrays, folder)
        except Diverged:
            _forget(work, path)
            raise
        _forget(work, path)
    return read_record(cell, folder)  # as it is kept


def _forget(work: Path, path: Path) -> None:
    """Remove a finished cell's checkpoints, not what it shares, and what killed writers left."""
    for kept in (*work.glob("*checkpoint*"), *path.parent.glob(f".{path.stem}.*.part")):
        kept.unlink()
