"""The tables from few records: nothing is filled in, and methods are compared on what both have."""

import numpy as np
import pandas as pd
import pytest

from figure_samples import faults
from ocnd_lib.records import write_record
from report import tables
from report.chapters import all_tables, benchmark
from report.tables import means

CLASS_TEST = np.repeat(np.arange(10), 20).astype(np.uint8)
EVERY = np.arange(len(CLASS_TEST))


def write(folder, dataset, variant, k, seed, strength=1.0, index=EVERY):
    """A record in the real format, with random scores beside it."""
    rng = np.random.default_rng([sum(variant.encode()), k, seed])
    class_test = CLASS_TEST[index]
    score = (rng.normal(size=len(index)) + strength * (class_test != k)).astype(np.float32)
    record = {
        "cell": f"{dataset}/{variant}/{tables.class_names(dataset)[k]}/{seed}",
        "parameters": {"seed": seed},
        "metrics": {"auroc": tables.Run(k, seed, score, class_test).auroc},
        "seconds": 3.0,
        "hardware": "cpu float32",
        "provenance": {"processor": "A"},
    }
    write_record(record, {"score": score, "class_test": class_test, "index": index}, folder)


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    """OCGAN with three seeds, VAE with one, KDE's last class missing; AnoGAN subsampled."""
    folder = tmp_path_factory.mktemp("some")
    for dataset in tables.TITLES:
        for k in range(10):
            for seed in range(3):
                write(folder, dataset, "ocgan", k, seed, strength=2)
            write(folder, dataset, "vae", k, 0)
            write(folder, dataset, "anogan", k, 0, index=np.arange(k % 2, len(CLASS_TEST), 2))
            if k < 9:
                write(folder, dataset, "kde", k, 0, strength=3)
            if k < 3:
                write(folder, dataset, benchmark.BARE, k, 0)
            write(folder, dataset, benchmark.LARGER, k, 1, strength=4)
        for k in (2, 8):
            write(folder, dataset, benchmark.RELEASE[dataset], k, 0, strength=4)
    write(folder, "mnist", "rotation", 3, 0)
    return folder


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch, some):
    monkeypatch.setenv("OCND_RECORDS", str(some))
    monkeypatch.setattr(tables, "REPEATS", 20)


@pytest.fixture
def found():
    return benchmark.read()["mnist"]


@pytest.mark.parametrize("name", [*benchmark.FIGURES, *all_tables.FIGURES])
def test_a_figure_of_what_is_there_is_drawn_within_its_bounds(name):
    assert not faults({**benchmark.FIGURES, **all_tables.FIGURES}[name]())


def test_only_complete_rows_are_compared(found):
    assert found.complete == list(found.runs) == ["vae", "anogan", "ocgan"]
    assert set(means(found).index) >= {"kde", "ocgan"} and "rotation" not in found.methods
    assert list(benchmark.against_all(found).index) == ["vae", "anogan"]
    assert benchmark.against_all(found, "kde").empty


def test_the_printed_mean_is_below_within_or_above_our_interval():
    rows = {
        "vae": (0.70, 0.65, 0.75),
        "ocgan": (0.76, 0.65, 0.75),
        "kde": (0.64, 0.65, 0.75),
        "ae": (np.nan, 0.65, 0.75),
        "dae": (0.64, np.nan, np.nan),
        "gan": (0.64, 0.65, 0.75),  # the printed GAN is another score
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["published", "low", "high"])
    assert benchmark.side(table).to_dict() == {"vae": 0, "ocgan": -1, "kde": 1}


def test_who_beats_whom(found):
    compared = benchmark.against_all(found)
    assert (compared["low"] < compared["mean_difference"]).all() and (compared["low"] > 0).all()
    assert benchmark.beaten(compared) == 2
    assert benchmark.beaten(benchmark.against_all(found, "vae")) == 0


def test_every_change_is_paired_with_the_same_classes_and_seeds(found):
    table = benchmark.tried_table(found)
    larger, release, bare = (table.loc[key] for key in ("larger", "release", "bare"))
    assert larger["seeds"] == 1 and larger["low"] > 0 and len(larger["classes"]) == 10
    own = found.cells[(found.cells["method"] == "ocgan") & (found.cells["seed"] == 1)]
    assert larger["before"] == pytest.approx(own["auroc"].mean())
    assert bare["high"] < 0
    assert bare["classes"] == ["0", "1", "2"] and release["classes"] == ["2", "8"]
    assert table.loc["ensemble", "seeds"] == 3 and table.loc["ensemble", "low"] > 0
    short = benchmark.gap(found)[["2", "8"]].mean()
    assert release["printed"] == pytest.approx(short)


def test_a_further_set_stands_in_the_table_of_means(tmp_path, monkeypatch):
    write(tmp_path, "fashion_mnist", "rotation", 0, 0)
    write(tmp_path, "mnist", "vae", 0, 0)
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    table = tables.listed(all_tables.every_set()).set_index(["dataset", "method"])
    row = table.loc[("fashion_mnist", "rotation")]
    assert np.isnan(row["published"]) and row["classes"] == 1 and 0 < row["mean"] < 1
