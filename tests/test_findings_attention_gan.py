"""Chapter 8: what its sentences say, held against the committed records."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from figure_samples import bounds, contains
from report.chapters import attention_gan as chapter
from report.source import record_of
from report.tables import load_published


def test_cifar10_does_not_gain_and_mnist_gains_a_little_on_nine_digits(said):
    assert contains(said["gain-cifar10"])
    value, low, _ = bounds(said["gain-mnist"])
    assert 0 < low and value < 0.01 and said["ahead-mnist"] == 9 and said["p-mnist"] < 0.01
    assert bounds(said["row-cifar10"])[2] < said["deck-mean"]


def test_the_decks_lead_is_its_truck(said):
    deck = load_published("cifar10").astype(float).T.drop("mean")
    lead = deck["attention-gan"] - deck["ocgan"]
    assert lead.drop("truck").mean() < 0.1 * lead.mean()
    assert said["deck-truck"] - said["truck"] > 0.3


def test_maps_that_see_no_image_gain_about_as_much(said):
    assert contains(said["mnist learned map - map of ones"])
    assert bounds(said["ones-cifar10"])[2] < 0 < bounds(said["ones-mnist"])[1]
    assert contains(said["ones-mnist"], bounds(said["gain-mnist"])[0])
    for name in chapter.TITLES:
        gains = chapter.gains_table().loc[name, "value"]
        assert gains[list(chapter.BLIND)].max() > gains[chapter.PLAIN]
    assert bounds(said["cifar10 learned map - centre map"])[1] > 0
    assert bounds(said["cifar10 centre map - its first GAN"])[2] < 0  # which does harm


def test_of_sixteen_gains_two_remain_when_corrected(said):
    gains = chapter.gains_table()
    assert (said["compared"], said["sure"]) == (16, 2)
    sure = {("mnist", chapter.RESTARTED), ("cifar10", "centre map")}
    assert set(gains.index[gains["sure"]]) == sure
    assert contains(said["mnist + second GAN restarted - learned map"])


def test_generated_negatives_lose_on_the_decks_first_labels(said):
    assert bounds(said["negatives airplane"])[2] < 0 and bounds(said["negatives automobile"])[2] < 0


def test_one_seed_twice_differs_on_the_8_as_much_as_two_seeds(said):
    assert abs(said["first 8"] - said["again 8"]) > said["sd 8"]
    assert abs(said["first truck"] - said["again truck"]) < 0.005


def test_those_twins_have_equal_settings_and_first_gans():
    for cell, normal in zip(chapter.PICTURES, (8, 9), strict=True):
        one, two = map(record_of, (cell, cell.replace("attention-gan", "looks")))
        assert one["parameters"] == two["parameters"] and one["hardware"] == two["hardware"]
        base = roc_auc_score(one["class_test"] != normal, one["part_base"])
        assert base == pytest.approx(two["metrics"]["auroc_base"], abs=1e-4)
        assert abs(one["metrics"]["auroc"] - two["metrics"]["auroc_score"]) > 1e-4


def test_the_map_follows_brightness_on_photographs():
    kept = record_of(chapter.PICTURES[1])
    pairs = zip(kept["picture_given"].mean(1), kept["picture_map"][:, 0], strict=True)
    assert np.mean([spearmanr(a, b, axis=None).statistic for a, b in pairs]) > 0.6


def test_given_novel_digits_a_bare_classifier_beats_the_score(said):
    assert said["oracle classifier alone"] > 0.99 > said["oracle score"]
