"""Chapter 1: what its sentences take from records; its points in the plane are in the notebook."""

import numpy as np
from matplotlib.figure import Figure

from ocnd_lib.stats import auroc_half_width
from report.chapters import objections
from report.drawing import image_grid, titled
from report.source import record_of

PICTURES = "cifar10/ae/truck/0"  # a record that keeps test images: ten normal, ten novel


def numbers() -> dict[str, object]:
    """Every number of the page's sentences that rests on records, by its name there."""
    widths = {f"width_{p}": float(auroc_half_width(p / 100, 1000, 9000)) for p in (65, 90)}
    return objections.changes() | widths


def samples() -> Figure:
    """Photographs: normal ones, novelties, and normal ones that were damaged."""
    given = record_of(PICTURES)["picture_given"]  # two of each class, trucks last
    one, two = given[-2:]
    noise = np.random.default_rng(0).integers(0, 256, (2, *one.shape), dtype=np.uint8)
    torn = np.where(np.arange(32) < 16, one, 0)
    noisy = np.where(noise[1] > 160, noise[1], two)
    damaged = np.stack([torn, noisy, 255 - one, np.roll(two, (5, 16), (1, 2)), one // 8, noise[0]])
    fig = titled("A novelty is plausible, an outlier should not be there", 3.3)
    rows = {"normal:\ntrucks": given[-2:], "novelty:\nanother class": given[4:16:2]}
    image_grid(fig, rows | {"outlier:\na damaged file": damaged})
    return fig


FIGURES = {"novelty-samples": samples}
