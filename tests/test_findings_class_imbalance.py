"""Chapter 2: what its sentences say of the recorded classifiers, and its figures."""

import itertools

import numpy as np
import pytest

from report.chapters import class_imbalance as chapter


def value(variant, name, moved=False):
    return chapter.network_table(variant, moved).loc[name]


def test_the_decks_shares_imply_the_other_two():
    deck = chapter.deck_numbers()
    together = 0.1 * deck["normal_recall"] + 0.9 * deck["novel_recall"]
    assert deck["accuracy"] == pytest.approx(together)
    assert 1000 * deck["normal_recall"] % 1 == pytest.approx(0.1)  # no whole number of airplanes
    assert 0.05 < deck["accuracy"] - 0.9 < 0.055


@pytest.mark.parametrize("variant", ["vgg11", "vgg11-bn"])
def test_our_networks_find_more_airplanes_than_the_decks(variant):
    assert value(variant, "normal_recall")["low"] > chapter.deck_numbers()["normal_recall"]
    assert value(variant, "accuracy")["low"] > 0.95


def test_the_plain_network_is_as_the_one_minute_box_says():
    found = chapter.numbers()
    assert found["plain_accuracy"] == "96.2 % [95.7, 96.7]"
    assert found["plain_normal_recall"] == "73.8 % [66.8, 80.7]"
    assert found["ratio99_normal_recall"].startswith("39.0 %")
    assert found["ratio99_normal_recall_moved"].startswith("81.6 %")


def test_rarer_airplanes_are_found_less_and_the_order_survives():
    recalls = [value(variant, "normal_recall") for variant in chapter.RATIOS]
    assert all(a["low"] > b["high"] for a, b in itertools.pairwise(recalls))
    assert all(value(variant, "accuracy")["low"] > 0.9 for variant in chapter.RATIOS)
    assert all(value(variant, "auroc")["low"] > 0.95 for variant in chapter.RATIOS)


@pytest.mark.parametrize("variant", chapter.RATIOS)
def test_half_or_more_of_the_failure_is_the_threshold(variant):
    before, after = (value(variant, "normal_recall", moved)["value"] for moved in (False, True))
    assert (after - before) / (1 - before) > 0.49
    lost = value(variant, "novel_recall")["value"] - value(variant, "novel_recall", True)["value"]
    assert 0 < lost < 0.06


def test_the_threshold_moves_by_the_ratio_of_the_training_counts():
    assert chapter.balanced_threshold({"train_counts": [10, 90]}) == pytest.approx(np.log(9))
    assert chapter.balanced_threshold({"train_counts": [5, 5]}) == 0
