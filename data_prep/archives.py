"""How a data set lies on disk, and everything that is checked when it is read.

A set is one file, `NAME.npz`, with the arrays `x_train y_train x_test y_test class_names md5`:
images as torchvision gives them, (N, H, W) or (N, H, W, 3) uint8; labels uint8; the md5 of the
first four. The raw files that torchvision downloads are read too, and left as they are.
COIL-100 is kept at 32 x 32 pixels; `data_prep.coil100` tells how it came to be.
"""

import gzip
import hashlib
import os
import shlex
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
CLASS_NAMES = {
    "mnist": "0 1 2 3 4 5 6 7 8 9",
    "fashion_mnist": "t-shirt trouser pullover dress coat sandal shirt sneaker bag ankle-boot",
    "cifar10": "airplane automobile bird cat deer dog frog horse ship truck",
    "coil100": " ".join(f"obj{number}" for number in range(1, 101)),
}
GREY, COLOUR = (28, 28), (32, 32, 3)
IMAGE_SHAPE = {"mnist": GREY, "fashion_mnist": GREY, "cifar10": COLOUR, "coil100": COLOUR}
TORCHVISION = {  # its class, and where that keeps the raw files
    "mnist": ("MNIST", "MNIST/raw"),
    "fashion_mnist": ("FashionMNIST", "FashionMNIST/raw"),
    "cifar10": ("CIFAR10", "cifar-10-batches-py"),
}
# Digests of the original arrays, which no file may contradict. Where there are none, the archive
# that is downloaded has a known digest, and the stored arrays are held to those it gave.
ORIGINAL_MD5 = {
    "mnist": dict(
        x_train="6510e85a72c3e9475c492d559d3770d2", y_train="e86ee40d66677c011a9abda399ec8c4d",
        x_test="240610fa99e73bfa49df8e7fc24d3206", y_test="073c3904dfbd3e141ff8aa01cfde6b15",
    ),
    "fashion_mnist": dict(
        x_train="f209073e486d5113ebe2cc431d4df862", y_train="3236f6424fc25388b2834cb19942cf7e",
        x_test="b7656a891b218fc13e45205c48a92cae", y_test="8dea97a4e78c1bd1b5a6e8efbb870b6e",
    ),
    "coil100": dict(
        y_train="8294a8ba01659cefac25c6911c924152", y_test="48202c94e6d08ead6fa8c1972f009783",
    ),
    "cifar10": dict(
        x_train="17e2cb5a4119d89a4a13e02b91701bff", y_train="69c5f3349be54915edfca558b72ad888",
        y_test="251f18ce75337ae9ca5d0dbd7ea62cf4",
    ),
}  # fmt: skip
# The test images of a copy in use, 20 of them restored from JPEG; that file brings no digests.
UNSIGNED_MD5 = {"cifar10": {"x_test": "c2fadad6caccabb38d09a2eeadea924c"}}
# Arrays by which a copy says which images are no originals, and the labels beside them.
INEXACT = {"inexact_train": "y_train", "inexact_test": "y_test", "x_test_exact": "y_test"}
IDX_FILES = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)


class DataError(RuntimeError):
    """A data file is missing or damaged; the message names it and the command that repairs it."""


def data_folder() -> Path:
    """Return the folder of the data files: `$OCND_DATA`, else `data` in the working folder."""
    return Path(os.environ.get("OCND_DATA") or "data").expanduser()


def repair_command(name: str, folder: Path) -> str:
    """Return the shell command that makes a set in this folder whole again."""
    elsewhere = "" if folder == data_folder() else f"OCND_DATA={shlex.quote(str(folder))} "
    return f"{elsewhere}ocnd data {name}"


def md5_of(array: np.ndarray) -> str:
    """Return the md5 of an array's bytes, row by row."""
    return hashlib.md5(np.ascontiguousarray(array), usedforsecurity=False).hexdigest()


def compare(found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Raise ValueError for the first array whose md5 is not the expected one."""
    for key, digest in expected.items():
        if found[key] != digest:
            raise ValueError(f"{key} has been changed: md5 {found[key]}, expected {digest}")


def load_npz(path: Path, names: str | None, needed: Iterable, optional: Iterable = ()) -> dict:
    """Arrays of an npz file; ValueError if it is cut off, lacks one, or has other class names."""
    if not zipfile.is_zipfile(path):
        raise ValueError("it is cut off, or no npz file at all")
    with np.load(path) as file:
        arrays = {key: file[key] for key in (*needed, *optional) if key in file.files}
    if missing := [key for key in needed if key not in arrays]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    if names and "class_names" in arrays and " ".join(arrays["class_names"]) != names:
        raise ValueError(f"its class names are not {names}")
    return arrays


def nchw(x: np.ndarray) -> np.ndarray:
    """Bring (N, H, W) or (N, H, W, C) into (N, C, 32, 32), with zeros around smaller images."""
    x = x.reshape(*x.shape[:3], -1)
    n, size, _, channels = x.shape
    inside = slice((32 - size) // 2, (32 + size) // 2)
    padded = np.zeros((n, channels, 32, 32), np.uint8)
    for c in range(channels):  # four times as fast as one transposed copy
        padded[:, c, inside, inside] = x[..., c]
    return padded


def verified(name: str, arrays: dict[str, np.ndarray], md5: dict[str, str]) -> dict:
    """Check shapes, labels and digests (`md5` and the original's) of the four stored arrays.

    Returns x_* as uint8 (N, C, 32, 32), y_* as int64, and as `md5` the digests of what is stored.
    """
    shape, classes = IMAGE_SHAPE[name], len(CLASS_NAMES[name].split())
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.dtype != np.uint8 or x.shape[1:] != shape:
            wanted = ", ".join(map(str, ("N", *shape)))
            raise ValueError(f"x_{part} is {x.dtype} {x.shape}, not uint8 ({wanted})")
        if y.dtype.kind not in "iu" or y.shape != x.shape[:1]:
            raise ValueError(f"y_{part} is {y.dtype} {y.shape}, not one integer for each image")
        if not np.array_equal(np.unique(y), np.arange(classes)):
            raise ValueError(f"the labels in y_{part} are not 0 to {classes - 1}, each in use")
    found = {key: md5_of(arrays[key].astype(np.uint8, copy=False)) for key in ARRAYS}
    compare(found, {**md5, **ORIGINAL_MD5[name]})
    ready = {k: nchw(arrays[k]) if k[0] == "x" else arrays[k].astype(np.int64) for k in ARRAYS}
    return {**ready, "md5": np.array(list(found.values()))}


def read_npz(name: str, path: Path) -> dict[str, np.ndarray]:
    """Read and verify one npz file; raises whatever exception says what is wrong with it.

    Returns what `verified` does, and as `inexact` how many images the file says are no originals.
    """
    arrays = load_npz(path, CLASS_NAMES[name], ARRAYS, ("class_names", "md5", *INEXACT))
    signed = "md5" in arrays
    md5 = dict(zip(ARRAYS, arrays["md5"], strict=True)) if signed else UNSIGNED_MD5.get(name, {})
    if unsigned := [key for key in ARRAYS if key not in {**md5, **ORIGINAL_MD5[name]}]:
        raise ValueError(f"it brings no checksum of {', '.join(unsigned)}")
    inexact = 0
    for key in INEXACT.keys() & arrays:
        if arrays[key].dtype != bool or arrays[key].shape != arrays[INEXACT[key]].shape:
            raise ValueError(f"{key} is not one yes or no for each image")
        inexact += int((arrays[key] != (key == "x_test_exact")).sum())
    return {**verified(name, arrays, md5), "inexact": inexact}


def read_idx(path: Path) -> np.ndarray:
    """Read an array of bytes from an idx file, the format of MNIST, gzipped or not."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    start = 4 + 4 * data[3]
    return np.frombuffer(data, np.uint8, offset=start).reshape(np.frombuffer(data[4:start], ">i4"))


def read_torchvision(name: str, folder: Path, download: bool = False) -> dict[str, np.ndarray]:
    """Return the four arrays of a set as torchvision reads, or downloads, them."""
    from torchvision import datasets

    kind = getattr(datasets, TORCHVISION[name][0])
    parts = [kind(folder, train, download=download) for train in (True, False)]
    return {
        f"{letter}_{part}": np.ascontiguousarray(values, np.uint8)
        for part, data in zip(("train", "test"), parts, strict=True)
        for letter, values in (("x", data.data), ("y", data.targets))
    }


def read_stored(name: str, folder: Path) -> dict[str, np.ndarray] | None:
    """Read and verify `NAME.npz`, else torchvision's raw files; None if neither is in the folder.

    Returns what `verified` returns; raises DataError.
    """
    npz, raw = folder / f"{name}.npz", folder / TORCHVISION.get(name, (None, name))[1]
    idx = [next((p for p in (raw / f, raw / f"{f}.gz") if p.exists()), None) for f in IDX_FILES]
    try:
        if npz.exists():
            return read_npz(name, npz)
        if all(idx):
            return verified(name, dict(zip(ARRAYS, map(read_idx, idx), strict=True)), {})
        if name == "cifar10" and raw.is_dir():
            return verified(name, read_torchvision(name, folder), {})
    except Exception as error:  # a damaged file can fail anywhere, in zlib as in numpy
        path, what = npz if npz.exists() else raw, str(error) or type(error).__name__
        raise DataError(
            f"{path} cannot be used: {what}. To repair it, run: {repair_command(name, folder)}"
        ) from error
    return None
