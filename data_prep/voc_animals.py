"""Real animals with masks at 32 x 32, cut from PASCAL VOC 2012, and five folds of them.

One kept file, `voc_animals/voc_animals_32.npz`: 2 858 cats, cows, dogs, horses and sheep in 2 685
photographs (Everingham et al., VOC 2012; masks of VOC and of SBD, Hariharan et al. 2011; boxes of
Animal Pose, Cao et al. 2019). Whoever has VOC makes the like with `data_prep.voc`; its boxes are
others, so that is another set. The photographs are under Flickr's terms: nobody may pass them on,
so no record keeps one (`masked_files.NO_PICTURES`).
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from data_prep.archives import DataError, compare, load_npz, md5_of
from data_prep.masked_files import CLASS_NAMES

NAME, FOLDS = "voc_animals", 5
MD5 = {
    "picture": "054273b49c2683e70c63955f7bc3bcda",
    "masked": "2464a6d577469c9736295c0653df824d",
    "mask": "fae1c13bdae51e151c363e9483d85b17",
    "label": "05051cd2aa5b15b0e87067113d4ff07b",
    "image": "55e11af459fbb1a68e9b886dc4aec34e",
}
FOLD_MD5 = "9467758e2620fa567eea180aaf25ce26"


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


@lru_cache(1)  # five folds are read of it, one after the other, and to divide it takes two seconds
def _kept(path: Path, _changed: int) -> dict[str, np.ndarray]:
    kept = load_npz(path, CLASS_NAMES[NAME], (*MD5, "class_names"))
    compare({key: md5_of(kept[key]) for key in MD5}, MD5)
    kept["fold"] = folds(kept["label"], kept["image"])
    if md5_of(kept["fold"]) != FOLD_MD5:
        raise ValueError("this scikit-learn makes other folds")
    return kept


def read_fold(path: Path, fold: int) -> dict[str, np.ndarray]:
    """The arrays of `masked_files.ARRAYS`, with one fold of the kept file as the test.

    Raises ValueError for a fold outside 0 to 4, DataError if the file is missing or another one.
    """
    if fold not in range(FOLDS):
        raise ValueError(f"fold must be a whole number from 0 to {FOLDS - 1}, not {fold!r}")
    try:
        kept = _kept(path, Path(path).stat().st_mtime_ns)
    except Exception as error:  # a damaged file can fail anywhere, in zlib as in numpy
        what = "it is missing" if isinstance(error, FileNotFoundError) else str(error)
        raise DataError(
            f"{path} cannot be used: {what}. It cannot be downloaded; of PASCAL VOC 2012 make a "
            "set like it under a name of your own: ocnd data NAME --voc VOCdevkit/VOC2012"
        ) from error
    x, o = (kept[key].transpose(0, 3, 1, 2) for key in ("picture", "masked"))
    kinds = {"x": x, "o": o, "m": kept["mask"][:, None], "y": kept["label"]}
    sides = {"train": kept["fold"] != fold, "test": kept["fold"] == fold}
    arrays = {f"{kind}_{part}": kinds[kind][rows] for part, rows in sides.items() for kind in kinds}
    return {key: np.ascontiguousarray(array) for key, array in arrays.items()}
