"""Chapter 7: how networks on crops are compared, and what its sentences say of the records."""

import numpy as np
import pytest

from ocnd_lib.background import SHOWN
from ocnd_lib.benchmark import check_cell
from ocnd_lib.masked import ROUNDED
from ocnd_lib.records import write_record
from ocnd_lib.stats import seed_interval
from report.chapters import masked_vs_original as chapter
from report.chapters.masked_vs_original import Trained, accuracy_gain, cell, recorded
from report.source import NoRecords

Y = np.repeat(np.arange(10), 20).astype(np.uint8)


def trained(accuracy, seed=0, epochs=3, fingerprint="f", **shown):
    """A network that is right on this share of the test crops, whichever these are."""
    rng, arrays = np.random.default_rng(seed), {"y_test": Y}
    for version in SHOWN:
        right = rng.permutation(len(Y)) < shown.get(version, accuracy) * len(Y)
        arrays[f"predicted_{version}"] = np.where(right, Y, (Y + 1) % 10).astype(np.uint8)
    curves = [{"epoch": e, "train_accuracy": e / 4, "test_accuracy": accuracy} for e in (1, 2, 3)]
    metrics = {"epochs_to_80_train": epochs}
    record = {"metrics": metrics, "curves": curves, "data_fingerprint": fingerprint}
    record |= {"seconds": 1.0, "hardware": "cpu", "provenance": {}}
    return Trained(record, arrays)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    recorded.cache_clear()
    yield tmp_path
    recorded.cache_clear()


def write(folder, dataset, **runs):
    for version, run in runs.items():
        write_record({"cell": cell(dataset, version, 0), **run.record}, run.arrays, folder)
    recorded.cache_clear()


def test_every_cell_can_be_made_under_the_very_name_that_is_looked_for():
    assert len(chapter.CELLS) == len(set(chapter.CELLS)) == 64
    for name in chapter.CELLS:
        assert str(check_cell(name)) == name


def test_without_records_it_says_how_to_make_them(folder):
    for draw in (*chapter.FIGURES.values(), chapter.numbers):
        with pytest.raises(NoRecords, match="make one with: ocnd run scenes/vgg11-"):
            draw()


def test_records_of_different_crops_are_not_compared(folder):
    write(folder, "scenes", masked=trained(0.9), original=trained(0.9, fingerprint="other"))
    with pytest.raises(NoRecords, match="records of scenes are of different crops"):
        recorded("scenes")
    old = list(ROUNDED)  # two processors rounded a few pixels differently: the same crops
    runs = {v: trained(0.9, fingerprint=f) for v, f in zip(chapter.PAIR, old, strict=False)}
    write(folder, "mnist_on_cifar", **runs)
    assert recorded("mnist_on_cifar").keys() == set(chapter.PAIR)


def test_a_gain_is_taken_over_common_seeds_on_the_version_shown():
    a, b = {0: trained(0.9), 1: trained(0.7, 1)}, {1: trained(0.5, 2, masked=0.2)}
    value, low, high = accuracy_gain((a, "original"), (b, "masked"))
    assert value == pytest.approx(0.5) and low < value < high


def test_epochs_saved_are_counted_and_never_is_after_the_last():
    found = {"masked": {0: trained(1), 1: trained(1, epochs=2)}, "original": {0: trained(1)}}
    found["original"] |= {1: trained(1, epochs=None), 2: trained(1)}
    assert sorted(chapter.epochs_saved(found)) == [0, 2]  # the curves end after 3 epochs


def test_accuracies_stand_by_what_was_learnt_from_and_what_was_shown():
    found = {"original": {0: trained(0.6)}, "masked": {0: trained(0.9, original=0.2)}}
    crossed = chapter.crossed_table(found)
    assert crossed.loc["masked", "original"] == 0.2 and crossed.loc["masked", "masked"] == 0.9
    assert crossed.loc["original", "masked"] == pytest.approx(0.6)
    assert list(crossed.columns) == list(SHOWN)


def test_a_share_that_can_be_is_not_called_impossible(monkeypatch):
    monkeypatch.setattr(chapter, "published_claim", lambda name: 96.6 if "mask" in name else 33.345)
    table = chapter.deck_counts()
    assert table.loc["500 test", "masked, nearest"] == "96.6000"
    # 1834 of 5500 are 33.34545 %: printed 33.345
    assert table.loc["5500 in all", "original, nearest"] == "33.3455"
    assert table.loc["5000 training", "original, nearest"] == "33.3400: not it"


# --- what the sentences say ----------------------------------------------------------------------


def gain(dataset, a, b, shown=None):
    runs = recorded(dataset)
    return accuracy_gain((runs[a], a), (runs[b], shown or b))


@pytest.mark.parametrize("dataset", chapter.MADE)
def test_masks_help_on_made_pictures_and_the_outline_does_as_well(dataset):
    assert gain(dataset, "masked", "original")[1] > 0
    assert gain(dataset, "silhouette", "masked")[1] >= 0
    # the centre without the outline does not help, the surroundings add nothing to the outline
    assert gain(dataset, "centre", "original")[0] < 0 < gain(dataset, "centre", "original")[2]
    assert gain(dataset, "background", "silhouette")[2] <= 0
    saved = chapter.epochs_saved(recorded(dataset))
    masked = [run.record["metrics"]["epochs_to_80_train"]
              for run in recorded(dataset)["masked"].values()]  # fmt: skip
    assert len(saved) == 5 and list(saved) == masked  # half the epochs, in every seed


def test_nothing_is_decided_on_coco():
    for pair in (("masked", "original"), ("centre", "original"), ("background", "silhouette")):
        _, low, high = gain("coco10", *pair)
        assert low < 0 < high
    _, low, high = seed_interval(chapter.epochs_saved(recorded("coco10")))
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


def test_neither_printed_accuracy_is_a_share_of_the_test_crops_or_of_the_training_crops():
    table = chapter.deck_counts()
    for version, nearest in (("masked", "96.6000"), ("original", "95.2000")):
        assert table.loc["500 test", f"{version}, nearest"] == f"{nearest}: not it"
        assert table.loc["5000 training", f"{version}, nearest"].endswith(": not it")
    assert table.loc["5500 in all", "masked, nearest"] == "96.6727"
    assert table.loc["5500 in all", "original, nearest"].endswith(": not it")
