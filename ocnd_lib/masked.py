"""Sets of pictures whose objects have masks: load one, make one, build one to keep.

images = load_masked("scenes")
pictures, objects, masks, labels = images.train
"""

import re
import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from data_prep import masked_files, voc_animals
from data_prep.archives import DataError, data_folder, md5_of, repair_command
from data_prep.download import load
from ocnd_lib.crops import Crops
from ocnd_lib.image_sets import MaskedSet, fingerprint_of

OWN_OPTIONS = {
    "mnist_on_cifar": (),
    "scenes": ("background_correlation",),
    "coco10": ("annotations", "images", "fewer"),
}
OWN_SET = ("annotations", "images", "categories", "voc", "fewer")  # of a set under another name
# Fingerprints of `mnist_on_cifar` as two processors rounded it before `compose` added up in whole
# numbers, and the one it has now: a few values in a million differ, by one level of 255.
ROUNDED = {"a3feafd121c23e17": "af1cbc399d1e9a0c", "bf6ec69aabdb7306": "af1cbc399d1e9a0c"}


def load_masked(name: str, folder: Path | None = None, fold: int = 0) -> MaskedSet:
    """Load a set with masks as `ocnd data` keeps it; what is not there is made anew, not kept.

    `coco10` is made of what lies in the folder `coco`; of `voc_animals` one of five folds, 0 to 4,
    is the test. ValueError for another name or fold, DataError if what is needed lacks or is
    damaged.
    """
    folder = Path(folder or data_folder())
    if name not in masked_files.masked_sets(folder):
        there = ", ".join(masked_files.masked_sets(folder))
        raise ValueError(f"there is no set with masks {name!r}; there are: {there}")
    if name == voc_animals.NAME:
        arrays = voc_animals.read_fold(voc_animals.voc_path(folder), fold)
        return _masked_set(name, arrays, masked_files.CLASS_NAMES[name].split())
    if fold:
        raise ValueError(f"{name} has no fold {fold!r}; only {voc_animals.NAME} has folds")
    return source_of(name, folder)()


def source_of(name: str, folder: Path) -> Callable[[], MaskedSet]:
    """What `load_masked` would call to have the set, which may take long; DataError if nothing."""
    path = masked_files.npz_path(name, folder / name)
    if path.exists():
        return partial(read_masked, path)
    if name == "scenes":
        return make_scenes
    if name == "mnist_on_cifar":
        return partial(make_mnist_on_cifar, folder=folder)
    if found := sorted((folder / "coco" / "annotations").glob("instances*.json")):
        return partial(crop_coco, found[0], folder / "coco" / "images")
    raise DataError(f"{path} is missing. To build it, run: {repair_command(name, folder)}")


def read_masked(path: Path) -> MaskedSet:
    """Read a set from its npz, named as the set is; raises DataError if it is damaged."""
    arrays = masked_files.read_set(Path(path).stem, Path(path))
    return _masked_set(Path(path).stem, arrays, arrays["class_names"].tolist())


@lru_cache(maxsize=1)  # of a sweep's cells each asks for the same
def make_scenes(background_correlation: float = 0.5, **counts: int) -> MaskedSet:
    """Generate scenes, 4 ms an object, and crop them; `counts` are per_class, test and seed."""
    from data_prep.scenes import build_scenes

    with tempfile.TemporaryDirectory() as folder:
        build_scenes(Path(folder), background_correlation=background_correlation, **counts)
        return read_masked(masked_files.npz_path("scenes", folder))


def make_mnist_on_cifar(folder: Path | None = None, **counts: int) -> MaskedSet:
    """Lay digits on pictures; `folder` is the data folder with MNIST and CIFAR-10, else fetched."""
    arrays, _ = _digits_on_pictures(folder or data_folder(), **counts)
    return _masked_set("mnist_on_cifar", arrays, masked_files.CLASS_NAMES["mnist_on_cifar"].split())


def _digits_on_pictures(folder: Path, **counts: int) -> tuple[dict, list]:
    from data_prep.mnist_on_cifar import build_arrays

    return build_arrays(*(load(name, folder) for name in ("mnist", "cifar10")), **counts)


def crop_coco(annotations: Path, images: Path) -> MaskedSet:
    """Crop what there is of COCO, however little, a fifth of it for the test; nothing is kept."""
    from data_prep.coco import build

    with tempfile.TemporaryDirectory() as folder:
        build(annotations, images, Path(folder), test=2 * 550, fewer=True)
        return read_masked(masked_files.npz_path("coco10", folder))


def build_masked(
    name: str, out: Path | None = None, say: Callable[[str], None] = print, **options
) -> MaskedSet:
    """Build a set in the folder `out`, by default NAME in the data folder: what `ocnd data` does.

    `options` are per_class, test, seed, and what OWN_OPTIONS names; a name of one's own is made of
    files in COCO's format, or of the folder `voc`. `say` is told what became of all objects.
    ValueError or DataError, which keep an older set.
    """
    allowed = ["per_class", "test", "seed", *OWN_OPTIONS.get(name, OWN_SET)]
    if unknown := set(options).difference(allowed):
        flags = ", ".join(f"--{option}" for option in allowed).replace("_", "-")
        raise ValueError(f"{name} takes no {min(unknown).replace('_', '-')!r}; it takes {flags}")
    out = Path(out or data_folder() / name)
    if name == "mnist_on_cifar":
        masked_files.write_set(name, out, *_digits_on_pictures(data_folder(), **options))
    elif name == "scenes":
        from data_prep.scenes import build_scenes

        say(build_scenes(out, **options).table())
    elif name == "coco10":
        say(_build_coco(out, **options).table())
    else:
        say(_build_own(name, out, **options).table())
    say(f"{masked_files.npz_path(name, out)}")
    return read_masked(masked_files.npz_path(name, out))


def _build_coco(out: Path, annotations: Path | None = None, images: Path | None = None, **options):
    from data_prep.coco import build

    if (annotations is None) != (images is None):
        raise ValueError("--annotations and --images belong together; give both or neither")
    if annotations:
        return build(annotations, images, out, **options)
    from data_prep.coco_download import fetch_annotations, fetch_images

    annotations, images = fetch_annotations(out / "annotations"), out / "images"
    return build(annotations, images, out, get=partial(fetch_images, folder=images), **options)


def _build_own(
    name: str, out: Path, annotations: Path | None = None, images: Path | None = None,
    categories: str | None = None, voc: Path | None = None, **options,
):  # fmt: skip
    from data_prep.coco import build
    from data_prep.voc import ANIMALS, write_instances

    if name in masked_files.RESERVED:
        raise ValueError(f"{name} is a set of its own; give yours another name")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"name a set with small letters, digits and _, not {name!r}")
    if [annotations, images].count(None) != (0 if voc is None else 2):
        raise ValueError(f"{name} needs --annotations and --images, or --voc, which holds both")
    wanted = categories.split(",") if categories else None
    if voc:
        annotations, images = out / "instances.json", Path(voc) / "JPEGImages"
        write_instances(Path(voc), annotations, wanted or ANIMALS)
    options = {"test": None, "categories": wanted, "whole": True, **options}
    return build(annotations, images, out, name, **options)


def _masked_set(name: str, arrays: dict[str, np.ndarray], names: list[str]) -> MaskedSet:
    keys = masked_files.ARRAYS
    arrays = {key: arrays[key].astype(np.int64 if key[0] == "y" else np.uint8) for key in keys}
    parts = [Crops(*(arrays[f"{kind}_{part}"] for kind in "xomy")) for part in ("train", "test")]
    return MaskedSet(name, *parts, tuple(names), fingerprint_of(map(md5_of, arrays.values())))
