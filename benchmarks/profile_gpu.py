"""What an OCGAN step asks of a GPU: `python -m benchmarks.profile_gpu` measures, and tells.

A step with classifier and mining, made as it is and replayed (`ocnd_lib.cuda_graphs`): wall time,
how much of it the GPU computes, how many kernels it is asked for, and what for. The table goes to
benchmarks/profile_gpu.json and, between two marks, into benchmarks/README.md.
"""

import argparse
from collections import Counter
from collections.abc import Callable
from functools import partial
from time import perf_counter

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.profile import kind_of, prepare, write
from ocnd_lib.cuda_graphs import Recorded
from ocnd_lib.detectors import ocgan
from ocnd_lib.records import provenance

MARKS = ("<!-- profile on a GPU -->", "<!-- end of profile on a GPU -->")
STEPPING = "optimiser (Adam) and average of the weights"  # which use the same operations
SETTLED = 5  # steps before any is timed; the step is recorded in the third


def kind(operation: str) -> str:
    """The kind of work of an operation of PyTorch, e.g. of aten::cudnn_batch_norm."""
    if "foreach" in operation:
        return STEPPING
    return kind_of(operation)


def step_of(batch: int, device: str, recorded: bool, **settings) -> Callable[[], None]:
    """A function that makes one full step."""
    gan, images = prepare(batch, device, **settings)
    parts = {"nets": gan.nets, "optimisers": gan.optimisers}
    update = Recorded(partial(gan.recipe._step, **parts), gan.optimisers.values())
    update.on = update.on and recorded

    def step() -> None:
        noisy = images + gan.recipe.noise * torch.randn_like(images)
        with gan.hardware.autocast():
            update(images, noisy, classify=True, mining=True, watch=False)
        gan.averaged.update(gan.redraws)

    return step


def seconds(step: Callable[[], None], steps: int, wait: Callable[[], None]) -> float:
    """Wall time of a step, mean of `steps`; `wait` returns when the device is done."""
    for _ in range(SETTLED):
        step()
    wait()
    start = perf_counter()
    for _ in range(steps):
        step()
    wait()
    return (perf_counter() - start) / steps


def measure(steps: int, batch: int, device: str = "cuda", **settings) -> dict:
    """seconds of a step as it is and replayed, kernel_seconds, kernels, and `work`: kind → share.

    Kernels are those of the step as it is; on a CPU, operations stand in their place.
    """
    on_gpu = device == "cuda"
    wait = torch.cuda.synchronize if on_gpu else lambda: None
    found = {
        name: seconds(step_of(batch, device, recorded, **settings), steps, wait)
        for name, recorded in (("seconds", False), ("seconds_replayed", True))
    }
    step = step_of(batch, device, False, **settings)
    for _ in range(SETTLED):
        step()
    wait()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as watched:
        for _ in range(steps):
            step()
        wait()
    spent: Counter = Counter()
    kernels = 0
    for event in watched.key_averages():
        if event.key.startswith("aten::"):
            taken = event.self_device_time_total if on_gpu else event.self_cpu_time_total
            spent[kind(event.key)] += taken / 1e6
        if "LaunchKernel" in event.key if on_gpu else event.key.startswith("aten::"):
            kernels += event.count
    total = sum(spent.values())
    work = {name: taken / total for name, taken in spent.most_common()}
    return {**found, "kernel_seconds": total / steps, "kernels": kernels / steps, "work": work}


def markdown(found: dict) -> str:
    """The table and what it says, for a page."""
    at, ms = found["machine"], {k: 1000 * v for k, v in found.items() if "seconds" in k}
    rows = [("work", "share of the kernels' time"), ("---", "---:")]
    rows += [(name, f"{share:.1%}") for name, share in found["work"].items()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        f"A step of {found['batch']} images takes {ms['seconds']:.1f} ms as it is, in which the "
        f"CPU asks for {found['kernels']:.0f} kernels and the GPU computes for "
        f"{ms['kernel_seconds']:.1f} ms; replayed it takes {ms['seconds_replayed']:.1f} ms, "
        f"{found['seconds'] / found['seconds_replayed']:.1f} times as fast.\n\n{table}\n\n"
        f"Mean of {found['steps']} steps; {at['hardware']}, {at['processor']}, "
        f"torch {at['torch']}, {at['date']}."
    )


def main() -> None:
    """Profile, print, and write both files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile_gpu", description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    steps = parser.parse_args().steps
    if not torch.cuda.is_available():
        parser.error("torch sees no GPU here; `python -m benchmarks.profile` profiles a CPU")
    batch, at = ocgan.OCGAN().batch_size, provenance("cuda")
    machine = {"processor": at["processor"], "torch": torch.__version__, "date": at["date"][:10]}
    machine |= {"hardware": "cuda bfloat16", "git_revision": at["git_revision"]}
    found = measure(steps, batch) | {"steps": steps, "batch": batch, "machine": machine}
    text = markdown(found)
    print(text)
    write("profile_gpu.json", MARKS, found, text)


if __name__ == "__main__":
    main()
