"""Many cells at a time: what is missing is run on a Dask cluster, one record a task."""

import os
import re
import resource
import signal
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, product
from pathlib import Path

import dask
import torch
from dask.distributed import Client, Future, KilledWorker, LocalCluster, as_completed, get_worker
from tqdm import tqdm

from ocnd_lib.data import class_names, data_folder
from ocnd_lib.experiments import ALL, ARMS, CellIsTaken, check_cell, run_cell
from ocnd_lib.records import LARGEST_SEED, check_writable, parse_cell, read_record, records_folder

MOST_SEEDS = 10_000  # of one list
# GiB that a worker may take on 32-pixel data, by how the name of its method begins, and else
MEMORY, MEMORY_ELSE = {"vgg11": 2.75, "attention": 2.0, "looks": 2.0}, 1.5
PATIENCE = 10  # seconds for a scheduler to answer
ALONE = 300  # seconds until a cell fails for which no worker is left; dask may start none anew


def parse_seeds(text: str) -> list[int]:
    """`0-4` or `0,2,5` → seeds; ValueError says what a list of seeds looks like."""
    form = f"{text!r} is no list of seeds; write one like 0-4 or 0,2,5"
    seeds: dict[int, None] = {}
    for part in text.split(","):
        if not re.fullmatch(r"[0-9]+(-[0-9]+)?", part):
            raise ValueError(form)
        first, last = int(part.partition("-")[0]), int(part.rpartition("-")[2])
        if last < first:
            raise ValueError(f"{form}; {part!r} is empty")
        if last > LARGEST_SEED or last - first >= MOST_SEEDS:
            raise ValueError(f"{form}; {part!r} is out of range or too long")
        seeds |= dict.fromkeys(range(first, last + 1))
    return list(seeds)


def cells(
    datasets: Sequence[str], methods: Sequence[str], seeds: Sequence[int], classes=None
) -> list[str]:
    """Every cell of these, seed by seed; ValueError if one is empty or does not exist."""
    lists = {"data set": datasets, "method": methods, "seed": seeds, "class": classes}
    for what, given in lists.items():
        if given is not None and not len(given):
            raise ValueError(f"no {what} is given; name at least one")
    wanted = [
        f"{dataset}/{method}/{name}/{seed}"
        for dataset, seed, method in product(datasets, seeds, methods)
        for name in classes or ((ALL,) if method in ARMS else class_names(dataset))
    ]
    return list(dict.fromkeys(str(check_cell(cell)) for cell in wanted))


def _task(cell: str, folder: Path, data: Path, niceness: int, precision: str | None) -> str:
    # a worker that Dask pauses waits for memory that its C library keeps (`keep_freed_memory`)
    get_worker().memory_manager.memory_pause_fraction = False
    os.environ["OCND_DATA"] = str(data)
    if precision:
        os.environ["OCND_PRECISION"] = precision
    os.nice(max(0, niceness - os.nice(0)))
    try:
        run_cell(cell, folder)
    except CellIsTaken:
        return "taken"
    return "done"


def memory_limit(cells: Iterable[str]) -> float:
    """GiB that a local worker may take: what the most demanding of these cells may."""
    methods = (parse_cell(cell).method.partition("-")[0] for cell in cells)
    return max(MEMORY.get(method, MEMORY_ELSE) for method in methods)


def connect(scheduler: str) -> Client:
    """A client of a running Dask cluster; ConnectionError if none answers at this address."""
    try:
        if not scheduler.strip():
            raise ValueError("the address is empty")
        return Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError, KeyError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {scheduler!r} ({' '.join(str(error).split())}); "
            "`dask scheduler` starts one and prints its address, such as tcp://10.0.0.5:8786"
        ) from error


def open_files(workers: int) -> int:
    """How many open files a sweep of so many local workers needs, with room for a few more."""
    return 64 + 10 * workers


@contextmanager
def _local_cluster(workers: int, gigabytes: float) -> Iterator[Client]:
    """Processes with one thread each: networks of this size gain nothing from two.

    One that outgrows its memory is ended, and its cell tried again; on a GPU, whose driver alone
    takes more, none is.
    """
    allowed, needed = resource.getrlimit(resource.RLIMIT_NOFILE)[0], open_files(workers)
    if 0 <= allowed < needed:  # Dask would wait without end for what it cannot open
        raise OSError(
            f"{workers} workers need {needed} open files, and no more than {allowed} may be; allow "
            f"more with: ulimit -n {needed}"
        )
    limit = None if torch.cuda.is_available() else int(gigabytes * 2**30)
    settings = {"scheduler.worker-ttl": None, "scheduler.no-workers-timeout": ALONE}
    settings["worker.memory.terminate"] = 1.0
    each = {"threads_per_worker": 1, "memory_limit": limit, "dashboard_address": "127.0.0.1:0"}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        dask.config.set({f"distributed.{name}": value for name, value in settings.items()}),
        dask.config.set({"temporary-directory": scratch}),  # not a user's, and nothing is left
        LocalCluster(n_workers=workers, **each) as cluster,
        Client(cluster) as client,
    ):
        try:
            yield client
        finally:
            for nanny in cluster.workers.values():  # closing would wait for cells still at work
                nanny.close_gracefully()  # or it would start its worker anew
                if nanny.pid:
                    os.kill(nanny.pid, signal.SIGKILL)


def sweep(
    wanted: list[str], workers: int = 2, max_minutes: float | None = None, niceness: int = 0,
    scheduler: str | None = None, folder: Path | None = None,
) -> dict[str, list[str]]:  # fmt: skip
    """Run the cells that have no record yet; returns cells by outcome.

    Outcomes: present (before the sweep), done, taken (another process is at it), failed (with the
    error), left (time ran out). A cell whose worker died is tried again, three times. Without
    `scheduler`, the address of a running Dask cluster, a local one of `workers` processes is
    started. ValueError for names that do not exist, PermissionError for an unwritable folder,
    before any work; ConnectionError if a scheduler does not answer.
    """
    folder = Path(folder or records_folder()).resolve()
    wanted = list(dict.fromkeys(str(check_cell(cell)) for cell in wanted))
    check_writable(folder)
    outcome: dict[str, list[str]] = {k: [] for k in ("present", "done", "taken", "failed", "left")}
    outcome["present"] = [cell for cell in wanted if read_record(cell, folder) is not None]
    present = set(outcome["present"])
    missing = [cell for cell in wanted if cell not in present]
    if not missing:
        return outcome
    if scheduler is None:
        at_once = min(workers, len(missing))  # nothing waits at a worker whose cell may kill it
        cluster = _local_cluster(at_once, memory_limit(missing))
    else:
        at_once, cluster = len(missing), connect(scheduler)  # which grows by what waits
    settings = (folder, data_folder().resolve(), niceness, os.environ.get("OCND_PRECISION"))
    with cluster as client:
        waiting = iter(missing)
        running: dict[Future, str] = {}

        def submit(cells: Iterable[str]) -> list[Future]:
            new = {client.submit(_task, c, *settings, pure=False): c for c in cells}
            running.update(new)
            return list(new)

        seconds = None if max_minutes is None else 60 * max_minutes
        finished = as_completed(submit(islice(waiting, at_once)), loop=client.loop, timeout=seconds)
        with tqdm(total=len(missing), desc="cells", disable=None) as bar:
            try:
                for future in finished:
                    cell = running.pop(future)
                    kind, said = _ended(future, cell)
                    outcome[kind].append(said)
                    future.release()  # else it is done again when the worker that holds it dies
                    finished.update(submit(islice(waiting, 1)))
                    bar.update()
                    bar.set_postfix_str(cell, refresh=True)
            except TimeoutError:
                client.cancel(list(running))
        outcome["left"] += [*running.values(), *waiting]
    return outcome


def _ended(future: Future, cell: str) -> tuple[str, str]:
    """The outcome of a task that ended, and the cell with what is to be said of it."""
    if future.status == "finished":
        return future.result(), cell
    if future.status != "error":
        raise ConnectionError(
            f"the Dask scheduler went away while {cell} was left to do; finished cells have their "
            "records, and the same command goes on from there"
        )
    error = future.exception()
    why = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, KilledWorker):
        why = "every worker that tried it died; was it killed, or is its memory too small?"
    return "failed", f"{cell}: {why}"
