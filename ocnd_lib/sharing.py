"""What cells of one class and seed share: the training of a network that several of them need."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from ocnd_lib import versions
from ocnd_lib.data import OneClassSplit, one_class_split
from ocnd_lib.image_sets import MaskedSet
from ocnd_lib.records import Cell, claim
from ocnd_lib.registry import DETECTORS, LOOKS_SETTINGS, detector_class, settings_of
from ocnd_lib.training import Hardware, seconds_trained

# parameters of a cell that say what is learnt from, and are none of the detector
OF_THE_SPLIT = frozenset({"version", "contamination"})


def fit(detector, split: OneClassSplit, checkpoint: Path, shared: Path | None, **seen) -> None:
    """Train a detector; what it shares with others is trained by whoever comes first."""
    given = {"x": split.x_train, "x_validation": split.x_validation}
    if hasattr(detector, "masked_gan"):  # begins with what it shares
        detector.check_choices(seen.get("negatives"))  # before what it shares is trained
        if shared:
            with _turn(shared):
                detector.base_gan().fit(**given, checkpoint=shared)
        detector.fit(**given, checkpoint=checkpoint, base_checkpoint=shared, **seen)
    elif shared:  # is trained as the one it shares with
        with _turn(shared):
            detector.fit(**given, checkpoint=shared)
    else:
        detector.fit(**given, checkpoint=checkpoint)


def untrained(cell: Cell):
    """The detector that the cell of a detector, or of a look at one, trains."""
    method, settings = "attention-gan", LOOKS_SETTINGS.get(cell.dataset, {})
    if cell.method != "looks":
        method = cell.method
        settings = DETECTORS[method][2] | settings_of(cell.dataset, method)
    own = {name: value for name, value in cell.parameters.items() if name not in OF_THE_SPLIT}
    return detector_class(method)(**{**settings, **own, "seed": cell.seed})


def shared_checkpoint(detector, cell: Cell, checkpoint: Path) -> Path | None:
    """Where the training is kept that a cell shares with others of its class and seed, if it does.

    AnoGAN is trained as GAN is, and an attention-GAN begins with an OCGAN.
    """
    if not getattr(detector, "base_first", hasattr(detector, "base_gan")):
        return None
    base = detector.base_gan()
    name, kind = type(base).__name__.lower(), type(base)
    settings = settings_of(cell.dataset, name)
    usual = kind(**settings, seed=cell.seed, device=detector.device).base_gan().get_params()
    changed = {k: v for k, v in base.get_params().items() if v != usual[k]}
    changed |= {k: v for k, v in cell.parameters.items() if k in OF_THE_SPLIT}
    if changed and type(detector) is type(base):  # nobody else trains like this
        return None
    return _shared_by(replace(cell, method=name, parameters=changed), checkpoint)


def _shared_by(other: Cell, checkpoint: Path) -> Path:
    """The file that another cell shares, by the checkpoint of a cell."""
    return checkpoint.parents[4] / str(other) / "shared.pt"


def _turn(shared: Path):
    """Hold what is shared: of two cells that would train it, the second waits."""
    return claim(shared.with_name("shared.lock"), wait=True)


def seen_in(version: str, images: MaskedSet, cell: Cell, checkpoint: Path, hardware: Hardware):
    """What a detector sees in a version, and what its record and arrays say of that.

    The network whose maps are taken is trained once for all detectors of a class and seed.
    """
    about = {"version": version, "masks_fingerprint": images.fingerprint}
    if version in versions.TRUE:
        plain = versions.shown(images, version, cell.normal_class)
        return one_class_split(plain, cell.normal_class, cell.seed), about, {}
    split = one_class_split(images.without_masks(), cell.normal_class, cell.seed)
    other = replace(cell, method=versions.PREDICTED[version], parameters={})
    kept = _shared_by(other, checkpoint)
    source = untrained(other).set_params(device=hardware.device.type)
    with _turn(kept):
        fit(source, split, kept, shared_checkpoint(source, other, kept))
    split, finds, lifts = versions.by_maps(
        split, images.test.m[:, 0] > 127, partial(versions.maps_of, source, version)
    )
    about["map"] = {**finds, "seconds": seconds_trained(kept)}
    return split, about, {"map_lift": lifts}
