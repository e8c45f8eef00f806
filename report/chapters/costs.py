"""What a cell costs, how our ways compare with plain ones, and what many cells cost."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from ocnd_lib.records import REPOSITORY, on_one_processor, parse_cell, read_records
from report.source import NoRecords, no_record, plain
from report.tables import METHODS, TITLES

BENCHMARKS = REPOSITORY / "benchmarks"
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
NAMES = {"cpu": "CPU", "cuda": "GPU"}


def benchmarks(name: str = "results") -> pd.DataFrame:
    """What `make bench` measured, a row a comparison: of a CPU, or of a GPU with the name `gpu`.

    Columns: unit, baseline_value and ours_value (each the median of its own rounds), ratio, low,
    high and rounds: how many times as fast ours is within a round, as median, least, most and
    number of rounds. So the ratio need not be that of the two values. NoRecords if nothing is
    measured.
    """
    if not (path := BENCHMARKS / f"{name}.json").exists():
        raise NoRecords("nothing is measured yet; measure with: make bench")
    table = pd.DataFrame(json.loads(path.read_text())["results"]).set_index("name")
    ratios = table["ratios"]
    table = table.assign(low=ratios.map(min), high=ratios.map(max), rounds=ratios.map(len))
    return table[["unit", "baseline_value", "ours_value", "ratio", "low", "high", "rounds"]]


def machine(name: str = "results") -> str:
    """The machine that a file of benchmarks is of."""
    at = json.loads((BENCHMARKS / f"{name}.json").read_text())["machine"]
    return f"{at['processor']}, {at['cores']} cores, {at['hardware']}, torch {at['torch']}"


def cells() -> pd.DataFrame:
    """What recorded cells of one-class methods with their own settings took.

    Columns: cell, method and dataset (as they are shown), normal_class, auroc, seconds, processor.
    """
    rows = [
        (record["cell"], METHODS[method], title, parse_cell(record["cell"]).normal_class,
         record["metrics"].get("auroc", np.nan), record["seconds"],
         record["provenance"].get("processor", ""))
        for method in METHODS
        for name, title in TITLES.items()
        for record in read_records(pattern=f"{name}/{method}/*")
    ]  # fmt: skip
    if not rows:
        raise no_record("mnist/ocgan/8/0")
    columns = ["cell", "method", "dataset", "normal_class", "auroc", "seconds", "processor"]
    return pd.DataFrame(rows, columns=columns)


def worth(found: pd.DataFrame) -> pd.DataFrame:
    """A row a data set and method: median seconds on one processor, and mean AUROC over classes."""
    keys = ["dataset", "method"]
    seconds = on_one_processor(found).groupby(keys, sort=False)["seconds"].median()
    classes = found.groupby([*keys, "normal_class"])["auroc"].mean()
    means = classes.groupby(level=keys).mean()
    return pd.DataFrame({"seconds": seconds, "auroc": means}).dropna()


def many_cells(sizes: Sequence[int], workers: Sequence[int]) -> pd.DataFrame:
    """What so many cells cost when they are mixed as in this report; a row a device and size.

    Columns: hours of one device, hours until so many workers are through, megabytes of records. A
    worker is a process with one cell at a time: it has a core, or shares a GPU with others as in
    `SHARED`. The report's cells of a kind that a device has records of stand for all. NoRecords if
    there are none.
    """
    from report.plan import measured_kinds, report_cells  # which asks the chapters for their cells

    if (kinds := measured_kinds()).empty:
        raise no_record("mnist/ae/0/0")
    wanted = [(cell.dataset, cell.method) for cell in map(parse_cell, report_cells())]
    rows = {}
    for device, here in kinds.groupby("device"):
        mean = here.droplevel("device").reindex(wanted).mean()
        hours = mean["seconds"] / 3600
        for size in sizes:
            waits = {f"{n} workers, h": np.ceil(size / n) * hours for n in workers}
            cost = {"cost, h": size * hours / SHARED[device]}
            stored = {"records, MB": size * mean["kilobytes"] / 1000}
            rows[NAMES[device], f"{size:,}"] = cost | waits | stored
    return pd.DataFrame(rows).T.rename_axis(["device", "cells"])


def numbers() -> dict[str, object]:
    """Every number of this page's sentences, by its name there."""
    files = {name: benchmarks(name) for name in ("results", "gpu")}
    several = files["results"].query("rounds > 1")
    profile = json.loads((BENCHMARKS / "profile.json").read_text())["work"]
    found = {
        "compared": len(several),
        "faster": int((several["low"] > 1).sum()),
        "slower": int((several["high"] < 1).sum()),
        **{key: files[name].loc[row, "ratio"] for key, (name, row) in SENTENCES.items()},
        "convolutions": sum(
            row["forward"] + row["backward"] for row in profile if row["work"] == "convolution"
        ),
    }
    for name, part in worth(cells()).groupby("dataset"):
        test = stats.spearmanr(part["seconds"], part["auroc"])
        key = {title: dataset for dataset, title in TITLES.items()}[name]
        found |= {f"rank-{key}": test.statistic, f"rank-p-{key}": test.pvalue}
        found |= {f"least-{key}": part["seconds"].min(), f"most-{key}": part["seconds"].max()}
        found[f"most-method-{key}"] = part["seconds"].idxmax()[1]
    return plain(found)
