"""Chapter 8: what its sentences say, held against the committed records."""

import pytest

from figure_samples import bounds, contains
from report.chapters import attention_gan as chapter
from report.source import record_of


@pytest.fixture(scope="module")
def found():
    return chapter.ablation()


@pytest.fixture(scope="module")
def gains(found):
    return chapter.gains_table(found)


@pytest.fixture(scope="module")
def said(found, gains):
    return chapter.numbers(found, gains)


def test_cifar10_does_not_gain_and_mnist_gains_a_little_on_nine_digits(said):
    assert contains(said["gain-cifar10"])
    value, low, _ = bounds(said["gain-mnist"])
    assert 0 < low and value < 0.01 and said["ahead-mnist"] == 9 and said["p-mnist"] < 0.01
    assert bounds(said["row-cifar10"])[2] < said["deck-mean"]


def test_the_decks_lead_is_its_truck(said):
    assert abs(said["deck-printed"] - said["deck-mean"]) > 0.001
    assert said["deck-gain-without-truck"] < 0.1 * said["deck-gain"]
    assert said["deck-truck"] - said["truck"] > 0.3
    table = chapter.classes_table("cifar10", chapter.over_classes("cifar10"))
    assert (table["ours"] - table["base"]).abs().max() < 0.025


def test_maps_that_see_no_image_gain_about_as_much(said, gains):
    assert contains(said["mnist learned map - map of ones"])
    own = gains.xs(chapter.OWN, level="against")["value"]
    for name in chapter.TITLES:
        assert own[name][list(chapter.BLIND)].max() > own[name][chapter.PLAIN]
    assert bounds(said["cifar10 learned map - centre map"])[1] > 0
    assert bounds(said["cifar10 centre map - its first GAN"])[2] < 0  # which does harm


def test_of_sixteen_gains_two_remain_when_corrected(said, gains):
    assert (said["compared"], said["sure"]) == (16, 2)
    sure = gains[gains["sure"]].index.droplevel("against")
    assert set(sure) == {("mnist", "+ second GAN restarted"), ("cifar10", "centre map")}
    assert contains(said["mnist + second GAN restarted - learned map"])
    assert said["sd + second GAN restarted"] < said["sd learned map"] / 5


def test_generated_negatives_lose_on_the_decks_first_labels(said):
    assert bounds(said["negatives airplane"])[2] < 0 and bounds(said["negatives automobile"])[2] < 0


def test_one_seed_twice_differs_on_mnist_as_much_as_two_seeds():
    table = chapter.twins_table()
    assert len(table) == 4
    assert (table.loc["mnist", "twin_sd"] > 0.5 * table.loc["mnist", "seed_sd"]).all()
    assert (table.loc["cifar10", "twin_sd"] < table.loc["cifar10", "seed_sd"]).all()


def test_those_twins_have_equal_settings_and_first_gans():
    for cell in ("mnist/attention-gan/8/0", "cifar10/attention-gan+classifier=generated/truck/0"):
        one, two = map(record_of, (cell, cell.replace("attention-gan", "looks")))
        assert one["parameters"] == two["parameters"] and one["hardware"] == two["hardware"]
        before = [
            [point for point in record["curves"] if point["phase"] == "base"]
            for record in (one, two)
        ]
        assert before[0] == before[1] and one["curves"] != two["curves"]


def test_the_map_follows_brightness_on_photographs(said):
    assert said["brightness cifar10"] > 0.6


def test_given_novel_images_a_bare_classifier_beats_the_score_everywhere():
    table = chapter.real_table()
    assert (table["classifier alone"] > table["score"]).all()
