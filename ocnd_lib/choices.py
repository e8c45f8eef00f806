"""How each setting was chosen: every variant that was tried, by its validation AUROC.

A variant is a method with other parameters, e.g. the cells `mnist/ocgan+latent_dim=8/CLASS/0`. What
is compared are the AUROCs of `ocnd_lib.selection`, which need no test image.
"""

import json

import pandas as pd

from ocnd_lib.benchmark import DETECTORS, SETTINGS, detector_class
from ocnd_lib.records import parse_cell

KINDS = ("erased", "mirrored", "turned", "mean")  # of generated novelties; `mean` of the three
APART = ("seed", "device")  # parameters that are no setting


def table_settings(dataset: str, method: str) -> dict:
    """The settings with which a method stands in the tables of a data set."""
    changed = {**DETECTORS[method][2], **SETTINGS.get((dataset, method), {})}
    return _settings(detector_class(method)(**changed).get_params())


def _settings(parameters: dict) -> dict:
    plain = json.loads(json.dumps(parameters))  # as they are read back from a record
    return {name: value for name, value in plain.items() if name not in APART}


def choices_table(dataset: str, method: str, records: list[dict]) -> pd.DataFrame:
    """Every recorded variant of a method, seed 0, the best by validation first.

    A row a variant: the settings in which the variants differ, a column each; classes (how many all
    variants share); erased, mirrored, turned and mean, validation AUROCs averaged over those
    classes, NaN if there are none; best, the highest mean; taken, what the tables use. No row if
    nothing was recorded; ValueError for an unknown method.
    """
    if method not in DETECTORS:
        raise ValueError(f"{method!r} is no detector; there are: {', '.join(DETECTORS)}")
    taken = table_settings(dataset, method)
    variants: dict[str, dict[str, dict]] = {}  # settings → class → validation AUROCs
    for record in records:
        cell = parse_cell(record["cell"])
        validation = record["metrics"].get("validation")
        if (cell.dataset, cell.method, cell.seed) == (dataset, method, 0) and validation:
            key = json.dumps(_settings(record["parameters"]), sort_keys=True)
            variants.setdefault(key, {})[cell.normal_class] = validation
    shared = sorted(set.intersection(*map(set, variants.values()))) if variants else []
    settings = pd.DataFrame([json.loads(key) for key in variants], dtype=object)
    differing = [name for name in settings if settings[name].map(json.dumps).nunique() > 1]
    table = settings[differing].assign(classes=len(shared))
    for kind in KINDS:
        table[kind] = [
            pd.Series([found[name][kind] for name in shared], dtype=float).mean()
            for found in variants.values()
        ]
    table["best"] = table["mean"] == table["mean"].max()
    table["taken"] = [json.loads(key) == taken for key in variants]
    return table.sort_values("mean", ascending=False, kind="stable", ignore_index=True)


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
    """`choices_table` with three digits, and words for its marks."""
    digits = table[list(KINDS)].map(lambda value: "" if pd.isna(value) else f"{value:.3f}")
    marks = [
        ", ".join(word for word in ("best", "taken") if row[word]) for _, row in table.iterrows()
    ]
    return table.drop(columns=["best", "taken"]).assign(**digits, mark=marks)
