"""The tables of AUROC: as the deck prints them, and as our records have them.

One reader leads from cells to runs (`read_runs`), one table holds what is recorded of a data set
(`Results`), one function its means (`means`); `render` prints them.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from ocnd_lib import data
from ocnd_lib.comparison import REPEATS, Run, average, mean_interval
from ocnd_lib.records import REPOSITORY, Cell, parse_cell, read_arrays, read_records

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

NUMBERS = ("published", "mean", "sd", "low", "high", "seeds")  # of a method in a data set


def class_names(dataset: str) -> list[str]:
    """The classes of a data set in their order; ValueError lists the data sets."""
    return list(data.class_names(dataset))


# --- as printed ----------------------------------------------------------------------------------


def load_published(dataset: str) -> pd.DataFrame:
    """The printed table of a data set: a row a method, a column a class; no row if none is printed.

    The column `mean` holds the mean as it was printed, a string, since its digits tell how it was
    rounded.
    """
    printed = pd.read_csv(PUBLISHED, dtype=str)
    printed = printed[printed["dataset"] == dataset].set_index("method")
    names = class_names(dataset)
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
            mean, printed = float(row[class_names(name)].astype(float).mean()), row["mean"]
            digits = len(printed.partition(".")[2])
            rows[name, method] = {
                "printed": float(printed),
                "recomputed": round(mean, 4),
                "agrees": f"{mean:.{digits}f}" == printed,
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["dataset", "method"])


# --- as recorded ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class IndexedRun(Run):
    """A run that knows which test images it scored: `index` (N,)."""

    index: np.ndarray


def read_runs(cells: Iterable[Cell], folder: Path | None = None) -> list[IndexedRun]:
    """The scores that are stored beside the records of these cells; cells without are left out."""
    runs = []
    for cell in cells:
        if "score" in (kept := read_arrays(cell, folder)):
            normal = class_names(cell.dataset).index(cell.normal_class)
            index = kept.get("index", np.arange(len(kept["score"])))
            runs.append(IndexedRun(normal, cell.seed, kept["score"], kept["class_test"], index))
    return runs


def recorded_cells(pattern: str, folder: Path | None = None) -> list[Cell]:
    """The cells with a record whose `dataset/variant/class` matches a glob pattern, sorted."""
    return [parse_cell(record["cell"]) for record in read_records(folder, pattern)]


@dataclass(frozen=True, eq=False)
class Results:
    """What is recorded of a data set by methods with their own settings.

    `cells` has the columns method, normal_class, seed, auroc, fit_seconds, macs, hardware,
    processor.
    """

    dataset: str
    cells: pd.DataFrame
    folder: Path | None = None

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
        for method, rows in self.cells.groupby("method"):
            keys = rows[["normal_class", "seed"]].itertuples(index=False)
            cells = [Cell(self.dataset, method, name, seed) for name, seed in keys]
            if len(runs := read_runs(cells, self.folder)) == len(cells):
                found[method] = runs
        return {method: found[method] for method in self.methods if method in found}

    @cached_property
    def runs(self) -> dict[str, list[IndexedRun]]:
        """Of these, the methods that are complete."""
        return {m: runs for m, runs in self.scored.items() if m in self.complete}


def results(
    dataset: str, folder: Path | None = None, methods: Iterable[str] = tuple(METHODS)
) -> Results:
    """Read what is recorded of a data set; ValueError for a record of a class that it has not."""
    names, rows = class_names(dataset), []
    for method in methods:
        for record in read_records(folder, f"{dataset}/{method}/*"):
            cell = parse_cell(record["cell"])
            if cell.normal_class not in names:
                raise ValueError(f"{cell} names no class of {dataset}: {', '.join(names)}")
            rows.append(
                {
                    "method": method,
                    "normal_class": cell.normal_class,
                    "seed": cell.seed,
                    "auroc": float(record["metrics"]["auroc"]),
                    "fit_seconds": float(record.get("fit_seconds", np.nan)),
                    "macs": float(record.get("macs_per_image", np.nan)),
                    "hardware": record["hardware"],
                    "processor": record["provenance"]["processor"],
                }
            )
    numbers = ["auroc", "fit_seconds", "macs"]
    columns = ["method", "normal_class", "seed", *numbers, "hardware", "processor"]
    return Results(dataset, pd.DataFrame(rows, columns=columns), folder)


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
        numbers = {"mean": ours.mean, "sd": ours.sd, "seeds": ours.seeds}
        rows[method] = numbers | {"classes": len(ours.classes)}
        if runs := found.scored.get(method):
            rows[method]["low"], rows[method]["high"] = mean_interval(runs, repeats=REPEATS)
    columns = [*NUMBERS, "classes"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)
    table = table.reindex(found.methods)
    printed = load_published(found.dataset)["mean"].astype(float)
    table["published"] = printed.reindex(found.methods)
    return table.fillna({"seeds": 0, "classes": 0})


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
    tables = {name: means(found) for name, found in every.items()}
    if len(every) > 1:
        return _render_means(tables, format)
    ((dataset, found), (table,)) = next(iter(every.items())), tables.values()
    if format == "text":
        return _render_text(dataset, found, table)
    rows = []
    for method in table.index:
        classes = found.ours.loc[method].dropna().to_dict()
        rows.append({"method": method, **_plain(table.loc[method]), "classes": classes})
    if format == "json":
        keys = ("method", "published", "mean", "low", "high", "seeds", "classes")
        return json.dumps([{key: row[key] for key in keys} for row in rows], indent=1) + "\n"
    printed = [f"published_{name}" for name in found.names]
    flat = pd.DataFrame(rows, columns=["method", *NUMBERS])
    beside = found.published.reindex(found.methods).set_axis(printed, axis=1)
    classes = pd.concat([found.ours, beside], axis=1).reset_index(drop=True)
    return pd.concat([flat, classes], axis=1).to_csv(index=False)


def _plain(row: pd.Series) -> dict:
    """The numbers of a row of `means`; None for what is not there."""
    numbers = {key: None if pd.isna(row[key]) else float(row[key]) for key in NUMBERS}
    return numbers | {"seeds": int(row["seeds"])}


def _render_text(dataset: str, found: Results, table: pd.DataFrame) -> str:
    if table.empty:
        return f"nothing is printed for {dataset}, and no cell of it has been run\n"
    names, wide = found.names, len(found.names) > MOST_COLUMNS
    lines = []
    for method, row in table.iterrows():
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
        if len(classes) < len(names):
            line["note"] = f"{len(classes)} of {len(names)} classes"
        lines.append({"method": METHODS[method], "source": "ours"} | line)
    shown = ["lowest class", "highest class"] if wide else names
    columns = ["method", "source", *shown, "mean", "sd", "95 % interval", "seeds", "note"]
    frame = pd.DataFrame(lines, columns=columns).dropna(axis=1, how="all")
    digits = dict.fromkeys(names, "{:.3f}".format) | dict.fromkeys(("mean", "sd"), "{:.4f}".format)
    digits = {name: digits[name] for name in frame.columns if name in digits}
    return frame.to_string(index=False, na_rep="", formatters=digits) + "\n"


def _render_means(tables: dict[str, pd.DataFrame], format: str) -> str:
    rows: dict[str, dict] = {}
    for method in METHODS:
        for name, table in tables.items():
            if method in table.index:
                rows.setdefault(method, {})[name] = _plain(table.loc[method])
    if format == "json":
        listed = [{"method": method, "datasets": found} for method, found in rows.items()]
        return json.dumps(listed, indent=1) + "\n"
    if format == "csv":
        flat = [
            {"method": method}
            | {f"{name}_{key}": row[key] for name, row in found.items() for key in NUMBERS}
            for method, found in rows.items()
        ]
        columns = ["method", *(f"{name}_{key}" for name in tables for key in NUMBERS)]
        return pd.DataFrame(flat, columns=columns).to_csv(index=False)
    if not rows:
        return f"nothing is printed for {', '.join(tables)}, and no cell of them has been run\n"
    lines = []
    for method, found in rows.items():
        deck = {k: f"{r['published']:.4f}" for k, r in found.items() if r["published"] is not None}
        ours = {
            k: f"{r['mean']:.4f}" + ("" if r["sd"] is None else f" ± {r['sd']:.4f}")
            for k, r in found.items()
            if r["mean"] is not None
        }
        for source, line in (("deck", deck), ("ours", ours)):
            if line:
                lines.append({"method": METHODS[method], "source": source} | line)
    frame = pd.DataFrame(lines, columns=["method", "source", *tables])
    return frame.to_string(index=False, na_rep="") + "\n"
