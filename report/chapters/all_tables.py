"""Appendix to the tables: every class, seed and variant, and how settings were chosen."""

import json
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.records import parse_cell, read_records, records_folder
from ocnd_lib.registry import DETECTORS, detector_class, settings_of
from ocnd_lib.selection import KINDS
from ocnd_lib.sharing import OF_THE_SPLIT
from report import tables
from report.chapters.benchmark import REFERENCE, read
from report.drawing import interval, matrix, titled
from report.source import plain
from report.tables import FURTHER, METHODS, TITLES, Results, means, named

APART = ("seed", "device")  # parameters that are no setting
SETS = {**TITLES, **FURTHER}
CHOSEN_ON = ["2", "5", "8"]  # of MNIST: on these the rule of choice and most settings were found


def every_set() -> dict[str, Results]:
    """What is recorded of every data set that has a printed table or a recorded cell."""
    there = [name for name in FURTHER if (records_folder() / name).is_dir()]
    return read() | {name: tables.results(name) for name in there}


# --- tables --------------------------------------------------------------------------------------


def means_table(every: dict[str, Results]) -> pd.DataFrame:
    """`means` of every data set, for a page; index data set, method as they are shown."""
    pages = {}
    for name, found in every.items():
        table = named(means(found))
        lines = {
            "printed": table["published"].map("{:.4f}".format),
            "ours": table["mean"].map("{:.4f}".format),
            "95 % interval": [f"[{r.low:.4f}, {r.high:.4f}]" for r in table.itertuples()],
            "sd over seeds": table["sd"].map("{:.4f}".format),
            "seeds": table["seeds"].map("{:.0f}".format),
            "classes": table["classes"].map(f"{{:.0f}} of {len(found.names)}".format),
        }
        pages[SETS[name]] = pd.DataFrame(lines).replace({"nan": "", "[nan, nan]": ""})
    return pd.concat(pages, names=["data set", "method"])


def behind(row: tuple[str, str], column: str) -> list[str]:
    """The cells, as patterns, that a number of `means_table` rests on."""
    if column not in ("ours", "95 % interval", "sd over seeds"):
        return []
    folders = {title: name for name, title in (SETS | METHODS).items()}
    return ["/".join([folders[part] for part in row] + ["*/*"])]


def behind_all() -> list[str]:
    """The cells, as patterns, that this page's numbers rest on."""
    return [f"{n}/{m}{more}/*/*" for n in SETS for m in METHODS for more in ("", "+*")]


def every_seed(found: Results) -> pd.DataFrame:
    """The AUROC of every cell: a row a method and seed, a column a class."""
    table = found.cells.pivot(index=["method", "seed"], columns="normal_class", values="auroc")
    return table.reindex(found.methods, level=0).reindex(columns=found.names).rename(METHODS)


def seeds_table(every: dict[str, Results]) -> pd.DataFrame:
    """Spread over seeds of each mean over classes (sd), and what it would be if a seed moved each
    class by itself (independent), as the intervals assume; index data set, method."""
    rows = {}
    for name, found in every.items():
        for method, cells in found.cells.groupby("method"):
            seeds = cells.pivot(index="normal_class", columns="seed", values="auroc").dropna(axis=1)
            if method in found.complete and seeds.shape[1] > 1:
                independent = np.sqrt(seeds.var(axis=1).sum()) / len(seeds)
                rows[name, method] = {"sd": seeds.mean().std(), "independent": independent}
    return pd.DataFrame(rows).T


# --- how settings were chosen --------------------------------------------------------------------


def table_settings(dataset: str, method: str) -> dict:
    """The settings with which a method stands in the tables of a data set."""
    changed = {**DETECTORS[method][2], **settings_of(dataset, method)}
    return _settings(detector_class(method)(**changed).get_params())


def _settings(parameters: dict) -> dict:
    plain = json.loads(json.dumps(parameters))  # as they are read back from a record
    return {name: value for name, value in plain.items() if name not in APART}


def recorded_settings(method: str, record: dict) -> dict:
    """The settings of a record that the method has today; one that came later has its default."""
    defaults = detector_class(method)().get_params()
    return _settings({name: record["parameters"].get(name, defaults[name]) for name in defaults})


def choices_table(dataset: str, method: str, records: list[dict]) -> pd.DataFrame:
    """Every recorded variant of a method: first what the tables use, then the best.

    A row a variant: the settings in which the variants differ, a column each; `taken`, whether the
    tables use it; `classes`, those that it shares, seed by seed, with what the tables use (all of
    its own if nothing of that is recorded); each kind of generated novelty and `mean`, validation
    AUROCs averaged over these cells; `gain`, its mean less that of what the tables use over the
    same cells. NaN if they share none. ValueError for an unknown method.
    """
    if method not in DETECTORS:
        raise ValueError(f"{method!r} is no detector; there are: {', '.join(DETECTORS)}")
    kinds = [*getattr(detector_class(method), "choice_by", KINDS), "mean"]
    rows = []
    for record in records:
        cell, validation = parse_cell(record["cell"]), record["metrics"].get("validation")
        same = (cell.dataset, cell.method) == (dataset, method)
        if same and validation and not cell.parameters.keys() & OF_THE_SPLIT:
            variant = json.dumps(recorded_settings(method, record), sort_keys=True)
            row = {"variant": variant, "class": cell.normal_class, "seed": cell.seed}
            rows.append(row | validation)
    found = pd.DataFrame(rows, columns=["variant", "class", "seed", *kinds])
    found = found.sort_values(["variant", "class", "seed"])
    found = found.drop_duplicates(["variant", "class", "seed"], keep="last")
    taken = json.dumps(table_settings(dataset, method), sort_keys=True)
    used = found[found["variant"] == taken].set_index(["class", "seed"])["mean"].rename("used")
    found = found.join(used, on=["class", "seed"])
    if len(used):  # only what is shared counts, and means leave out NaN
        found.loc[found["used"].isna(), ["class", *kinds]] = np.nan
    variants = found.groupby("variant")
    table = variants[[*kinds, "used"]].mean()
    table["gain"] = table["mean"] - table.pop("used")
    table.insert(0, "classes", variants["class"].agg(lambda names: tuple(names.dropna().unique())))
    table.insert(0, "taken", table.index == taken)
    settings = pd.DataFrame([json.loads(key) for key in table.index], table.index, dtype=object)
    differing = [name for name in settings if settings[name].map(json.dumps).nunique() > 1]
    order = {"by": ["taken", "gain", "mean"], "ascending": False, "kind": "stable"}
    return settings[differing].join(table).sort_values(**order, ignore_index=True)


def render_choices(dataset: str, method: str, format: str = "text") -> str:
    """Write the rows of `choices_table` of what is recorded as text, csv or json."""
    table = choices_table(dataset, method, read_records(pattern=f"{dataset}/{method}*/*"))
    if table.empty and format == "text":
        return f"no variant of {method} on {dataset} has a validation AUROC on record\n"
    table["classes"] = table["classes"].map(", ".join)
    return tables.written(table, format, float_format="{:.3f}".format)


def choices_of_all() -> pd.DataFrame:
    """`choices_table` of every method of which several variants are on record, their settings in
    one column; index data set, method."""
    parts = {}
    for name, method in product(TITLES, [method for method in METHODS if method in DETECTORS]):
        tried = choices_table(name, method, read_records(pattern=f"{name}/{method}*/*"))
        if len(tried) > 1:
            of = list(tried)[: list(tried).index("taken")]
            words = [
                ", ".join(f"{key}={value}" for key, value in row.dropna().items())
                for _, row in tried[of].iterrows()
            ]
            part = tried.drop(columns=of)
            part.insert(0, "settings", words)
            parts[TITLES[name], METHODS[method]] = part
    return pd.concat(parts, names=["dataset", "method"]).droplevel(2) if parts else pd.DataFrame()


# --- what the page says --------------------------------------------------------------------------


def numbers() -> dict[str, object]:
    """Every number of this page's sentences, by its name there."""
    every = dict(read())
    seeds, mnist = seeds_table(every), every["mnist"]
    others = [name for name in mnist.names if name not in CHOSEN_ON]
    runs = [run for run in mnist.runs[REFERENCE] if mnist.names[run.normal_class] in others]
    return plain({
        "spread-rows": len(seeds),
        "spread-larger": int((seeds["sd"] > seeds["independent"]).sum()),
        "spread-ratio": float((seeds["sd"] ** 2).mean() / (seeds["independent"] ** 2).mean()),
        "ae-seen": float(seeds.loc[("mnist", "ae"), "sd"]),
        "ae-assumed": float(seeds.loc[("mnist", "ae"), "independent"]),
        "variants": len(choices_of_all()),
        "other-digits": interval(*tables.mean_of(runs), ".4f"),
        "printed-other-digits": float(mnist.published.loc[REFERENCE][others].mean()),
    })  # fmt: skip


# --- figures -------------------------------------------------------------------------------------


def table_figure(dataset: str) -> Figure:
    """The AUROC of every class and method, printed above ours."""
    found = read()[dataset]
    ours = found.ours.assign(mean=found.ours.mean(axis=1, skipna=False))
    printed = found.published.reindex(found.methods).assign(mean=means(found)["published"])
    words = [t.map("{:.3f}".format).replace("nan", "\N{EN DASH}") for t in (printed, ours)]
    title = f"{TITLES[dataset]}: printed above ours; red where ours is lower, blue where higher"
    ax = titled(title, 0.9 + 0.36 * len(ours)).subplots()
    matrix(
        ax, named((ours - printed).fillna(0.0)),  # what cannot be compared stays white
        "", annot=words[0] + "\n" + words[1], annot_kws={"fontsize": 9}, square=False,
        cmap="RdBu", center=0, vmin=-0.15, vmax=0.15, linewidths=1,
    )  # fmt: skip
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", rotation=90 if max(map(len, ours)) > 4 else 0)
    return ax.figure


FIGURES = {f"tables-{name}": partial(table_figure, name) for name in TITLES}
