"""A damaged record costs one row, and is named; it is neither believed nor written over."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from ocnd_lib import experiments
from ocnd_lib.records import read_arrays, read_record, read_records, table, write_record
from report import cli
from report.tables import results

CELLS = [f"digits/ae/{k}/0" for k in range(3)]
BAD = CELLS[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three records with their scores."""
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    by = {"date": "2026-01-01", "git_revision": None, "git_changed": False, "processor": "A"}
    for cell in CELLS:
        record = {"cell": cell, "metrics": {"auroc": 0.5}, "curves": [{"epoch": 1, "loss": 0.1}]}
        record |= {"seconds": 1.5, "hardware": "cpu float32", "provenance": by, "parameters": {}}
        kept = {"score": np.arange(1000.0), "class_test": np.arange(1000, dtype=np.uint8) % 10}
        write_record(record, kept, tmp_path)
    return tmp_path


def changed(**new):
    def change(path):
        path.write_text(json.dumps(json.loads(path.read_text()) | new))

    return change


def unreadable(path):
    path.unlink()
    path.mkdir()


DAMAGE = {
    "empty": lambda path: path.write_text(""),
    "object": lambda path: path.write_text("{}"),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "deep": lambda path: path.write_text("[" * 100_000),
    "unreadable": unreadable,
    "of another cell": changed(cell=CELLS[0]),
    "text for a number": changed(metrics={"auroc": "0.5"}),
    "more than 1": changed(metrics={"auroc": 50}),
    "no number": changed(seconds=float("nan")),
    "curves of unequal length": changed(curves={"epoch": [1, 2], "loss": [0.1]}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_record_costs_one_row_and_is_named(folder, damage):
    path = folder / f"{BAD}.json"
    DAMAGE[damage](path)
    with pytest.warns(UserWarning, match=r"ae/1/0\.json is no record \(.+\); remove it"):
        assert list(table(read_records())["class"]) == ["0", "2"]
        assert list(results("digits").cells["normal_class"]) == ["0", "2"]
        done = CliRunner().invoke(cli.app, ["records"])
    assert done.exit_code == 0 and len(done.stdout.splitlines()) == 3
    before = None if path.is_dir() else path.read_bytes()
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="is no record that can be rea"):
        experiments.run_cell(BAD)
    assert path.is_dir() or path.read_bytes() == before


def test_the_copy_of_a_sync_tool_is_no_further_seed(folder):
    path = folder / f"{BAD}.json"
    path.with_name("0 (1).json").write_bytes(path.read_bytes())
    with pytest.warns(UserWarning, match=r"0 \(1\)\.json is no record"):
        assert len(read_records()) == 3


def rewritten(**new):
    def damage(path):
        with np.load(path) as kept:
            np.savez(path, **{**kept, **new})

    return damage


FLIPPED = bytes.maketrans(bytes(range(128, 160)), bytes(range(160, 192)))
ARRAYS = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "bits": lambda path: path.write_bytes(path.read_bytes().translate(FLIPPED)),
    "fewer scores": rewritten(score=np.zeros(7)),
    "nan": rewritten(score=np.full(1000, np.nan)),
    "text": rewritten(score=np.array(["a"] * 1000)),
    "a name without its steps": rewritten(**{"x.on_grid": np.zeros(3, np.uint8)}),
}


@pytest.mark.parametrize("damage", ARRAYS)
def test_damaged_arrays_are_as_if_there_were_none_and_are_named(folder, damage):
    ARRAYS[damage]((folder / BAD).with_suffix(".npz"))
    with pytest.warns(UserWarning, match=r"ae/1/0\.npz cannot be read \(.+\); remove it"):
        assert read_arrays(BAD) == {}
        assert len(results("digits").cells) == 3 and results("digits").scored == {}
    assert read_record(BAD)["metrics"] == {"auroc": 0.5} and read_arrays(CELLS[0])
