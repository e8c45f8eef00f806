"""The tables from few records: nothing is filled in, and methods are compared on what both have."""

import numpy as np
import pytest

from data_samples import record
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
    cell = f"{dataset}/{variant}/{tables.class_names(dataset)[k]}/{seed}"
    metrics = {"auroc": tables.Run(k, seed, score, class_test).auroc}
    arrays = {"score": score, "class_test": class_test, "index": index}
    write_record(record(cell, parameters={"seed": seed}, metrics=metrics), arrays, folder)


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
    assert list(found.ours.dropna().index) == ["vae", "anogan", "ocgan"]
    assert set(means(found).index) >= {"kde", "ocgan"} and "rotation" not in found.methods
    compared = benchmark.against_all(found)
    assert list(compared.index) == ["vae", "anogan"] and benchmark.beaten(compared) == 2


def test_a_further_set_stands_in_the_table_of_means(tmp_path, monkeypatch):
    write(tmp_path, "fashion_mnist", "rotation", 0, 0)
    write(tmp_path, "mnist", "vae", 0, 0)
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    table = tables.listed(all_tables.every_set()).set_index(["dataset", "method"])
    row = table.loc[("fashion_mnist", "rotation")]
    assert np.isnan(row["published"]) and row["classes"] == 1 and 0 < row["mean"] < 1
