"""Figures: arrays and tables in, a matplotlib `Figure` out; `save_figure` writes it to files.

One module a chapter. Importing this sets the page style; nothing here trains, reads files or shows
windows.
"""

from report.drawing import COLOURS, WIDTH, direct_labels, note, save_figure, show_svg
from report.plots.attention import (
    attention_ablation,
    attention_gains,
    attention_maps,
    attention_system,
    attention_training,
    map_film,
    part_scores,
)
from report.plots.imbalance import (
    confusion_matrices,
    deck_beside_ours,
    learning_curves,
    precision_recall,
    ratio_effect,
    threshold_effect,
)
from report.plots.looks import heat_checks, heat_rows, lift_dots, weaker_maps
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
from report.plots.ocgan import (
    ablation,
    architecture,
    mined_pairs,
    scores_and_roc,
    training_watched,
)
from report.plots.reconstruction import (
    auroc_against_detail,
    latent_sweep,
    nearest_distances,
    random_decodes,
    redrawn,
)

__all__ = [
    "COLOURS",
    "HALF_WIDTH",
    "WIDTH",
    "Panel",
    "ablation",
    "accuracy_against_correlation",
    "accuracy_against_ratio",
    "architecture",
    "arm_accuracies",
    "attention_ablation",
    "attention_gains",
    "attention_maps",
    "attention_system",
    "attention_training",
    "auroc_against_detail",
    "auroc_explained",
    "auroc_widths",
    "class_aurocs",
    "confusion_matrices",
    "convergence",
    "deck_beside_ours",
    "direct_labels",
    "heat_checks",
    "heat_rows",
    "image_rows",
    "labelling_numbers",
    "latent_sweep",
    "learning_curves",
    "lift_dots",
    "map_film",
    "mined_pairs",
    "nearest_distances",
    "note",
    "part_scores",
    "plane_panels",
    "precision_recall",
    "protocol_diagram",
    "random_decodes",
    "ratio_effect",
    "redrawn",
    "save_figure",
    "scores_and_roc",
    "show_svg",
    "threshold_effect",
    "training_watched",
    "versions_crossed",
    "weaker_maps",
]
