"""What a cell costs, and how our ways compare with plain ones."""

import json

import pandas as pd

from ocnd_lib.records import REPOSITORY, on_one_processor, read_records
from report.source import NoRecords, no_record, plain
from report.tables import METHODS, TITLES

BENCHMARKS = REPOSITORY / "benchmarks"
CELLS = [f"{name}/{method}/*/*" for name in TITLES for method in METHODS]
SENTENCES = {  # comparisons that the page speaks of
    "stacked": ("results", "ten small autoencoders, stacked"),
    "processes": ("results", "ten small autoencoders, in two processes"),
    "step": ("results", "OCGAN, training step"),
    "compiled": ("results", "OCGAN, networks compiled"),
    "gpu-step": ("gpu", "OCGAN, training step"),
    "gpu-ocgans": ("gpu", "ten OCGANs, in ten processes"),
}


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
    """The machines that a file of benchmarks is of."""
    content = json.loads((BENCHMARKS / f"{name}.json").read_text())
    machines = [row.get("machine", content["machine"]) for row in content["results"]]
    return "; ".join(dict.fromkeys(
        f"{at['processor']}, {at['cores']} cores, {at['hardware']}, torch {at['torch']}"
        for at in machines
    ))  # fmt: skip


def seconds(device: str = "cpu") -> pd.DataFrame:
    """Median seconds of recorded cells on one processor: a row a method, a column a data set."""
    rows = [
        (TITLES[name], METHODS[method], record["seconds"], record["provenance"].get("processor"))
        for name in TITLES
        for method in METHODS
        for record in read_records(pattern=f"{name}/{method}/*")
        if record["hardware"].startswith(device)
    ]
    if not rows:
        raise no_record("mnist/ocgan/8/0")
    table = pd.DataFrame(rows, columns=["dataset", "method", "seconds", "processor"])
    return on_one_processor(table).pivot_table("seconds", "method", "dataset", "median")


def numbers() -> dict[str, object]:
    """Every number of this page's sentences, by its name there."""
    files = {name: benchmarks(name) for name in ("results", "gpu")}
    several = files["results"].query("rounds > 1")
    mnist = seconds()["MNIST"]
    return plain({
        "compared": len(several),
        "faster": int((several["low"] > 1).sum()),
        **{key: files[name].loc[row, "ratio"] for key, (name, row) in SENTENCES.items()},
        "least": mnist.min(), "most": mnist.max(), "most-method": mnist.idxmax(),
        "methods": mnist.count(),
    })  # fmt: skip
