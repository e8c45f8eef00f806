"""What a record and its arrays must be before a number of theirs is believed."""

from collections.abc import Mapping

import numpy as np

NUMBER = (int, float)
NEEDED = {"metrics": dict, "seconds": NUMBER, "hardware": str, "provenance": dict}
TYPES = NEEDED | {
    "parameters": dict, "curves": dict, "tables": dict, "part_means": dict,
    "shared_seconds": NUMBER, "data_fingerprint": str, "train_counts": list, "test_counts": list,
}  # fmt: skip
MADE_BY = {
    "date": str, "processor": str, "threads": int,
    "git_revision": (str, type(None)), "git_changed": bool,
}  # fmt: skip
ONE_AN_IMAGE = ("score", "class_test", "novel", "index")


def check_record(record: object, cell: str) -> None:
    """Raise ValueError unless this, read from the file of a cell, is that cell's record."""
    if not isinstance(record, dict):
        raise ValueError("it is no JSON object")
    if missing := [name for name in ("cell", *NEEDED) if name not in record]:
        raise ValueError(f"it has no {', '.join(missing)}")
    if record["cell"] != cell:
        raise ValueError(f"it says that it is of the cell {record['cell']!r}")
    for part, types in ((record, TYPES), (record["provenance"], MADE_BY)):
        for name in types.keys() & part:
            value, kind = part[name], types[name]
            right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
            if not right or (kind is NUMBER and not _numbers(value)) or value == "":
                raise ValueError(f"its {name} is {str(value)[:40]!r}")
    for name, value in record["metrics"].items():
        if not _numbers(value):
            raise ValueError(f"its {name} is no number")
        if name.startswith("auroc") and not (isinstance(value, NUMBER) and 0 <= value <= 1):
            raise ValueError(f"its {name} is not from 0 to 1")
    tables = {"curves": record.get("curves", {}), **record.get("tables", {})}
    if odd := [name for name, table in tables.items() if not isinstance(table, dict)]:
        raise ValueError(f"its table {odd[0]} is no dict of columns")
    columns = [column for table in tables.values() for column in table.items()]
    for name, column in columns:  # of texts or of numbers; None may be in either
        texts = isinstance(column, list) and all(isinstance(v, str | None) for v in column)
        if not texts and not (isinstance(column, list) and _numbers(column)):
            raise ValueError(f"its column {name} is no list of numbers")


def _numbers(value: object) -> bool:
    """Whether this is a finite number, nothing, or a list or dict of the like."""
    if isinstance(value, list | dict):
        return all(map(_numbers, value.values() if isinstance(value, dict) else value))
    number = isinstance(value, NUMBER) and not isinstance(value, bool)
    return value is None or (number and abs(value) < 1e300)  # nor is NaN below


def check_arrays(arrays: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError unless every array is of numbers and what has one an image agrees."""
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} is of {array.dtype}")
    if "grids" in arrays:
        raise ValueError("its scores are kept in a form that is no longer read")
    each = {k: v for k, v in arrays.items() if k in ONE_AN_IMAGE or k.startswith("part_")}
    if len({array.shape[:1] for array in each.values()}) > 1:
        raise ValueError(f"{', '.join(each)} are not of as many images")
    if not np.isfinite(arrays.get("score", 0)).all():
        raise ValueError("a score is no number")


def columns_of(points: list[dict]) -> dict[str, list]:
    """One list a name, half the space of one dict a point; None where a point has no such name."""
    names = dict.fromkeys(name for point in points for name in point)
    return {name: [point.get(name) for point in points] for name in names}


def points_of(columns: dict[str, list]) -> list[dict]:
    """What `columns_of` was given."""
    rows = zip(*columns.values(), strict=True)
    return [{k: v for k, v in zip(columns, row, strict=True) if v is not None} for row in rows]
