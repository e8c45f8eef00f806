"""Real animals with masks at 32 x 32, cut from PASCAL VOC 2012, and five folds of them.

One kept file, `voc_animals/voc_animals_32.npz`: 2 858 cats, cows, dogs, horses and sheep in 2 685
photographs (Everingham et al., VOC 2012; masks of VOC and of SBD, Hariharan et al. 2011; boxes of
Animal Pose, Cao et al. 2019). Whoever has VOC makes the like with `data_prep.voc`; its boxes are
others, so that is another set. The photographs are under Flickr's terms: nobody may pass them on,
so no record keeps one (`masked_files.NO_PICTURES`).
"""

import zipfile
from pathlib import Path

import numpy as np

from data_prep.archives import DataError, md5_of
from data_prep.masked_files import CLASS_NAMES

NAME, FOLDS = "voc_animals", 5
MD5 = {  # of the kept arrays, and of the folds, which another scikit-learn might make otherwise
    "picture": "054273b49c2683e70c63955f7bc3bcda",
    "masked": "2464a6d577469c9736295c0653df824d",
    "mask": "fae1c13bdae51e151c363e9483d85b17",
    "label": "05051cd2aa5b15b0e87067113d4ff07b",
    "image": "55e11af459fbb1a68e9b886dc4aec34e",
    "fold": "9467758e2620fa567eea180aaf25ce26",
}


def voc_path(folder: Path) -> Path:
    """Where the kept file lies in a data folder."""
    return Path(folder) / NAME / f"{NAME}_32.npz"


def folds(label: np.ndarray, photograph: np.ndarray) -> np.ndarray:
    """The fold of each object, uint8 (N,), 0 to 4: classes even, no photograph in two folds."""
    from sklearn.model_selection import StratifiedGroupKFold

    fold = np.empty(len(label), np.uint8)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for number, (_, test) in enumerate(splitter.split(label, label, photograph)):
        fold[test] = number
    return fold


def read_fold(path: Path, fold: int) -> dict[str, np.ndarray]:
    """The arrays of `masked_files.ARRAYS`, with one fold of the kept file as the test.

    Raises ValueError for a fold outside 0 to 4, DataError if the file is missing or another one.
    """
    if fold not in range(FOLDS):
        raise ValueError(f"fold must be a whole number from 0 to {FOLDS - 1}, not {fold!r}")
    try:
        with np.load(path) as file:
            kept = {key: file[key] for key in (*MD5, "class_names") if key != "fold"}
        if " ".join(kept["class_names"]) != CLASS_NAMES[NAME]:
            raise ValueError(f"its class names are not {CLASS_NAMES[NAME]}")
        kept["fold"] = folds(kept["label"], kept["image"])
        for key, expected in MD5.items():
            if md5_of(kept[key]) != expected:
                raise ValueError(f"{key} has been changed")
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        what = "it is missing" if isinstance(error, FileNotFoundError) else str(error)
        raise DataError(
            f"{path} cannot be used: {what}. It cannot be downloaded; of PASCAL VOC 2012 make a "
            "set like it under a name of your own: ocnd data NAME --voc VOCdevkit/VOC2012"
        ) from error
    arrays = {}
    for part, rows in (("train", kept["fold"] != fold), ("test", kept["fold"] == fold)):
        arrays[f"x_{part}"] = kept["picture"][rows].transpose(0, 3, 1, 2)
        arrays[f"o_{part}"] = kept["masked"][rows].transpose(0, 3, 1, 2)
        arrays[f"m_{part}"] = kept["mask"][rows][:, None]
        arrays[f"y_{part}"] = kept["label"][rows]
    return {key: np.ascontiguousarray(array) for key, array in arrays.items()}
