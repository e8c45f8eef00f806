"""Figures: arrays and tables in, a matplotlib `Figure` out; `save_figure` writes it to files.

One module a chapter. Importing this sets the page style; nothing here trains, reads files or shows
windows.
"""

from ocnd_lib.plots.audit import class_differences, power_curves
from ocnd_lib.plots.imbalance import (
    confusion_matrices,
    deck_beside_ours,
    learning_curves,
    precision_recall,
    ratio_effect,
    threshold_effect,
)
from ocnd_lib.plots.novelty import (
    HALF_WIDTH,
    Panel,
    accuracy_against_ratio,
    auroc_explained,
    auroc_widths,
    class_aurocs,
    image_rows,
    labelling_numbers,
    plane_panels,
    protocol_diagram,
)
from ocnd_lib.plots.style import COLOURS, WIDTH, direct_labels, save_figure, show_svg

__all__ = [
    "COLOURS",
    "HALF_WIDTH",
    "WIDTH",
    "Panel",
    "accuracy_against_ratio",
    "auroc_explained",
    "auroc_widths",
    "class_aurocs",
    "class_differences",
    "confusion_matrices",
    "deck_beside_ours",
    "direct_labels",
    "image_rows",
    "labelling_numbers",
    "learning_curves",
    "plane_panels",
    "power_curves",
    "precision_recall",
    "protocol_diagram",
    "ratio_effect",
    "save_figure",
    "show_svg",
    "threshold_effect",
]
