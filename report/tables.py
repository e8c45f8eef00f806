"""The tables of AUROC: as the deck prints them, and as our records have them.

One reader leads from cells to runs (`read_runs`), one table holds what is recorded of a data set
(`Results`), one function its means (`means`); `render` prints them.
"""

import json
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, wraps

import numpy as np
import pandas as pd

from ocnd_lib import data
from ocnd_lib.comparison import REPEATS, Run, average, mean_interval
from ocnd_lib.records import (
    REPAIR,
    REPOSITORY,
    Cell,
    parse_cell,
    read_arrays,
    read_records,
    records_folder,
)

MOST_COLUMNS = 20  # classes of which a text table shows each
PUBLISHED = REPOSITORY / "results" / "published" / "auroc.csv"
TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}  # the data sets of the deck's two tables
FURTHER = {"fashion_mnist": "Fashion-MNIST", "coil100": "COIL-100", "voc_animals": "VOC animals"}

# the rows of a table, in the deck's order with our controls between them, as they are printed
METHODS = {
    "ocsvm": "OC-SVM",
    "kde": "KDE",
    "ae": "AE",
    "dae": "DAE",
    "vae": "VAE",
    "pixelcnn": "PixelCNN",
    "gan": "GAN",
    "and": "AND",
    "anogan": "AnoGAN",
    "f-anogan": "f-AnoGAN",
    "deep-svdd": "Deep SVDD",
    "ocgan": "OCGAN",
    "attention-gan": "Attention-GAN",
    "rotation": "Rotation",
}
# what the deck lists and our controls among it; rotation comes from beyond the deck
DECKS = tuple(method for method in METHODS if method != "rotation")

NUMBERS = ["published", "mean", "sd", "low", "high", "seeds"]  # of a method in a data set


def class_names(dataset: str) -> list[str]:
    """The classes of a data set in their order; ValueError lists the data sets."""
    return list(data.class_names(dataset))


def once(make: Callable) -> Callable:
    """The same function, which remembers what it has made from a folder of records."""
    made = lru_cache(maxsize=64)(lambda folder, *given: make(*given))
    asked = wraps(make)(lambda *given: made(records_folder(), *given))
    asked.cache_clear = made.cache_clear
    return asked


# --- as printed ----------------------------------------------------------------------------------


def load_published(dataset: str) -> pd.DataFrame:
    """The printed table of a data set: a row a method, a column a class; no row if none is printed.

    The column `mean` holds the mean as it was printed, a string, since its digits tell how it was
    rounded.
    """
    names, printed = class_names(dataset), pd.read_csv(PUBLISHED, dtype=str)
    printed = printed[printed["dataset"] == dataset].set_index("method")
    if printed.empty:
        return pd.DataFrame(columns=[*names, "mean"])
    table = printed[[f"c{k}" for k in range(len(names))]].astype(float).set_axis(names, axis=1)
    return table.assign(mean=printed["mean"])


def printed_means() -> pd.DataFrame:
    """Every printed mean added up again; index data set, method.

    Columns: printed, recomputed (the mean of the row's classes, four digits), agrees (in every
    digit that is printed).
    """
    rows = {}
    for name in TITLES:
        for method, row in load_published(name).iterrows():
            printed, mean = row["mean"], row.drop("mean").astype(float).mean()
            digits = len(printed.partition(".")[2])
            agrees = f"{mean:.{digits}f}" == printed
            rows[name, method] = (float(printed), round(float(mean), 4), agrees)
    columns = ["printed", "recomputed", "agrees"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.set_axis(pd.MultiIndex.from_tuples(rows, names=["dataset", "method"]))


# --- as recorded ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class IndexedRun(Run):
    """A run that knows which test images it scored: `index` (N,)."""

    index: np.ndarray


def read_runs(
    cells: str | Iterable[Cell | str], score: Callable = lambda kept: kept["score"]
) -> list[IndexedRun]:
    """The runs of these cells that keep scores; `score` makes another number of what is kept.

    `cells` may be a pattern, `dataset/variant/class`: all recorded cells that match it.
    """
    if isinstance(cells, str):
        cells = [record["cell"] for record in read_records(pattern=cells)]
    runs = []
    for cell in (parse_cell(cell) if isinstance(cell, str) else cell for cell in cells):
        if "score" in (kept := read_arrays(cell)):
            normal = class_names(cell.dataset).index(cell.normal_class)
            index = kept.get("index", np.arange(len(kept["score"])))
            runs.append(IndexedRun(normal, cell.seed, score(kept), kept["class_test"], index))
    return runs


def together(runs: Iterable[IndexedRun]) -> list[IndexedRun]:
    """The seeds of each class as one ensemble: the mean of their scores of the same images.

    Source: Lakshminarayanan, Pritzel and Blundell 2017 (arXiv 1612.01474).
    """
    classes: dict[int, list[IndexedRun]] = {}
    for run in runs:
        classes.setdefault(run.normal_class, []).append(run)
    return [
        replace(seeds[0], seed=0, score=np.mean([run.score for run in seeds], axis=0))
        for seeds in classes.values()
    ]


@dataclass(frozen=True, eq=False)
class Results:
    """What is recorded of a data set by methods with their own settings.

    `cells` has the columns method, normal_class, seed, auroc.
    """

    dataset: str
    cells: pd.DataFrame

    @cached_property
    def names(self) -> list[str]:
        """The classes."""
        return class_names(self.dataset)

    @cached_property
    def published(self) -> pd.DataFrame:
        """Printed AUROCs: a row a method, a column a class."""
        return load_published(self.dataset)[self.names].astype(float)

    @cached_property
    def ours(self) -> pd.DataFrame:
        """Our AUROCs, means over seeds, in the same form; NaN where nothing was run."""
        found = self.cells.pivot_table(index="method", columns="normal_class", values="auroc")
        return found.reindex(index=self.methods, columns=self.names)

    @cached_property
    def methods(self) -> list[str]:
        """What was printed or run."""
        there = {*self.published.index, *self.cells["method"]}
        return [method for method in METHODS if method in there]

    @cached_property
    def complete(self) -> list[str]:
        """The methods of which every class is recorded."""
        return list(self.ours.dropna().index)

    @cached_property
    def scored(self) -> dict[str, list[IndexedRun]]:
        """The runs of every method that has scores beside each of its records."""
        found = {}
        for method in self.methods:
            keys = self.cells.loc[self.cells["method"] == method, ["normal_class", "seed"]]
            cells = [Cell(self.dataset, method, *key) for key in keys.itertuples(index=False)]
            if cells and len(runs := read_runs(cells)) == len(cells):
                found[method] = runs
        return found

    @cached_property
    def runs(self) -> dict[str, list[IndexedRun]]:
        """Of these, the methods that are complete."""
        return {m: runs for m, runs in self.scored.items() if m in self.complete}


def results(dataset: str, methods: Iterable[str] = tuple(METHODS)) -> Results:
    """Read what is recorded of a data set; ValueError for a record of a class that it has not."""
    names, rows = class_names(dataset), []
    for method in methods:
        for record in read_records(pattern=f"{dataset}/{method}/*"):
            cell = parse_cell(record["cell"])
            if cell.normal_class not in names:
                raise ValueError(f"{cell} names no class of {dataset}: {', '.join(names)}")
            if "auroc" not in record["metrics"]:
                warnings.warn(f"the record of {cell} has no AUROC; {REPAIR}", stacklevel=2)
                continue
            auroc = float(record["metrics"]["auroc"])
            rows.append((method, cell.normal_class, cell.seed, auroc))
    return Results(dataset, pd.DataFrame(rows, columns=["method", "normal_class", "seed", "auroc"]))


@lru_cache(maxsize=8)
def means(found: Results) -> pd.DataFrame:
    """A row a method: published, mean, sd, low, high, seeds, classes.

    published: the mean as printed. mean: over the classes that were run (`classes` says how many)
    of the mean over seeds; sd: over seeds, of the mean; low, high: `comparison.mean_interval`;
    seeds: the least number of a class. NaN: not printed, not run, one seed, or no scores on record.
    """
    rows = {}
    for method, cells in found.cells.groupby("method"):
        ours = average(cells[["normal_class", "seed", "auroc"]].itertuples(index=False))
        ends = (np.nan, np.nan)
        if runs := found.scored.get(method):
            ends = mean_interval(runs, repeats=REPEATS)
        rows[method] = (np.nan, ours.mean, ours.sd, *ends, ours.seeds, len(ours.classes))
    columns = [*NUMBERS, "classes"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)
    table = table.reindex(found.methods).fillna({"seeds": 0, "classes": 0})
    return table.assign(published=load_published(found.dataset)["mean"].astype(float))


def named(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its methods as they are printed."""
    return table.rename(index=METHODS).rename_axis(index=None, columns=None)


# --- as `ocnd table` prints them -----------------------------------------------------------------


def render(every: dict[str, Results], format: str = "text") -> str:
    """Write the table of one data set, or the means of several, as text, csv or json.

    Of one: csv has a column a class, json the keys method, published, mean, low, high, seeds and
    classes. Of several: a row a method, a column a data set. What was neither printed nor run is
    left out.
    """
    tables = {name: means(found)[NUMBERS].astype({"seeds": int}) for name, found in every.items()}
    if len(every) > 1:
        return _render_means(tables, format)
    ((dataset, found), (table,)) = next(iter(every.items())), tables.values()
    if format == "json":
        keys = ["published", "mean", "low", "high", "seeds"]
        rows = [
            {"method": method, **numbers, "classes": found.ours.loc[method].dropna().to_dict()}
            for method, numbers in _listed(table[keys]).items()
        ]
        return json.dumps(rows, indent=1) + "\n"
    if format == "csv":
        beside = found.published.reindex(found.methods).add_prefix("published_")
        whole = pd.concat([table, found.ours, beside], axis=1)
        return whole.to_csv(index_label="method")
    if table.empty:
        return f"nothing is printed for {dataset}, and no cell of it has been run\n"
    return _render_text(found)


def _listed(table: pd.DataFrame) -> dict[str, dict]:
    """The rows of a table as JSON has them: None for what is not there."""
    return table.astype(object).where(table.notna(), None).to_dict("index")


def _render_text(found: Results) -> str:
    lines = []
    for method, row in means(found).iterrows():
        if method in found.published.index:
            line = {"mean": row["published"]} | found.published.loc[method].to_dict()
            lines.append({"method": METHODS[method], "source": "deck"} | line)
        if not row["classes"]:
            continue
        classes = found.ours.loc[method].dropna()
        line = {"mean": row["mean"], "sd": row["sd"]} | classes.to_dict()
        if not pd.isna(row["low"]):
            line["95 % interval"] = f"{row['low']:.4f} to {row['high']:.4f}"
        line["seeds"] = f"{row['seeds']:.0f}"
        for kind, name in (("lowest", classes.idxmin()), ("highest", classes.idxmax())):
            line[f"{kind} class"] = f"{name} {classes[name]:.3f}"
        if len(classes) < len(found.names):
            line["note"] = f"{len(classes)} of {len(found.names)} classes"
        lines.append({"method": METHODS[method], "source": "ours"} | line)
    wide = len(found.names) > MOST_COLUMNS
    shown = ["lowest class", "highest class"] if wide else found.names
    columns = ["method", "source", *shown, "mean", "sd", "95 % interval", "seeds", "note"]
    frame = pd.DataFrame(lines, columns=columns).dropna(axis=1, how="all")
    digits = dict.fromkeys(found.names, "{:.3f}".format)
    digits |= dict.fromkeys(("mean", "sd"), "{:.4f}".format)
    digits = {name: digits[name] for name in frame.columns if name in digits}
    return frame.to_string(index=False, na_rep="", formatters=digits) + "\n"


def _render_means(tables: dict[str, pd.DataFrame], format: str) -> str:
    both = pd.concat(tables, axis=1)
    both = both.reindex([method for method in METHODS if method in both.index])
    if format == "csv":
        return both.set_axis(map("_".join, both.columns), axis=1).to_csv(index_label="method")
    if format == "json":
        there = {name: _listed(table) for name, table in tables.items()}
        rows = [
            {"method": m, "datasets": {name: rows[m] for name, rows in there.items() if m in rows}}
            for m in both.index
        ]
        return json.dumps(rows, indent=1) + "\n"
    if both.empty:
        return f"nothing is printed for {', '.join(tables)}, and no cell of them has been run\n"

    def words(number: str, form: str) -> pd.DataFrame:
        return both.xs(number, axis=1, level=1).map(form.format, na_action="ignore")

    ours = words("mean", "{:.4f}") + words("sd", " ± {:.4f}").fillna("")
    lines = pd.concat({"deck": words("published", "{:.4f}"), "ours": ours}, names=["source"])
    lines = lines.swaplevel().reindex([(m, s) for m in both.index for s in ("deck", "ours")])
    lines = lines.rename_axis(["method", "source"]).dropna(how="all").rename(METHODS, level=0)
    return lines.reset_index().to_string(index=False, na_rep="") + "\n"
