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
from report.plots.looks import heat_checks, heat_rows, lift_dots, weaker_maps
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
    "WIDTH",
    "ablation",
    "architecture",
    "attention_ablation",
    "attention_gains",
    "attention_maps",
    "attention_system",
    "attention_training",
    "auroc_against_cost",
    "auroc_against_detail",
    "before_and_after",
    "cell_seconds",
    "class_differences",
    "class_ranks",
    "confusability_maps",
    "direct_labels",
    "duels",
    "heat_checks",
    "heat_rows",
    "latent_sweep",
    "lift_dots",
    "map_film",
    "means_with_intervals",
    "note",
    "one_against_all",
    "part_scores",
    "power_curves",
    "published_and_ours",
    "random_decodes",
    "redrawn",
    "save_figure",
    "seed_strips",
    "show_svg",
    "speed_ratios",
    "training_watched",
    "weaker_maps",
]
