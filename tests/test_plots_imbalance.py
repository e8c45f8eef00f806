"""Figures of chapter 2: curves, confusion, thresholds, and what the deck printed."""

import numpy as np
import pytest

from figure_samples import FIGURES, shown
from report.plots import COLOURS


def test_learning_curves_show_each_seed_and_their_mean_for_the_right_class():
    ax = FIGURES["learning_curves"]().axes[0]
    by_colour = {}
    for line in ax.lines:
        by_colour.setdefault(line.get_color(), []).append(line.get_ydata())
    normal = by_colour[COLOURS["normal"]]
    assert len(normal) == 3  # two seeds and their mean
    assert normal[-1] == pytest.approx([0.11, 0.21, 0.31])
    assert by_colour[COLOURS["novel"]][-1] == pytest.approx([0.99] * 3)
    assert by_colour[COLOURS["ink"]][-1] == pytest.approx([0.91, 0.92, 0.93])


def test_confusion_matrices_print_counts_and_shares_of_the_row():
    fig = FIGURES["confusion_matrices"]()
    texts = shown(fig)
    assert "572\n57.2% of row" in texts and "9,000\n100.0% of row" in texts
    assert np.allclose(
        fig.axes[0].images[0].get_array(), [[0.572, 0.428], [49 / 9000, 8951 / 9000]]
    )


def test_moving_the_threshold_up_finds_more_normal_images_and_fewer_novel_ones():
    fig = FIGURES["threshold_effect"]()
    lines = {line.get_label(): line.get_ydata() for line in fig.axes[1].lines}
    assert lines["normal"][0] < lines["normal"][-1] == 1
    assert lines["novel"][0] > lines["novel"][-1] == 0
    marked = [line.get_xdata()[0] for line in fig.axes[1].lines if line.get_linestyle() == "--"]
    assert marked == [0.0, 0.3]


def test_precision_of_a_random_answer_is_the_share_of_the_class():
    novel, normal = FIGURES["precision_recall"]().axes
    dotted = [
        line.get_ydata()[0] for ax in (novel, normal) for line in ax.lines
        if line.get_linestyle() == ":"
    ]  # fmt: skip
    assert dotted == pytest.approx([4 / 7, 3 / 7])


def test_the_decks_numbers_have_no_interval_and_ours_do():
    ax = FIGURES["deck_beside_ours"]().axes[0]
    widths = {}
    for container in ax.containers:
        segments = container[2][0].get_segments() if container[2] else []
        widths[container.get_label()] = [s[1, 0] - s[0, 0] for s in segments]
    assert widths["deck, as printed"] == []  # so its legend shows no bar either
    assert widths["VGG11"] == pytest.approx([0.03, 0.15])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["accuracy", "normal images found"]


def test_labels_at_the_line_ends_are_moved_apart():
    fig = FIGURES["ratio_effect"]()
    fig.draw_without_rendering()
    heights = sorted(
        t.get_window_extent().y0 for t in fig.axes[0].texts if t.get_text() in ("accuracy", "AUROC")
    )
    assert heights[1] - heights[0] > 10


def test_a_difference_beyond_the_noise_of_the_test_images_is_marked():
    ax = FIGURES["class_differences"]().axes[0]
    dots = {line.get_label(): list(line.get_xdata()) for line in ax.lines}
    assert dots["difference, inside"] == [0.03] and dots["difference, outside"] == [0.19]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.08, 0.1])
