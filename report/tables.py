"""The tables of AUROC: as the deck prints them, and as our records have them."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, wraps

import numpy as np
import pandas as pd

from ocnd_lib import data
from ocnd_lib.comparison import (
    REPEATS,
    Run,
    average,
    average_runs,
    compare_means,
    mean_interval,
    shared_runs,
)
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

CHANGE = ["value", "low", "high", "auroc", "classes", "seeds"]  # what `change` gives
OURS = ["sd", "low", "high", "seeds", "classes"]  # what is told of our means besides


def class_names(dataset: str) -> list[str]:
    """The classes of a data set in their order; ValueError lists the data sets."""
    return list(data.class_names(dataset))


def once(make: Callable) -> Callable:
    """The same function, which remembers what it has made from a folder of records."""
    made = lru_cache(maxsize=64)(lambda folder, *given, **named: make(*given, **named))
    asked = wraps(make)(lambda *given, **named: made(records_folder(), *given, **named))
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


def gain(
    after: list[Run], before: list[Run], repeats: int | None = None, level: float = 0.95
) -> tuple[float, float, float]:
    """Mean AUROC of runs minus that of others over the classes and seeds that both have.

    value, low, high, over seeds and over the same test images for both.
    """
    return compare_means(*shared_runs(after, before), level=level, repeats=repeats or REPEATS)


def change(
    cells: str, before: list[Run], repeats: int | None = None
) -> tuple[float, float, float, float, int, int] | None:
    """`gain` of the recorded runs of a pattern over others: value, low, high, then of these runs
    auroc, classes, seeds; None if no class and seed has both."""
    after, same = shared_runs(read_runs(cells), before)
    if not after:
        return None
    mean = average_runs(after)
    return *gain(after, same, repeats), mean.mean, len(mean.classes), mean.seeds


def mean_of(runs: list[Run]) -> tuple[float, float, float]:
    """Mean AUROC over classes and seeds, with its interval over seeds and images."""
    return average_runs(runs).mean, *mean_interval(runs, repeats=REPEATS)


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
    columns = ["published", "mean", *OURS]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)
    table = table.reindex(found.methods).fillna({"seeds": 0, "classes": 0})
    return table.assign(published=load_published(found.dataset)["mean"].astype(float))


def named(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its methods as they are printed."""
    return table.rename(index=METHODS).rename_axis(index=None, columns=None)


# --- as `ocnd table` prints them -----------------------------------------------------------------


def written(table: pd.DataFrame, format: str = "text", **shown) -> str:
    """A table as text, csv or json, without its index; `shown` is how pandas writes text."""
    if format == "csv":
        return table.to_csv(index=False)
    if format == "json":
        return table.to_json(orient="records", indent=1) + "\n"
    return table.to_string(index=False, na_rep="", **shown) + "\n"


def render(every: dict[str, Results], format: str = "text") -> str:
    """Write the printed rows of data sets, each above ours, method by method.

    `format` is text, csv or json. One set of few classes has a column a class; the text of several
    sets has their means alone. What was neither printed nor run is left out.
    """
    table = pd.concat({name: _printed_above_ours(found) for name, found in every.items()})
    table = table.rename_axis(["dataset", "method", "source"]).dropna(how="all")
    classes = next(iter(every.values())).names
    if len(every) > 1 or len(classes) > MOST_COLUMNS:
        table = table[["mean", *OURS]]
    if format != "text":
        return written(table.reset_index(), format)
    if table.empty:
        return f"nothing is printed for {', '.join(every)}, and no cell has been run\n"
    if len(every) > 1:
        table = table["mean"].unstack("dataset")[list(every)]
        table = table.loc[[method for method in METHODS if method in table.index.levels[0]]]
    else:
        table = table.droplevel("dataset").dropna(axis=1, how="all")
    forms = dict.fromkeys(classes, "{:.3f}".format) | dict.fromkeys(OURS[-2:], "{:.0f}".format)
    table = table.rename(METHODS, level="method").reset_index()
    return written(table, float_format="{:.4f}".format, formatters=forms)


def _printed_above_ours(found: Results) -> pd.DataFrame:
    numbers = means(found)
    ours = found.ours.join(numbers[["mean", *OURS]].where(numbers["classes"] > 0))
    deck = found.published.join(numbers["published"].rename("mean"))
    both = pd.concat({"deck": deck, "ours": ours}).swaplevel()
    return both.reindex([(method, who) for method in found.methods for who in ("deck", "ours")])
