"""Figures of chapter 8: heat maps and how much they find."""

import numpy as np

from figure_samples import FIGURES, GIVEN, HEAT
from report import plots


def test_heat_maps_of_a_row_have_one_scale_and_an_outline():
    fig = plots.heat_rows(
        GIVEN[:2], {"critic": np.stack([HEAT[0], HEAT[0] / 4])}, np.array([0, 1]), HEAT[:2] > 0.5
    )
    given, _, strong, weak = fig.axes
    assert strong.images[0].get_clim() == weak.images[0].get_clim() == (0, 1)
    assert strong.collections and not given.collections
    dark = plots.heat_rows(GIVEN[:1], {"critic": np.zeros((1, 32, 32))}, np.array([0]))
    assert dark.axes[1].images[0].get_array().max() == 0 and not dark.axes[1].collections


def test_a_map_that_a_set_lacks_has_no_dot_and_no_interval_no_bar():
    _, few, _, many = FIGURES["lift_dots"]().axes
    assert [np.isfinite(line.get_xdata()).sum() for line in few.lines[:3]] == [2, 1, 1]
    assert [np.isfinite(line.get_xdata()).sum() for line in many.lines[:3]] == [5, 5, 5]
    assert [len(bars.get_segments()) for bars in many.collections] == [4, 4, 4]
