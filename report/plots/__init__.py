"""Figures: arrays and tables in, a matplotlib `Figure` out; `save_figure` writes it to files.

One module a chapter. Importing this sets the page style; nothing here trains, reads files or shows
windows.
"""

from report.drawing import COLOURS, WIDTH, direct_labels, note, save_figure, show_svg
from report.plots.audit import class_differences, power_curves
from report.plots.benchmark import (
    auroc_against_cost,
    before_and_after,
    class_ranks,
    confusability_maps,
    duels,
    means_with_intervals,
    one_against_all,
    published_and_ours,
    seed_strips,
)
from report.plots.costs import cell_seconds, speed_ratios
from report.plots.imbalance import (
    confusion_matrices,
    deck_beside_ours,
    learning_curves,
    precision_recall,
    ratio_effect,
    threshold_effect,
)
from report.plots.masked import (
    accuracy_against_correlation,
    arm_accuracies,
    convergence,
    versions_crossed,
)
from report.plots.novelty import (
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

__all__ = [
    "COLOURS",
    "HALF_WIDTH",
    "WIDTH",
    "Panel",
    "accuracy_against_correlation",
    "accuracy_against_ratio",
    "arm_accuracies",
    "auroc_against_cost",
    "auroc_explained",
    "auroc_widths",
    "before_and_after",
    "cell_seconds",
    "class_aurocs",
    "class_differences",
    "class_ranks",
    "confusability_maps",
    "confusion_matrices",
    "convergence",
    "deck_beside_ours",
    "direct_labels",
    "duels",
    "image_rows",
    "labelling_numbers",
    "learning_curves",
    "means_with_intervals",
    "note",
    "one_against_all",
    "plane_panels",
    "power_curves",
    "precision_recall",
    "protocol_diagram",
    "published_and_ours",
    "ratio_effect",
    "save_figure",
    "seed_strips",
    "show_svg",
    "speed_ratios",
    "threshold_effect",
    "versions_crossed",
]
