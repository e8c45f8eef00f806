"""Chapter 5: what its figures and tables take from the records of the detectors."""

import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.benchmark import METHODS
from ocnd_lib.comparison import REPEATS, Average, Run, average, confusability, mean_interval
from ocnd_lib.records import Cell, on_one_processor, parse_cell, read_arrays, read_records
from report import plots, tables
from report.choices import choices_table, for_page

TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
REFERENCE = "ocgan"  # the method that the deck sets above the others
CONTROLS = ("ae", "f-anogan")  # in no table of the deck
OTHERWISE = ("gan",)  # the deck's row of this name is another score, by a long search for a code


@dataclass(frozen=True)
class Results:
    """What is recorded of a data set: `cells` has the columns method, normal_class, seed, auroc,
    fit_seconds, macs, hardware, processor; only methods with their own settings, as the tables show
    them.
    """

    dataset: str
    cells: pd.DataFrame
    folder: Path | None = None

    @cached_property
    def names(self) -> list[str]:
        """The classes."""
        return tables.class_names(self.dataset)

    @cached_property
    def published(self) -> pd.DataFrame:
        """Printed AUROCs: a row a method, a column a class."""
        return tables.load_published(self.dataset)[self.names].astype(float)

    @cached_property
    def ours(self) -> pd.DataFrame:
        """Our AUROCs, means over seeds, in the same form; NaN where nothing was run."""
        found = self.cells.pivot_table(index="method", columns="normal_class", values="auroc")
        return found.reindex(index=self.methods, columns=self.names)

    @cached_property
    def methods(self) -> list[str]:
        """What the table has a row for: what is printed, what was run, and our controls."""
        there = {*self.published.index, *self.cells["method"], *CONTROLS}
        return [method for method in tables.METHODS if method in there]

    @cached_property
    def complete(self) -> list[str]:
        """The methods of which every class is recorded."""
        return list(self.ours.dropna().index)

    @cached_property
    def runs(self) -> dict[str, list["IndexedRun"]]:
        """The scores of every complete method; those without scores beside them are left out."""
        found: dict[str, list[IndexedRun]] = {method: [] for method in self.complete}
        for row in self.cells.itertuples():
            cell = Cell(self.dataset, row.method, row.normal_class, row.seed)
            if row.method in found and "score" in (stored := read_arrays(cell, self.folder)):
                index = stored.get("index", np.arange(len(stored["score"])))
                k = self.names.index(row.normal_class)
                run = IndexedRun(k, row.seed, stored["score"], stored["class_test"], index)
                found[row.method].append(run)
        whole = {method: {run.normal_class for run in runs} for method, runs in found.items()}
        return {m: runs for m, runs in found.items() if len(whole[m]) == len(self.names)}


@dataclass(frozen=True, eq=False)
class IndexedRun(Run):
    """A run that knows which test images it scored: `index` (N,)."""

    index: np.ndarray


def results(dataset: str, folder: Path | None = None) -> Results:
    """Read what is recorded of a data set."""
    rows = []
    for record in read_records(folder, f"{dataset}/*/*"):
        cell = parse_cell(record["cell"])
        if cell.method in tables.METHODS and not cell.parameters:
            rows.append(
                {
                    "method": cell.method,
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


def labels(methods) -> list[str]:
    """Methods as they are printed."""
    return [tables.METHODS[method] for method in methods]


def named(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its methods as they are printed."""
    return table.rename(index=tables.METHODS).rename_axis(index=None, columns=None)


# --- tables ---------------------------------------------------------------------------------------


def missing(found: Results) -> pd.DataFrame:
    """The methods of which classes lack: method, recorded (of how many), missing, command."""
    rows = []
    for method in found.methods:
        lacking = [name for name in found.names if np.isnan(found.ours.loc[method, name])]
        if not lacking:
            continue
        command = f"ocnd sweep --datasets {found.dataset} --methods {method} --seeds 0"
        if len(lacking) == 1:
            command = f"ocnd run {found.dataset}/{method}/{lacking[0]}/0"
        rows.append(
            {
                "method": tables.METHODS[method],
                "recorded": f"{len(found.names) - len(lacking)} of {len(found.names)} classes",
                "missing": "all" if len(lacking) == len(found.names) else ", ".join(lacking),
                "command": command if method in METHODS else "none yet: see its own chapter",
            }
        )
    return pd.DataFrame(rows, columns=["method", "recorded", "missing", "command"])


def means(found: Results) -> pd.DataFrame:
    """Published means and ours: columns published, mean, sd, low, high, seeds, verdict.

    A row a method. Ours is NaN unless every class is recorded. Verdict: where the published mean
    lies in our 95 % interval it `agrees`, else ours is `higher` or `lower`; `not run`; `no
    interval` if scores lack; `not printed`; `another score` if the printed row is not our method.
    """
    printed = tables.load_published(found.dataset)["mean"].astype(float)
    rows = {}
    for method in found.complete:
        ours = _average(found, method)
        rows[method] = {"mean": ours.mean, "sd": ours.sd, "seeds": ours.seeds}
        if len(runs := found.runs.get(method, [])) == (found.cells["method"] == method).sum():
            rows[method]["low"], rows[method]["high"] = mean_interval(runs, repeats=REPEATS)
    columns = ["published", "mean", "sd", "low", "high", "seeds"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)
    table = table.reindex(found.methods).assign(published=printed.reindex(found.methods))
    return table.assign(verdict=[_verdict(row) for row in table.itertuples()])


def _average(found: Results, method: str) -> Average:
    cells = found.cells[found.cells["method"] == method]
    return average(cells[["normal_class", "seed", "auroc"]].itertuples(index=False))


def _verdict(row) -> str:
    if np.isnan(row.mean):
        return "not run"
    if np.isnan(row.published):
        return "not printed"
    if row.Index in OTHERWISE:
        return "another score"
    if np.isnan(row.low):
        return "no interval"
    if row.low <= row.published <= row.high:
        return "agrees"
    return "lower" if row.high < row.published else "higher"


def means_page(table: pd.DataFrame) -> pd.DataFrame:
    """`means` for a page: rounded, without empty words."""
    rows = {}
    for row in table.itertuples():
        ran = not np.isnan(row.mean)
        interval = "" if np.isnan(row.low) else f"[{row.low:.4f}, {row.high:.4f}]"
        rows[tables.METHODS[row.Index]] = {
            "published": "" if np.isnan(row.published) else f"{row.published:.4f}",
            "ours": f"{row.mean:.4f}" if ran else "",
            "95 % interval": interval,
            "sd over seeds": "" if np.isnan(row.sd) else f"{row.sd:.4f}",
            "seeds": f"{row.seeds:.0f}" if ran else "",
            "ours is": row.verdict if ran else "not complete",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def names_of(row: tuple[str, str]) -> tuple[str, str]:
    """Data set and method of a row of a page, by what they are called there."""
    return tuple(
        next(name for name, title in titles.items() if title == label)
        for titles, label in zip((TITLES, tables.METHODS), row, strict=True)
    )


def behind(row: tuple[str, str], column: str) -> list[str]:
    """The cells, as patterns, that a number of `means_page` of all data sets rests on."""
    if column not in ("ours", "95 % interval", "sd over seeds"):
        return []
    dataset, method = names_of(row)
    return [f"{dataset}/{method}/*/*"]


def every_cell(every: dict[str, Results]) -> list[str]:
    """All cells, as patterns, of the chapter: of its tables, and what `choices_page` compares."""
    return [
        f"{name}/{kind}"
        for name, found in every.items()
        for method in (*found.methods, "detail")
        for kind in (f"{method}/*/*", f"{method}+*/*/*")
    ]


def seeds_differ(found: Results) -> str:
    """The standard deviations over seeds that means have, from least to most, in words."""
    spreads = [_average(found, method).sd for method in found.complete]
    spreads = [sd for sd in spreads if sd > 0]  # not of one seed, nor of what no seed changes
    return f"{min(spreads):.4f} to {max(spreads):.4f}" if spreads else "not measured yet"


def named_by_verdict(table: pd.DataFrame, verdict: str) -> str:
    """The methods of `means` with a verdict, in words: `VAE, OCGAN`, or `none`."""
    return ", ".join(labels(table.index[table["verdict"] == verdict])) or "none"


def best(table: pd.DataFrame) -> str:
    """The method of `means` with the highest mean of ours, in words, or `none yet`."""
    return tables.METHODS[table["mean"].idxmax()] if table["mean"].notna().any() else "none yet"


def in_words(row: pd.Series) -> str:
    """A row of `means` as part of a sentence."""
    printed = "" if np.isnan(row["published"]) else f", published {row['published']:.4f}"
    if np.isnan(row["mean"]):
        return f"not complete{printed}"
    interval = "" if np.isnan(row["low"]) else f" [{row['low']:.4f}, {row['high']:.4f}]"
    return f"{row['mean']:.4f}{interval}{printed}"


# --- how settings were chosen ---------------------------------------------------------------------


def choices_page(folder: Path | None = None) -> pd.DataFrame:
    """Every method of which several variants were tried: a row a variant, what is taken first.

    Index: data set, method. Columns: settings, then those of `choices.for_page`; one row of words
    if no variant is recorded.
    """
    parts = []
    for dataset, method in product(TITLES, tables.METHODS):
        if method not in METHODS:
            continue
        tried = choices_table(dataset, method, read_records(folder, f"{dataset}/{method}*/*"))
        if len(tried) > 1:
            page = for_page(tried)
            settings = page.loc[:, :"classes"].drop(columns="classes")
            words = [
                ", ".join(f"{name}={value}" for name, value in row.dropna().items())
                for _, row in settings.iterrows()
            ]
            kept = page.drop(columns=list(settings)).assign(settings=words)
            parts.append(kept.assign(dataset=TITLES[dataset], method=tables.METHODS[method]))
    if not parts:
        trial = "ocnd run mnist/ocgan+latent_dim=8/3/0"
        return pd.DataFrame({"": [f"no trial is recorded yet; make one with, e.g., {trial}"]})
    first = ["dataset", "method", "settings"]
    whole = pd.concat(parts)
    return whole[[*first, *(name for name in whole if name not in first)]].set_index(first[:2])


# --- the live part --------------------------------------------------------------------------------


def live_cell(dataset: str, method: str, normal_class: str, seed: int, small: dict) -> str:
    """The name of a cell with those settings of `small` that the method has."""
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; there are: {', '.join(METHODS)}")
    known = METHODS[method].parameters()
    settings = [f"{name}={value}" for name, value in small.items() if name in known]
    return f"{dataset}/{'+'.join([method, *settings])}/{normal_class}/{seed}"


def record_page(record: dict) -> pd.DataFrame:
    """What a record holds, each part cut to one line."""
    parts = {key: textwrap.shorten(json.dumps(value), 90) for key, value in record.items()}
    return pd.DataFrame({"what a record holds": parts})


def make_missing() -> None:
    """Make what the tables lack, seed 0: hours. RuntimeError names cells that failed."""
    from ocnd_lib.sweep import cells, sweep  # Dask is slow to import, and seldom needed here

    for name, found in every_result().items():
        runnable = [method for method in found.methods if method in METHODS]
        if failed := sweep(cells([name], runnable, [0]))["failed"]:
            raise RuntimeError("these cells failed:\n" + "\n".join(failed))


# --- figures --------------------------------------------------------------------------------------
# each takes `Results`, by data set where it shows several


def table_figure(found: Results) -> Figure:
    """The deck's table of a data set, each cell published and ours."""
    ours, published = found.ours, found.published.reindex(found.methods)
    printed = tables.load_published(found.dataset)["mean"].astype(float).reindex(found.methods)
    return plots.published_and_ours(
        named(published.assign(mean=printed)),
        named(ours.assign(mean=ours.mean(axis=1, skipna=False))),
    )


def means_figure(averages: dict[str, pd.DataFrame]) -> Figure:
    """Means with intervals; `averages` are the tables of `means`, by data set."""
    methods = [m for m in tables.METHODS if any(m in table.index for table in averages.values())]
    return plots.means_with_intervals(
        {TITLES[k]: named(table.reindex(methods)) for k, table in averages.items()}
    )


def seeds_figure(found: Results) -> Figure:
    """Every seed of every class."""
    cells = found.cells.assign(method=found.cells["method"].map(tables.METHODS))
    return plots.seed_strips(cells, named(found.published), labels(found.methods))


def confusability_figure(every: dict[str, Results], method: str = REFERENCE) -> Figure:
    """Which class is mistaken for which: by one method, and by all complete methods on average."""
    panels: dict[str, pd.DataFrame | str] = {}
    for found in every.values():
        matrices = {
            m: pd.DataFrame(confusability(runs, len(found.names)), found.names, found.names)
            for m, runs in found.runs.items()
        }
        title, name = TITLES[found.dataset], tables.METHODS[method]
        panels[f"{title}, {name}"] = matrices.get(method, f"{name} is not complete\non record yet")
        everyone = f"{title}, mean over methods ({len(matrices)})"
        panels[everyone] = "no method is complete\non record yet"
        if matrices:
            panels[everyone] = sum(matrices.values()) / len(matrices)
    return plots.confusability_maps(panels)


def timed_cells(every: dict[str, Results]) -> pd.DataFrame:
    """The cells whose seconds are compared, those of one processor for all data sets."""
    tables_of_cells = [found.cells.assign(dataset=name) for name, found in every.items()]
    return on_one_processor(pd.concat(tables_of_cells, ignore_index=True))


def cost_table(found: Results, timed: pd.DataFrame | None = None) -> pd.DataFrame:
    """Of every complete method: mean AUROC, and fit_seconds and macs averaged over its cells.

    Seconds are those of the cells `timed`, as `timed_cells` gives them, else of one processor; NaN
    for a method without a cell there.
    """
    timed = timed_cells({found.dataset: found}) if timed is None else timed
    timed = timed[timed["dataset"] == found.dataset]
    costs = found.cells.groupby("method")[["macs"]].mean()
    costs["fit_seconds"] = timed.groupby("method")["fit_seconds"].mean()
    average = found.ours.loc[found.complete].mean(axis=1)
    return costs.reindex(found.complete).assign(mean=average)


def timed_on(every: dict[str, Results]) -> str:
    """Where the cells ran whose seconds `cost_table` takes, in words."""
    rows = timed_cells(every).itertuples()
    return "; ".join(sorted({f"{row.processor}, {row.hardware}" for row in rows})) or "none yet"


def cost_figure(every: dict[str, Results]) -> Figure:
    """AUROC against compute."""
    timed = timed_cells(every)
    return plots.auroc_against_cost(
        {TITLES[name]: named(cost_table(found, timed)) for name, found in every.items()}
    )


def every_result(folder: Path | None = None) -> dict[str, Results]:
    """What is recorded of both tables' data sets."""
    return {name: results(name, folder) for name in TITLES}


FIGURES: dict[str, Callable[[], Figure]] = {
    **{f"benchmark-{k}": (lambda k=k: table_figure(results(k))) for k in TITLES},
    "benchmark-means": lambda: means_figure(
        {k: means(found) for k, found in every_result().items()}
    ),
    **{f"benchmark-seeds-{k}": (lambda k=k: seeds_figure(results(k))) for k in TITLES},
    "benchmark-confusability": lambda: confusability_figure(every_result()),
    "benchmark-cost": lambda: cost_figure(every_result()),
}
