"""Chapter 7: how networks on crops are compared, and what its sentences say of the records."""

import numpy as np
import pytest

from ocnd_lib.background import SHOWN
from ocnd_lib.masked import ROUNDED
from ocnd_lib.records import write_record
from ocnd_lib.stats import seed_interval
from report.chapters import masked_vs_original as chapter
from report.chapters.masked_vs_original import accuracy_gain, cell, recorded, right
from report.source import NoRecords

Y = np.repeat(np.arange(10), 20).astype(np.uint8)


def trained(accuracy, seed=0, **shown):
    """A network that is right on this share of the test crops, whichever these are."""
    rng, run = np.random.default_rng(seed), {"y_test": Y, "data_fingerprint": "f"}
    for version in SHOWN:
        right = rng.permutation(len(Y)) < shown.get(version, accuracy) * len(Y)
        run[f"predicted_{version}"] = np.where(right, Y, (Y + 1) % 10).astype(np.uint8)
    return run


def test_records_of_different_crops_are_not_compared(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    about = {"metrics": {}, "seconds": 1.0, "hardware": "cpu", "provenance": {}}
    old = list(ROUNDED)[:2]  # two processors rounded a few pixels differently: the same crops
    for dataset, crops in (("scenes", ["f", "other"]), ("mnist_on_cifar", old)):
        for version, fingerprint in zip(chapter.PAIR, crops, strict=True):
            record = {"cell": cell(dataset, version, 0), "data_fingerprint": fingerprint, **about}
            write_record(record, {"y_test": Y}, tmp_path)
    with pytest.raises(NoRecords, match="records of scenes are of different crops"):
        recorded("scenes")
    assert recorded("mnist_on_cifar").keys() == set(chapter.PAIR)


def test_a_gain_is_taken_over_common_seeds_on_the_version_shown():
    a, b = {0: trained(0.9), 1: trained(0.7, 1)}, {1: trained(0.5, 2, masked=0.2)}
    value, low, high = accuracy_gain(right(a, "original"), right(b, "masked"))
    assert value == pytest.approx(0.5) and low < value < high


def test_epochs_are_counted_and_never_is_after_the_last():
    runs = {k: {"metrics": {"epochs_to_80_train": k}, "curves": 3 * [{}]} for k in (3, None, 2)}
    assert list(chapter.epochs_needed(runs)) == [3, 4, 2]


def test_accuracies_stand_by_what_was_learnt_from_and_what_was_shown():
    found = {"original": {0: trained(0.6)}, "masked": {0: trained(0.9, original=0.2)}}
    crossed = chapter.crossed_table(found)
    assert crossed.loc["masked", "original"] == 0.2 and crossed.loc["masked", "masked"] == 0.9
    assert crossed.loc["original", "masked"] == pytest.approx(0.6)
    assert list(crossed.columns) == list(SHOWN)


# --- what the sentences say ----------------------------------------------------------------------


def gain(dataset, a, b):
    runs = recorded(dataset)
    return accuracy_gain(right(runs[a], a), right(runs[b], b))


def saved(dataset):
    original, masked = (chapter.epochs_needed(recorded(dataset)[v]) for v in ("original", "masked"))
    return original - masked, masked


@pytest.mark.parametrize("dataset", chapter.MADE)
def test_masks_help_on_made_pictures_and_the_outline_does_as_well(dataset):
    assert gain(dataset, "masked", "original")[1] > 0
    assert gain(dataset, "silhouette", "masked")[1] >= 0
    # the centre without the outline does not help, the surroundings add nothing to the outline
    assert gain(dataset, "centre", "original")[0] < 0 < gain(dataset, "centre", "original")[2]
    assert gain(dataset, "background", "silhouette")[2] <= 0
    fewer, masked = saved(dataset)
    assert len(fewer) == 5 and list(fewer) == list(masked)  # half the epochs, in every seed


def test_nothing_is_decided_on_coco():
    for pair in (("masked", "original"), ("centre", "original"), ("background", "silhouette")):
        _, low, high = gain("coco10", *pair)
        assert low < 0 < high
    _, low, high = seed_interval(saved("coco10")[0])
    assert low < 0 < high
    found = chapter.numbers()
    assert found["coco10_masked"] == found["coco10_original"] == "31.3"
    assert abs(31.3 - float(found["coco10_largest"])) < 1


def test_backgrounds_that_always_tell_are_no_noise():
    table = chapter.correlation_table()
    for correlation, rows in table.groupby("correlation"):
        _, low, high = seed_interval(rows["masked"] - rows["original"])
        assert (low < 0 < high) if correlation == 1 else low > 0
    assert table["swapped"][1].max() < 0.2 < 0.9 < table["swapped"][0].min()


@pytest.mark.parametrize("dataset", chapter.MADE)
def test_who_learnt_with_masks_is_near_guessing_without(dataset):
    assert chapter.crossed_table(recorded(dataset)).loc["masked", "original"] < 0.15
