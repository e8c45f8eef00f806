"""COIL-100: 100 objects on a turntable, photographed every 5 degrees, 72 colour images of each.

Nene, Nayar, Murase, Columbia Object Image Library (COIL-100), report CUCS-006-96, 1996. The images
have 128 x 128 pixels; here each pixel is the mean of a 4 x 4 block of theirs. The library has no
split of its own. Ours is fixed once: of each object 58 poses train and 14 test (80 : 20), drawn
with seed 0 for one object after the other. A test pose therefore often lies 5 degrees from a
training pose.
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pooch
from PIL import Image

from data_prep.archives import CLASS_NAMES

ADDRESS = "https://www.cs.columbia.edu/CAVE/databases/SLAM_coil-20_coil-100/coil-100/coil-100.zip"
# of 130,688,843 bytes, as TensorFlow Datasets records it; Columbia publishes no checksum
ARCHIVE_SHA256 = "fcb4b8b01c0778f416d8d7a09f45082c4f7075cc74743dcddd5c44307bd4afe7"
ANGLES = range(0, 360, 5)
TRAINING = 58  # poses of an object
SIDE = 128  # pixels of an image in the archive


def download(folder: Path, patience: float) -> dict[str, np.ndarray]:
    """Download the archive to `folder` and return its images: x_*, y_* as `archives` keeps them.

    `patience` is that of `data_prep.download`. Raises ValueError for another archive.
    """
    get = pooch.HTTPDownloader(sys.stderr.isatty(), chunk_size=1 << 16, timeout=patience)
    digest, name = f"sha256:{ARCHIVE_SHA256}", Path(ADDRESS).name
    return read_archive(Path(pooch.retrieve(ADDRESS, digest, name, folder, downloader=get)))


def read_archive(path: Path) -> dict[str, np.ndarray]:
    """The images of COIL-100's archive as x_* uint8 (N, 32, 32, 3) and y_* uint8 (N,).

    They are sorted by object, then by angle. ValueError if an image is missing, is none of
    COIL-100, or has another size.
    """
    objects = CLASS_NAMES["coil100"].split()
    wanted = [f"coil-100/{name}__{angle}.png" for name in objects for angle in ANGLES]
    with zipfile.ZipFile(path) as archive:
        there = {name for name in archive.namelist() if name.endswith(".png")}
        absent, other = [n for n in wanted if n not in there], sorted(there.difference(wanted))
        if names := absent or other:
            what = "lacks" if absent else "also holds"
            raise ValueError(f"{path.name} {what} {len(names)} images, first {names[0]}")
        x = np.stack([_shrink(archive.read(name), name) for name in wanted])
    x = x.reshape(len(objects), len(ANGLES), *x.shape[1:])
    y = np.repeat(np.arange(len(objects), dtype=np.uint8), len(ANGLES)).reshape(x.shape[:2])
    trains = training_poses(len(objects))
    return {"x_train": x[trains], "y_train": y[trains], "x_test": x[~trains], "y_test": y[~trains]}


def training_poses(objects: int) -> np.ndarray:
    """Which poses of each object train, bool (objects, 72); the others test."""
    rng = np.random.RandomState(0)  # unlike newer generators, numpy keeps its numbers for ever
    trains = np.zeros((objects, len(ANGLES)), bool)
    for row in trains:
        row[rng.permutation(len(ANGLES))[:TRAINING]] = True
    return trains


def _shrink(content: bytes, name: str) -> np.ndarray:
    try:
        pixels = np.asarray(Image.open(io.BytesIO(content)))
    except Exception as error:  # Pillow's decoders raise many kinds
        raise ValueError(f"{name} is no whole image: {error}") from error
    if pixels.shape != (SIDE, SIDE, 3) or pixels.dtype != np.uint8:
        raise ValueError(f"{name} is no colour image of {SIDE} x {SIDE} pixels")
    blocks = pixels.reshape(32, SIDE // 32, 32, SIDE // 32, 3)
    return np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
