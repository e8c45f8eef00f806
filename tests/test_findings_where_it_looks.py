"""Chapter 9: what its sentences say, held against the committed records."""

import re

import pytest

from report.chapters import where_it_looks as chapter

PHOTOGRAPHS = ("mnist_on_cifar", "scenes", "coco10")


@pytest.fixture(scope="module")
def said():
    return chapter.numbers()


@pytest.fixture(scope="module")
def finds():
    """Lifts of pixel AUROC on normal images, without a classifier."""
    table = chapter.over_seeds("finds", [chapter.PLAIN])
    return table.xs((chapter.PLAIN, "normal"), level=("variant", "images"))


def bounds(text):
    """The numbers of "value [low, high]"."""
    return [float(number) for number in re.findall(r"[+-]?\d+\.\d+", text)]


def contains(text, value=0.0):
    _, low, high = bounds(text)
    return low <= value <= high


def test_the_map_finds_bare_strokes_and_on_photographs_less_than_a_blot(said):
    assert bounds(said["mnist-finds-over-blot"])[1] > 0 and bounds(said["mnist-finds"])[0] > 0.95
    for name in PHOTOGRAPHS:
        assert bounds(said[f"{name}-finds-over-blot"])[2] < 0, name


def test_the_encoders_map_finds_the_digit_and_detection_stays_at_chance(said):
    for key in ("finds", "finds-novel"):
        assert bounds(said[f"mnist_on_cifar+encoder-{key}-over-blot"])[1] > 0
        assert bounds(said[f"mnist_on_cifar+encoder-{key}"])[0] > 0.8
    assert abs(said["mnist_on_cifar+encoder-score"] - 0.5) < 0.03
    assert contains(said["mnist_on_cifar+encoder-gain"])


def test_on_no_set_does_detection_gain():
    table = chapter.detection_table()
    several = table[table["seeds"] > 1]
    assert len(several) == 10 and (several["low"] < 0).all() and (several["high"] > 0).all()
    for name in ("scenes", "coco10"):
        assert table.loc[(name, "looks"), "score"] < table.loc[(name, "looks"), "base"]


def test_no_heat_map_beats_the_blot(finds):
    for name in (chapter.BEFORE, chapter.AFTER):
        assert (finds.xs((name, "centre"), level=("map", "baseline"))["lift"] < 0).all()


def test_the_verdicts_on_the_decks_claims(finds):
    over = finds.xs("centre", level="baseline")
    without, with_it = (over.xs(name, level="map") for name in (chapter.BEFORE, chapter.AFTER))
    assert (without.loc[list(PHOTOGRAPHS), "high"] < 0).all()  # missed: confirmed
    assert with_it.loc["coco10", "high"] < 0  # found: refuted
    for name in ("mnist_on_cifar", "scenes"):  # not shown
        assert with_it.loc[name, "low"] < 0 < with_it.loc[name, "high"]
    assert (without.loc["mnist", "seeds"], with_it.loc["mnist", "seeds"]) == (1, 1)


def test_generated_negatives_turn_the_map_of_mnist_inside_out_and_its_score_is_higher(said):
    assert bounds(said["mnist+generated-finds"])[2] < 0.1
    assert said["mnist+generated-score"] > said["mnist+generated-base"]


def test_heat_maps_of_mnist_pass_road_before_attention_only(said):
    assert bounds(said["mnist-road-first"])[1] > 0.5 and contains(said["mnist-road-second"])
    for which in ("first", "second"):
        assert 0 < bounds(said[f"cifar10-road-{which}"])[1] < 0.2
        assert all(contains(said[f"{name}-road-{which}"]) for name in PHOTOGRAPHS)


def test_both_heat_maps_of_mnist_change_with_the_weights():
    table = chapter.recorded("randomised", [chapter.PLAIN])
    last = table[(table["dataset"] == "mnist") & (table["layer"] == "body.0")]
    assert set(last["map"]) > {chapter.BEFORE, chapter.AFTER}
    assert (last["mean"].abs() < 0.15).all()


def test_novel_images_do_not_get_less_heat(said):
    assert bounds(said["cifar10-strength-second"])[2] < 0.5  # they get more
    for name in ("mnist", *PHOTOGRAPHS):
        assert contains(said[f"{name}-strength-second"], 0.5), name
    assert bounds(said["mnist-strength-map"])[1] > 0.5
