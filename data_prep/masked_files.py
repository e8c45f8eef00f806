"""How a set of pictures with masks lies on disk: `NAME/NAME.npz`, and beside it `manifest.csv`.

The npz holds, for train and test, the pictures x_* uint8 (N, 3, 32, 32), their objects alone, on
black, o_* of the same form, the object masks m_* uint8 (N, 1, 32, 32), where 255 is all object, and
the labels y_* uint8 (N,); then `class_names` and the `md5` of the eight. A pixel on an outline has
in o_* what the object adds to it and nothing of the background: x - o is the background alone. The
manifest has one line a picture, in the same order, train before test. A set that somebody makes of
files in COCO's format lies in this form, too, under a name of its own.
"""

import csv
import io
from pathlib import Path

import numpy as np

from data_prep import archives
from data_prep.archives import DataError, compare, data_folder, load_npz, md5_of
from data_prep.files import replace_file

COCO_CLASSES = "airplane car bird cat sports-ball dog bowl horse boat truck"
CLASS_NAMES = {
    "scenes": COCO_CLASSES,
    "mnist_on_cifar": "0 1 2 3 4 5 6 7 8 9",
    "coco10": COCO_CLASSES,
    "voc_animals": "cat cow dog horse sheep",
}
RESERVED = {*CLASS_NAMES, *archives.CLASS_NAMES, "digits"}  # names that no set of one's own has
BUILT = ("scenes", "mnist_on_cifar", "coco10")  # by `ocnd data`, with options
NO_PICTURES = ("voc_animals",)  # sets whose terms forbid that a record keeps photographs of theirs
ARRAYS = tuple(f"{kind}_{part}" for part in ("train", "test") for kind in "xomy")
COLUMNS = ("annotation_id", "image_id", "category", "split", "licence")


def npz_path(name: str, folder: Path | None = None) -> Path:
    """Where a set lies; `folder` is its own folder, by default `NAME` in the data folder."""
    return Path(folder or data_folder() / name) / f"{name}.npz"


def own_sets(folder: Path | None = None) -> tuple[str, ...]:
    """The names of the sets with masks that somebody made of files in COCO's format."""
    paths = Path(folder or data_folder()).glob("*/*.npz")
    return tuple(sorted({p.stem for p in paths if p.stem == p.parent.name} - RESERVED))


def masked_sets(folder: Path | None = None) -> tuple[str, ...]:
    """The names of all sets with masks: ours, then those that somebody made."""
    return (*CLASS_NAMES, *own_sets(folder))


def per_class_counts(per_class: int, test: int, classes: int = 10) -> tuple[int, int]:
    """Divide so many pictures a class, and so many test pictures in all, into train and test.

    Returns the counts a class; raises ValueError if the classes cannot share them equally.
    """
    most = classes * max(per_class - 1, 1)
    if test % classes or not 0 < test // classes < per_class:
        raise ValueError(
            f"{test} test pictures cannot be {per_class} a class with some left to train on: "
            f"--test must be a multiple of {classes}, from {classes} to {most}"
        )
    return per_class - test // classes, test // classes


def write_csv(path: Path, columns: tuple[str, ...], rows: list[tuple]) -> None:
    """Write a csv file whole or not at all."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    replace_file(path, lambda file: file.write(text.getvalue().encode()))


def write_set(
    name: str, folder: Path, arrays: dict, rows: list[tuple], names: list[str] | None = None
) -> Path:
    """Write the manifest, then the npz, each whole or not at all; return the path of the npz.

    `arrays` has the keys of ARRAYS, `rows` the columns of COLUMNS, `names` are the classes of a set
    that somebody makes. Equal arrays give equal bytes.
    """
    path = npz_path(name, folder)
    kept = {key: np.ascontiguousarray(arrays[key]) for key in ARRAYS}
    kept["md5"] = np.array([md5_of(array) for array in kept.values()])
    kept["class_names"] = np.array(names or CLASS_NAMES[name].split())
    write_csv(path.with_name("manifest.csv"), COLUMNS, rows)
    replace_file(path, lambda file: np.savez(file, **kept))
    return path


def read_set(name: str, path: Path) -> dict[str, np.ndarray]:
    """Read and verify one npz; returns the arrays of ARRAYS, `md5` and `class_names`.

    Raises DataError, which says what is wrong and how to build the file again.
    """
    try:
        arrays = load_npz(path, CLASS_NAMES.get(name), (*ARRAYS, "md5", "class_names"))
        found = {key: md5_of(arrays[key]) for key in ARRAYS}
        compare(found, dict(zip(ARRAYS, arrays["md5"], strict=True)))
        form, classes = {"m": (1, 32, 32), "y": ()}, len(arrays["class_names"])
        for key, array in ((key, arrays[key]) for key in ARRAYS):
            shape = (len(arrays[f"y_{key[2:]}"]), *form.get(key[0], (3, 32, 32)))
            if array.dtype != np.uint8 or array.shape != shape:
                raise ValueError(f"{key} is {array.dtype} {array.shape}, not uint8 {shape}")
            if key[0] == "y" and (array >= classes).any():
                raise ValueError(f"the labels in {key} are not 0 to {classes - 1}")
    except Exception as error:  # a damaged file can fail anywhere, in zlib as in numpy
        what = str(error) or type(error).__name__
        raise DataError(
            f"{path} cannot be used: {what}. To build it again, run: ocnd data {name}"
            + ("" if name in CLASS_NAMES else " --annotations FILE --images FOLDER")
        ) from error
    return arrays
