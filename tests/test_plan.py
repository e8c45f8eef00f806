"""The cells that the report rests on, and what is said about them before they are run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from data_samples import record
from ocnd_lib import data, masked
from ocnd_lib.data import DataError
from ocnd_lib.experiments import check_cell
from ocnd_lib.records import write_record
from report import plan

ROOT = Path(__file__).parents[1]


def test_every_cell_of_the_report_can_be_run_and_stands_there_once():
    cells = plan.report_cells()
    assert len(cells) == len(set(cells))
    for cell in cells:
        assert str(check_cell(cell)) == cell


def test_a_dry_run_only_says_what_would_run_and_what_such_cells_took(ocnd, tmp_path):
    write_record(record("mnist/ae/0/0", seconds=30.0))
    write_record(record("mnist/ae/2/0", seconds=32.0))
    write_record(record("mnist/kde/0/0", hardware="cuda bfloat16"))  # on a GPU
    names = ("sweep", "--datasets", "mnist", "--methods", "ae,kde", "--classes")
    said = ocnd(*names, "2,5", "--dry-run").stdout.splitlines()
    assert said[0] == "To run: 3 cells"
    assert [line.split() for line in said[2:4]] == [
        ["mnist/ae", "1", "31.0"], ["mnist/kde", "2", "unknown"],
    ]  # fmt: skip
    assert said[4:] == ["mnist/ae/5/0", "mnist/kde/2/0", "mnist/kde/5/0"]
    assert len(list(tmp_path.rglob("*.json"))) == 3
    assert ocnd(*names, "0", "--dry-run").stdout.strip() == "To run: 0 cells"


def test_the_whole_report_goes_on_without_a_set_that_cannot_be_had(ocnd, monkeypatch):
    def lacking(name):
        if name == "coco10":
            raise DataError("coco10 is not there; run: ocnd data coco10")

    run = []
    monkeypatch.setattr(data, "check_available", lacking)
    monkeypatch.setattr(plan, "report_cells", lambda: ["coco10/kde/dog/0", "mnist/kde/2/0"])
    monkeypatch.setattr(
        "ocnd_lib.sweep.sweep", lambda wanted, *_, **__: run.extend(wanted) or {"failed": []}
    )
    result = ocnd("sweep")
    assert result.exit_code == 0 and run == ["mnist/kde/2/0"]
    assert "ocnd data coco10" in result.stderr


def test_data_are_looked_for_but_no_picture_is_made(tmp_path, monkeypatch):
    for maker in ("make_scenes", "crop_coco"):
        monkeypatch.setattr(masked, maker, lambda *_: pytest.fail("pictures are made"))
    data.check_available("scenes", tmp_path)
    with pytest.raises(DataError, match="ocnd data coco10"):
        data.check_available("coco10", tmp_path)
    (tmp_path / "coco" / "annotations").mkdir(parents=True)
    (tmp_path / "coco" / "annotations" / "instances.json").touch()
    data.check_available("coco10", tmp_path)
    with pytest.raises(ValueError, match="there is no data set"):
        data.check_available("imagenet", tmp_path)


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize(
    ("swept", "book_follows", "fails"), [(0, True, False), (1, True, True), (130, False, True)]
)
def test_make_full_shows_the_book_unless_the_sweep_was_stopped(
    tmp_path, swept, book_follows, fails
):
    for file in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / file, tmp_path)
    bin_folder = tmp_path / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder.parent / ".installed").touch()
    (bin_folder / "ocnd").write_text(f'#!/bin/sh\necho "$@"\n[ $1 = book ] || exit {swept}\n')
    (bin_folder / "ocnd").chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    command = ["make", "full", "MINUTES=60", "WORKERS=8"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    said = done.stdout.splitlines()
    assert said[0] == "sweep --max-minutes 60 --workers 8"
    assert ("book" in said) == book_follows
    assert bool(done.returncode) == fails
