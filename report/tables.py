"""The tables of AUROC: as the deck prints them, and as our records have them."""

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
    """The printed table of a data set: a row a method, a column a class, perhaps without a row.

    `mean` is the printed mean, a string, since its digits tell how it was rounded.
    """
    names, printed = class_names(dataset), pd.read_csv(PUBLISHED, dtype=str)
    printed = printed[printed["dataset"] == dataset].set_index("method")
    if printed.empty:
        return pd.DataFrame(columns=[*names, "mean"])
    table = printed[[f"c{k}" for k in range(len(names))]].astype(float).set_axis(names, axis=1)
    return table.assign(mean=printed["mean"])


def printed_means() -> pd.DataFrame:
    """Every printed mean, recomputed from its classes, and whether it agrees in all its digits."""
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


def read_runs(
    cells: str | Iterable[Cell | str], score: Callable = lambda kept: kept["score"]
) -> list[Run]:
    """The runs of these cells that keep scores; `score` makes another number of what is kept.

    `cells` may be a pattern of recorded cells, `dataset/variant/class`.
    """
    if isinstance(cells, str):
        cells = [record["cell"] for record in read_records(pattern=cells)]
    runs = []
    for cell in (parse_cell(cell) if isinstance(cell, str) else cell for cell in cells):
        if "score" in (kept := read_arrays(cell)):
            normal = class_names(cell.dataset).index(cell.normal_class)
            runs.append(Run(normal, cell.seed, score(kept), kept["class_test"]))
    return runs


def together(runs: Iterable[Run]) -> list[Run]:
    """The seeds of each class as one ensemble: the mean of their scores of the same images.

    Source: Lakshminarayanan, Pritzel and Blundell 2017 (arXiv 1612.01474).
    """
    classes: dict[int, list[Run]] = {}
    for run in runs:
        classes.setdefault(run.normal_class, []).append(run)
    return [
        replace(seeds[0], seed=0, score=np.mean([run.score for run in seeds], axis=0))
        for seeds in classes.values()
    ]


@dataclass(frozen=True, eq=False)
class Results:
    """Recorded cells of a data set, with columns method, normal_class, seed, auroc."""

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
    def scored(self) -> dict[str, list[Run]]:
        """The runs of every method that has scores beside each of its records."""
        counts = self.cells["method"].value_counts()
        found = {method: read_runs(f"{self.dataset}/{method}/*") for method in counts.index}
        return {m: found[m] for m in self.methods if len(found.get(m, ())) == counts.get(m)}

    @cached_property
    def runs(self) -> dict[str, list[Run]]:
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
    """A row a method: published, mean, sd, low, high, seeds, classes; NaN for what is not there.

    mean: over the classes that were run (`classes`: how many) of the mean over seeds; sd: over
    seeds, of the mean; low, high: `comparison.mean_interval`; seeds: the least number of a class.
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
    """Write the table of one data set, a column a class, or the means of several, a column a set.

    `format` is text, csv or json. What was neither printed nor run is left out.
    """
    tables = {name: means(found)[NUMBERS].astype({"seeds": int}) for name, found in every.items()}
    if format == "text":
        if all(table.empty for table in tables.values()):
            cells = "cell of it has" if len(every) == 1 else "cell of them has"
            return f"nothing is printed for {', '.join(every)}, and no {cells} been run\n"
        return _means_text(tables) if len(every) > 1 else _text(*every.values())
    if format == "csv" and len(every) > 1:
        both = pd.concat(tables, axis=1)
        both = both.reindex([method for method in METHODS if method in both.index])
        return both.set_axis(map("_".join, both.columns), axis=1).to_csv(index_label="method")
    found, table = next(iter(every.values())), next(iter(tables.values()))
    if format == "csv":
        beside = found.published.reindex(found.methods).add_prefix("published_")
        return pd.concat([table, found.ours, beside], axis=1).to_csv(index_label="method")
    there = {name: t.astype(object).where(t.notna(), None) for name, t in tables.items()}
    if len(every) > 1:
        rows = [
            {"method": m, "datasets": {k: dict(t.loc[m]) for k, t in there.items() if m in t.index}}
            for m in METHODS
        ]
        rows = [row for row in rows if row["datasets"]]
    else:
        (table,) = there.values()
        rows = [
            {"method": method, **numbers, "classes": dict(found.ours.loc[method].dropna())}
            for method, numbers in table.drop(columns="sd").to_dict("index").items()
        ]
    return json.dumps(rows, indent=1) + "\n"


def _words(numbers: pd.Series | pd.DataFrame, form: str) -> pd.Series | pd.DataFrame:
    return numbers.map(form.format, na_action="ignore")


def _text(found: Results) -> str:
    table, classes = means(found), found.ours.dropna(how="all")
    if len(found.names) > MOST_COLUMNS:
        ends = {"lowest class": classes.idxmin(axis=1), "highest class": classes.idxmax(axis=1)}
        shown = {
            end: [f"{name} {classes.loc[method, name]:.3f}" for method, name in which.items()]
            for end, which in ends.items()
        }
        ours = pd.DataFrame(shown, classes.index)
    else:
        ours = _words(classes, "{:.3f}")
    part = table["classes"].where(table["classes"] < len(found.names))
    ours = ours.assign(
        mean=_words(table["mean"], "{:.4f}"),
        sd=_words(table["sd"], "{:.4f}"),
        interval=_words(table["low"], "{:.4f}") + _words(table["high"], " to {:.4f}"),
        seeds=_words(table["seeds"], "{:.0f}"),
        note=_words(part, f"{{:.0f}} of {len(found.names)} classes"),
    )
    mean = _words(table["published"], "{:.4f}")
    deck = _words(found.published, "{:.3f}").assign(mean=mean)
    ours = ours.rename(columns={"interval": "95 % interval"})
    filled = [c for c in ours if ours[c].notna().any() or deck.get(c, ours[c]).notna().any()]
    return _deck_above_ours(deck, ours[filled])


def _means_text(tables: dict[str, pd.DataFrame]) -> str:
    both = pd.concat(tables, axis=1).swaplevel(axis=1)
    sd = _words(both["sd"], " ± {:.4f}").astype(object).fillna("")
    ours = _words(both["mean"], "{:.4f}") + sd
    return _deck_above_ours(_words(both["published"], "{:.4f}"), ours)


def _deck_above_ours(deck: pd.DataFrame, ours: pd.DataFrame) -> str:
    """Both tables, method by method, as text; rows without a number are left out."""
    lines = pd.concat({"deck": deck, "ours": ours}, names=["source"])[ours.columns].swaplevel()
    lines = lines.reindex([(m, s) for m in METHODS for s in ("deck", "ours")]).dropna(how="all")
    lines = lines.rename(METHODS, level=0).rename_axis(["method", "source"]).reset_index()
    return lines.to_string(index=False, na_rep="") + "\n"
