"""The printed tables, ours beside them, and what they add up to."""

import csv
import io
import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from data_samples import record
from ocnd_lib.comparison import Run
from ocnd_lib.records import write_record
from report import tables
from report.cli import app
from report.source import NoRecords
from report.tables import means, results

CIFAR10 = tables.class_names("cifar10")
CLASS_TEST = np.repeat(np.arange(10), 30).astype(np.uint8)


def write(folder, cell, auroc, score=None):
    metrics = {} if auroc is None else {"auroc": auroc}
    arrays = None if score is None else {"score": score, "class_test": CLASS_TEST}
    write_record(record(cell, metrics=metrics), arrays, folder)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    return tmp_path


@pytest.fixture
def folder(here):
    """Records of all classes and two seeds of one method, with scores beside them."""
    rng = np.random.default_rng(0)
    for (k, name), seed in product(enumerate(CIFAR10), (0, 1)):
        score = (rng.normal(size=300) + (CLASS_TEST != k)).astype(np.float32)
        auroc = Run(k, seed, score, CLASS_TEST).auroc
        write(here, f"cifar10/vae/{name}/{seed}", auroc, score)
    return here


def aurocs(folder):
    """Of every record, by its cell."""
    found = [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]
    return {record["cell"]: record["metrics"]["auroc"] for record in found}


def test_every_printed_method_has_a_row_and_a_name():
    for dataset, number in (("mnist", 10), ("cifar10", 11), ("digits", 0), ("coil100", 0)):
        printed = tables.load_published(dataset)
        assert len(printed) == number
        assert list(printed.columns) == [*tables.class_names(dataset), "mean"]
        assert set(printed.index) <= set(tables.METHODS)
    with open(tables.PUBLISHED / "auroc.csv") as file:
        for row in csv.DictReader(file):
            assert tables.METHODS[row["method"]] == row["name"]
            assert row["source"]


def test_numbers_stand_under_their_class():
    printed = tables.load_published("cifar10")
    assert printed.loc["ocgan", "truck"] == 0.554 and printed.loc["ocgan", "airplane"] == 0.757
    assert printed.loc["attention-gan", "mean"] == "0.673"
    with pytest.raises(ValueError, match=r"cifar100.*digits, mnist"):
        tables.load_published("cifar100")


def test_ours_beside_the_printed(folder):
    found, recorded = results("cifar10"), aurocs(folder)
    table = means(found)
    ours = table.loc["vae"]
    assert ours["published"] == 0.5833 and found.published.loc["vae", "truck"] == 0.386
    assert ours["seeds"] == 2 and ours["classes"] == 10
    truck = [auroc for cell, auroc in recorded.items() if "/truck/" in cell]
    assert found.ours.loc["vae", "truck"] == pytest.approx(np.mean(truck))
    assert ours["mean"] == pytest.approx(np.mean(list(recorded.values())))
    of_seeds = [
        np.mean([auroc for cell, auroc in recorded.items() if cell.endswith(seed)])
        for seed in ("/0", "/1")
    ]
    assert ours["sd"] == pytest.approx(np.std(of_seeds, ddof=1))
    assert ours["low"] < ours["mean"] < ours["high"] < ours["low"] + 0.1
    assert np.isnan(table.loc["kde", "mean"]) and table.loc["kde", "seeds"] == 0
    assert "ae" not in table.index and "rotation" not in table.index and len(table) == 11


def test_cells_that_were_not_run_are_absent(here):
    for cell, auroc in (
        ("cifar10/ae/cat/0", 0.6),
        ("cifar10/ae/cat/1", 0.8),
        ("cifar10/ae/frog/0", 0.5),
        ("cifar10/ocgan+mining=False/cat/0", 0.9),
        ("cifar10/vgg11-bn/cat/0", 0.99),
        ("mnist/ae/3/0", 0.9),
        ("cifar10/looks/cat/0", None),  # has no AUROC
    ):
        write(here, cell, auroc)
    found = results("cifar10")
    table = means(found)
    assert found.ours.loc["ae"].dropna().to_dict() == pytest.approx({"cat": 0.7, "frog": 0.5})
    ours = table.loc["ae"]
    assert ours["mean"] == pytest.approx(0.6) and (ours["seeds"], ours["classes"]) == (1, 2)
    assert ours[["published", "low", "sd"]].isna().all()
    assert np.isnan(table.loc["ocgan", "mean"]) and "vgg11-bn" not in table.index


def test_an_interval_needs_the_scores_of_every_cell(folder):
    next(folder.rglob("truck/1.npz")).unlink()
    row = means(results("cifar10")).loc["vae"]
    assert np.isnan(row["low"]) and row["mean"] > 0.5


def test_what_was_read_of_one_folder_is_not_believed_of_another(folder, monkeypatch):
    assert tables.runs_of("cifar10", "vae")
    monkeypatch.setenv("OCND_RECORDS", str(folder / "none"))
    with pytest.raises(NoRecords):
        tables.runs_of("cifar10", "vae")


@pytest.mark.parametrize("format", ["text", "csv", "json"])
def test_the_command_prints_the_means_of_all_sets_and_what_is_printed(folder, format):
    write(folder, "fashion_mnist/vae/bag/0", 0.61234)
    words = ["table", "cifar10", "fashion_mnist", "--format", format]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    readers = {"csv": pd.read_csv, "json": pd.read_json, "text": pd.read_fwf}
    table = readers[format](io.StringIO(done.output)).set_index(["dataset", "method"])
    expected = means(results("cifar10")).loc["vae"]
    vae = table.loc[("cifar10", "vae")]
    assert vae[["published", "mean", "low", "high"]].tolist() == pytest.approx(
        expected[["published", "mean", "low", "high"]].tolist(), abs=1e-4
    )
    assert vae["seeds"] == 2 and vae["classes"] == 10
    assert np.isnan(table.loc[("cifar10", "kde"), "mean"])
    bag = table.loc[("fashion_mnist", "vae")]
    assert bag["mean"] == pytest.approx(0.6123) and bag[["published", "low"]].isna().all()


def test_without_numbers_it_says_how_to_make_them(here):
    done = CliRunner().invoke(app, ["table", "digits"])
    assert done.exit_code == 2 and "ocnd sweep" in done.stderr
