"""What it costs is told as it was measured, on the machine and processor where it was."""

import json

import pandas as pd
import pytest

from data_samples import record
from ocnd_lib.records import write_record
from report.chapters import costs
from report.source import NoRecords


def recorded(folder, cell, seconds, hardware="cpu float32", processor="A"):
    about = {"hardware": hardware, "provenance": {"processor": processor}}
    write_record(record(cell, seconds=seconds, **about), folder=folder)


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


def test_seconds_compare_on_the_processor_of_the_most_methods(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    for k in range(9):
        recorded(tmp_path, f"mnist/kde/{k}/0", 1.0)
    for cell, seconds in (("mnist/ae/0/0", 4), ("mnist/ae/1/0", 6), ("cifar10/vae/cat/0", 7)):
        recorded(tmp_path, cell, seconds, processor="B")
    recorded(tmp_path, "mnist/ocgan/0/0", 2.0, "cuda bfloat16", "C")
    table = costs.seconds()
    assert list(table.index) == ["AE", "VAE"]
    assert table.loc["AE", "MNIST"] == 5 and table.loc["VAE", "CIFAR-10"] == 7
    assert costs.seconds("cuda").loc["OCGAN"].to_dict() == {"MNIST": 2.0}
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path / "nothing"))
    with pytest.raises(NoRecords, match="ocnd run"):
        costs.seconds()


def test_most_ways_are_a_little_faster_and_side_by_side_is_best():
    said, table = costs.numbers(), costs.benchmarks()
    several = table[table["rounds"] > 1]
    assert said["faster"] > said["compared"] / 2 and not (several["high"] < 1).any()
    assert several["ratio"].median() < 2
    assert said["stacked"] < 1 < said["processes"] < said["gpu-step"] < said["gpu-ocgans"]
    unsure = table.loc[["OCGAN, networks compiled", "ten small autoencoders, stacked"]]
    assert (unsure["low"] < 1).all() and (unsure["high"] > 1).all()


def test_the_slowest_method_on_mnist_is_ocgan():
    table = costs.seconds()["MNIST"]
    assert table.drop("OCGAN").max() < table["OCGAN"] and costs.numbers()["most-method"] == "OCGAN"
