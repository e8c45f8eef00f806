"""Figures of chapter 11: ratios of speed and seconds a cell."""

from matplotlib.colors import to_rgb

from figure_samples import FIGURES
from report.plots import COLOURS


def test_a_ratio_is_filled_only_when_every_round_lies_on_one_side():
    training, data = FIGURES["speed_ratios"]().axes
    dots = [line for line in training.lines if line.get_marker() == "o"]
    assert [dot.get_xdata()[0] for dot in dots] == [2.0, 1.0, 0.5, 3.0]
    faces = [to_rgb(dot.get_markerfacecolor()) for dot in dots]
    # the last was measured in one round, which decides nothing
    assert faces == [to_rgb(c) for c in (COLOURS["normal"], "white", COLOURS["novel"], "white")]
    assert training.get_xlim() == data.get_xlim() and training.get_xlim()[1] > 60


def test_each_cell_is_a_dot_and_the_colour_of_a_data_set_is_its_own():
    ax = FIGURES["cell_seconds"]().axes[0]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    medians = [line for line in ax.lines if line.get_marker() == "|"]
    assert [list(dot.get_xdata()) for dot in dots] == [[100.0, 200.0, 9000.0], [2.0]]
    assert [m.get_xdata()[0] for m in medians] == [200.0, 2.0]
    assert [m.get_color() for m in medians] == [COLOURS["normal"], COLOURS["novel"]]
