"""The printed tables, ours beside them, and what they add up to."""

import csv
import io
import json
from itertools import product

import numpy as np
import pytest
from scipy import stats

from ocnd_lib.comparison import Run
from ocnd_lib.records import write_record
from report import tables

CIFAR10 = tables.class_names("cifar10")
CLASS_TEST = np.repeat(np.arange(10), 30).astype(np.uint8)


def record(cell: str, auroc: float | None = None) -> dict:
    return {"cell": cell, "metrics": {"auroc": auroc}, "seconds": 1.0, "hardware": "cpu"}


@pytest.fixture
def folder(tmp_path):
    """Records of all classes and two seeds of one method, with scores beside them."""
    rng = np.random.default_rng(0)
    for (k, name), seed in product(enumerate(CIFAR10), (0, 1)):
        score = (rng.normal(size=300) + (CLASS_TEST != k)).astype(np.float32)
        auroc = Run(k, seed, score, CLASS_TEST).auroc
        arrays = {"score": score, "class_test": CLASS_TEST}
        write_record(record(f"cifar10/vae/{name}/{seed}", auroc), arrays, tmp_path)
    return tmp_path


def read(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]


# --- as printed ----------------------------------------------------------------------------------


def test_every_printed_method_has_a_row_and_a_name():
    for dataset, number in (("mnist", 10), ("cifar10", 11), ("digits", 0)):
        printed = tables.load_published(dataset)
        assert len(printed) == number
        assert list(printed.columns) == [*tables.class_names(dataset), "mean"]
        assert set(printed.index) <= set(tables.METHODS)
    with open(tables.PUBLISHED) as file:
        for row in csv.DictReader(file):
            assert tables.METHODS[row["method"]] == row["name"]
            assert row["source"]


def test_numbers_stand_under_their_class():
    printed = tables.load_published("cifar10")
    assert printed.loc["ocgan", "truck"] == 0.554 and printed.loc["ocgan", "airplane"] == 0.757
    assert printed.loc["attention-gan", "mean"] == "0.673"
    with pytest.raises(ValueError, match="no data set 'cifar100'; there are: digits, mnist"):
        tables.load_published("cifar100")


# --- ours beside them ----------------------------------------------------------------------------


def test_ours_beside_the_printed(folder):
    rows = {row["method"]: row for row in tables.auroc_table("cifar10", read(folder), folder)}
    ours, records = rows["vae"], read(folder)
    assert list(ours)[:3] == ["method", "published", "mean"]
    assert ours["published"] == 0.5833 and ours["published_classes"]["truck"] == 0.386
    assert ours["seeds"] == 2 and list(ours["classes"]) == CIFAR10
    truck = [r["metrics"]["auroc"] for r in records if "/truck/" in r["cell"]]
    assert ours["classes"]["truck"] == pytest.approx(np.mean(truck))
    assert ours["mean"] == pytest.approx(np.mean([r["metrics"]["auroc"] for r in records]))
    per_seed = [
        np.mean([r["metrics"]["auroc"] for r in records if r["cell"].endswith(seed)])
        for seed in ("/0", "/1")
    ]
    assert ours["sd"] == pytest.approx(np.std(per_seed, ddof=1))
    assert ours["low"] < ours["mean"] < ours["high"] < ours["low"] + 0.1
    assert rows["kde"]["mean"] is None and rows["kde"]["classes"] == {}
    assert "ae" not in rows and len(rows) == 11


def test_cells_that_were_not_run_are_absent():
    records = [
        record("cifar10/ae/cat/0", 0.6),
        record("cifar10/ae/cat/1", 0.8),
        record("cifar10/ae/frog/0", 0.5),
        record("cifar10/ocgan+mining=False/cat/0", 0.9),
        record("cifar10/vgg11-bn/cat/0", 0.99),
        record("mnist/ae/3/0", 0.9),
        {"cell": "cifar10/looks/cat/0", "metrics": {}},  # has no AUROC
    ]
    rows = {row["method"]: row for row in tables.auroc_table("cifar10", records, "nowhere")}
    ours = rows["ae"]
    assert ours["classes"] == pytest.approx({"cat": 0.7, "frog": 0.5})
    assert ours["mean"] == pytest.approx(0.6) and ours["seeds"] == 1
    assert ours["published"] is None and ours["low"] is None and ours["sd"] is None
    assert rows["ocgan"]["classes"] == {} and "vgg11-bn" not in rows


def test_an_interval_needs_the_scores_of_every_cell(folder):
    next(folder.rglob("truck/1.npz")).unlink()
    rows = {row["method"]: row for row in tables.auroc_table("cifar10", read(folder), folder)}
    assert rows["vae"]["low"] is None and rows["vae"]["mean"] is not None


def test_an_unknown_class_is_an_error():
    with pytest.raises(ValueError, match="cifar10/ae/tree/0 names no class of cifar10: airplane"):
        tables.auroc_table("cifar10", [record("cifar10/ae/tree/0", 0.5)])


def test_as_text(folder):
    records = [*read(folder), record("cifar10/ae/cat/0", 0.61234)]
    lines = tables.render("cifar10", tables.auroc_table("cifar10", records, folder)).splitlines()
    assert lines[0].split()[:3] == ["method", "source", "airplane"]
    printed = next(line for line in lines if "OCGAN" in line)
    assert printed.split()[1:] == (
        "deck 0.757 0.531 0.640 0.620 0.723 0.620 0.723 0.575 0.820 0.554 0.6566".split()
    )
    vae = [line for line in lines if "VAE" in line]
    assert "deck" in vae[0] and "ours" in vae[1] and " to " in vae[1]
    assert next(line for line in lines if "AE   ours" in line and "VAE" not in line).split() == (
        "AE ours 0.612 0.6123 1 1 of 10 classes".split()
    )
    assert max(map(len, lines)) < 180
    assert "no cell of it has been run" in tables.render("digits", [])


def test_as_csv_and_json(folder):
    rows = tables.auroc_table("cifar10", read(folder), folder)
    keys = ["method", "published", "mean", "low", "high", "seeds", "classes"]
    listed = json.loads(tables.render("cifar10", rows, "json"))
    assert [list(line) for line in listed] == [keys] * len(rows)
    assert listed == [{key: row[key] for key in keys} for row in rows]
    assert next(line for line in listed if line["method"] == "kde")["classes"] == {}
    assert json.loads(tables.render("digits", [], "json")) == []
    flat = list(csv.DictReader(io.StringIO(tables.render("cifar10", rows, "csv"))))
    by_method = {line["method"]: line for line in flat}
    ours = next(row for row in rows if row["method"] == "vae")
    assert float(by_method["vae"]["truck"]) == ours["classes"]["truck"]
    assert float(by_method["vae"]["published_truck"]) == 0.386
    assert by_method["kde"]["truck"] == "" and by_method["kde"]["published"] == "0.6097"


def test_the_means_of_several_sets_stand_side_by_side(folder):
    records = [*read(folder), record("fashion_mnist/vae/bag/0", 0.61234)]
    names = ("cifar10", "fashion_mnist")
    found = {name: tables.auroc_table(name, records, folder) for name in names}
    vae = next(row for row in found["cifar10"] if row["method"] == "vae")
    lines = tables.render_means(found).splitlines()
    assert lines[0].split() == ["method", "source", *names]
    deck, ours = (line.split() for line in lines if "VAE" in line)
    assert deck == ["VAE", "deck", "0.5833"]
    assert ours == ["VAE", "ours", f"{vae['mean']:.4f}", "±", f"{vae['sd']:.4f}", "0.6123"]
    by_method = {r["method"]: r["datasets"] for r in json.loads(tables.render_means(found, "json"))}
    assert by_method["vae"]["fashion_mnist"]["mean"] == 0.61234
    assert by_method["vae"]["cifar10"]["low"] == vae["low"] and "low" in by_method["kde"]["cifar10"]
    assert "fashion_mnist" not in by_method["kde"]
    flat = list(csv.DictReader(io.StringIO(tables.render_means(found, "csv"))))
    assert len(flat) == 11
    line = next(line for line in flat if line["method"] == "vae")
    assert line["fashion_mnist_mean"] == "0.61234" and line["fashion_mnist_published"] == ""
    assert "no cell of them has been run" in tables.render_means({"digits": [], "coil100": []})


# --- audited -------------------------------------------------------------------------------------


def test_three_printed_means_are_not_the_means_of_their_rows():
    means = tables.audit()["means"]
    assert len(means) == 21
    wrong = {
        (m["dataset"], m["method"]): (m["printed"], m["recomputed"])
        for m in means
        if not m["agrees"]
    }
    assert wrong == {
        ("mnist", "ocgan"): (0.9750, 0.9749),
        ("cifar10", "ocgan"): (0.6566, 0.6563),
        ("cifar10", "attention-gan"): (0.673, 0.6763),
    }


def test_the_whole_gain_is_one_class():
    gain = tables.audit()["gain"]
    assert (gain["wins"], gain["ties"], gain["losses"]) == (5, 1, 4)
    assert list(gain["differences"].values()) == pytest.approx(
        [0.034, 0.002, -0.008, -0.012, 0, -0.010, 0.019, 0.005, -0.019, 0.189]
    )
    assert gain["best_class"] == "truck"
    assert gain["mean"] == pytest.approx(0.02)
    assert gain["mean_without_best"] == pytest.approx(0.0012, abs=5e-5)
    assert gain["t_p"] == pytest.approx(0.33, abs=0.005)


def test_wilcoxon_p_of_the_gain_by_enumeration():
    gain = tables.audit()["gain"]
    # in thousandths, where +0.019 and -0.019 tie; as binary fractions they do not, which gives 0.65
    difference = np.array([round(1000 * d) for d in gain["differences"].values() if d])
    ranks = stats.rankdata(np.abs(difference))
    signs = np.array(list(product((-1, 1), repeat=len(ranks))))
    p = np.mean(np.abs(signs @ ranks) >= abs(np.sign(difference) @ ranks))
    assert p == pytest.approx(0.676, abs=0.001)
    assert gain["wilcoxon_p"] == pytest.approx(p)
