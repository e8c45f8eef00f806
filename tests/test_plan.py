"""The cells that the report rests on, and what is said about them before they are run."""

import pytest
from typer.testing import CliRunner

from ocnd_lib import data, plan
from ocnd_lib.benchmark import check_cell
from ocnd_lib.cli import app
from ocnd_lib.data import DataError
from ocnd_lib.records import parse_cell, write_record


def test_every_cell_of_the_report_can_be_run_and_stands_there_once():
    cells = plan.report_cells()
    assert len(cells) == len(set(cells))
    for cell in cells:
        assert str(check_cell(cell)) == cell


def test_the_first_seed_of_every_method_comes_before_the_second_of_any():
    seeds = [parse_cell(cell).seed for cell in plan.table_cells()]
    assert seeds == sorted(seeds)
    first = {parse_cell(c).method for c in plan.table_cells() if c.endswith("/0")}
    assert first == set(plan.SEEDS)


def test_what_is_recorded_is_not_missing_and_tells_how_long_the_others_take(tmp_path):
    for name, seconds in (("0", 10.0), ("1", 30.0), ("2", 32.0)):
        write_record({"cell": f"mnist/ae/{name}/0", "seconds": seconds}, folder=tmp_path)
    cells = [f"mnist/ae/{k}/0" for k in range(4)] + ["mnist/vae/0/0"]
    missing = plan.missing(cells, tmp_path)
    assert missing == ["mnist/ae/3/0", "mnist/vae/0/0"]
    assert plan.expected_seconds(missing, tmp_path) == {"mnist/ae/3/0": 30, "mnist/vae/0/0": None}


@pytest.fixture
def told(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    return lambda *options: CliRunner().invoke(app, ["sweep", *options])


def test_a_dry_run_only_says_what_would_run(told, tmp_path):
    write_record({"cell": "mnist/ae/2/0", "seconds": 3600.0}, folder=tmp_path)
    result = told("--datasets", "mnist", "--methods", "ae,kde", "--classes", "2,5", "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "To run: 1 cells, about 0.5 hours with 2 at a time, and 2 of a kind that was never run.",
        "mnist/ae/5/0",
        "mnist/kde/2/0",
        "mnist/kde/5/0",
    ]
    assert [p.name for p in tmp_path.rglob("*.json")] == ["0.json"]


@pytest.mark.parametrize(
    "options", [["--classes", ""], ["--methods", ""], ["--datasets", ""], ["--classes", "eleven"]]
)
def test_a_list_that_names_nothing_real_is_refused(told, options):
    named = {"--datasets": "mnist", "--methods": "ae", "--classes": "2"} | dict([options])
    result = told(*(word for pair in named.items() for word in pair), "--dry-run")
    assert result.exit_code == 2


def test_the_whole_report_goes_on_without_a_set_that_cannot_be_had(told, monkeypatch):
    def lacking(name, folder=None):
        if name == "coco10":
            raise DataError("coco10 is not there; run: ocnd data coco10")

    run = []
    monkeypatch.setattr(data, "load_images", lacking)
    monkeypatch.setattr(plan, "report_cells", lambda: ["coco10/kde/dog/0", "mnist/kde/2/0"])
    monkeypatch.setattr(
        "ocnd_lib.sweep.sweep", lambda wanted, *_: run.extend(wanted) or {"failed": []}
    )
    result = told()
    assert result.exit_code == 0 and run == ["mnist/kde/2/0"]
    assert "ocnd data coco10" in result.stderr
