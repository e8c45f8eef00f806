"""Figures of chapter 3: what is redrawn, latent sweeps, decodes and distances."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from figure_samples import DETAIL, FIGURES, GIVEN, SWEEP
from report import plots
from report.plots import COLOURS


def test_under_each_reconstruction_stands_its_error_and_the_frame_tells_its_kind():
    fig = FIGURES["redrawn"]()
    given, same, half = np.array([ax for ax in fig.axes if ax.images]).reshape(3, 5)
    assert [ax.get_xlabel() for ax in given] == [""] * 5
    assert [ax.get_xlabel() for ax in same] == ["0.000"] * 5
    expected = np.square((GIVEN[0].astype(float) - GIVEN[0] // 2) / 127.5).mean()
    assert half[0].get_xlabel() == f"{expected:.3f}"
    frames = [to_rgb(ax.spines["top"].get_edgecolor()) for ax in half]
    assert frames == [to_rgb(COLOURS["normal"])] * 2 + [to_rgb(COLOURS["novel"])] * 3
    assert [given[k].get_title(loc="left") for k in (0, 2)] == ["normal", "novel"]


def test_a_latent_sweep_shows_means_over_seeds_within_their_intervals():
    errors, areas = FIGURES["latent_sweep"]().axes
    lines = {line.get_label(): line for ax in (errors, areas) for line in ax.lines}
    novel = lines["novel"]
    assert list(novel.get_xdata()) == [2, 16, 128]
    assert novel.get_ydata() == pytest.approx([0.3 / size + 0.005 for size in (2, 16, 128)])
    assert to_rgb(novel.get_color()) == to_rgb(COLOURS["novel"])
    assert lines["generated novelties"].get_ydata() == pytest.approx([0.8] * 3)
    (low, high) = errors.collections[0].get_segments()[0][:, 1]
    half = 12.706 * np.std([0.15, 0.16], ddof=1) / np.sqrt(2)  # Student's t, one degree of freedom
    assert (low, high) == pytest.approx((0.155 - half, 0.155 + half), rel=1e-3)


def test_a_latent_sweep_of_one_seed_has_no_intervals_and_no_exaggerated_axis():
    errors, areas = FIGURES["latent_sweep_of_one_seed"]().axes
    assert not errors.collections and not areas.collections
    assert len(areas.lines) == 1
    same = SWEEP[SWEEP["seed"] == 0].assign(auroc=[0.98, 0.981, 0.982])
    low, high = plots.latent_sweep(same.drop(columns="validation")).axes[1].get_ylim()
    assert high - low >= 0.05


def test_decodes_are_laid_out_row_by_row_in_grey_and_in_colour():
    grey, colour, empty = FIGURES["random_decodes"]().axes
    mosaic = grey.images[0].get_array()
    assert mosaic.shape == (96, 96) and colour.images[0].get_array().shape == (96, 96, 3)
    assert np.array_equal(mosaic[32:64, :32], GIVEN[1, 0])  # the fourth image opens the second row
    assert not empty.axison


def test_each_kind_of_image_has_its_median_and_the_band_ends_at_the_limit():
    ax = FIGURES["nearest_distances"]().axes[0]
    bars = [c.get_segments()[0][0, 0] for c in ax.collections if hasattr(c, "get_segments")]
    assert bars == pytest.approx([0.2, 0.4, 0.6])
    assert ax.patches[0].get_extents().x1 == pytest.approx(ax.transData.transform((0.25, 0))[0])
    colours = [to_rgb(line.get_color()) for line in ax.lines]
    assert colours == [to_rgb(COLOURS[name]) for name in ("normal", "novel", "ink")]


def test_each_class_that_has_both_numbers_is_a_named_dot():
    fig = FIGURES["auroc_against_detail"]()
    *panels, unused = fig.axes
    assert not unused.axison
    for ax in panels:
        dots = next(line for line in ax.lines if line.get_marker() == "o").get_xydata()
        assert np.array_equal(dots, DETAIL.dropna().to_numpy())
        named = {text.get_text(): text.xy for text in ax.texts if hasattr(text, "xy")}
        assert named == {name: tuple(row) for name, row in DETAIL.dropna().iterrows()}
    fig.draw_without_rendering()
    names = [text.get_window_extent() for text in panels[0].texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(names, 2))
