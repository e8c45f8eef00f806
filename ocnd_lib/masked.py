"""Pictures whose objects have masks, and what can be shown of such a picture.

    images = load_masked("scenes")
    pictures, objects, masks, labels = images.train

All functions take and give uint8, where 0 is black and 255 white: masks are multiplied before any
rescaling to [-1, 1], in which 0 would be grey.
"""

import hashlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep import voc_animals
from data_prep.archives import DataError, data_folder, md5_of, repair_command
from data_prep.masked_files import (
    ARRAYS,
    CLASS_NAMES,
    masked_sets,
    npz_path,
    own_sets,
    read_set,
    write_set,
)
from ocnd_lib.data import ImageSet, known_sets, load_images

OWN_OPTIONS = {
    "scenes": ("background_correlation",),
    "coco10": ("annotations", "images", "fewer"),
}
OWN_SET = ("annotations", "images", "categories", "voc", "fewer")  # of a set under another name
# Fingerprints of `mnist_on_cifar` as two processors rounded it before `compose` added up in whole
# numbers, and the one it has now. One differs from it in 7 of 15 million values of x_train; of the
# other, the eight pictures in a record differ from it in 9 of 24 576; all by one level of 255.
ROUNDED = {"a3feafd121c23e17": "af1cbc399d1e9a0c", "bf6ec69aabdb7306": "af1cbc399d1e9a0c"}


class Crops(NamedTuple):
    """Pictures x, their objects o alone on black, both uint8 (N, 3, 32, 32); masks m, uint8
    (N, 1, 32, 32); labels y, int64 (N,).

    A mask is 255 where all of a pixel is the object, 0 where nothing is; on an outline, o has what
    the object adds to the pixel, and x - o what the background does.
    """

    x: np.ndarray
    o: np.ndarray
    m: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False)
class MaskedSet:
    """A set with masks; `fingerprint` is 16 hex digits over all its arrays."""

    name: str
    train: Crops
    test: Crops
    class_names: tuple[str, ...]
    fingerprint: str

    def without_masks(self) -> ImageSet:
        """The same pictures as a plain data set."""
        arrays = {"x_train": self.train.x, "y_train": self.train.y}
        arrays |= {"x_test": self.test.x, "y_test": self.test.y}
        fingerprint = _fingerprint(arrays)
        return ImageSet(self.name, **arrays, class_names=self.class_names, fingerprint=fingerprint)


def load_masked(name: str, folder: Path | None = None, fold: int = 0) -> MaskedSet:
    """Load a set with masks from the data folder, as `ocnd data` keeps it.

    What is not there is made anew and not kept: `scenes` and `mnist_on_cifar` in the default size,
    half a minute for the scenes; `coco10` from whatever part of COCO lies in the folder `coco`.
    `voc_animals` has five folds, 0 to 4, of which one is the test. Raises ValueError for another
    name or fold, DataError if there is neither, or what the digits need is missing, or a file is
    damaged.
    """
    folder = Path(folder or data_folder())
    if name not in masked_sets(folder):
        there = ", ".join(masked_sets(folder))
        raise ValueError(f"there is no set with masks {name!r}; there are: {there}")
    if name == voc_animals.NAME:
        arrays = voc_animals.read_fold(voc_animals.voc_path(folder), fold)
        return _masked_set(name, arrays, CLASS_NAMES[name].split())
    if fold:
        raise ValueError(f"{name} has no fold {fold!r}; only {voc_animals.NAME} has folds")
    return source_of(name, folder)()


def source_of(name: str, folder: Path) -> Callable[[], MaskedSet]:
    """What `load_masked` would call to have the set, which may take long; DataError if nothing."""
    path = npz_path(name, folder / name)
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
    arrays = read_set(Path(path).stem, Path(path))
    return _masked_set(Path(path).stem, arrays, arrays["class_names"].tolist())


def make_scenes(
    background_correlation: float = 0.5, per_class: int = 550, test: int = 500, seed: int = 0
) -> MaskedSet:
    """Generate scenes, about 4 ms an object, and crop them by the way of COCO; nothing is kept.

    Equal arguments give equal sets. Raises ValueError for arguments outside their range.
    """
    from data_prep.scenes import build_scenes

    with tempfile.TemporaryDirectory() as folder:
        build_scenes(Path(folder), per_class, test, seed, background_correlation)
        return read_masked(npz_path("scenes", folder))


def make_mnist_on_cifar(
    per_class: int = 550, test: int = 500, seed: int = 0, folder: Path | None = None
) -> MaskedSet:
    """Lay digits on pictures; `folder` is the data folder with MNIST and CIFAR-10, else fetched.

    Raises ValueError for counts that cannot be, DataError as `load_images` does.
    """
    from data_prep.mnist_on_cifar import build_arrays

    sets = (load_images(name, folder) for name in ("mnist", "cifar10"))
    arrays, _ = build_arrays(*sets, per_class, test, seed)
    return _masked_set("mnist_on_cifar", arrays, CLASS_NAMES["mnist_on_cifar"].split())


def crop_coco(annotations: Path, images: Path, per_class: int = 550, seed: int = 0) -> MaskedSet:
    """Crop what there is of COCO, however little, a fifth of it for the test; nothing is kept.

    A class may have less than `per_class` objects, or none. Raises DataError for unusable files.
    """
    from data_prep.coco import build

    with tempfile.TemporaryDirectory() as folder:
        build(annotations, images, Path(folder), "coco10", per_class, 2 * per_class, seed, True)
        return read_masked(npz_path("coco10", folder))


def build_masked(
    name: str, out: Path | None = None, say: Callable[[str], None] = print, **options
) -> MaskedSet:
    """Build a set in the folder `out`, by default NAME in the data folder: what `ocnd data` does.

    `options` are per_class, test and seed; for scenes background_correlation too; for coco10
    annotations, images and fewer. Without the first two, COCO is downloaded into `out`. Under
    another name a set is made of any files in COCO's format, or of the folder `voc`; `categories`
    are its classes, with commas between. `say` is told what became of all objects. Raises
    ValueError or DataError, and keeps an older set then.
    """
    allowed = ["per_class", "test", "seed", *OWN_OPTIONS.get(name, OWN_SET)]
    if unknown := set(options).difference(allowed):
        flags = ", ".join(f"--{option}" for option in allowed).replace("_", "-")
        raise ValueError(f"{name} takes no {min(unknown).replace('_', '-')!r}; it takes {flags}")
    out = Path(out or data_folder() / name)
    if name == "mnist_on_cifar":
        from data_prep.mnist_on_cifar import build_arrays

        sets = (load_images(part) for part in ("mnist", "cifar10"))
        write_set(name, out, *build_arrays(*sets, **options))
    elif name == "scenes":
        from data_prep.scenes import build_scenes

        say(build_scenes(out, **options).table())
    elif name == "coco10":
        say(_build_coco(out, **options).table())
    else:
        say(_build_own(name, out, **options).table())
    say(f"{npz_path(name, out)}")
    return read_masked(npz_path(name, out))


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
    name: str,
    out: Path,
    annotations: Path | None = None,
    images: Path | None = None,
    categories: str | None = None,
    voc: Path | None = None,
    **options,
):
    from data_prep.coco import build
    from data_prep.voc import ANIMALS, write_instances

    if name in known_sets() and name not in own_sets():
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
    arrays = {key: arrays[key].astype(np.int64 if key[0] == "y" else np.uint8) for key in ARRAYS}
    parts = [Crops(*(arrays[f"{kind}_{part}"] for kind in "xomy")) for part in ("train", "test")]
    return MaskedSet(name, *parts, tuple(names), _fingerprint(arrays))


def _fingerprint(arrays: dict[str, np.ndarray]) -> str:
    digests = "".join(map(md5_of, arrays.values()))
    return hashlib.sha256(digests.encode()).hexdigest()[:16]


def before_colour(o: np.ndarray, m: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Objects alone, o (N, 3, 32, 32) with masks m, before one colour (3,) instead of black."""
    behind = colour.reshape(-1, 1, 1) * (1 - m / np.float32(255))
    return np.rint(o + behind).astype(np.uint8)


def mean_colour(x: np.ndarray) -> np.ndarray:
    """The mean of each channel over pictures (N, C, 32, 32): (C,), 0 to 255."""
    return x.mean((0, 2, 3))


def background_only(x: np.ndarray, o: np.ndarray) -> np.ndarray:
    """Pictures x without their objects o; black is what they hid, and its outline shows a shape."""
    return x - np.minimum(x, o)  # which rounding may make larger by one


def silhouette(m: np.ndarray, channels: int = 3) -> np.ndarray:
    """The masks themselves as pictures, white on black: (N, channels, 32, 32)."""
    return np.repeat(m, channels, axis=1)


def box_mask(m: np.ndarray) -> np.ndarray:
    """Masks that know the boxes of the objects, but not their outlines: a Gaussian in each box.

    From masks m (N, 1, 32, 32) to the same form: 255 in the middle of the box, 61 % of that a
    quarter of its width or height away. A mask without an object counts as all object.
    """
    weights = []
    for across in (3, 2):
        there = m.any(across)
        size = there.shape[-1]
        first, last = there.argmax(-1), size - 1 - there[..., ::-1].argmax(-1)
        away = np.arange(size) - (first + last)[..., None] / 2
        weights.append(np.exp(-8 * (away / (last - first + 1)[..., None]) ** 2))
    down, along = weights
    weight = down[..., None] * along[..., None, :]
    return np.rint(255 * weight / weight.max((2, 3), keepdims=True)).astype(np.uint8)


def dimmed(x: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Pictures x that grow dark away from the middle of their objects' boxes, by `box_mask`."""
    return np.rint(x * (box_mask(m) / np.float32(255))).astype(np.uint8)


def swapped(crops: Crops) -> np.ndarray:
    """Each object before what stands behind an object of another class, its hole painted over.

    The hole gets the mean colour of the background around it. Who gets whose is fixed by the order
    of the crops; classes differ as long as none has more than half of the crops.
    """
    order = np.argsort(crops.y, kind="stable")
    donor = np.empty_like(order)
    donor[order] = np.roll(order, np.bincount(crops.y).max())
    seen = background_only(crops.x[donor], crops.o[donor]).astype(np.float32)
    hole = crops.m[donor] / np.float32(255)
    around = (1 - hole).sum((2, 3), keepdims=True)
    behind = seen + hole * seen.sum((2, 3), keepdims=True) / np.maximum(around, 1)
    shown = crops.o + (1 - crops.m / np.float32(255)) * behind
    return np.rint(np.minimum(shown, 255)).astype(np.uint8)
