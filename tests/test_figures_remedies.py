"""Chapter 5's remedy: errors in units of detail, taken from records, with paired intervals."""

import numpy as np
import pytest

from ocnd_lib.detail import FLOOR
from ocnd_lib.records import parse_cell, read_arrays, read_record, read_records
from report import tables
from report.choices import table_settings
from report.figures import NoRecords, benchmark, remedies
from score_samples import CLASS_TEST, DETAIL, write


@pytest.fixture
def every(tmp_path, monkeypatch):
    """Errors of MNIST that are the detail of each image, half as large again for novel ones."""
    monkeypatch.setattr(remedies, "REPEATS", 50)
    for k in range(10):
        for seed in range(2):
            noise = np.random.default_rng([k, seed]).uniform(0.9, 1.1, len(DETAIL))
            error = (DETAIL + FLOOR) * np.where(CLASS_TEST == k, 1, 1.5) * noise
            write(tmp_path, f"mnist/ocgan/{k}/{seed}", error.astype(np.float32))
        write(tmp_path, f"mnist/ae/{k}/0", DETAIL)
    write(tmp_path, "mnist/detail/0/0", DETAIL)
    return {name: benchmark.results(name, tmp_path) for name in benchmark.TITLES}


def test_what_the_detail_hides_is_found_when_errors_are_divided_by_it(every):
    table = remedies.detail_table(every)
    assert list(table.index) == [("mnist", "ocgan"), ("mnist", "ae")]
    row = table.loc[("mnist", "ocgan")]
    assert row["error"] < 0.75 and row["in_details"] == pytest.approx(1)
    assert row["gain"] == pytest.approx(row["in_details"] - row["error"], abs=0.3)
    assert row["gain_low"] > 0.2 and row["seeds"] == 2
    knows_nothing = table.loc[("mnist", "ae")]  # its error is the detail and nothing else
    assert knows_nothing["in_details"] == pytest.approx(0.5, abs=0.01)


def test_seeds_that_err_apart_are_better_together(every):
    rng = np.random.default_rng(1)
    y, normal = (CLASS_TEST != 3).astype(int), 3
    index = np.arange(len(y))
    runs = [
        benchmark.IndexedRun(normal, seed, y + rng.normal(0, 1.5, len(y)), CLASS_TEST, index)
        for seed in range(8)
    ]
    (one,) = remedies.together(runs)
    assert one.normal_class == 3 and one.auroc > max(run.auroc for run in runs)
    table = remedies.detail_table(every)
    assert table.loc[("mnist", "ocgan"), "together"] == pytest.approx(1)
    assert np.isnan(table.loc[("mnist", "ae"), "together"])  # one seed is no ensemble
    page = remedies.detail_page(table)["seeds together"]
    assert page.loc[("MNIST", "OCGAN")].startswith("1.0000 [") and page.loc[("MNIST", "AE")] == ""


def test_words_and_page_say_on_which_side_of_the_printed_mean_ours_lies(every):
    table = remedies.detail_table(every)
    assert remedies.in_words(table, "cifar10") == "not complete"
    for low, high, side in (
        (0.976, 0.98, "is above"),
        (0.97, 0.98, "agrees with"),
        (0.97, 0.9749, "is below"),
    ):
        table.loc[("mnist", "ocgan"), ["low", "high"]] = low, high
        assert f"which {side} the published 0.9750" in remedies.in_words(table, "mnist")
    page = remedies.detail_page(table)
    assert page.loc[("MNIST", "AE"), "published"] == ""
    row, column = ("MNIST", "OCGAN"), "gain"
    assert page.loc[row, column].startswith("+0.")
    assert remedies.behind(row, column) == ["mnist/ocgan/*/*", "mnist/detail/0/0"]
    assert remedies.behind(row, "published") == []
    assert (
        page.loc[row, "classes won : lost"] == "10 : 0" and page.loc[row, "p (Wilcoxon)"] == "0.002"
    )
    said = "10 classes gain and 0 lose (Wilcoxon's p = 0.002)"
    assert remedies.over_classes(table, "mnist") == said
    assert remedies.over_classes(table, "cifar10") == "not complete"


def test_the_digits_that_chose_nothing_stand_apart(every):
    ours, printed = remedies.on_other_digits(every["mnist"]).split(", published ")
    assert float(ours.split(" [")[0]) == pytest.approx(1, abs=1e-3) and printed == "0.9840"
    assert remedies.on_other_digits(every["cifar10"]) == "not complete"
    fig = remedies.detail_figure(every)
    assert [ax.get_title("left") for ax in fig.axes] == ["MNIST"]
    assert fig.axes[0].lines[1].get_xdata() == pytest.approx(np.ones(10), abs=1e-3)


def test_without_records_it_is_said(tmp_path):
    none = {name: benchmark.results(name, tmp_path) for name in benchmark.TITLES}
    table = remedies.detail_table(none)
    for make in (lambda: remedies.detail_page(table), lambda: remedies.detail_figure(none)):
        with pytest.raises(NoRecords, match="ocnd sweep --datasets mnist --methods ocgan,detail"):
            make()


def test_a_detector_that_divides_gives_what_is_taken_from_the_records():
    cells = [parse_cell(r["cell"]) for r in read_records(pattern="mnist/ocgan+detail_power=1.0/*")]
    assert cells and table_settings("mnist", "ocgan")["detail_power"] == 0
    detail = read_arrays(remedies.detail_cell("mnist"))["score"].astype(float)
    for cell in cells:
        plain = read_arrays(f"mnist/ocgan/{cell.normal_class}/{cell.seed}")["score"].astype(float)
        divided = read_arrays(cell)["score"].astype(float)
        expected = plain / (detail + FLOOR)
        assert np.median(np.abs(divided / expected - 1)) < 0.01, cell
        run = benchmark.IndexedRun(
            int(cell.normal_class), cell.seed, expected,
            read_arrays(cell)["class_test"], np.arange(len(expected)),
        )  # fmt: skip
        assert run.auroc == pytest.approx(read_record(cell)["metrics"]["auroc"], abs=1e-3)


def test_the_detail_of_a_test_image_is_the_same_whatever_is_normal():
    for name in benchmark.TITLES:
        first, last = (
            read_arrays(f"{name}/detail/{k}/0") for k in np.array(tables.class_names(name))[[0, -1]]
        )
        assert np.array_equal(first["score"], last["score"])
