"""Many cells at a time: what is missing is run on a Dask cluster, one record a task."""

import os
import time
from collections.abc import Iterable
from itertools import product
from pathlib import Path

from dask.distributed import Client, LocalCluster, wait
from tqdm import tqdm

from ocnd_lib.benchmark import ALL, METHODS, CellIsTaken, check_cell, run_cell
from ocnd_lib.data import class_names
from ocnd_lib.records import LARGEST_SEED, check_writable, read_record, records_folder

MOST_SEEDS = 10_000  # of one list


def parse_seeds(text: str) -> list[int]:
    """`0-4` or `0,2,5` → seeds; ValueError says what a list of seeds looks like."""
    form = f"{text!r} is no list of seeds; write one like 0-4 or 0,2,5"
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(form)
        run = range(int(first), int(last or first) + 1)
        if not run:
            raise ValueError(f"{form}; {part!r} is empty")
        if run[-1] > LARGEST_SEED or run[-1] - run[0] >= MOST_SEEDS:
            raise ValueError(f"{form}; {part!r} is out of range or too long")
        seeds += run
    return list(dict.fromkeys(seeds))


def _classes(dataset: str, method: str) -> tuple[str, ...]:
    known = METHODS.get(method)
    return (ALL,) if known and known.all_classes else class_names(dataset)


def cells(
    datasets: Iterable[str],
    methods: Iterable[str],
    seeds: Iterable[int],
    classes: Iterable[str] | None = None,
) -> list[str]:
    """Every cell of the data sets, methods, seeds and classes (else all); seed by seed.

    ValueError if one of them is empty or names something that does not exist.
    """
    only = None if classes is None else list(classes)
    lists = {"data set": list(datasets), "method": list(methods), "seed": list(seeds)}
    if only is not None:
        lists["class"] = only
    for what, given in lists.items():
        if not given:
            raise ValueError(f"no {what} is given; name at least one")
    datasets, methods, seeds = list(lists.values())[:3]
    wanted = [
        f"{dataset}/{method}/{name}/{seed}"
        for dataset, seed, method in product(datasets, seeds, methods)
        for name in only or _classes(dataset, method)
    ]
    for cell in wanted:
        check_cell(cell)
    return wanted


def _task(cell: str, folder: Path | None, niceness: int) -> str:
    import torch

    torch.set_num_threads(1)
    os.nice(max(0, niceness - os.nice(0)))
    try:
        run_cell(cell, folder)
    except CellIsTaken:
        return "taken"
    return "done"


def sweep(
    wanted: list[str],
    workers: int = 2,
    max_minutes: float | None = None,
    niceness: int = 0,
    scheduler: str | None = None,
    folder: Path | None = None,
) -> dict[str, list[str]]:
    """Run the cells that have no record yet; returns cells by outcome.

    A cell that fails is not tried again, since it would fail again; one whose worker died is.
    Names that do not exist raise ValueError, an unwritable folder PermissionError, before any work.

    Outcomes: present (before the sweep), done, taken (another process is at it), failed (with the
    error), left (time ran out; their checkpoints go on next time). Without `scheduler`, the address
    of a running Dask cluster, a local one of `workers` processes is started and stopped here.
    """
    folder = folder or records_folder()
    wanted = list(dict.fromkeys(str(check_cell(cell)) for cell in wanted))
    check_writable(folder)
    outcome: dict[str, list[str]] = {k: [] for k in ("present", "done", "taken", "failed", "left")}
    missing = []
    for cell in wanted:
        present = read_record(cell, folder) is not None
        (outcome["present"] if present else missing).append(cell)
    if not missing:
        return outcome
    deadline = time.monotonic() + 60 * max_minutes if max_minutes else None
    # workers are processes with one thread each: networks of this size gain nothing from two
    cluster = None if scheduler else LocalCluster(
        n_workers=min(workers, len(missing)), threads_per_worker=1, dashboard_address="127.0.0.1:0"
    )  # fmt: skip
    client = Client(scheduler or cluster)
    try:
        futures = {
            client.submit(_task, cell, folder, niceness, pure=False): cell for cell in missing
        }
        with tqdm(total=len(missing), desc="cells", disable=None) as bar:
            while futures and not (deadline and time.monotonic() > deadline):
                try:
                    finished = wait(list(futures), timeout=1, return_when="FIRST_COMPLETED").done
                except TimeoutError:
                    continue
                for future in finished:
                    cell = futures.pop(future)
                    if future.status == "error":
                        error = future.exception()
                        why = " ".join(str(error).split())
                        outcome["failed"].append(f"{cell}: {type(error).__name__}: {why}")
                    else:
                        outcome[future.result()].append(cell)
                    bar.update()
                    bar.set_postfix_str(cell, refresh=True)
        outcome["left"] = list(futures.values())
        client.cancel(list(futures))
    finally:
        client.close()
        if cluster:
            cluster.close()
    return outcome
