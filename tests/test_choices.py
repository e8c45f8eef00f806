"""How settings were chosen: by validation alone, over the cells that a variant shares."""

import numpy as np
import pytest

from data_samples import record
from ocnd_lib.records import parse_cell, read_records, write_record
from ocnd_lib.registry import DETECTORS
from ocnd_lib.sharing import untrained
from report.chapters.all_tables import choices_table

MEANS = {  # of validation, by cell
    "vae/3/0": 0.80,
    "vae/8/0": 0.70,
    "vae/1/0": 0.10,
    "vae+latent_dim=8/3/0": 0.90,
    "vae+latent_dim=8/8/0": 0.80,
    "vae+width=4/3/0": 0.60,
    "vae+width=4/8/0": 0.50,
    "vae+width=4/8/1": 0.99,  # of this seed nothing that is taken is recorded
    "vae+epochs=3/5/0": 0.90,  # nor of this class
    "vae+contamination=0.1/3/0": 0.01,  # learnt from other images
    "kde/3/0": 0.70,  # has no variants
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    return tmp_path


def write(folder, auroc):
    for name, mean in MEANS.items():
        metrics = {"validation": {"turned": 0.0, "mean": mean}} | auroc()
        write_record(record(f"mnist/{name}", parameters={}, metrics=metrics), folder=folder)


def test_variants_are_compared_over_the_classes_and_seeds_they_share(folder):
    write(folder, dict)  # no test AUROC: whoever asks for it fails
    table = choices_table().set_index("variant")
    assert list(table.index) == ["vae+latent_dim=8", "vae", "vae+width=4", "vae+epochs=3"]
    assert list(table["gain"][:3]) == pytest.approx([0.1, 0, -0.2])
    assert np.isnan(table.loc["vae+epochs=3", "gain"])
    assert table.loc["vae+width=4", "validation"] == pytest.approx((0.6 + 0.5 + 0.99) / 3)
    assert table.loc["vae+width=4", ["classes", "cells"]].tolist() == [2, 3]


def test_no_test_auroc_enters(folder):
    write(folder, dict)
    without = choices_table()
    rng = np.random.default_rng(0)
    write(folder, lambda: {"auroc": float(rng.random())})
    choices_table.cache_clear()
    assert choices_table().equals(without)


def test_each_recorded_cell_is_named_by_all_that_differs_from_the_settings_of_the_tables():
    for found in read_records():
        cell = parse_cell(found["cell"])
        if cell.method in DETECTORS:
            settings = untrained(cell).get_params()
            for name, value in found["parameters"].items():
                if name in settings and name != "device":
                    assert np.array_equal(settings[name], value), (cell, name)
