"""Speed, measured side by side: `make bench` writes results.json, or gpu.json where there is a GPU.

Both sides of a pair run in turn, each in a process of its own; what is reported is their ratio.
"""

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks import arms
from benchmarks.detectors import SCORED, TRAINED
from benchmarks.together import MODELS, ON_GPU, PROCESSES
from ocnd_lib.records import provenance
from ocnd_lib.training import choose_hardware
from report.tables import METHODS

RESULTS = Path(__file__).with_name("gpu.json" if ON_GPU else "results.json")


@dataclass(frozen=True)
class Pair:
    """Two ways of doing the same; a side is what it is, and the arguments of `benchmarks.arms`."""

    name: str
    group: str  # what it is shown with
    unit: str  # s is better when lower, any other when higher
    baseline: tuple[str, str]
    ours: tuple[str, str]
    rounds: int = 3

    def gain(self, baseline: float, ours: float) -> float:
        """How many times better ours is."""
        return baseline / ours if self.unit == "s" else ours / baseline


PLAIN = "plain fp32 loop, contiguous memory"
LOADED = f"{PLAIN}, DataLoader with 2 workers"
COUNT = {2: "two", 10: "ten"}[PROCESSES]
RATE = "images/s"


def both(name: str, group: str, unit: str, arguments: str, baseline=PLAIN, ours="ours", rounds=3):
    """A pair whose sides differ in one word of their arguments, {}: plain and ours."""
    sides = (baseline, arguments.format("plain")), (ours, arguments.format("ours"))
    return Pair(name, group, unit, *sides, rounds)


PAIRS = [
    *(
        both(f"VGG11 {word} batch norm, training", "training", RATE, f"vgg11 {{}} {norm}", LOADED,
             "ocnd_lib.classifier.fit")
        for word, norm in (("with", True), ("without", False))
    ),
    both("batches of augmented images", "data", RATE, "batches {}",
         "DataLoader with 2 workers, torchvision transforms", "ocnd_lib.training.batches"),
    *(both(f"{METHODS[name]}, training step", "training", RATE, f"step {name} {{}}")
      for name in TRAINED),
    Pair("Rotation, training step", "training", RATE, (LOADED, "rotation"),
         ("ours", "step rotation ours")),
    both(f"ten OCGANs, in {COUNT} processes", "together", "model images/s", "ocgans {}",
         f"{PLAIN}, one after the other", f"ours, {MODELS // PROCESSES} in each process", rounds=1),
    *(both(f"{METHODS[name]}, scoring 10 000 images", "scoring", "s", f"score {name} {{}}",
           rounds=1)
      for name in SCORED),
    Pair("OCGAN, networks compiled", "compiled", RATE, ("ours", "step ocgan ours"),
         ("ours, each network through torch.compile", "step ocgan compiled")),
]  # fmt: skip


def arm(arguments: str) -> dict:
    """Run one side in a fresh process: {value, peak_mib}."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(arms.run, arguments.split()).result()


def measure(pair: Pair, machine: dict) -> dict:
    """Both sides of a pair in turn, as often as it has rounds: one entry of the results."""
    sides = (pair.baseline, pair.ours)
    turns = [[arm(arguments) for _, arguments in sides] for _ in range(pair.rounds)]
    ratios = [pair.gain(*(side["value"] for side in turn)) for turn in turns]
    row = {"name": pair.name, "group": pair.group, "unit": pair.unit}
    for k, side in enumerate(("baseline", "ours")):
        row[side] = sides[k][0]
        row[f"{side}_value"] = statistics.median(turn[k]["value"] for turn in turns)
        row[f"{side}_peak_mib"] = max(turn[k]["peak_mib"] for turn in turns)
    return {**row, "ratio": statistics.median(ratios), "ratios": ratios, "machine": machine}


def this_machine() -> dict:
    """What the numbers belong to."""
    hardware = choose_hardware()
    at = provenance(hardware.device.type)
    return {
        "processor": at["processor"],
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(terse=True),
        "torch": torch.__version__,
        "hardware": str(hardware),
        "date": at["date"][:10],
        "git_revision": at["git_revision"],
    }


def merged(old: dict, row: dict, machine: dict) -> dict:
    """The results file with a new row in the place of that of its name, if it has one.

    Every row names its own machine; the one at the top is the last that measured anything.
    """
    found = {kept["name"]: kept for kept in [*old.get("results", []), row]}
    return {"machine": machine, "results": list(found.values())}


def main() -> None:
    """Run the pairs, print them, and write each into the results file as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="only the pairs with this in their name")
    only = parser.parse_args().only
    pairs = [pair for pair in PAIRS if only.lower() in pair.name.lower()]
    if not pairs:
        parser.error(f"no pair has {only!r} in its name: {', '.join(p.name for p in PAIRS)}")
    if not shutil.which(os.environ.get("CXX", "g++")):
        print("no C++ compiler (g++, or what CXX names), so nothing is measured of torch.compile")
        pairs = [pair for pair in pairs if pair.group != "compiled"]
    machine = this_machine()
    for pair in pairs:
        row = measure(pair, machine)
        told = f"{row['name']}: {row['baseline_value']:.4g} → {row['ours_value']:.4g} {row['unit']}"
        print(f"{told}, {row['ratio']:.2f} times {np.round(row['ratios'], 2)}", flush=True)
        old = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps(merged(old, row, machine), indent=1) + "\n")


if __name__ == "__main__":
    main()
