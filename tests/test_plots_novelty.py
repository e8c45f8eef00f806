"""Figures of chapter 1: panels, protocols, AUROC drawn as it is computed."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from sklearn.metrics import roc_auc_score

from figure_samples import FIGURES, RATIOS, SCORE, Y, panels, shown
from report import plots


def test_panels_show_their_points_and_the_zero_line():
    fig = plots.plane_panels(panels(), columns=2)
    empty, full, plain, unused = fig.axes
    assert not empty.collections and not unused.axison
    points = [c.get_offsets() for c in full.collections if isinstance(c, PathCollection)]
    assert np.array_equal(points, [panels()[1].points["normal"], panels()[1].points["novel"]])
    line = next(c for c in full.collections if not c.get_fill())
    radius = np.hypot(*line.get_paths()[0].vertices.T) / plots.HALF_WIDTH
    assert np.allclose(radius, np.sqrt(0.5), atol=0.05)
    assert len(plain.collections) == 1
    assert [t.get_text() for t in fig.legends[0].get_texts()] == [
        "normal",
        "outlier",
        "novel",
        "boundary",
    ]


def test_settings_show_means_within_their_intervals():
    left, right = FIGURES["labelling_numbers"]().axes
    big = {
        side: [line.get_xdata()[0] for line in ax.lines if line.get_markersize() == 7]
        for side, ax in (("auroc", left), ("shares", right))
    }
    assert big["auroc"] == pytest.approx([0.6, 0.95])
    assert big["shares"] == pytest.approx([0.3, 0.9, 0.2])


def test_protocol_bars_have_the_shares_and_numbers_of_the_table():
    fig = FIGURES["protocol_diagram"]()
    normal, other = fig.axes
    for ax, total, parts in ((normal, 6000, [4500, 500, 1000]), (other, 54000, None)):
        widths = [bar.get_width() for bar in ax.patches]
        assert sum(widths) == pytest.approx(2)
        if parts:
            assert widths[:3] == pytest.approx([n / total for n in parts])
    assert {"4,500", "500", "12", "9,000", "45,000"} <= set(shown(fig))
    assert "Other classes (54,000 images)" in shown(fig)


def test_the_area_drawn_is_sklearns():
    fig = FIGURES["auroc_explained"]()
    area = roc_auc_score(Y, SCORE)
    assert f"area = {area:.3f}" in shown(fig)
    (shade,) = (c for c in fig.axes[1].collections if isinstance(c, PolyCollection))
    x, y = shade.get_paths()[0].vertices.T
    assert abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2 == pytest.approx(area)
    (dot,) = (line for line in fig.axes[1].lines if line.get_marker() == "o")
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == pytest.approx((1 / 3, 3 / 4))


def test_histograms_show_shares_of_each_class():
    left = FIGURES["auroc_explained"]().axes[0]
    assert sum(bar.get_height() for bar in left.patches) == pytest.approx(2)


def test_ratio_lines_carry_the_table():
    ax = FIGURES["accuracy_against_ratio"]().axes[0]
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert lines["accuracy"] == pytest.approx(RATIOS.accuracy)
    assert lines["accuracy of “always novel”"] == pytest.approx(RATIOS.always_novel)
    assert 9 in [line.get_xdata()[0] for line in ax.lines]


def test_intervals_of_classes_reach_from_low_to_high():
    ax = FIGURES["class_aurocs"]().axes[0]
    bars = [c.get_segments() for c in ax.collections]
    assert np.allclose([segment[:, 0] for segments in bars for segment in segments], [0.7, 0.95])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["airplane", "truck"]


def test_image_rows_take_grey_and_coloured_images_and_rows_of_any_length():
    rng = np.random.default_rng(0)
    grey, colour = (
        rng.integers(0, 256, (n, c, 32, 32), dtype=np.uint8) for n, c in ((3, 1), (2, 3))
    )
    fig = plots.image_rows({"grey": grey, "colour": colour})
    images = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    assert len(images) == 5
    assert np.array_equal(images[0], grey[0, 0])
    assert np.array_equal(images[3], np.moveaxis(colour[0], 0, -1))
