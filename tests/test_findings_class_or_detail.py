"""Chapter 6: its sentences hold for the committed records, and its numbers are what they say."""

import numpy as np
import pytest

from figure_samples import bounds
from ocnd_lib.comparison import Run
from ocnd_lib.detail import FLOOR
from ocnd_lib.records import parse_cell, read_arrays, read_record, read_records
from ocnd_lib.sharing import untrained
from report import tables
from report.chapters import class_or_detail as chapter


@pytest.fixture(scope="module")
def said():
    with pytest.MonkeyPatch.context() as patch:  # enough for the side of 0 an interval lies on
        patch.setattr(tables, "REPEATS", 60)
        return chapter.numbers()


def test_every_method_but_deep_svdd_follows_detail_on_cifar10():
    assert len(tables.DECKS) == 13
    for method in ("published", *tables.DECKS):
        r, low, high = chapter.correlation("cifar10", method)
        assert low < 0 < high and r < 0 if method == "deep-svdd" else low > 0, method
    classes = chapter.class_aurocs("cifar10")
    assert (classes["ocgan"] > classes["detail"]).all()
    _, low, high = chapter.correlation("mnist", "ocgan")  # not shown there
    assert low < 0 < high


def test_every_digit_gains_and_cifar10_exchanges_its_classes(said):
    assert (said["wins-mnist"], said["losses-mnist"]) == (10, 0) and said["p-mnist"] < 0.01
    assert (said["wins-cifar10"], said["losses-cifar10"]) == (6, 4) and said["p-cifar10"] > 0.05
    classes = chapter.class_aurocs("cifar10")
    for name in ("automobile", "horse", "truck"):
        assert classes.loc[name, "ocgan"] < 0.5 < classes.loc[name, "units"]
    for name in ("deer", "bird"):
        assert classes.loc[name, "units"] < 0.5 < classes.loc[name, "ocgan"]


def test_what_hardly_learns_gains_too_but_on_cifar10_the_quotient_needs_a_network(said):
    for dataset in tables.TITLES:
        assert all(bounds(said[f"gain-{dataset}-{m}"])[1] > 0 for m in ("ocgan", "ae", "pca"))
    ours, theirs = (bounds(said[f"units-mnist-{method}"]) for method in ("ocgan", "pca"))
    assert ours[0] - theirs[0] < 0.005
    ours, theirs = (bounds(said[f"units-cifar10-{method}"]) for method in ("ocgan", "pca"))
    assert ours[1] > theirs[2]
    ours, mean_image = (bounds(said[f"error-cifar10-{m}"]) for m in ("ocgan", "pca+components=0"))
    assert mean_image[1] > ours[2]


def test_in_these_units_ocgan_is_ahead_of_the_autoencoder_on_mnist_and_behind_on_cifar10(said):
    ours, theirs = (
        {dataset: bounds(said[f"units-{dataset}-{method}"]) for dataset in tables.TITLES}
        for method in ("ocgan", "ae")
    )
    assert ours["mnist"][1] > theirs["mnist"][2] and ours["cifar10"][2] < theirs["cifar10"][1]


def test_trucks_have_more_detail_than_most_classes_and_are_redrawn_worse_than_others():
    errors = read_arrays("cifar10/ocgan/truck/0")
    truck = errors["class_test"] == tables.class_names("cifar10").index("truck")
    assert errors["score"][truck].mean() > errors["score"][~truck].mean()
    detail = chapter.detail_scores("cifar10")
    assert detail[truck].mean() > detail[~truck].mean()
    classes = [detail[errors["class_test"] == k].mean() for k in range(10)]
    names = [tables.class_names("cifar10")[k] for k in np.argsort(classes)]
    assert names[-2:] == ["truck", "automobile"]


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
