"""Chapter 11: what its figures and tables take from benchmarks and from the seconds of records."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.records import REPOSITORY, on_one_processor, parse_cell, read_records
from report import plots
from report.figures.benchmark import TITLES
from report.figures.source import NoRecords
from report.tables import METHODS, class_names

BENCHMARKS = REPOSITORY / "benchmarks"
TIMED = {"vgg11": "VGG11", "vgg11-bn": "VGG11, batch norm", **METHODS}  # methods, as they are shown
# groups of benchmarks: the title of their panel, and what their names all end in
GROUPS = {
    "training": ("training step", (", training step", ", training")),
    "data": ("data", ()),
    "together": ("ten models against a loop", ()),
    "scoring": ("scoring 10 000 images", (", scoring 10 000 images",)),
    "compiled": ("torch.compile against ours", (", networks compiled",)),
}
STACKED = "ten small autoencoders, stacked"
PROCESSES = "ten small autoencoders, in two processes"
OCGAN_STEP = "OCGAN, training step"
COMPILED = "OCGAN, networks compiled"
OCGANS, OCGANS_ON_GPU = "ten OCGANs, in two processes", "ten OCGANs, in ten processes"
LACKING = "not measured yet"


# --- benchmarks ----------------------------------------------------------------------------------


def benchmarks(path: Path | None = None) -> pd.DataFrame:
    """What `make bench` measured, a row a comparison, by its name.

    Columns: group, unit, baseline and ours with their _value and _peak_mib, ratio, ratios (of the
    rounds), low and high of them, rounds (their number), machine. NoRecords if there is no such
    file.
    """
    path = path or BENCHMARKS / "results.json"
    if not path.exists():
        raise NoRecords("nothing is measured yet; measure with: make bench")
    found = json.loads(path.read_text())
    rows = []
    for row in found["results"]:
        machine = machine_text(row.get("machine") or found["machine"])
        low, high = min(row["ratios"]), max(row["ratios"])
        group = row.get("group") or _group(row["name"])
        told = {"low": low, "high": high, "rounds": len(row["ratios"]), "machine": machine}
        rows.append({**row, "group": group, **told})
    return pd.DataFrame(rows).set_index("name")


def gpu_benchmarks(path: Path | None = None) -> pd.DataFrame:
    """The same of what was measured on a GPU; no rows if nothing was."""
    try:
        return benchmarks(path or BENCHMARKS / "gpu.json")
    except NoRecords:
        return pd.DataFrame(columns=["group", "low", "high", "rounds", "machine"])


def _group(name: str) -> str:
    """The group of a row of before there were groups."""
    return "training" if name.endswith("training") else "data"


def machine_text(machine: dict) -> str:
    """A machine in words."""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['hardware']}, "
        f"torch {machine['torch']}, {machine['date']}"
    )


def benchmarks_page(table: pd.DataFrame) -> pd.DataFrame:
    """`benchmarks` for a page: rounded, with a number for each machine if there are several."""
    machines = list(dict.fromkeys(table["machine"]))
    rows = {}
    for name, row in table.iterrows():
        spread = "" if row["low"] == row["high"] else f" [{row['low']:.2f}, {row['high']:.2f}]"
        rows[name] = {
            "unit": row["unit"],
            **{side: _rounded(row[f"{side}_value"]) for side in ("baseline", "ours")},
            "times as fast [rounds]": f"{row['ratio']:.2f}{spread}",
            "peak memory, MiB": f"{row['baseline_peak_mib']:.0f} → {row['ours_peak_mib']:.0f}",
        }
        if len(machines) > 1:
            rows[name]["machine"] = str(machines.index(row["machine"]) + 1)
    return pd.DataFrame.from_dict(rows, orient="index")


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def arms_page(table: pd.DataFrame) -> pd.DataFrame:
    """What is compared with what, once for each pair of words."""
    pairs: dict[tuple[str, str, str], list[str]] = {}
    for name, row in table.iterrows():
        title = GROUPS[row["group"]][0]
        pairs.setdefault((title, row["baseline"], row["ours"]), []).append(name)
    rows = [
        {"kind": kind, "baseline": baseline, "ours": ours, "rows": str(len(names))}
        for (kind, baseline, ours), names in pairs.items()
    ]
    return pd.DataFrame(rows).set_index("kind").rename_axis(None)


def machines(table: pd.DataFrame) -> str:
    """The machines of a table of benchmarks, in words."""
    found = list(dict.fromkeys(table["machine"]))
    if len(found) < 2:
        return found[0] if found else "none yet"
    return "; ".join(f"({k}) {machine}" for k, machine in enumerate(found, 1))


def ratio_of(table: pd.DataFrame, name: str) -> str:
    """One ratio with its rounds, in words."""
    if name not in table.index:
        return LACKING
    row = table.loc[name]
    low, high = f"{row['low']:.2f}", f"{row['high']:.2f}"
    rounds = f"rounds {low} to {high}" if len(row["ratios"]) > 1 else "one round"
    return f"{row['ratio']:.2f} times as fast ({rounds})"


def payers(table: pd.DataFrame) -> dict[str, str]:
    """Names of what is faster in every round, slower in every round, and neither, in words.

    And of what was measured in one round, which decides nothing.
    """
    several = table["rounds"] > 1
    sides = {
        "faster": several & (table["low"] > 1),
        "slower": several & (table["high"] < 1),
        "neither": several & (table["low"] <= 1) & (table["high"] >= 1),
        "once": ~several,
    }
    return {side: "; ".join(table.index[chosen]) or "none" for side, chosen in sides.items()}


def unmeasured(table: pd.DataFrame) -> str:
    """The groups of which nothing is measured yet, in words."""
    return ", ".join(t for g, (t, _) in GROUPS.items() if g not in set(table["group"])) or "none"


# what is aimed at, and from where it can be told
SECONDS_TO_SCORE, OCGAN_GAIN, TOGETHER_GAIN = 15, 4, 10


def aims(table: pd.DataFrame, gpu: pd.DataFrame) -> pd.DataFrame:
    """For a page: each aim of speed, what was measured, and whether it is met.

    `gpu` holds the benchmarks of a GPU, `table` all others.
    """
    scoring = table[table["group"] == "scoring"]
    rows = {}
    aim = f"10 000 images scored in {SECONDS_TO_SCORE} s on two cores"
    measured, met = LACKING, ""
    if len(scoring):
        slowest = scoring["ours_value"].idxmax()
        measured = f"{scoring['ours_value'].max():.1f} s for the slowest ({slowest.split(',')[0]})"
        met = _yes(scoring["ours_value"].max() <= SECONDS_TO_SCORE)
    rows[aim] = {"measured": measured, "met": met}
    measured, met = ratio_of(table, OCGAN_STEP), ""
    if OCGAN_STEP in table.index:
        if "cpu bfloat16" in table.loc[OCGAN_STEP, "machine"]:
            met = _yes(table.loc[OCGAN_STEP, "ratio"] >= OCGAN_GAIN)
        else:
            met = "cannot be told here: no CPU with bf16"
    rows[f"OCGAN step {OCGAN_GAIN} times as fast on a CPU with bf16"] = {
        "measured": measured,
        "met": met,
    }
    measured, met = ratio_of(gpu, OCGANS_ON_GPU), ""
    if OCGANS_ON_GPU in gpu.index:
        met = _yes(gpu.loc[OCGANS_ON_GPU, "ratio"] >= TOGETHER_GAIN)
    aim = (
        f"ten OCGANs together on one GPU, {TOGETHER_GAIN} times the model images/s of a plain loop"
    )
    rows[aim] = {"measured": measured, "met": met}
    return pd.DataFrame.from_dict(rows, orient="index")


def _yes(met: bool) -> str:
    return "yes" if met else "no"


def profile_page(of: str = "profile", path: Path | None = None) -> str:
    """For a page, as markdown: where the time of an OCGAN step goes; or `profile on a GPU`."""
    readme = (path or BENCHMARKS / "README.md").read_text()
    found = readme.partition(f"<!-- {of} -->")[2].partition(f"<!-- end of {of} -->")[0].strip()
    if not found:
        module = "profile" if of == "profile" else "profile_gpu"
        raise NoRecords(f"nothing is measured yet; measure with: python -m benchmarks.{module}")
    return found


def profile_share(work: str, path: Path | None = None) -> float:
    """The share of one kind of work, e.g. `convolution`, in an OCGAN step; NaN if not measured."""
    path = path or BENCHMARKS / "profile.json"
    if not path.exists():
        return float("nan")
    rows = [row for row in json.loads(path.read_text())["work"] if row["work"] == work]
    return sum(row["forward"] + row["backward"] for row in rows)


def ratios_figure(table: pd.DataFrame) -> Figure:
    """Chapter 11: how many times faster, kind by kind."""
    panels = {}
    for group, (title, endings) in GROUPS.items():
        rows = table[table["group"] == group]
        if len(rows):
            panels[title] = rows.rename(index=lambda name, e=endings: _without(name, e))
    return plots.speed_ratios(panels)


def _without(name: str, endings: Iterable[str]) -> str:
    for ending in endings:
        name = name.removesuffix(ending)
    return name


# --- seconds of recorded cells -------------------------------------------------------------------


def cells(folder: Path | None = None) -> pd.DataFrame:
    """What recorded cells of the tables and of chapter 2 took, on the processor with most methods.

    Columns: cell, method, dataset, seconds, processor. Only methods with their own settings; in the
    order of `TIMED` and `TITLES`, by their titles.
    """
    return on_one_processor(_cells_anywhere(folder)).reset_index(drop=True)


def _cells_anywhere(folder: Path | None = None) -> pd.DataFrame:
    """The same on all processors."""
    order, rows = list(TIMED), []
    for record in read_records(folder):
        cell = parse_cell(record["cell"])
        if cell.method in TIMED and cell.dataset in TITLES and not cell.parameters:
            method, processor = order.index(cell.method), record["provenance"]["processor"]
            rows.append((str(cell), method, cell.dataset, record["seconds"], processor))
    columns = ["cell", "method", "dataset", "seconds", "processor"]
    table = pd.DataFrame(rows, columns=columns)
    place = {name: k for k, name in enumerate(TITLES)}
    table = table.sort_values(
        ["method", "dataset"], key=lambda column: column.replace(place), kind="stable"
    )
    titles = dict(enumerate(TIMED.values()))
    return table.assign(method=table["method"].map(titles), dataset=table["dataset"].map(TITLES))


def timed_cells(found: pd.DataFrame) -> list[str]:
    """The names of the cells that `cells` found."""
    return list(found["cell"])


def untimed(found: pd.DataFrame, folder: Path | None = None) -> str:
    """What is recorded, but not on the processor of the cells `found`, in words."""
    recorded = _cells_anywhere(folder)
    pairs = [f"{row.method} ({row.dataset})" for row in recorded.itertuples()]
    there = {f"{row.method} ({row.dataset})" for row in found.itertuples()}
    return ", ".join(dict.fromkeys(pair for pair in pairs if pair not in there)) or "none"


def cells_figure(found: pd.DataFrame) -> Figure:
    """Chapter 11: what each recorded cell took; NoRecords if there is none."""
    if found.empty:
        raise NoRecords("no record yet; make one with: ocnd run mnist/ocgan/8/0")
    return plots.cell_seconds(found, list(TITLES.values()))


def plan_page(
    found: pd.DataFrame, methods: Iterable[str], seeds: int
) -> tuple[pd.DataFrame, float, int]:
    """Hours for all classes of both data sets by so many seeds, by the median of recorded cells.

    Returns (a row a method for a page, the hours that are known, how many rows are not). ValueError
    lists the methods that there are.
    """
    rows, hours, unknown = {}, 0.0, 0
    none = "none on this processor"
    for method in methods:
        if method not in TIMED:
            raise ValueError(f"unknown method {method!r}; there are: {', '.join(TIMED)}")
        row = {}
        for dataset, title in TITLES.items():
            part = found[(found["method"] == TIMED[method]) & (found["dataset"] == title)]
            median = part["seconds"].median() if len(part) else np.nan
            needed = median * len(class_names(dataset)) * seeds / 3600
            known = not np.isnan(median)
            row[f"{title}, seconds a cell"] = f"{median:.1f} ({len(part)})" if known else none
            row[f"{title}, hours"] = f"{needed:.1f}" if known else ""
            hours, unknown = hours + (needed if known else 0), unknown + (not known)
        rows[TIMED[method]] = row
    return pd.DataFrame.from_dict(rows, orient="index"), hours, unknown


FIGURES: dict[str, Callable[[], Figure]] = {
    "costs-ratios": lambda: ratios_figure(benchmarks()),
    "costs-cells": lambda: cells_figure(cells()),
}
