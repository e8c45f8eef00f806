"""What a strict reviewer would ask: its sentences hold for the committed records."""

import pandas as pd
import pytest

from report.chapters import objections as chapter


@pytest.fixture(scope="module")
def changes():
    return chapter.contamination().set_index(["dataset", "method", "share"])


@pytest.fixture(scope="module")
def grids():
    return chapter.grids()


def test_foreign_images_harm_and_more_of_them_harm_more(changes):
    assert (changes["high"] < 0).all() and (changes["classes"] == 3).all()
    whole = changes.drop(index=["ae", "deep-svdd"], level="method", errors="ignore")
    assert (whole["seeds"] == 3).all()
    falls = whole["value"].unstack()
    assert (falls[0.01] > falls[0.05]).all() and (falls[0.05] > falls[0.1]).all()


def test_no_setting_of_the_grid_brings_ocsvm_to_what_is_printed_on_mnist(grids):
    row = grids.loc["MNIST", "OC-SVM"]
    assert row["taken"] <= row["best"] < row["printed"]


def test_no_method_differs_between_precisions_and_every_row_has_ten_classes():
    table = chapter.other_seeds()
    assert len(table) == 17 and (table["p_holm"] > 0.05).all()


def test_a_seed_fixes_a_run_on_a_cpu():
    again = pd.read_csv(chapter.AGAIN)
    again = again[(again["cell"] == chapter.REPEATED[0]) & (again["precision"] == "bf16")]
    assert len(again) == 5 and again["scores"].nunique() == 1
