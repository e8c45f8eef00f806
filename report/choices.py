"""How each setting was chosen: every variant that was tried, by its validation AUROC.

A variant is a method with other parameters, e.g. the cells `mnist/ocgan+latent_dim=8/CLASS/0`. What
is compared are the AUROCs of `ocnd_lib.selection`, which need no test image.
"""

import json

import numpy as np
import pandas as pd

from ocnd_lib.protocol import DETECTORS, detector_class, settings_of
from ocnd_lib.records import parse_cell

KINDS = ("erased", "mirrored", "turned", "mean")  # of generated novelties; `mean` of the three
APART = ("seed", "device")  # parameters that are no setting


def table_settings(dataset: str, method: str) -> dict:
    """The settings with which a method stands in the tables of a data set."""
    changed = {**DETECTORS[method][2], **settings_of(dataset, method)}
    return _settings(detector_class(method)(**changed).get_params())


def _settings(parameters: dict) -> dict:
    plain = json.loads(json.dumps(parameters))  # as they are read back from a record
    return {name: value for name, value in plain.items() if name not in APART}


def recorded_settings(method: str, record: dict) -> dict:
    """The settings of a record, those that the method has today.

    A parameter that came later has its default; one that is gone had its default in every record.
    """
    defaults = detector_class(method)().get_params()
    return _settings({name: record["parameters"].get(name, defaults[name]) for name in defaults})


def choices_table(dataset: str, method: str, records: list[dict]) -> pd.DataFrame:
    """Every recorded variant of a method: first what the tables use, then the best.

    A row a variant: the settings in which the variants differ, a column each; `taken`, whether the
    tables use it; `classes`, a tuple of those that it shares, seed by seed, with what the tables
    use (all of its own if nothing of that is recorded); erased, mirrored, turned and mean,
    validation AUROCs averaged over these cells; `gain`, its mean less that of what the tables use
    over the same cells. NaN if they share none. No row if nothing was recorded; ValueError for an
    unknown method.
    """
    if method not in DETECTORS:
        raise ValueError(f"{method!r} is no detector; there are: {', '.join(DETECTORS)}")
    taken = json.dumps(table_settings(dataset, method), sort_keys=True)
    variants: dict[str, dict[tuple, dict]] = {}  # settings → class, seed → validation AUROCs
    for record in records:
        cell = parse_cell(record["cell"])
        validation = record["metrics"].get("validation")
        if (cell.dataset, cell.method) == (dataset, method) and validation:
            key = json.dumps(recorded_settings(method, record), sort_keys=True)
            variants.setdefault(key, {})[cell.normal_class, cell.seed] = validation
    settings = pd.DataFrame([json.loads(key) for key in variants], dtype=object)
    differing = [name for name in settings if settings[name].map(json.dumps).nunique() > 1]
    used, rows = variants.get(taken), []
    for key, found in variants.items():
        shared = sorted(one for one in found if used is None or one in used)
        means = {kind: _mean(found, shared, kind) for kind in KINDS}
        gain = means["mean"] - _mean(used, shared, "mean") if used else float("nan")
        names = tuple(dict.fromkeys(name for name, _ in shared))
        rows.append({"taken": key == taken, "classes": names, **means, "gain": gain})
    columns = ["taken", "classes", *KINDS, "gain"]
    table = settings[differing].join(pd.DataFrame(rows, columns=columns))
    return table.sort_values(
        ["taken", "gain", "mean"], ascending=False, kind="stable", ignore_index=True
    )


def _mean(found: dict[tuple, dict], cells: list[tuple], kind: str) -> float:
    return float(np.mean([found[cell][kind] for cell in cells])) if cells else float("nan")


def render_choices(dataset: str, method: str, table: pd.DataFrame, format: str = "text") -> str:
    """Write the rows of `choices_table` as text, csv or json."""
    if format == "json":
        return table.to_json(orient="records", indent=1) + "\n"
    if format == "csv":
        return table.to_csv(index=False)
    if table.empty:
        return f"no variant of {method} on {dataset} has a validation AUROC on record\n"
    return for_page(table).to_string(index=False, na_rep="") + "\n"


def for_page(table: pd.DataFrame) -> pd.DataFrame:
    """`choices_table` with three digits and words."""
    digits = table[list(KINDS)].map(lambda value: "" if pd.isna(value) else f"{value:.3f}")
    gains = ["" if pd.isna(gain) else f"{gain:+.3f}" for gain in table["gain"]]
    words = ["taken" if taken else gain for taken, gain in zip(table["taken"], gains, strict=True)]
    classes = [", ".join(names) for names in table["classes"]]
    return table.drop(columns=["taken", "gain"]).assign(
        classes=classes, **digits, **{"than what is taken": words}
    )
