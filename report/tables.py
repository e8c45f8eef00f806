"""The tables of AUROC: as the deck prints them, and as our records have them."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache, wraps
from itertools import product
from operator import itemgetter

import numpy as np
import pandas as pd

from ocnd_lib import comparison
from ocnd_lib.comparison import REPEATS, Run, shared_runs
from ocnd_lib.data import class_names
from ocnd_lib.records import REPAIR, parse_cell, read_arrays, read_records, records_folder
from ocnd_lib.stats import Estimate
from report.source import PUBLISHED, no_record

TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}  # the data sets of the deck's two tables
FURTHER = {"fashion_mnist": "Fashion-MNIST", "coil100": "COIL-100", "voc_animals": "VOC animals"}

# the rows of a table, in the deck's order with our controls between them, as they are printed
METHODS = {
    "ocsvm": "OC-SVM", "kde": "KDE", "ae": "AE", "dae": "DAE", "vae": "VAE", "pixelcnn": "PixelCNN",
    "gan": "GAN", "and": "AND", "anogan": "AnoGAN", "f-anogan": "f-AnoGAN",
    "deep-svdd": "Deep SVDD", "ocgan": "OCGAN", "attention-gan": "Attention-GAN",
    "rotation": "Rotation",
}  # fmt: skip
# what the deck lists and our controls among it; rotation comes from beyond the deck
DECKS = tuple(method for method in METHODS if method != "rotation")


def once(make: Callable) -> Callable:
    """The same function, which remembers what it has made from a folder of records."""
    made = lru_cache(maxsize=64)(lambda folder, *given, **named: make(*given, **named))
    asked = wraps(make)(lambda *given, **named: made(records_folder(), *given, **named))
    asked.cache_clear = made.cache_clear
    return asked


def cells_of(
    dataset: str, methods: Iterable[str], classes: Iterable, seeds: Iterable[int]
) -> list[str]:
    """Cells, seed by seed, and neighbours of different classes: none waits for another's base."""
    return [f"{dataset}/{m}/{k}/{s}" for s, m, k in product(seeds, methods, classes)]


def load_published(dataset: str) -> pd.DataFrame:
    """The printed table of a data set: a row a method, a column a class, perhaps without a row.

    `mean` is the printed mean, a string, since its digits tell how it was rounded.
    """
    names, printed = class_names(dataset), pd.read_csv(PUBLISHED / "auroc.csv", dtype=str)
    printed = printed[printed["dataset"] == dataset].set_index("method")
    table = printed.reindex(columns=[f"c{k}" for k in range(len(names))]).astype(float)
    return table.set_axis(names, axis=1).assign(mean=printed["mean"])


def read_runs(cells: str | Iterable[str], score: Callable = itemgetter("score")) -> list[Run]:
    """The runs of these cells that keep scores; `score` makes another number of what is kept.

    `cells` may be a pattern of recorded cells, `dataset/variant/class`.
    """
    if isinstance(cells, str):
        cells = [record["cell"] for record in read_records(pattern=cells)]
    runs = []
    for cell in map(parse_cell, cells):
        if "score" in (kept := read_arrays(cell)):
            normal = class_names(cell.dataset).index(cell.normal_class)
            runs.append(Run(normal, cell.seed, score(kept), kept["class_test"]))
    return runs


@once
def runs_of(dataset: str, variant: str, array: str = "score") -> list[Run]:
    """The recorded runs of a variant by one of the arrays kept; NoRecords if there are none."""
    if not (found := read_runs(f"{dataset}/{variant}/*", itemgetter(array))):
        raise no_record(f"{dataset}/{variant}/{class_names(dataset)[0]}/0")
    return found


def gain(after: list[Run], before: list[Run], repeats: int | None = None) -> Estimate:
    """Mean AUROC of runs minus that of others over the classes and seeds that both have.

    value, low, high, over seeds and over the same test images for both.
    """
    return comparison.compare_means(*shared_runs(after, before), repeats=repeats or REPEATS)


def changes(
    datasets: Iterable[str], methods: Iterable[str], parameter: str, values: Iterable,
    repeats: int | None = None,
) -> pd.DataFrame:  # fmt: skip
    """`gain` of each recorded `dataset/method+parameter=…` over `dataset/method`, a row each.

    Columns: dataset, method, the parameter; value, low, high; auroc (of the variant, over the
    classes and seeds that both have), classes, seeds.
    """
    rows = []
    for dataset, method in product(datasets, methods):
        plain = read_runs(f"{dataset}/{method}/*")
        for value in values:
            variant = f"{dataset}/{method}+{parameter}={value}"
            after, before = shared_runs(read_runs(f"{variant}/*"), plain)
            if after:
                mean = comparison.average_runs(after)
                found = *gain(after, before, repeats), mean.mean, len(mean.classes), mean.seeds
                rows.append((dataset, method, value, *found))
    if not rows:
        raise no_record(f"{variant}/{class_names(dataset)[0]}/0")
    columns = ["value", "low", "high", "auroc", "classes", "seeds"]
    return pd.DataFrame(rows, columns=["dataset", "method", parameter, *columns])


def mean_of(runs: list[Run]) -> Estimate:
    """Mean AUROC over classes and seeds, with its interval over seeds and images."""
    return comparison.average_runs(runs).mean, *comparison.mean_interval(runs, repeats=REPEATS)


@dataclass(frozen=True, eq=False)
class Results:
    """Recorded cells of a data set, with columns method, normal_class, seed, auroc."""

    dataset: str
    cells: pd.DataFrame

    @cached_property
    def published(self) -> pd.DataFrame:
        """Printed AUROCs: a row a method, a column a class."""
        return load_published(self.dataset).drop(columns="mean")

    @cached_property
    def ours(self) -> pd.DataFrame:
        """Our AUROCs, means over seeds, in the same form; NaN where nothing was run."""
        found = self.cells.pivot_table(index="method", columns="normal_class", values="auroc")
        return found.reindex(index=self.methods, columns=class_names(self.dataset))

    @cached_property
    def methods(self) -> list[str]:
        """What was printed or run."""
        there = {*self.published.index, *self.cells["method"]}
        return [method for method in METHODS if method in there]

    @cached_property
    def runs(self) -> dict[str, list[Run]]:
        """The runs of every method that has scores beside each of its records."""
        cells = self.cells["method"].value_counts()
        found = {method: read_runs(f"{self.dataset}/{method}/*") for method in cells.index}
        return {method: runs for method, runs in found.items() if len(runs) == cells[method]}


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
            rows.append((method, cell.normal_class, cell.seed, float(record["metrics"]["auroc"])))
    return Results(dataset, pd.DataFrame(rows, columns=["method", "normal_class", "seed", "auroc"]))


@lru_cache(maxsize=8)
def means(found: Results) -> pd.DataFrame:
    """A row a method: published, mean, sd, low, high, seeds, classes; NaN for what is not there.

    mean: over the classes that were run (`classes`: how many) of the mean over seeds; sd: over
    seeds, of the mean; low, high: `comparison.mean_interval`; seeds: the least number of a class.
    """
    rows = {}
    for method, cells in found.cells.groupby("method"):
        ours = comparison.average(cells[["normal_class", "seed", "auroc"]].itertuples(index=False))
        runs = found.runs.get(method)
        ends = comparison.mean_interval(runs, repeats=REPEATS) if runs else (np.nan, np.nan)
        rows[method] = (np.nan, ours.mean, ours.sd, *ends, ours.seeds, len(ours.classes))
    columns = ["published", "mean", "sd", "low", "high", "seeds", "classes"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)
    table = table.reindex(found.methods).fillna({"seeds": 0, "classes": 0})
    return table.assign(published=load_published(found.dataset)["mean"].astype(float))


def listed(every: dict[str, Results]) -> pd.DataFrame:
    """`means` of data sets one below the other, a row a data set and method; of one classes too."""
    parts = {name: means(found) for name, found in every.items()}
    if len(every) == 1:
        parts = {name: part.join(every[name].ours) for name, part in parts.items()}
    table = pd.concat(parts, names=["dataset", "method"]).reset_index()
    return table.astype({"seeds": int, "classes": int})


def written(table: pd.DataFrame, format: str = "text") -> str:
    """A table as text, csv or json, without its index."""
    if format == "csv":
        return table.to_csv(index=False)
    if format == "json":
        return table.to_json(orient="records", indent=1) + "\n"
    return table.to_string(index=False, na_rep="") + "\n"
