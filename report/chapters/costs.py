"""What a cell costs, how our ways compare with plain ones, and what many cells cost."""

import json
from collections.abc import Iterable, Sequence
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from scipy import stats

from ocnd_lib.records import REPOSITORY, on_one_processor, parse_cell, read_records
from report.drawing import COLOURS, WIDTH, titled
from report.source import NoRecords, no_record, plain
from report.tables import METHODS, TITLES, class_names

BENCHMARKS = REPOSITORY / "benchmarks"
TIMED = {"vgg11": "VGG11", "vgg11-bn": "VGG11, batch norm", **METHODS}  # methods, as they are shown
GROUPS = {  # kinds of comparison, and what the names of theirs all end in
    "training": ("training step", ", training step", ", training"),
    "data": ("data",),
    "together": ("ten models against a loop",),
    "scoring": ("scoring 10 000 images", ", scoring 10 000 images"),
    "compiled": ("torch.compile against ours", ", networks compiled"),
}
SENTENCES = {  # comparisons that the page speaks of
    "stacked": ("results", "ten small autoencoders, stacked"),
    "processes": ("results", "ten small autoencoders, in two processes"),
    "step": ("results", "OCGAN, training step"),
    "compiled": ("results", "OCGAN, networks compiled"),
    "gpu-step": ("gpu", "OCGAN, training step"),
    "gpu-ocgans": ("gpu", "ten OCGANs, in ten processes"),
}
# How many cells ran at a time on one device while they were recorded, which no record says: sixteen
# processes shared a GPU through NVIDIA's MPS, so the seconds of each are of a sixteenth of it.
SHARED = {"cpu": 1, "cuda": 16}
DATASET_COLOURS = dict(zip(TITLES.values(), (COLOURS["ink"], COLOURS["accuracy"]), strict=True))


# --- side by side --------------------------------------------------------------------------------


def benchmarks(name: str = "results") -> pd.DataFrame:
    """What `make bench` measured, a row a comparison: of a CPU, or of a GPU with the name `gpu`.

    Columns: group, unit, baseline_value and ours_value (each the median of its own rounds), ratio,
    low, high and rounds: how many times as fast ours is within a round, as median, least, most and
    number of rounds. So the ratio need not be that of the two values. NoRecords if nothing is
    measured.
    """
    path = BENCHMARKS / f"{name}.json"
    if not path.exists():
        raise NoRecords("nothing is measured yet; measure with: make bench")
    table = pd.DataFrame(json.loads(path.read_text())["results"]).set_index("name")
    ratios = table["ratios"]
    return table.assign(low=ratios.map(min), high=ratios.map(max), rounds=ratios.map(len))[
        ["group", "unit", "baseline_value", "ours_value", "ratio", "low", "high", "rounds"]
    ]


def machine(name: str = "results") -> str:
    """The machine that a file of benchmarks is of."""
    at = json.loads((BENCHMARKS / f"{name}.json").read_text())["machine"]
    return f"{at['processor']}, {at['cores']} cores, {at['hardware']}, torch {at['torch']}"


def benchmarks_page(table: pd.DataFrame) -> pd.DataFrame:
    """`benchmarks` for a page."""
    ratios = [
        f"{row.ratio:.2f}" + (f" [{row.low:.2f}, {row.high:.2f}]" if row.rounds > 1 else "")
        for row in table.itertuples()
    ]
    values = {
        f"{side}, median": table[f"{name}_value"].map(readable)
        for side, name in (("plain", "baseline"), ("ours", "ours"))
    }
    ours = "times as fast in the same round, median [least, most]"
    return pd.DataFrame({"unit": table["unit"], **values, ours: ratios}).rename_axis(None)


def ratios_figure() -> Figure:
    """How many times as fast ours is, a panel a kind of work."""
    table = benchmarks()
    parts = {group: rows for group in GROUPS if len(rows := table[table["group"] == group])}
    sizes = [len(rows) + 1.4 for rows in parts.values()]
    title = "Most of our ways are a little faster; filled: in every round"
    fig = titled(title, 0.215 * sum(sizes) + 0.8)
    axes = fig.subplots(len(parts), 1, sharex=True, squeeze=False, height_ratios=sizes)[:, 0]
    for ax, (group, rows) in zip(axes, parts.items(), strict=True):
        title, *endings = GROUPS[group]
        names = [name.removesuffix(next(filter(name.endswith, endings), "")) for name in rows.index]
        for at, row in enumerate(rows.itertuples()):
            sure = row.rounds > 1 and not row.low <= 1 <= row.high
            ax.hlines(at, row.low, row.high, color=COLOURS["ink"])
            ax.plot(row.ratio, at, "o", color=COLOURS["ink"], mfc=None if sure else "white")
        ax.axvline(1, color=COLOURS["control"], lw=1)
        ax.set_yticks(range(len(rows)), names)
        ax.set(xscale="log", ylim=(len(rows) - 0.4, -0.6))
        ax.set_title(title, loc="left")
        ax.grid(axis="x")
    axes[-1].set_xticks(ticks := [0.5, 1, 2, 5, 10], map("{:g}".format, ticks))
    axes[-1].xaxis.set_minor_locator(NullLocator())
    axes[-1].set_xlabel("times as fast as the plain way in the same round")
    return fig


# --- seconds of recorded cells -------------------------------------------------------------------


def cells() -> pd.DataFrame:
    """What recorded cells of the tables and of chapter 2 took, on the processor with most methods.

    Columns: cell, method, dataset (as they are shown), auroc, seconds, processor. Only methods with
    their own settings.
    """
    rows = [
        {
            "cell": record["cell"],
            "method": TIMED[method],
            "dataset": title,
            "auroc": record["metrics"].get("auroc", np.nan),
            "seconds": record["seconds"],
            "processor": record["provenance"].get("processor", ""),
        }
        for method in TIMED
        for name, title in TITLES.items()
        for record in read_records(pattern=f"{name}/{method}/*")
    ]
    if not rows:
        raise no_record("mnist/ocgan/8/0")
    return pd.DataFrame(rows)


def worth(found: pd.DataFrame) -> pd.DataFrame:
    """A row a data set and one-class method: median seconds on one processor, and mean AUROC."""
    keys = ["dataset", "method"]
    seconds = on_one_processor(found).groupby(keys, sort=False)["seconds"].median()
    classes = found.groupby([*keys, found["cell"].str.split("/").str[2]])["auroc"].mean()
    means = classes.groupby(level=[0, 1]).mean()
    table = pd.DataFrame({"seconds": seconds, "auroc": means}).dropna()
    return table[table.index.get_level_values("method").isin(METHODS.values())]


def cells_figure() -> Figure:
    """Seconds of each cell, a row a method, the cheapest on top, with the mean AUROCs beside."""
    found = cells()
    table = worth(found)
    rows = on_one_processor(found)
    medians = rows[rows["method"].isin(table.index.get_level_values(1))]
    order = list(medians.groupby("method")["seconds"].median().sort_values().index)
    fig = Figure(figsize=(WIDTH, 1.2 + 0.27 * len(order)))
    ax = fig.subplots()
    for (title, colour), lift in zip(DATASET_COLOURS.items(), (-0.17, 0.17), strict=True):
        part = rows[(rows["dataset"] == title) & rows["method"].isin(order)]
        at = part["method"].map(order.index) + lift
        ax.plot(part["seconds"], at, "o", color=colour, alpha=0.4, ms=4, mew=0)
        ax.plot([], [], "o", color=colour, label=title)
        for y, method in enumerate(order):
            if (title, method) in table.index:
                text = f"{table.loc[(title, method), 'auroc']:.3f}"
                x = 1.07 if lift < 0 else 1.17
                ax.text(x, y, text, transform=ax.get_yaxis_transform(), ha="center", va="center",
                        color=colour)  # fmt: skip
    ax.text(1.12, -0.9, "mean AUROC", transform=ax.get_yaxis_transform(), ha="center")
    ax.set_yticks(range(len(order)), order)
    ax.set(xscale="log", xlabel="seconds a cell", ylim=(len(order) - 0.4, -0.6))
    ax.set_title("Dearer methods are not shown to be better")
    ax.xaxis.set_major_locator(LogLocator(10, numticks=8))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
    ax.grid(axis="x")
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def plan_table(found: pd.DataFrame, methods: Iterable[str], seeds: int) -> pd.DataFrame:
    """Hours for all classes of both data sets by so many seeds, one cell at a time.

    A row a method, a column a data set; by the median of recorded cells on one processor, NaN
    without any. ValueError lists the methods that there are.
    """
    rows, medians = {}, on_one_processor(found).groupby(["method", "dataset"])["seconds"].median()
    for method in methods:
        if method not in TIMED:
            raise ValueError(f"unknown method {method!r}; there are: {', '.join(TIMED)}")
        shown = TIMED[method]
        rows[shown] = {
            title: medians.get((shown, title), np.nan) * len(class_names(name)) * seeds / 3600
            for name, title in TITLES.items()
        }
    return pd.DataFrame.from_dict(rows, orient="index")


# --- many cells ----------------------------------------------------------------------------------


def many_cells(sizes: Sequence[int], workers: Sequence[int]) -> pd.DataFrame:
    """What so many cells cost when they are mixed as in this report; a row a device and size.

    Columns: hours of one device, hours until `workers` are through, megabytes of records. A worker
    is a process with one cell at a time: it has a core, or shares a GPU with others as in `SHARED`.
    Of the report's cells, those of a kind that a device has records of stand for all; the column
    `measured` is their share. NoRecords if there are none.
    """
    from report.plan import measured_kinds, report_cells  # which asks the chapters for their cells

    kinds, wanted = measured_kinds(), list(map(parse_cell, report_cells()))
    if kinds.empty:
        raise no_record("mnist/ae/0/0")
    rows = {}
    for device, here in kinds.groupby("device"):
        asked = [(device, cell.dataset, cell.method) for cell in wanted]
        there = [kind for kind in asked if kind in here.index]
        means = here[["seconds", "kilobytes"]].reindex(there).mean()
        for size in sizes:
            rows[device, size] = {
                "measured": len(there) / len(asked),
                "hours": size * means["seconds"] / SHARED[device] / 3600,
                **{n: ceil(size / n) * means["seconds"] / 3600 for n in workers},
                "megabytes": size * means["kilobytes"] / 1000,
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["device", "cells"])


def many_cells_page(sizes: Sequence[int], workers: Sequence[int]) -> pd.DataFrame:
    """`many_cells` for a page, two digits each."""
    table = many_cells(sizes, workers).reset_index()
    waits = {f"{n} workers": table[n].map(readable) + " h" for n in workers}
    cost = table["hours"].map(readable) + " h"
    shown = {"cost": cost, **waits, "records": table["megabytes"].map(readable) + " MB"}
    index = pd.MultiIndex.from_arrays(
        [table["device"].str.upper().replace("CUDA", "GPU"), table["cells"].map("{:,}".format)]
    )
    return pd.DataFrame(shown).set_axis(index)


def readable(value: float) -> str:
    """A number with two significant digits: 0.012, 3.4, 19,000."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def numbers() -> dict[str, object]:
    """Every number of this page's sentences, by its name there."""
    measured = benchmarks()
    several = measured[measured["rounds"] > 1]
    found: dict[str, object] = {
        "compared": len(several),
        "faster": int((several["low"] > 1).sum()),
        "slower": int((several["high"] < 1).sum()),
    }
    files = {name: benchmarks(name) for name in ("results", "gpu")}
    for key, (name, row) in SENTENCES.items():
        found[key] = float(files[name].loc[row, "ratio"])
    profile = json.loads((BENCHMARKS / "profile.json").read_text())["work"]
    found["convolutions"] = sum(
        row["forward"] + row["backward"] for row in profile if row["work"] == "convolution"
    )
    one_class = worth(cells())
    for name, title in TITLES.items():
        part = one_class.loc[title]
        test = stats.spearmanr(part["seconds"], part["auroc"])
        found |= {f"rank-{name}": float(test.statistic), f"rank-p-{name}": float(test.pvalue)}
        found |= {f"least-{name}": part["seconds"].min(), f"most-{name}": part["seconds"].max()}
        found |= {f"most-method-{name}": part["seconds"].idxmax()}
    return plain(found)


FIGURES = {"costs-cells": cells_figure, "costs-ratios": ratios_figure}
