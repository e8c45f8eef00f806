"""Pictures whose objects have masks, and what can be shown of such a picture.

    images = load_masked("scenes")
    without_background = masked(images.x_train, images.m_train)

All functions take and give uint8, where 0 is black and 255 white: masks are multiplied before any
rescaling to [-1, 1], in which 0 would be grey.
"""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from data_prep.archives import DataError, data_folder, md5_of, repair_command
from data_prep.masked_files import ARRAYS, CLASS_NAMES, npz_path, read_set, write_set
from ocnd_lib.data import ImageSet, load_images

MASKED_SETS = tuple(CLASS_NAMES)
OWN_OPTIONS = {
    "scenes": ("background_correlation",),
    "coco10": ("annotations", "images", "fewer"),
}


@dataclass(frozen=True, eq=False)
class MaskedSet:
    """A set with masks: x_* uint8 (N, 3, 32, 32), m_* uint8 (N, 1, 32, 32), y_* int64 (N,).

    A mask is 255 where all of a pixel is the object, 0 where nothing is. `fingerprint` is 16 hex
    digits over the six arrays.
    """

    name: str
    x_train: np.ndarray
    m_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    m_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    fingerprint: str

    def without_masks(self) -> ImageSet:
        """The same pictures as a plain data set."""
        arrays = {key: getattr(self, key) for key in ("x_train", "y_train", "x_test", "y_test")}
        fingerprint = _fingerprint(arrays)
        return ImageSet(self.name, **arrays, class_names=self.class_names, fingerprint=fingerprint)


def load_masked(name: str, folder: Path | None = None) -> MaskedSet:
    """Load `scenes`, `mnist_on_cifar` or `coco10` from the data folder, as `ocnd data` keeps it.

    What is not there is made anew and not kept: the first two in the default size, half a minute
    for the scenes; `coco10` from whatever part of COCO lies in the folder `coco`. Raises ValueError
    for another name, DataError if there is neither, or what the digits need is missing, or a file
    is damaged.
    """
    if name not in MASKED_SETS:
        raise ValueError(
            f"there is no set with masks {name!r}; there are: {', '.join(MASKED_SETS)}"
        )
    return source_of(name, Path(folder or data_folder()))()


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
    return _masked_set(Path(path).stem, read_set(Path(path).stem, Path(path)))


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
    return _masked_set("mnist_on_cifar", build_arrays(*sets, per_class, test, seed)[0])


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
    annotations, images and fewer. Without the first two, COCO is downloaded into `out`. `say` is
    told what became of all objects. Raises ValueError or DataError, and keeps an older set then.
    """
    allowed = ["per_class", "test", "seed", *OWN_OPTIONS.get(name, ())]
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
    else:
        say(_build_coco(out, **options).table())
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


def _masked_set(name: str, arrays: dict[str, np.ndarray]) -> MaskedSet:
    arrays = {key: arrays[key].astype(np.int64 if key[0] == "y" else np.uint8) for key in ARRAYS}
    names = tuple(CLASS_NAMES[name].split())
    return MaskedSet(name, **arrays, class_names=names, fingerprint=_fingerprint(arrays))


def _fingerprint(arrays: dict[str, np.ndarray]) -> str:
    digests = "".join(map(md5_of, arrays.values()))
    return hashlib.sha256(digests.encode()).hexdigest()[:16]


def masked(x: np.ndarray, m: np.ndarray, fill: float | np.ndarray = 0) -> np.ndarray:
    """The object alone: pictures x (N, 3, 32, 32) where the masks m (N or 1, 1, 32, 32) are white.

    `fill` takes the place of the rest: 0 is black; a colour (3,), such as `mean_colour`, works too.
    A pixel on the outline keeps its part of background, as a resized photograph has it.
    """
    part = m / np.float32(255)
    colour = np.asarray(fill, np.float32).reshape(-1, 1, 1)
    return np.rint(x * part + colour * (1 - part)).astype(np.uint8)


def mean_colour(x: np.ndarray) -> np.ndarray:
    """The mean of each channel over pictures (N, C, 32, 32): (C,), 0 to 255."""
    return x.mean((0, 2, 3))


def background_only(x: np.ndarray, m: np.ndarray, fill: float | np.ndarray = 0) -> np.ndarray:
    """The pictures with their objects filled; the outline of the hole still shows a shape."""
    return masked(x, 255 - m, fill)


def silhouette(m: np.ndarray, channels: int = 3) -> np.ndarray:
    """The masks themselves as pictures, white on black: (N, channels, 32, 32)."""
    return np.repeat(m, channels, axis=1)


def centre_mask(sigma: float = 8.0, size: int = 32) -> np.ndarray:
    """A mask that knows the box but not the object: (1, 1, size, size), a Gaussian in the centre.

    It is 255 in the middle and 61 % of that at `sigma` pixels, which must be above 0.
    """
    if not sigma > 0:
        raise ValueError(f"sigma must be above 0, not {sigma}")
    square = (np.arange(size) - (size - 1) / 2) ** 2
    weight = np.exp(-(square[:, None] + square) / (2 * sigma**2))
    return np.rint(255 * weight / weight.max()).astype(np.uint8)[None, None]
