"""Figures of chapter 5: tables, means, ranks, duels, seeds and costs."""

import numpy as np
import pytest

from figure_samples import FIGURES, VISION, lab


def test_a_cell_shows_both_numbers_and_has_a_colour_only_with_both():
    ax = FIGURES["published_and_ours"]().axes[0]
    assert "0.700\n0.900" in [t.get_text() for t in ax.texts]
    assert [t.get_text() for t in ax.texts].count("\N{EN DASH}\n\N{EN DASH}") == 2
    values = ax.images[0].get_array()
    assert values[0, 0] == pytest.approx(0.2) and values.mask[1].tolist() == [False, True, True]


@pytest.mark.parametrize("vision", VISION)
def test_better_and_worse_are_told_apart_with_any_vision(vision):
    from report.plots.benchmark import DIVERGING

    for step in (0.1, 0.3, 0.5):
        below, above = (lab(DIVERGING(0.5 + side * step)[:3], vision) for side in (-0.99, 0.99))
        assert np.linalg.norm(below - above) > 15


def test_a_method_without_a_complete_row_has_no_dot():
    ax = FIGURES["means_with_intervals"]().axes[0]
    (dots,) = (c.lines[0] for c in ax.containers)
    assert np.isfinite(np.asarray(dots.get_xdata(), float)).tolist() == [True, False]
    assert dots.get_xdata()[0] == 0.8


def test_a_class_that_loses_has_another_colour_than_one_that_gains():
    from report.plots.benchmark import BETTER, WORSE

    ax = FIGURES["before_and_after"]().axes[0]
    (lines,) = ax.collections
    assert [tuple(colour) for colour in lines.get_colors()] == [BETTER, WORSE]
    before, after, printed = (list(line.get_xdata()) for line in ax.lines)
    assert (before, after, printed[0]) == ([0.6, 0.9], [0.8, 0.5], 0.7)


def test_ranks_put_the_highest_first():
    ax = FIGURES["class_ranks"]().axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["OCGAN", "Deep SVDD"]
    means = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "|"]
    assert means == [1, 2]


def test_a_dot_is_filled_only_when_its_interval_leaves_out_zero():
    ax = FIGURES["one_against_all"]().axes[0]
    fill = {line.get_xdata()[0]: line.get_markerfacecolor() for line in ax.lines[:2]}
    assert fill[0.02] == "white" and fill[-0.1] != "white"
    assert {"6 : 4", "0 : 10", "0.300", "< 0.001"} <= {t.get_text() for t in ax.texts}


def test_seeds_stand_in_the_panel_of_their_class():
    airplane, automobile = FIGURES["seed_strips"]().axes[:2]
    ours = [list(ax.lines[1].get_xdata()) for ax in (airplane, automobile)]
    assert ours == [[0.6, 0.7], [0.5]]


def test_a_confusable_pair_is_in_percent():
    ax = FIGURES["confusability_maps"]().axes[0]
    assert [t.get_text() for t in ax.texts] == ["", "100", "40", ""]


def test_a_method_of_unknown_cost_is_left_out():
    seconds, macs = FIGURES["auroc_against_cost"]().axes[:2]
    assert list(seconds.lines[0].get_xdata()) == [1, 1.1, 200]
    assert list(macs.lines[0].get_xdata()) == [1e4, 1e9]
    assert "OC-SVM" not in [t.get_text() for t in macs.texts]
