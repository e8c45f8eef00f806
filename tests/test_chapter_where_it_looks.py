"""Chapter 9: means over seeds, and which numbers stand beside each other."""

import numpy as np
import pytest

from ocnd_lib.comparison import mean_over_runs
from report.chapters import where_it_looks as chapter

MADE = ("mnist/looks/8/0", *(f"scenes/looks/boat/{seed}" for seed in range(3)))
BASELINES = ("centre", "random", "uniform")


def values_of(cell, name, baseline):
    """Lifts of ten images, other ones for each seed."""
    rng = np.random.default_rng([MADE.index(cell), len(name), len(baseline)])
    return rng.normal(0.1, 0.05, 10)


def record_of(cell):
    """What a run leaves, as far as the chapter reads it."""
    seed = MADE.index(str(cell))
    finds = [
        {"map": name, "images": images, "measure": "auroc", "baseline": baseline,
         "value": 0.5 + lifts.mean(), "baseline_value": 0.5, "lift": lifts.mean(),
         "low": lifts.mean() - 0.01, "high": lifts.mean() + 0.01}
        for name in chapter.MAPS
        for images in ("normal", "novel")
        for baseline in BASELINES
        for lifts in [values_of(str(cell), name, baseline)]
    ]  # fmt: skip
    strength = [
        {"map": name, "weaker": 0.9 + seed / 40, "low": 0.8, "high": 1.0} for name in chapter.MAPS
    ]
    metrics = {"auroc_score": 0.8 + seed / 100, "auroc_base": 0.7}
    arrays = {
        f"{row['images']}/{row['map']}/auroc/{row['baseline']}": values_of(
            str(cell), row["map"], row["baseline"]
        )
        for row in finds
    }
    return {"tables": {"finds": finds, "strength": strength}, "metrics": metrics} | arrays


@pytest.fixture
def made(monkeypatch):
    """Records of MNIST with one seed and of scenes with three."""
    monkeypatch.setattr(chapter, "CELLS", MADE)
    monkeypatch.setattr(chapter, "record_of", record_of)


def test_the_interval_of_several_seeds_is_over_seeds_and_images_and_of_one_over_images(made):
    table = chapter.over_seeds("finds")
    row = table.loc[("scenes", "looks", "attention map", "normal", "centre")]
    lifts = np.stack([values_of(cell, "attention map", "centre") for cell in MADE[1:]])
    mean, low, high = mean_over_runs(lifts)
    assert row["seeds"] == 3 and row["lift"] == pytest.approx(mean)
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    one = table.loc[("mnist", "looks", "attention map", "normal", "centre")]
    assert one["seeds"] == 1 and one["high"] - one["low"] == pytest.approx(0.02)


def test_an_interval_of_a_chance_ends_at_one(made):
    rows = chapter.over_seeds("strength").loc["scenes"]
    assert (rows["high"] == 1).all() and (rows["low"] < rows["weaker"]).all()


def test_detection_is_compared_with_the_first_gan_seed_by_seed(made):
    table = chapter.detection_table()
    assert table.loc[("scenes", "looks"), "value"] == pytest.approx(0.12)
    assert table.loc[("scenes", "looks"), "low"] < 0.12 < table.loc[("scenes", "looks"), "high"]
    assert np.isnan(table.loc[("mnist", "looks"), "low"])  # of one seed nothing is known
    assert len(table) == 2


def test_heat_maps_of_a_row_have_one_scale_and_attention_its_own():
    heat = np.stack([np.full((32, 32), 4.0), np.full((32, 32), 1.0)])
    kept = {"given": np.zeros((2, 1, 32, 32), np.uint8), "novel": np.array([0, 1]),
            "masks": np.stack([np.eye(32) > 0, np.zeros((32, 32), bool)]),
            "masked critic": heat, "attention map": heat / 8}  # fmt: skip
    fig = chapter.heat_rows(kept, ["masked critic", "attention map"], "title")
    limits = [ax.images[0].get_clim() for ax in fig.axes[2:]]
    assert limits == [(0, 4), (0, 4), (0, 1), (0, 1)]
    assert fig.axes[2].collections and not fig.axes[3].collections  # an empty outline is not drawn
