"""A sweep makes what is missing, once, and stops when it is told to."""

import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import psutil
import pytest
from dask.distributed import LocalCluster

from ocnd_lib import sweep as sweeps
from ocnd_lib.experiments import run_cell
from ocnd_lib.records import read_arrays, read_record, read_records
from ocnd_lib.sweep import cells, parse_seeds, sweep

TINY = "digits/ae+epochs=1+latent_dim=2+width=4/{}/{}"
ROOT = Path(__file__).parents[1]


def test_all_classes_of_one_seed_come_before_the_next_seed():
    wanted = cells(["digits"], ["ae", "ocgan"], [0, 1])
    assert len(wanted) == 40
    assert wanted[0] == "digits/ae/0/0" and wanted[10] == "digits/ocgan/0/0"
    assert all(cell.endswith("/0") for cell in wanted[:20])
    assert [parse_seeds(text) for text in ("0-2", "5,1-2")] == [[0, 1, 2], [5, 1, 2]]


@pytest.fixture
def cluster(monkeypatch):
    """The address of a running cluster, whose only worker is a thread of this process."""
    monkeypatch.setenv("OCND_DATA", os.environ.get("OCND_DATA", ""))  # a task sets it
    settings = {"processes": False, "n_workers": 1, "threads_per_worker": 1}
    with LocalCluster(**settings, dashboard_address=None) as running:
        yield running.scheduler_address


def _kill_one_in_mid_cell(folder: Path) -> str:
    """SIGKILL the first worker that holds a cell and has a checkpoint of it; which cell it was."""
    checkpoints = folder.parent / "checkpoints"
    end = time.monotonic() + 600
    while time.monotonic() < end:
        for checkpoint in checkpoints.rglob("checkpoint.pt"):
            lock = str(checkpoint.with_name("lock"))
            for process in psutil.Process().children(recursive=True):
                try:
                    if lock in {file.path for file in process.open_files()}:
                        process.kill()
                        return str(checkpoint.parent.relative_to(checkpoints))
                except psutil.Error:
                    continue
        time.sleep(0.05)
    raise AssertionError("no worker was seen in the middle of a cell")


def test_two_sweeps_on_one_folder_never_do_a_cell_twice_and_are_nice(
    cluster, tmp_path, monkeypatch
):
    folder, log, here, before = tmp_path / "records", tmp_path / "log", os.getpid(), os.nice(0)
    wanted, real = [TINY.format(digit, 0) for digit in range(2)], sweeps._task

    def task(cell, *settings):
        from ocnd_lib import experiments

        (tmp_path / f"started-{os.getpid()}").touch()
        end = time.monotonic() + 300
        while len(list(tmp_path.glob("started-*"))) < 2:  # both sweeps are at their first cell
            assert time.monotonic() < end, "the other sweep never began"
            time.sleep(0.1)
        write = experiments.write_record

        def noted(record, arrays, folder):
            time.sleep(1)  # the other comes to this cell meanwhile
            with log.open("a") as file:
                file.write(f"{record['cell']} {os.getpid() == here} {os.nice(0)}\n")
            write(record, arrays, folder)

        with mock.patch.object(experiments, "write_record", noted):
            return real(cell, *settings)

    monkeypatch.setattr(sweeps, "_task", task)
    with ThreadPoolExecutor(2) as pool:  # one has a process of its own, one a thread of this
        nice = pool.submit(sweep, wanted, niceness=7, workers=1, folder=folder)
        other = pool.submit(sweep, wanted, scheduler=cluster, folder=folder)
        outcomes = [nice.result(), other.result()]
    assert any(outcome["taken"] for outcome in outcomes)
    assert not any(outcome["failed"] or outcome["left"] for outcome in outcomes)
    done = [line.split() for line in log.read_text().splitlines()]
    assert sorted(cell for cell, _, _ in done) == wanted
    assert all(int(n) == (before if own == "True" else max(7, before)) for _, own, n in done)
    assert [record["cell"] for record in read_records(folder)] == wanted
    monkeypatch.setattr(sweeps, "_task", real)  # what is there is not made again
    bad = "digits/vgg11+ratio=1/0/0"
    outcome = sweep([bad, *wanted], scheduler=cluster, folder=folder)
    assert outcome["present"] == wanted
    assert outcome["failed"][0].startswith(f"{bad}: ValueError: a ratio of 1.0 is impossible")


def test_a_killed_worker_is_replaced_and_an_interrupt_ends_the_sweep_with_one_line(tmp_path):
    """Its cell ends as if never stopped; and no folder that Dask is told to use is needed."""
    once, endless = (TINY.replace("epochs=1", f"epochs={n}").format(3, 0) for n in (40, 10**6))
    methods = ",".join(cell.split("/")[1] for cell in (once, endless))
    command = [sys.executable, "-m", "report.cli", "sweep", "--datasets", "digits"]
    folder, straight = tmp_path / "records", tmp_path / "straight" / "records"

    def begin():
        # pytest-xdist ignores interrupts, and what it starts would, too
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_NOFILE, (sweeps.open_files(1),) * 2)

    sweeping = subprocess.Popen(
        [*command, "--methods", methods, "--classes", "3", "--workers", "1"],
        cwd=ROOT,
        env=os.environ | {"OCND_RECORDS": str(folder), "DASK_TEMPORARY_DIRECTORY": "/proc/none"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=begin,
    )
    try:
        assert _kill_one_in_mid_cell(folder) == once
        work, record = tmp_path / "checkpoints" / once, (folder / once).parent
        record.mkdir(parents=True, exist_ok=True)
        for half in (work / ".checkpoint.pt.1.part", record / ".0.npz.1.part"):
            half.touch()  # as when it is killed while it writes
        while not (tmp_path / "checkpoints" / endless / "checkpoint.pt").exists():
            assert sweeping.poll() is None, sweeping.stderr.read()
            time.sleep(0.1)
        workers = psutil.Process(sweeping.pid).children(recursive=True)
        os.killpg(sweeping.pid, signal.SIGINT)  # as a terminal does
        said = sweeping.communicate(timeout=60)[1]
    finally:
        sweeping.kill()
    assert sweeping.returncode == 130
    assert "\nocnd: stopped\n" in said and "Traceback" not in said
    assert not psutil.wait_procs(workers, timeout=10)[1]
    run_cell(once, straight)
    resumed, expected = (read_record(once, place) for place in (folder, straight))
    losses = [[point["loss"] for point in record["curves"]] for record in (resumed, expected)]
    assert resumed["metrics"] == expected["metrics"] and losses[0] == losses[1]
    scores = [read_arrays(once, place)["score"] for place in (folder, straight)]
    np.testing.assert_array_equal(*scores)
    assert {file.name for place in (work, record) for file in place.iterdir()} == {
        "lock", "0.json", "0.npz"
    }
