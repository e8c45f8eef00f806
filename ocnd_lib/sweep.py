"""Many cells at a time: what is missing is run on a Dask cluster, one record a task."""

import os
import time
from collections.abc import Iterable
from itertools import product
from pathlib import Path

from dask.distributed import Client, LocalCluster, wait
from tqdm import tqdm

from ocnd_lib.benchmark import CellIsTaken, check_cell, run_cell
from ocnd_lib.data import class_names
from ocnd_lib.records import read_record, records_folder


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
        seeds += run
    return list(dict.fromkeys(seeds))


def cells(datasets: Iterable[str], methods: Iterable[str], seeds: Iterable[int]) -> list[str]:
    """Every cell of the data sets, methods and seeds, with all classes; seed by seed."""
    wanted = [
        f"{dataset}/{method}/{name}/{seed}"
        for dataset, seed, method in product(datasets, seeds, methods)
        for name in class_names(dataset)
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

    Outcomes: present (before the sweep), done, taken (another process is at it), failed (with the
    error), left (time ran out; their checkpoints go on next time). Without `scheduler`, the address
    of a running Dask cluster, a local one of `workers` processes is started and stopped here.
    """
    folder = folder or records_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"records cannot be written to {folder}; set OCND_RECORDS elsewhere")
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
            client.submit(_task, cell, folder, niceness, pure=False, retries=2): cell
            for cell in missing
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
                        outcome["failed"].append(f"{cell}: {future.exception()}")
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
