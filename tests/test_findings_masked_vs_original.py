"""Chapter 7: how networks on crops are compared, and what its sentences say of the records."""

import numpy as np
import pytest

from data_samples import record
from figure_samples import bounds, contains
from ocnd_lib.background import SHOWN
from ocnd_lib.masked import ROUNDED
from ocnd_lib.records import read_arrays, write_record
from report.chapters import masked_vs_original as chapter
from report.chapters.masked_vs_original import accuracy_gain, cells, recorded, right
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
    old = list(ROUNDED)[:2]  # two processors rounded a few pixels differently: the same crops
    for dataset, crops in (("scenes", ["f", "other"]), ("mnist_on_cifar", old)):
        for version, fingerprint in zip(chapter.PAIR, crops, strict=True):
            (name,) = cells(dataset, version, 0)
            write_record(record(name, data_fingerprint=fingerprint), {"y_test": Y}, tmp_path)
    with pytest.raises(NoRecords, match="records of scenes are of different crops"):
        recorded("scenes")
    assert recorded("mnist_on_cifar").keys() == set(chapter.PAIR)


def test_a_gain_is_taken_over_common_seeds_on_the_version_shown():
    a, b = {0: trained(0.9), 1: trained(0.7, 1)}, {1: trained(0.5, 2, masked=0.2)}
    value, low, high = accuracy_gain(right(a, "original"), right(b, "masked"))
    assert value == pytest.approx(0.5) and low < value < high


@pytest.mark.parametrize("dataset", chapter.MADE)
def test_masks_help_on_made_pictures_and_the_outline_does_as_well(said, dataset):
    assert bounds(said[f"{dataset}_gain"])[1] > 0
    assert bounds(said[f"{dataset}_outline"])[1] >= 0
    # the centre without the outline does not help, the surroundings add nothing to the outline
    assert contains(said[f"{dataset}_centre_gain"])
    assert bounds(said[f"{dataset}_surroundings"])[2] <= 0
    masked, original = (said[f"{dataset}_epochs_{version}"] for version in chapter.PAIR)
    assert len(set(bounds(masked))) == 1  # in every seed half the epochs
    assert bounds(original) == [2 * epochs for epochs in bounds(masked)]


def test_nothing_is_decided_on_coco(said):
    assert all(contains(said[f"coco10_{name}"]) for name in ("gain", "centre_gain", "surroundings"))
    assert contains(said["coco10_epochs_saved"])
    assert said["coco10_masked"] == said["coco10_original"] == "31.3"
    assert abs(31.3 - float(said["coco10_largest"])) < 1


def test_backgrounds_that_always_tell_are_no_noise_and_mislead(said):
    assert contains(said["gap_1"]) and bounds(said["swapped_1"])[2] < 20
    assert bounds(said["scenes_gain"])[1] > 0  # where they tell half of the time


@pytest.mark.parametrize("dataset", chapter.MADE)
def test_who_learnt_with_masks_is_near_guessing_without(said, dataset):
    assert float(said[f"{dataset}_unmasked"]) < 15


def test_masks_help_on_photographs_of_animals_as_does_the_outline_but_are_learnt_no_faster(said):
    assert bounds(said["voc_animals_gain"])[1] > 0 and said["animals_p"] < 0.001
    assert contains(said["voc_animals_outline"]) and contains(said["voc_animals_centre_gain"])
    assert bounds(said["voc_animals_surroundings"])[2] < 0
    assert bounds(said["voc_animals_epochs_saved"])[2] < 0.5  # of an epoch


def test_each_crop_of_animals_is_tested_once_by_networks_that_share_no_photograph(said):
    rows = np.concatenate([read_arrays(c)["rows"] for c in cells("voc_animals", "masked", 0)])
    assert len(np.unique(rows)) == len(rows) == said["voc_animals_test"]
