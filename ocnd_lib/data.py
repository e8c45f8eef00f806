"""Data sets as arrays, and the splits of one-class learning.

    images = load_images("cifar10")
    split = one_class_split(images, "truck", seed=0)
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data_prep import masked_files
from data_prep.archives import ARRAYS, CLASS_NAMES, data_folder, md5_of
from data_prep.archives import DataError as DataError  # which loading may raise
from data_prep.download import load
from ocnd_lib.image_sets import ImageSet, fingerprint_of
from ocnd_lib.masked import load_masked, source_of

ALIASES = {"plane": "airplane", "car": "automobile", "t-shirt/top": "t-shirt"}


@dataclass(frozen=True, eq=False)
class OneClassSplit:
    """Normal images to learn from; test images with y_test 0 normal, 1 novel, and their classes."""

    x_train: np.ndarray
    x_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_test: np.ndarray


def load_images(name: str, folder: Path | None = None) -> ImageSet:
    """Load a data set, downloaded if need be; ValueError for its name, DataError for its file."""
    folder = Path(folder or data_folder())
    _check_name(name, folder)
    return LOADERS.get(name, _load_masked)(name, folder)


def check_available(name: str, folder: Path | None = None) -> None:
    """Raise what `load_images` would, which may download a set but makes none."""
    if name in ("scenes", "coco10"):  # half a minute and more to make, unless they were kept
        source_of(name, Path(folder or data_folder()))
    else:
        load_images(name, folder)


def _check_name(name: str, folder: Path | None = None) -> None:
    if name not in (there := known_sets(folder)):
        raise ValueError(f"there is no data set {name!r}; there are: {', '.join(there)}")


def prepare(name: str, folder: Path | None = None) -> ImageSet:
    """As `load_images`, but a damaged file is downloaded anew, too (`ocnd data NAME`)."""
    if name not in CLASS_NAMES:
        return load_images(name, folder)
    return _load_archive(name, Path(folder or data_folder()), repair=True)


def _load_digits(name: str, folder: Path) -> ImageSet:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # bilinear, pixel centres aligned; all weights are multiples of 1/8, so nothing is rounded here
    centres = (np.arange(32) + 0.5) / 4 - 0.5
    weights = np.stack([np.interp(centres, np.arange(8), row) for row in np.eye(8)], axis=1)
    x = np.rint(weights @ digits.images @ weights.T * (255 / 16)).astype(np.uint8)[:, None]
    y = digits.target.astype(np.int64)
    # 130 of each class train, the other 497 test: with equal classes a ratio of 1:9 is exact
    order = np.random.default_rng(0).permutation(len(y))
    train = np.sort(np.concatenate([order[y[order] == k][:130] for k in range(10)]))
    test = np.setdiff1d(order, train)
    arrays = x[train], y[train], x[test], y[test]
    return ImageSet(name, *arrays, class_names(name), fingerprint_of(map(md5_of, arrays)))


def _load_archive(name: str, folder: Path, repair: bool = False) -> ImageSet:
    stored = load(name, folder, repair)
    arrays, digits = [stored[key] for key in ARRAYS], fingerprint_of(stored["md5"])
    return ImageSet(name, *arrays, class_names(name), digits, stored.get("inexact", 0))


def _load_masked(name: str, folder: Path) -> ImageSet:
    return load_masked(name, folder).without_masks()


# A further data set is one line here: its name and a function (name, folder) -> ImageSet. A set
# with masks that somebody made of files of COCO's format needs none: it is known by its file.
LOADERS = {
    "digits": _load_digits,
    "mnist": _load_archive,
    "fashion_mnist": _load_archive,
    "cifar10": _load_archive,
    "coil100": _load_archive,
    **dict.fromkeys(masked_files.CLASS_NAMES, _load_masked),
}
DATASETS = tuple(LOADERS)


def known_sets(folder: Path | None = None) -> tuple[str, ...]:
    """The names of all data sets: ours, then those with masks that somebody made."""
    return (*DATASETS, *masked_files.own_sets(folder))


def class_names(name: str) -> tuple[str, ...]:
    """Names of a set's classes, without loading it; ValueError lists the sets."""
    _check_name(name)
    names = {"digits": CLASS_NAMES["mnist"], **CLASS_NAMES, **masked_files.CLASS_NAMES}
    if name in names:
        return tuple(names[name].split())
    own = masked_files.read_set(name, masked_files.npz_path(name))
    return tuple(own["class_names"].tolist())


def class_index(images: ImageSet | str, normal_class: int | str) -> int:
    """Index of a class of a set, or of a set's name: 9, "9", "Truck", "car"; else ValueError."""
    by_name = isinstance(images, str)
    name, names = (images, class_names(images)) if by_name else (images.name, images.class_names)
    wanted = str(normal_class).lower().replace(" ", "-")
    wanted = wanted if wanted in names else ALIASES.get(wanted, wanted)
    if isinstance(normal_class, str) and wanted in names:
        return names.index(wanted)
    if wanted.isdecimal() and int(wanted) < len(names):
        return int(wanted)
    listed = ", ".join(f"{i} {word}" if word != str(i) else word for i, word in enumerate(names))
    raise ValueError(f"{name} has no class {normal_class!r}; there are: {listed}")


def one_class_split(
    images: ImageSet, normal_class: int | str, seed: int, contamination: float = 0.0
) -> OneClassSplit:
    """Train on one class of the training split, test on the whole test split (protocol P2).

    A tenth of the normal training images, drawn by `seed`, is held out for validation.
    `contamination`, at most 0.5, is the part of both whose place training images of other classes
    take, as if nobody had looked. ValueError for a class without images, in training or in the
    test.
    """
    k = class_index(images, normal_class)
    _check_images_of(images, k)
    x = images.x_train[images.y_train == k]
    if contamination:
        if not 0 < contamination <= 0.5:
            raise ValueError(f"contamination must be from 0 to 0.5, not {contamination}")
        rng = np.random.default_rng([seed, 1])  # so that the same images are held out as without
        places = rng.permutation(len(x))[: round(contamination * len(x))]
        others = np.flatnonzero(images.y_train != k)
        x[places] = images.x_train[rng.choice(others, len(places), replace=False)]
    order = np.random.default_rng(seed).permutation(len(x))
    held_out, train = np.split(order, [round(0.1 * len(x))])
    y_test = (images.y_test != k).astype(np.int64)
    parts = x[np.sort(train)], x[np.sort(held_out)]
    return OneClassSplit(*parts, images.x_test, y_test, images.y_test)


def imbalanced_split(
    images: ImageSet, normal_class: int | str, ratio: float, seed: int
) -> ImageSet:
    """Keep so many normal training images that novel/normal is `ratio`; the test set stays whole.

    Its y_* are 0 normal, 1 novel; the fingerprint stays that of `images`. ValueError for a ratio
    that the data cannot have, and for a class without images.
    """
    k = class_index(images, normal_class)
    _check_images_of(images, k)
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
    found = {"x_train": images.x_train[rows], "y_train": y_train[rows], "y_test": y_test}
    return replace(images, **found, class_names=("normal", "novel"))


def _check_images_of(images: ImageSet, k: int) -> None:
    """ValueError unless training and test have images of class k, the test also others."""
    name = images.name
    for part in ("train", "test"):
        x, y = getattr(images, f"x_{part}"), getattr(images, f"y_{part}")
        if len(x) != len(y):
            raise ValueError(f"x_{part} of {name} has {len(x)} images, y_{part} {len(y)}")
        if not (y == k).any():
            raise ValueError(f"class {images.class_names[k]} of {name} has no image in x_{part}")
    if (images.y_test == k).all():
        raise ValueError(f"x_test of {name} has no image of another class")
