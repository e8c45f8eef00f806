"""The front page: what each idea of the deck, and one of ours, adds to the AUROC."""

import pandas as pd
from matplotlib.figure import Figure

from report import tables
from report.chapters import attention_gan, class_or_detail, ocgan
from report.drawing import COLOURS, forest, panels
from report.tables import TITLES

# how the ideas are named on the figure, and the colour of each
IDEAS = {
    "two discriminators\n(3 and 2 classes)": "normal",
    "mining\n(3 and 2 classes)": "normal",
    "a second GAN with\nan attention map": "masked",
    "the error in units\nof detail": "control",
}


def gains_table(dataset: str) -> pd.DataFrame:
    """What each idea adds to the mean AUROC: a row an idea; value, low, high.

    Over the classes, seeds and test images of the chapters, whose numbers these are: OCGAN's parts
    over what is without them, the attention-GAN over its first GAN, OCGAN's error divided by the
    detail of each image over the error itself.
    """
    runs = ocgan.ablation_runs(dataset)
    steps = [ocgan.STEPS[part] for part in ("discriminators", "mining")]
    rows = [tables.gain(runs[after], runs[before], repeats=ocgan.DRAWS) for before, after in steps]
    rows.append(tables.gain(*attention_gan.over_classes(dataset)))
    both = class_or_detail.divided(dataset, "ocgan"), tables.runs_of(dataset, "ocgan")
    rows.append(tables.gain(*both))
    return pd.DataFrame(rows, list(IDEAS), ["value", "low", "high"])


def ideas() -> Figure:
    """The gains, a panel a data set."""
    message = "On CIFAR-10 neither OCGAN's parts nor attention is shown to raise the AUROC"
    fig, axes = panels(message, 2.6, list(TITLES.values()), sharex=True)
    for ax, dataset in zip(axes, TITLES, strict=True):
        table = gains_table(dataset)
        forest(ax, table.assign(colour=[COLOURS[role] for role in IDEAS.values()]))
        for y, row in enumerate(table[::-1].itertuples()):
            x, shift, side = (row.low, -6, "right") if row.high < 0 else (row.high, 6, "left")
            beside = {"textcoords": "offset points", "ha": side, "va": "center"}
            words = f"{row.value:+.3f}".replace("-", "\N{MINUS SIGN}")
            ax.annotate(words, (x, y), (shift, 0), **beside)
        ax.set(xlabel="AUROC with it, minus without", xlim=(-0.062, 0.085))
        ax.set_xticks([-0.05, 0, 0.05])
    return fig


FIGURES = {"front-ideas": ideas}
