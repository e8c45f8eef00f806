"""Chapter 9: what its sentences say, held against the committed records."""

import numpy as np
import pandas as pd
import pytest

from figure_samples import bounds, contains
from ocnd_lib.comparison import mean_over_runs
from report.chapters import where_it_looks as chapter
from report.source import record_of

PHOTOGRAPHS = ("mnist_on_cifar", "scenes", "coco10")


@pytest.fixture(scope="module")
def finds():
    """Lifts of pixel AUROC on normal images, without a classifier."""
    return chapter.finds_table().xs((chapter.PLAIN, "normal"), level=("variant", "images"))


def test_the_map_finds_bare_strokes_and_on_photographs_less_than_a_blot(said):
    assert bounds(said["mnist-finds-over-blot"])[1] > 0 and bounds(said["mnist-finds"])[0] > 0.95
    cells = [f"mnist/looks+classifier=generated/8/{seed}" for seed in range(3)]
    found = [pd.DataFrame(record_of(cell)["tables"]["finds"]) for cell in cells]
    found = [of[of["measure"] == "auroc"].set_index("map") for of in found]
    values = [of.loc[chapter.ATTENTION, "value"].median() for of in found]
    assert [value > 0.9 for value in values] == [False, True, True] and values[0] < 0.1
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
    several = table.dropna()  # of one seed nothing is known
    assert len(several) == 12 and (several["low"] < 0).all() and (several["high"] > 0).all()
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


def test_no_heat_map_is_shown_to_pass_road(said):
    assert contains(said["mnist-road-first"]) and contains(said["mnist-road-second"])
    first, *_ = bounds(said["mnist-road-first"])
    for name, (_, normal, seeds) in list(chapter.SETS.items())[1:]:
        records = [record_of(f"{name}/looks/{normal}/{seed}") for seed in range(seeds)]
        road = pd.concat([pd.DataFrame(record["tables"]["road"]) for record in records])
        lifts = road.groupby("map")["lift"].mean()
        assert lifts[[chapter.BEFORE, chapter.AFTER]].max() < first / 3, name


def test_novel_images_of_cifar10_get_more_heat(said):
    assert bounds(said["cifar10-strength-second"])[2] < 0.5


def test_the_interval_of_several_seeds_is_over_seeds_and_images(finds):
    at = chapter.ATTENTION, "centre"
    cells = [f"scenes/looks/boat/{seed}" for seed in range(3)]
    lifts = np.stack([record_of(cell)[f"normal/{at[0]}/auroc/{at[1]}"] for cell in cells])
    _, low, high = mean_over_runs(lifts[:, np.isfinite(lifts).all(0)].astype(float))
    row = finds.loc[("scenes", *at)]
    assert (row["low"], row["high"]) == pytest.approx((low, high))


def test_detection_is_compared_with_the_first_gan_seed_by_seed():
    table = chapter.detection_table()
    row = table.loc[("scenes", "looks")]
    assert row["value"] == pytest.approx(row["score"] - row["base"])
    assert row["low"] < row["value"] < row["high"]
    assert np.isnan(table.loc[("cifar10", "looks"), "low"])  # of one seed nothing is known


def test_heat_maps_of_a_row_have_one_scale_and_attention_its_own():
    heat = np.stack([np.full((32, 32), 4.0), np.full((32, 32), 1.0)])
    kept = {"given": np.zeros((2, 1, 32, 32), np.uint8), "novel": np.array([0, 1]),
            "masks": np.stack([np.eye(32) > 0, np.zeros((32, 32), bool)]),
            "masked critic": heat, "attention map": heat / 8}  # fmt: skip
    fig = chapter.heat_rows(kept, ["masked critic", "attention map"], "title")
    limits = [ax.images[0].get_clim() for ax in fig.axes[2:]]
    assert limits == [(0, 4), (0, 4), (0, 1), (0, 1)]
    assert fig.axes[2].collections and not fig.axes[3].collections  # an empty outline is not drawn
