"""Arrays of records in little space: of a thousand records each has scores of 10 000 images."""

import zipfile
from collections.abc import Mapping
from hashlib import md5
from pathlib import Path

import numpy as np

from data_prep.files import replace_file

MANY = 1000  # values; what has fewer is kept as it is
LABELS = "class_test"  # the same in all records of a data set
ON_GRID = ".on_grid"  # ends the name of what is kept as whole steps; `GRIDS` has (lowest, step)
GRIDS = "grids"


def pack(path: Path, arrays: Mapping[str, np.ndarray], shared: Path) -> None:
    """An npz file from which `unpack` gives the same arrays again, bit for bit.

    Scores on a grid become whole numbers of 16 bits, their high bytes first, which is a sixth less;
    LZMA saves a fifth of what zip would take; labels of a whole test set lie once in the folder
    `shared`, by their md5.
    """
    stored, grids = {}, []
    for name, array in arrays.items():
        array = np.asanyarray(array)
        if name == LABELS and array.dtype == np.uint8 and array.size >= MANY:
            stored[name] = _share(array, shared)
        elif found := _on_grid(array):
            lowest, step = found
            grids.append(found)
            steps = ((array.astype(float) - lowest) / step).astype(np.uint16)
            stored[name + ON_GRID] = np.stack([steps >> 8, steps & 255]).astype(np.uint8)
        else:
            stored[name] = array
    if grids:
        stored[GRIDS] = np.array(grids)
    replace_file(path, lambda file: _write(file, stored))


def unpack(path: Path, shared: Path) -> dict[str, np.ndarray]:
    """The arrays that `pack` was given; ValueError if the labels that it names are gone."""
    with np.load(path) as kept:
        stored = {name: kept[name] for name in kept.files}
    grids = iter(stored.pop(GRIDS, ()))
    arrays = {}
    for name, array in stored.items():
        if name.endswith(ON_GRID):
            lowest, step = next(grids)
            steps = array[0] * 256.0 + array[1]
            arrays[name.removesuffix(ON_GRID)] = (steps * step + lowest).astype(np.float32)
        elif name == LABELS and array.ndim == 0:
            labels = shared / f"{array}.npy"
            if not labels.exists():
                raise ValueError(
                    f"{path} needs {labels}, which is missing; copy both, or run again"
                )
            arrays[name] = np.load(labels)
        else:
            arrays[name] = array
    return arrays


def _share(labels: np.ndarray, folder: Path) -> np.ndarray:
    """Keep labels in the folder, unless they are there; returns the name they have."""
    name = f"{LABELS}-{md5(labels.tobytes()).hexdigest()[:16]}"
    if not (folder / f"{name}.npy").exists():
        replace_file(folder / f"{name}.npy", lambda file: np.save(file, labels))
    return np.array(name)


def _on_grid(values: np.ndarray) -> tuple[float, float] | None:
    """(lowest, step) if many float32 values are up to 65 535 steps above the lowest, else None."""
    if values.dtype != np.float32 or values.ndim != 1 or values.size < MANY:
        return None
    exact = values.astype(float)
    if not np.isfinite(exact).all() or not exact.any() or np.signbit(exact[exact == 0]).any():
        return None
    mantissas, exponents = np.frexp(exact[exact != 0])
    whole = np.abs(mantissas * 2**24).astype(np.int64)  # a float32 has 24 binary digits
    last_digit = np.log2(whole & -whole).astype(int)
    step = 2.0 ** int((exponents - 24 + last_digit).min())
    lowest = float(exact.min())
    return (lowest, step) if (exact.max() - lowest) / step < 2**16 else None


def _write(file, arrays: Mapping[str, np.ndarray]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # of 1980: equal arrays give equal files
            member.compress_type = zipfile.ZIP_LZMA
            with archive.open(member, "w", force_zip64=True) as into:
                np.lib.format.write_array(into, array, allow_pickle=False)
