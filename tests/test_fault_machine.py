"""A machine that fails gets a message: a full disk, few open files, no locks, no place to write."""

import errno
import fcntl
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ocnd_lib import sweep as sweeps
from ocnd_lib.data import DataError
from report import cli
from report.runs import BookError

ROOT = Path(__file__).parents[1]
CELL = "digits/ae+epochs=1+width=4/3/0"


@pytest.fixture
def full_disk():
    """No file may grow beyond 4 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_in_the_checkpoint_of_a_cell_is_one_message(tmp_path, monkeypatch, full_disk):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path / "records"))
    done = CliRunner().invoke(cli.app, ["run", CELL])
    assert done.exit_code == 1 and "Traceback" not in done.output
    assert "File too large" in done.stderr and "checkpoint.pt" in done.stderr
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "lock"]


def test_a_file_system_without_locks_is_one_message(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path / "records"))
    done = CliRunner().invoke(cli.app, ["run", CELL])
    assert done.exit_code == 1 and "Traceback" not in done.output
    assert "No locks available: it cannot be locked: " in done.stderr and "/lock'" in done.stderr


FAILURES = {
    OSError(errno.EROFS, "Read-only file system"): "ocnd: [Errno 30] Read-only file system\n",
    MemoryError(): "ocnd: out of memory\n",
    DataError("x.npz is truncated"): "ocnd: x.npz is truncated\n",
    BookError("small: cell 2: no"): "ocnd: small: cell 2: no\n",
}


@pytest.mark.parametrize("error", [*FAILURES, RuntimeError("a mistake")], ids=repr)
def test_what_fails_is_one_message_and_what_is_wrong_in_the_code_is_not(monkeypatch, error):
    def build(*_, **__):
        raise error

    monkeypatch.setattr("report.pages.build", build)
    done = CliRunner().invoke(cli.app, ["book", "--again"])
    if error not in FAILURES:
        assert done.exception is error
        return
    assert done.exit_code == 1 + isinstance(error, ValueError)
    assert done.stdout == "" and done.stderr.endswith(FAILURES[error])


def test_output_that_cannot_be_written_is_one_message(tmp_path):
    words = "-m report.cli records --format csv > /dev/full"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} {words}"], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"OCND_RECORDS": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "ocnd: [Errno 28] No space left on device\n")


def test_a_sweep_says_how_many_open_files_it_needs(tmp_path, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (40, 40))
    monkeypatch.setattr(sweeps, "LocalCluster", lambda **_: pytest.fail("a cluster was started"))
    with pytest.raises(OSError, match=r"2 workers need \d+ open files, .* 40 .*ulimit -n \d+"):
        sweeps.sweep([CELL, CELL.replace("/3/", "/4/")], folder=tmp_path)
