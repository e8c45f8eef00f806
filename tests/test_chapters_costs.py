"""What it costs is told as it was measured, on the machine and processor where it was."""

import json

import pandas as pd
import pytest

from ocnd_lib.records import on_one_processor, write_record
from report import plan
from report.chapters import costs
from report.source import NoRecords


def recorded(folder, cell, seconds, hardware="cpu float32", processor="A", auroc=0.5):
    record = {"cell": cell, "metrics": {"auroc": auroc}, "seconds": seconds, "hardware": hardware}
    write_record({**record, "provenance": {"processor": processor}}, folder=folder)


def test_a_ratio_is_that_of_the_two_ways_in_the_same_round():
    for name in ("results", "gpu"):
        raw = json.loads((costs.BENCHMARKS / f"{name}.json").read_text())["results"]
        table = costs.benchmarks(name)
        for row in raw:
            ratio = pd.Series(row["ratios"]).median()
            assert table.loc[row["name"], "ratio"] == pytest.approx(ratio)
    # the two medians alone say something else: each is over its own rounds
    stacked = costs.benchmarks().loc["ten small autoencoders, stacked"]
    assert stacked["ours_value"] > stacked["baseline_value"] and stacked["ratio"] < 1


def test_without_a_file_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "BENCHMARKS", tmp_path)
    with pytest.raises(NoRecords, match="make bench"):
        costs.benchmarks()


def test_seconds_compare_on_the_processor_of_the_most_methods(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    for k in range(9):
        recorded(tmp_path, f"mnist/kde/{k}/0", 1.0)
    for cell in ("mnist/ae/0/0", "cifar10/ae/cat/0", "cifar10/vae/cat/0"):
        recorded(tmp_path, cell, 36.0, processor="B", auroc=0.7)
    recorded(tmp_path, "cifar10/anogan/cat/0", 5.0)
    found = costs.cells()
    assert set(on_one_processor(found)["cell"]) == {
        "mnist/ae/0/0", "cifar10/ae/cat/0", "cifar10/vae/cat/0"
    }  # fmt: skip
    worth = costs.worth(found)
    assert worth.loc[("MNIST", "AE")].to_list() == [36.0, 0.7] and len(worth) == 3
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path / "nothing"))
    with pytest.raises(NoRecords, match="ocnd run"):
        costs.cells()


def test_many_cells_cost_the_mean_of_those_that_are_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    wanted = ["mnist/ae/0/0", "mnist/ae/1/0", "mnist/ae/2/0", "mnist/kde/0/0", "mnist/vae/0/0"]
    monkeypatch.setattr(plan, "report_cells", lambda: wanted)
    recorded(tmp_path, wanted[0], 4000.0)
    recorded(tmp_path, wanted[3], 400.0)
    recorded(tmp_path, "digits/ae/0/0", 1e9)  # no cell of the report
    table = costs.many_cells([10, 1000], [2, 100])
    assert list(table.index) == [("CPU", "10"), ("CPU", "1,000")]
    mean = (3 * 4000 + 400) / 4 / 3600
    assert table["cost, h"].to_list() == pytest.approx([10 * mean, 1000 * mean])
    assert table["2 workers, h"].to_list() == pytest.approx([5 * mean, 500 * mean])
    assert table["100 workers, h"].to_list() == pytest.approx([mean, 10 * mean])
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path / "nothing"))
    with pytest.raises(NoRecords, match="ocnd run"):
        costs.many_cells([10], [2])


def test_sixteen_workers_on_a_gpu_take_the_hours_of_one_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    monkeypatch.setattr(plan, "report_cells", lambda: ["mnist/ae/0/0"])
    recorded(tmp_path, "mnist/ae/0/0", 7200.0, "cuda bfloat16")
    row = costs.many_cells([160], [1, 16, 32]).loc[("GPU", "160")]
    assert row["cost, h"] == row["16 workers, h"] == pytest.approx(20)
    assert (row["1 workers, h"], row["32 workers, h"]) == pytest.approx((320, 10))


# --- what the page says --------------------------------------------------------------------------


def test_most_ways_are_a_little_faster_and_side_by_side_is_best():
    said, table = costs.numbers(), costs.benchmarks()
    assert said["faster"] > said["compared"] / 2 and said["slower"] == 0
    assert table.loc[table["rounds"] > 1, "ratio"].median() < 2
    assert said["stacked"] < 1 < said["processes"] < said["gpu-step"] < said["gpu-ocgans"]
    compiled = table.loc["OCGAN, networks compiled"]
    assert compiled["low"] < 1 < compiled["high"]
    assert said["convolutions"] > 0.8


def test_dearer_methods_are_not_better():
    said = costs.numbers()
    for name in ("mnist", "cifar10"):
        assert said[f"rank-{name}"] < 0.5 and said[f"rank-p-{name}"] > 0.05
    table = costs.worth(costs.cells()).loc["CIFAR-10"]
    assert table["seconds"].idxmax() == table["auroc"].idxmax() == "Rotation"  # the exception
    assert table["auroc"].drop("Rotation").max() < table.loc["Rotation", "auroc"] - 0.1
