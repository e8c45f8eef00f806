"""Speed, measured side by side: `make bench` writes benchmarks/results.json.

Both sides of a pair run in turn, each in a process of its own, in the same call on the same
machine; what is reported is their ratio. Absolute numbers belong to the machine named in the file.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import torch

from ocnd_lib.records import provenance
from ocnd_lib.training import choose_hardware

HERE = Path(__file__).parent
ROUNDS = 3

# name, unit, what is compared with what: module arguments of `benchmarks.arms`
PAIRS = [
    (
        "VGG11 with batch norm, training",
        "images/s",
        ("plain fp32 loop, contiguous, DataLoader with 2 workers", "vgg11 plain True"),
        ("ocnd_lib.classifier.fit", "vgg11 ours True"),
    ),
    (
        "VGG11 without batch norm, training",
        "images/s",
        ("plain fp32 loop, contiguous, DataLoader with 2 workers", "vgg11 plain False"),
        ("ocnd_lib.classifier.fit", "vgg11 ours False"),
    ),
    (
        "batches of augmented images",
        "images/s",
        ("DataLoader with 2 workers, torchvision transforms", "batches plain"),
        ("ocnd_lib.training.batches", "batches ours"),
    ),
]


def arm(arguments: str) -> dict:
    command = [sys.executable, "-m", "benchmarks.arms", *arguments.split()]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parent)
    return json.loads(result.stdout.splitlines()[-1])


def main() -> None:
    """Run all pairs, print them, and write the results file."""
    machine = {
        "processor": provenance()["processor"],
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": platform.platform(terse=True),
        "torch": torch.__version__,
        "hardware": str(choose_hardware()),
        "date": datetime.now(UTC).date().isoformat(),
    }
    results = []
    for name, unit, (baseline, plain), (ours, fast) in PAIRS:
        rounds = [(arm(plain), arm(fast)) for _ in range(ROUNDS)]
        rates = [[pair[side]["rate"] for pair in rounds] for side in (0, 1)]
        results.append(
            {
                "name": name,
                "unit": unit,
                "baseline": baseline,
                "baseline_value": statistics.median(rates[0]),
                "ours": ours,
                "ours_value": statistics.median(rates[1]),
                "ratio": statistics.median(b / a for a, b in zip(*rates, strict=True)),
                "ratios": [b / a for a, b in zip(*rates, strict=True)],
                "baseline_peak_mib": max(pair[0]["peak_mib"] for pair in rounds),
                "ours_peak_mib": max(pair[1]["peak_mib"] for pair in rounds),
            }
        )
        row = results[-1]
        print(
            f"{name}: {row['baseline_value']:.0f} → {row['ours_value']:.0f} {unit}, "
            f"ratio {row['ratio']:.2f} (rounds {', '.join(f'{r:.2f}' for r in row['ratios'])}), "
            f"peak {row['ours_peak_mib']:.0f} MiB",
            flush=True,
        )
    text = json.dumps({"machine": machine, "results": results}, indent=1)
    (HERE / "results.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
