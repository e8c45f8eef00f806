"""Figures of chapter 6: arms, the crossed table and the gap."""

import itertools

import numpy as np

from figure_samples import ARMS, CORRELATED, CROSSED
from report import plots


def test_each_arm_stands_at_its_accuracy_and_a_missing_one_is_said():
    fig = plots.arm_accuracies({"scenes": ARMS, "digits": "no record yet"})
    left, right = fig.axes
    lines = {tuple(line.get_xydata()[0]): line for line in left.lines}
    assert (0.8, 0) in lines and (0.97, 1) in lines
    assert [t.get_text() for t in left.get_yticklabels()] == ["original", "masked"]
    assert "no record yet" in [t.get_text() for t in right.texts]


def test_a_crossed_table_shows_every_number_in_its_place():
    (ax,) = plots.versions_crossed({"scenes": CROSSED}).axes
    shown = {text.get_position(): float(text.get_text()) for text in ax.texts}
    assert shown == {
        (j, i): 100 * CROSSED.iloc[i, j] for i, j in itertools.product(range(2), range(3))
    }
    framed = {(p.get_x() + 0.5, p.get_y() + 0.5) for p in ax.patches}
    assert framed == {(0, 0), (1, 1)}


def test_the_gap_is_taken_seed_by_seed():
    right = plots.accuracy_against_correlation(CORRELATED).axes[1]
    means = next(line for line in right.lines if line.get_marker() == "o").get_xydata()
    assert np.allclose(means, [[0, 0.3], [1, -0.05]])
