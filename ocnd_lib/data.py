"""Data sets as arrays, and the splits of one-class learning.

    images = load_images("cifar10")
    split = one_class_split(images, "truck", seed=0)

A set is kept as one file, `NAME.npz`, in the data folder and checked whenever it is read:
nobody would see a damaged image in a table of results.
"""

import gzip
import hashlib
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
IDX_FILES = (
    *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
CLASS_NAMES = {
    "digits": "0 1 2 3 4 5 6 7 8 9",
    "mnist": "0 1 2 3 4 5 6 7 8 9",
    "fashion_mnist": "t-shirt trouser pullover dress coat sandal shirt sneaker bag ankle-boot",
    "cifar10": "airplane automobile bird cat deer dog frog horse ship truck",
}
ALIASES = {"plane": "airplane", "car": "automobile", "t-shirt/top": "t-shirt"}
STORED_SHAPE = {
    "digits": (32, 32),
    "mnist": (28, 28),
    "fashion_mnist": (28, 28),
    "cifar10": (32, 32, 3),
}
RAW_FOLDER = {
    "mnist": "MNIST/raw",
    "fashion_mnist": "FashionMNIST/raw",
    "cifar10": "cifar-10-batches-py",
}
# Digests of the original arrays, which no file may contradict.
ORIGINAL_MD5 = {
    "mnist": {
        "x_train": "6510e85a72c3e9475c492d559d3770d2",
        "y_train": "e86ee40d66677c011a9abda399ec8c4d",
        "x_test": "240610fa99e73bfa49df8e7fc24d3206",
        "y_test": "073c3904dfbd3e141ff8aa01cfde6b15",
    },
    "fashion_mnist": {},
    "cifar10": {
        "x_train": "17e2cb5a4119d89a4a13e02b91701bff",
        "y_train": "69c5f3349be54915edfca558b72ad888",
        "y_test": "251f18ce75337ae9ca5d0dbd7ea62cf4",
    },
}
# The test images of a copy in use, 20 of them restored from JPEG; its file brings no digests.
UNSIGNED_MD5 = {"cifar10": {"x_test": "c2fadad6caccabb38d09a2eeadea924c"}}


class DataError(RuntimeError):
    """A data file is missing or damaged; the message names it and the command that repairs it."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A whole set: x_* uint8 (N, C, 32, 32), y_* int64 (N,), which index `class_names`.

    `fingerprint` is 16 hex digits over the four arrays.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True, eq=False)
class OneClassSplit:
    """Normal images to learn from; test images with y_test 0 normal, 1 novel, and their classes."""

    x_train: np.ndarray
    x_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_test: np.ndarray
    normal_class: int


@dataclass(frozen=True, eq=False)
class BinarySplit:
    """Images of all classes with y_* 0 normal, 1 novel, and the classes of the test images."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_test: np.ndarray
    normal_class: int


def data_folder() -> Path:
    """Return the folder of the data files: `$OCND_DATA`, else `data` in the working folder."""
    return Path(os.environ.get("OCND_DATA") or "data")


def load_images(name: str, folder: Path | None = None) -> ImageSet:
    """Load a data set by name; one that the folder lacks is downloaded first.

    Raises ValueError for an unknown name, DataError for a missing or damaged file.
    """
    if name not in LOADERS:
        raise ValueError(f"there is no data set {name!r}; there are: {', '.join(DATASETS)}")
    return LOADERS[name](name, Path(folder or data_folder()))


def prepare(name: str, folder: Path | None = None) -> ImageSet:
    """Load a data set; download it first if it is missing or damaged (`ocnd data NAME`).

    A file is replaced only by a complete and verified one. Raises like `load_images`.
    """
    folder = Path(folder or data_folder())
    if name not in ORIGINAL_MD5:
        return load_images(name, folder)
    try:
        images = _read_stored(name, folder)
    except DataError:
        images = None
    return images or _download(name, folder)


def repair_command(name: str, folder: Path) -> str:
    """Return the shell command that makes a set in this folder whole again."""
    return f"{'' if folder == data_folder() else f'OCND_DATA={folder} '}ocnd data {name}"


def read_npz(name: str, path: Path) -> ImageSet:
    """Read one stored set and check all of it; raises whatever says best what is wrong."""
    if not zipfile.is_zipfile(path):
        raise ValueError("it is cut off, or no npz file at all")
    # zlib lets go of the interpreter: the test images inflate beside the training images
    with np.load(path) as file, ThreadPoolExecutor(2) as pool:
        arrays = dict(zip(file.files, pool.map(file.__getitem__, file.files), strict=True))
    if "class_names" in arrays and " ".join(arrays["class_names"]) != CLASS_NAMES[name]:
        raise ValueError(f"its class names are not {CLASS_NAMES[name]}")
    own = dict(zip(ARRAYS, arrays["md5"], strict=True)) if "md5" in arrays else None
    md5 = {**(own or UNSIGNED_MD5.get(name, {})), **ORIGINAL_MD5[name]}
    if unsigned := [key for key in ARRAYS if key not in md5]:
        raise ValueError(f"it brings no checksum of {', '.join(unsigned)}")
    return _image_set(name, arrays, md5)


def _image_set(name: str, arrays: dict[str, np.ndarray], md5: dict[str, str]) -> ImageSet:
    """Check shapes, labels and digests, then bring the images into NCHW."""
    shape, classes = STORED_SHAPE[name], tuple(CLASS_NAMES[name].split())
    if missing := [key for key in ARRAYS if key not in arrays]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.dtype != np.uint8 or x.shape[1:] != shape:
            raise ValueError(f"x_{part} is {x.dtype} {x.shape}, not uint8 {('N', *shape)}")
        if y.dtype.kind not in "iu" or y.shape != x.shape[:1]:
            raise ValueError(f"y_{part} is {y.dtype} {y.shape}, not one integer for each image")
        if not np.array_equal(np.unique(y), np.arange(len(classes))):
            raise ValueError(f"the labels in y_{part} are not 0 to {len(classes) - 1}, each used")
    x_train, y_train, x_test, y_test = (arrays[key].astype(np.uint8, copy=False) for key in ARRAYS)
    with ThreadPoolExecutor(2) as pool:  # the digests are computed beside the copying
        digests = pool.map(md5_of, (x_train, y_train, x_test, y_test))
        images = _nchw(x_train), _nchw(x_test)
    digests = dict(zip(ARRAYS, digests, strict=True))
    for key, expected in md5.items():
        if digests[key] != expected:
            raise ValueError(f"{key} was changed: its md5 is {digests[key]}, not {expected}")
    return ImageSet(
        name=name,
        x_train=images[0],
        y_train=y_train.astype(np.int64),
        x_test=images[1],
        y_test=y_test.astype(np.int64),
        class_names=classes,
        fingerprint=hashlib.sha256("".join(digests.values()).encode()).hexdigest()[:16],
    )


def md5_of(array: np.ndarray) -> str:
    """Return the md5 of an array's bytes, row by row."""
    return hashlib.md5(np.ascontiguousarray(array), usedforsecurity=False).hexdigest()


def _nchw(x: np.ndarray) -> np.ndarray:
    """Bring (N, H, W) or (N, H, W, C) into (N, C, 32, 32), with zeros around smaller images."""
    x = x.reshape(*x.shape[:3], -1)
    n, size, _, channels = x.shape
    inside = slice((32 - size) // 2, (32 + size) // 2)
    padded = np.zeros((n, channels, 32, 32), np.uint8)
    for c in range(channels):  # four times as fast as one transposed copy
        padded[:, c, inside, inside] = x[..., c]
    return padded


def _read_idx(path: Path) -> np.ndarray:
    """Read an idx file of bytes, as MNIST comes, packed or not."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    start = 4 + 4 * data[3]
    return np.frombuffer(data, np.uint8, offset=start).reshape(np.frombuffer(data[4:start], ">i4"))


def _read_stored(name: str, folder: Path) -> ImageSet | None:
    """Read NAME.npz, else torchvision's own files; None if neither lies in the folder."""
    npz, raw = folder / f"{name}.npz", folder / RAW_FOLDER[name]
    idx = [next(iter(raw.glob(f"{file}*")), None) for file in IDX_FILES]
    try:
        if npz.exists():
            return read_npz(name, npz)
        if name == "cifar10" and raw.is_dir():
            from data_prep.download import torchvision_arrays

            return _image_set(name, torchvision_arrays(name, folder), ORIGINAL_MD5[name])
        if all(idx):
            arrays = dict(zip(ARRAYS, map(_read_idx, idx), strict=True))
            return _image_set(name, arrays, ORIGINAL_MD5[name])
    except Exception as error:
        path = npz if npz.exists() else raw
        raise DataError(
            f"{path} cannot be used: {error}. To repair it: {repair_command(name, folder)}"
        ) from error
    return None


def _download(name: str, folder: Path) -> ImageSet:
    from data_prep.download import fetch

    return read_npz(name, fetch(name, folder))


def _load_archive(name: str, folder: Path) -> ImageSet:
    return _read_stored(name, folder) or _download(name, folder)


def _load_digits(name: str, folder: Path) -> ImageSet:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # bilinear, pixel centres aligned; all weights are multiples of 1/8, so nothing is rounded here
    centres = (np.arange(32) + 0.5) / 4 - 0.5
    weights = np.stack([np.interp(centres, np.arange(8), row) for row in np.eye(8)], axis=1)
    x = np.rint(weights @ digits.images @ weights.T * (255 / 16)).astype(np.uint8)
    y = digits.target.astype(np.uint8)
    # 130 of each class train, the other 497 test: with equal classes a ratio of 1:9 is exact
    order = np.random.default_rng(0).permutation(len(y))
    train = np.sort(np.concatenate([order[y[order] == k][:130] for k in range(10)]))
    test = np.setdiff1d(order, train)
    arrays = dict(zip(ARRAYS, (x[train], y[train], x[test], y[test]), strict=True))
    return _image_set(name, arrays, md5={})


# A further data set is one line here: its name and a function (name, folder) -> ImageSet.
LOADERS = {
    "digits": _load_digits,
    "mnist": _load_archive,
    "fashion_mnist": _load_archive,
    "cifar10": _load_archive,
}
DATASETS = tuple(LOADERS)


def class_index(images: ImageSet, normal_class: int | str) -> int:
    """Return the index of a class named by index or name: 9, "9", "Truck", "car".

    Raises ValueError, which lists the classes, for anything else.
    """
    names, wanted = images.class_names, str(normal_class).lower()
    wanted = ALIASES.get(wanted, wanted)
    if isinstance(normal_class, str) and wanted in names:
        return names.index(wanted)
    if wanted.isdecimal() and int(wanted) < len(names):
        return int(wanted)
    listed = ", ".join(f"{i} {name}" if name != str(i) else name for i, name in enumerate(names))
    raise ValueError(f"{images.name} has no class {normal_class!r}; there are: {listed}")


def one_class_split(
    images: ImageSet, normal_class: int | str, seed: int, validation: float = 0.1
) -> OneClassSplit:
    """Train on one class of the training split, test on the whole test split (protocol P2).

    `validation`, in [0, 1), is the part of the normal training images that is held out.
    """
    k = class_index(images, normal_class)
    x = images.x_train[images.y_train == k]
    x_validation, x_train = _divide(x, validation, np.random.default_rng(seed))
    y_test = (images.y_test != k).astype(np.int64)
    return OneClassSplit(x_train, x_validation, images.x_test, y_test, images.y_test, k)


def pooled_split(
    images: ImageSet, normal_class: int | str, seed: int, validation: float = 0.1
) -> OneClassSplit:
    """Train on 80 % of all images of a class, test on the others and as many novel ones (P1).

    The novel images are drawn equally from the other classes; `validation` as in protocol P2.
    """
    k, rng = class_index(images, normal_class), np.random.default_rng(seed)
    x_normal, x = _divide(_pooled(images, k), 0.2, rng)
    x_validation, x_train = _divide(x, validation, rng)
    others = rng.permutation([c for c in range(len(images.class_names)) if c != k])
    # what does not divide evenly goes, one image each, to the classes that come first
    counts = np.bincount(np.arange(len(x_normal)) % len(others), minlength=len(others))
    parts = [x_normal]
    for c, count in zip(others, counts, strict=True):
        pool = _pooled(images, c)
        parts.append(pool[np.sort(rng.choice(len(pool), count, replace=False))])
    class_test = np.repeat([k, *others], [len(x_normal), *counts])
    y_test = (class_test != k).astype(np.int64)
    return OneClassSplit(x_train, x_validation, np.concatenate(parts), y_test, class_test, k)


def imbalanced_split(
    images: ImageSet, normal_class: int | str, ratio: float, seed: int
) -> BinarySplit:
    """Keep so many normal training images that novel/normal is `ratio`; the test set stays whole.

    Raises ValueError for a ratio below that of the data, or one that leaves no normal image.
    """
    k = class_index(images, normal_class)
    y_train = (images.y_train != k).astype(np.int64)
    normal, novel = np.flatnonzero(y_train == 0), np.flatnonzero(y_train)
    count = round(len(novel) / ratio) if 0 < ratio < np.inf else 0
    if not 1 <= count <= len(normal):
        raise ValueError(
            f"a ratio of {ratio} is impossible for class {normal_class} of {images.name}: the "
            f"smallest is {len(novel) / len(normal):.5g}, with all {len(normal)} normal images, "
            f"the largest {len(novel)}, with one"
        )
    kept = np.random.default_rng(seed).permutation(normal)[:count]
    rows = np.sort(np.concatenate([kept, novel]))
    y_test = (images.y_test != k).astype(np.int64)
    return BinarySplit(images.x_train[rows], y_train[rows], images.x_test, y_test, images.y_test, k)


def _pooled(images: ImageSet, k: int) -> np.ndarray:
    return np.concatenate([images.x_train[images.y_train == k], images.x_test[images.y_test == k]])


def _divide(x: np.ndarray, part: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Divide images at random into a part of them and the rest, each in the old order."""
    count = round(part * len(x))
    if not 0 <= part < 1 or count == len(x):
        raise ValueError(f"cannot hold out {part} of {len(x)} images and keep some")
    order = rng.permutation(len(x))
    return x[np.sort(order[:count])], x[np.sort(order[count:])]
