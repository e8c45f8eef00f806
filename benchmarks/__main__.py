"""Speed, measured side by side: `make bench` writes benchmarks/results.json.

Both sides of a pair run in turn, each in a process of its own, in the same call on the same
machine; what is reported is their ratio. Absolute numbers belong to the machine named beside them.
Where there is a GPU it is benchmarks/gpu.json.
"""

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks import arms
from benchmarks.detectors import SCORED, TRAINED
from benchmarks.together import MODELS, ON_GPU, PROCESSES
from ocnd_lib.records import provenance
from ocnd_lib.training import choose_hardware
from report.tables import METHODS

HERE = Path(__file__).parent
RESULTS = HERE / ("gpu.json" if ON_GPU else "results.json")
SLOW = ["torch._dynamo", "torchvision.transforms.v2", "pandas", "sklearn.base", "scipy.stats"]


@dataclass(frozen=True)
class Pair:
    """Two ways of doing the same; a side is what it is, and the arguments of `benchmarks.arms`.

    `unit` "s" is better when lower, any other when higher.
    """

    name: str
    group: str  # what it is shown with
    unit: str
    baseline: tuple[str, str]
    ours: tuple[str, str]
    rounds: int = 3

    def gain(self, baseline: float, ours: float) -> float:
        """How many times better ours is."""
        return baseline / ours if self.unit == "s" else ours / baseline


TRAINING, SCORING, DATA, TOGETHER = "training", "scoring", "data", "together"
COMPILED = "compiled"
PLAIN = "plain fp32 loop, contiguous memory"
LOADED = f"{PLAIN}, DataLoader with 2 workers"
LOOP = "one after the other, all threads"
COUNT = {2: "two", 10: "ten"}[PROCESSES]
PAIRS = [
    *(
        Pair(
            f"VGG11 {word} batch norm, training", TRAINING, "images/s",
            (LOADED, f"vgg11 plain {norm}"), ("ocnd_lib.classifier.fit", f"vgg11 ours {norm}"),
        )
        for word, norm in (("with", True), ("without", False))
    ),
    Pair(
        "batches of augmented images", DATA, "images/s",
        ("DataLoader with 2 workers, torchvision transforms", "batches plain"),
        ("ocnd_lib.training.batches", "batches ours"),
    ),
    Pair(
        "crops of COCO objects", DATA, "objects/s",
        ("pycocotools and Pillow, object by object", "crops plain"),
        ("data_prep.coco.build", "crops ours"),
    ),
    *(
        Pair(
            f"{METHODS[method]}, training step", TRAINING, "images/s",
            (PLAIN, f"step {method} plain"), ("ours", f"step {method} ours"),
        )
        for method in TRAINED
    ),
    Pair(
        "Rotation, training step", TRAINING, "images/s",
        (LOADED, "rotation"), ("ours", "step rotation ours"),
    ),
    *(
        Pair(
            f"ten small autoencoders, {how}", TOGETHER, "model images/s",
            (LOOP, "ten loop"), (words, f"ten {how.split()[-1]}"),
        )
        for how, words in {
            "stacked": "stack_module_state and vmap",
            f"in {COUNT} processes": f"{MODELS // PROCESSES} in each process, one thread a process",
        }.items()
    ),
    Pair(
        f"ten OCGANs, in {COUNT} processes", TOGETHER, "model images/s",
        (f"{PLAIN}, one after the other", "ocgans plain"),
        (f"ours, {MODELS // PROCESSES} in each process", "ocgans ours"),
        rounds=1,
    ),
    *(
        Pair(
            f"{METHODS[method]}, scoring 10 000 images", SCORING, "s",
            (PLAIN, f"score {method} plain"), ("ours", f"score {method} ours"),
            rounds=1,
        )
        for method in SCORED
    ),
    Pair(
        "OCGAN, networks compiled", COMPILED, "images/s",
        ("ours", "step ocgan ours"),
        ("ours, each network through torch.compile", "step ocgan compiled"),
    ),
]  # fmt: skip


def arm(arguments: str, small: bool = False) -> dict:
    """Run one side in a fresh process: {value, peak_mib}.

    It is forked from a server that has done the slow imports, and has computed nothing.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.arms", *SLOW])
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        return pool.submit(arms.run, arguments.split(), small).result()


def measure(pair: Pair, machine: dict, small: bool = False) -> dict:
    """Both sides of a pair in turn, as often as it has rounds: one entry of the results."""
    sides = (pair.baseline, pair.ours)
    rounds = 1 if small else pair.rounds
    both = [[arm(arguments, small) for _, arguments in sides] for _ in range(rounds)]
    ratios = [pair.gain(*(side["value"] for side in found)) for found in both]
    row = {"name": pair.name, "group": pair.group, "unit": pair.unit}
    for k, side in enumerate(("baseline", "ours")):
        row[side] = sides[k][0]
        row[f"{side}_value"] = statistics.median(found[k]["value"] for found in both)
        row[f"{side}_peak_mib"] = max(found[k]["peak_mib"] for found in both)
    return {**row, "ratio": statistics.median(ratios), "ratios": ratios, "machine": machine}


def this_machine() -> dict:
    """What the numbers belong to."""
    hardware = choose_hardware()
    at = provenance(hardware.device.type)
    return {
        "processor": at["processor"],
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": platform.platform(terse=True),
        "torch": torch.__version__,
        "hardware": str(hardware),
        "date": datetime.now(UTC).date().isoformat(),
        "git_revision": at["git_revision"],
    }


def merged(old: dict, rows: list[dict], machine: dict) -> dict:
    """The results file with new rows in the place of those of their name, in the order of PAIRS.

    Every row names its own machine; the one at the top is the last that measured anything.
    """
    found = {row["name"]: {"machine": old.get("machine"), **row} for row in old.get("results", [])}
    found |= {row["name"]: row for row in rows}
    order = [pair.name for pair in PAIRS if pair.name in found]
    return {"machine": machine, "results": [found[name] for name in order]}


def chosen(name: str | None) -> list[Pair]:
    """The pairs whose name contains `name`; ValueError lists all names if there is none."""
    pairs = [pair for pair in PAIRS if (name or "").lower() in pair.name.lower()]
    if not pairs:
        names = "\n".join(f"  {pair.name}" for pair in PAIRS)
        raise ValueError(f"no pair has {name!r} in its name; there are:\n{names}")
    return pairs


def main() -> None:
    """Run the pairs, print them, and write each into the results file as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="NAME", help="only the pairs with this in their name")
    parser.add_argument(
        "--small", action="store_true", help="only see that they work, on few images"
    )
    given = parser.parse_args()
    try:
        pairs = chosen(given.only)
    except ValueError as error:
        parser.error(str(error))
    if not shutil.which(os.environ.get("CXX", "g++")):
        print("no C++ compiler (g++, or what CXX names), so nothing is measured of torch.compile")
        pairs = [pair for pair in pairs if pair.group != COMPILED]
    machine, start = this_machine(), time.perf_counter()
    for pair in pairs:
        row = measure(pair, machine, given.small)
        print(
            f"{row['name']}: {row['baseline_value']:.4g} → {row['ours_value']:.4g} {row['unit']}, "
            f"{row['ratio']:.2f} times (rounds {', '.join(f'{r:.2f}' for r in row['ratios'])}), "
            f"peak {row['baseline_peak_mib']:.0f} → {row['ours_peak_mib']:.0f} MiB",
            flush=True,
        )
        if not given.small:
            old = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            RESULTS.write_text(json.dumps(merged(old, [row], machine), indent=1) + "\n")
    print(f"{len(pairs)} pairs, {(time.perf_counter() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
