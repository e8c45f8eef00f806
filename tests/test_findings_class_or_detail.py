"""Chapter 6: its sentences hold for the committed records, and its numbers are what they say."""

import numpy as np
import pandas as pd
import pytest

from ocnd_lib.comparison import Run, compare_means, shared_runs
from ocnd_lib.detail import FLOOR
from ocnd_lib.records import parse_cell, read_arrays, read_record, read_records
from ocnd_lib.sharing import untrained
from report import tables
from report.chapters import class_or_detail as chapter

FEW = 60  # draws of a bootstrap, enough for the side of 0 that an interval lies on


@pytest.fixture
def few_draws(monkeypatch):
    monkeypatch.setattr(tables, "REPEATS", FEW)
    yield
    chapter.units_table.cache_clear()


# --- what the page says --------------------------------------------------------------------------


def test_every_method_but_deep_svdd_follows_detail_on_cifar10():
    table = chapter.correlations("cifar10")
    assert set(table.index[table["low"] <= 0]) == {"deep-svdd"}
    assert table.loc["deep-svdd", "high"] > 0 > table.loc["deep-svdd", "value"]
    for method, r in {"ocgan": 0.97, "vae": 0.97, "ae": 0.96, "ocsvm": 0.90, "kde": 0.88}.items():
        assert table.loc[method, "value"] == pytest.approx(r, abs=0.005), method
    classes = chapter.class_aurocs("cifar10")
    assert chapter.correlation(classes["detail"], classes["published"])[1] > 0


def test_only_pixelcnn_is_shown_to_follow_detail_on_mnist():
    table = chapter.correlations("mnist")
    assert set(table.index[table["low"] > 0]) - {"published"} == {"pixelcnn"}
    assert chapter.order_of_images("mnist") < chapter.order_of_images("cifar10")


def test_every_digit_gains_and_cifar10_exchanges_its_classes(few_draws):
    table = chapter.units_table()
    assert all(low > 0 for _, low, _ in table["gain"])
    ours, theirs = table.loc[("mnist", "ocgan")], table.loc[("cifar10", "ocgan")]
    assert (ours["wins"], ours["losses"]) == (10, 0) and ours["p"] < 0.01
    assert (theirs["wins"], theirs["losses"]) == (6, 4) and theirs["p"] > 0.05
    classes = chapter.class_aurocs("cifar10")
    for name in ("automobile", "truck"):
        assert classes.loc[name, "ocgan"] < 0.5 < classes.loc[name, "units"]
    for name in ("deer", "bird"):
        assert classes.loc[name, "units"] < 0.5 < classes.loc[name, "ocgan"]


def test_in_these_units_ocgan_is_ahead_of_the_autoencoder_on_mnist_and_behind_on_cifar10():
    differences = [
        compare_means(*(chapter.divided(d, m) for m in ("ocgan", "ae")), repeats=FEW)
        for d in tables.TITLES
    ]
    assert differences[0][1] > 0 > differences[1][2]


@pytest.mark.parametrize("dataset", tables.TITLES)
def test_two_errors_do_better_but_a_mask_that_hides_nothing_does_as_well(dataset):
    parts = chapter.two_errors(dataset)
    _, low, high = compare_means(*shared_runs(parts["both"], parts["ones"]), repeats=FEW)
    assert low <= 0 <= high
    assert compare_means(parts["both"], parts["base"], repeats=FEW)[1] > 0
    ensemble = np.mean([run.auroc for run in tables.together(parts["both"])])
    own = chapter.class_aurocs(dataset)[list(tables.DECKS)].mean()
    assert ensemble > own.max()


def test_a_truck_has_the_most_detail_of_the_pictures_shown_and_is_redrawn_worst():
    errors = read_arrays(chapter.PICTURES)
    truck = errors["class_test"] == tables.class_names("cifar10").index("truck")
    assert errors["score"][truck].mean() > errors["score"][~truck].mean()
    detail = chapter.detail_scores("cifar10")
    assert detail[truck].mean() > detail[~truck].mean()


# --- how its numbers are made --------------------------------------------------------------------


def test_seeds_that_err_apart_are_better_together():
    rng = np.random.default_rng(1)
    classes = np.repeat(np.arange(10), 30)
    scores = (classes != 3) + rng.normal(0, 1.5, (8, len(classes)))
    runs = [Run(3, seed, score, classes) for seed, score in enumerate(scores)]
    (one,) = tables.together(runs)
    assert one.normal_class == 3 and one.auroc > max(run.auroc for run in runs)


def test_a_correlation_leaves_out_what_either_lacks():
    a = pd.Series([0.1, 0.2, 0.3, 0.4, np.nan], list("abcde"))
    b = pd.Series([0.4, 0.1, 0.35, 0.2, 0.9], list("dabce"))
    r, low, high = chapter.correlation(a, b)
    assert r == pytest.approx(np.corrcoef([1, 2, 3, 4], [1, 3.5, 2, 4])[0, 1])
    assert low < r < high


def test_a_detector_that_divides_gives_what_is_taken_from_the_records():
    cells = [parse_cell(r["cell"]) for r in read_records(pattern="mnist/ocgan+detail_power=1.0/*")]
    assert cells and untrained(parse_cell("mnist/ocgan/8/0")).detail_power == 0
    detail = chapter.detail_scores("mnist")
    for cell in cells:
        plain = read_arrays(f"mnist/ocgan/{cell.normal_class}/{cell.seed}")["score"].astype(float)
        kept = read_arrays(cell)
        expected = plain / (detail + FLOOR)
        assert np.median(np.abs(kept["score"].astype(float) / expected - 1)) < 0.01, cell
        run = Run(int(cell.normal_class), cell.seed, expected, kept["class_test"])
        assert run.auroc == pytest.approx(read_record(cell)["metrics"]["auroc"], abs=1e-3)


def test_the_detail_of_a_test_image_is_the_same_whatever_is_normal():
    for name in tables.TITLES:
        first, last = (
            read_arrays(f"{name}/detail/{k}/0") for k in np.array(tables.class_names(name))[[0, -1]]
        )
        assert np.array_equal(first["score"], last["score"])


# --- figures -------------------------------------------------------------------------------------


def test_principal_components_gain_too_and_the_mean_image_does_by_error_what_ocgan_does():
    gains = chapter.units_table()["gain"]
    assert all(gains[dataset, "pca"][1] > 0 for dataset in ("mnist", "cifar10"))
    numbers = chapter.numbers()
    for dataset in ("mnist", "cifar10"):  # OCGAN is ahead of them
        assert float(numbers[f"over-pca-{dataset}"].partition("[")[2].partition(",")[0]) > 0
    error = chapter.units_table()["error"]
    assert error["cifar10", "mean"][0] == pytest.approx(error["cifar10", "ocgan"][0], abs=0.01)
