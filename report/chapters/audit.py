"""What the deck's printed numbers can support; nothing is trained, and only spreads are ours."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import wilcoxon_over_classes
from ocnd_lib.stats import auroc_half_width, power_over_seeds
from report.drawing import COLOURS, titled
from report.source import plain, published_claim
from report.tables import METHODS, TITLES, load_published, means, results

NORMAL, NOVEL = 1000, 9000  # images: of a CIFAR-10 test class, of the others
CELLS = tuple(f"cifar10/{method}/*/*" for method in METHODS)  # of the spreads
GAIN = 0.02  # about that of the deck
# accuracies of the deck, in percent, and of how many test images
CLAIMS = {"imbalance_normal_accuracy": NORMAL, "masked_accuracy": 500, "original_accuracy": 500}


def printed_means() -> pd.DataFrame:
    """Every printed mean, recomputed from its classes, and whether rounding explains the rest."""
    rows = []
    for name, title in TITLES.items():
        for method, row in load_published(name).iterrows():
            printed, mean = row["mean"], row.drop("mean").astype(float).mean()
            agrees = abs(mean - float(printed)) <= 0.001  # half of that each by rounding
            rows.append((title, METHODS[method], float(printed), round(float(mean), 4), agrees))
    return pd.DataFrame(rows, columns=["data set", "method", "printed", "recomputed", "agrees"])


def gain_table() -> pd.DataFrame:
    """The printed CIFAR-10 row of the deck's model minus OCGAN's; a row a class.

    Columns: gain, and noise, half the 95 % interval of such a difference that the choice of test
    images alone explains, for Gaussian scores and independent errors.
    """
    table = load_published("cifar10").drop(columns="mean").astype(float)
    ours, other = table.loc["attention-gan"], table.loc["ocgan"]
    half = [auroc_half_width(row, NORMAL, NOVEL) for row in (ours, other)]
    # rounded, so that equal decimals tie
    return pd.DataFrame({"gain": (ours - other).round(9), "noise": np.hypot(*half)})


def seeds_needed(gain: float, sd: float) -> int | str:
    """The least seeds with which a paired t test finds a true gain four times of five."""
    seeds = np.arange(2, 21)
    enough = seeds[power_over_seeds(gain, sd, seeds) >= 0.8]
    return int(enough[0]) if len(enough) else "more than 20"


def numbers() -> dict[str, object]:
    """Every number of this chapter's sentences, by its name on the page."""
    printed, gains, spreads = printed_means(), gain_table(), means(results("cifar10"))["sd"]
    both = load_published("cifar10").drop(columns="mean").astype(float)
    compared = wilcoxon_over_classes(both.loc[["ocgan", "attention-gan"]], "attention-gan")
    compared, best = compared.loc["ocgan"], gains["gain"].idxmax()
    deck = printed.set_index(["data set", "method"]).loc["CIFAR-10", "Attention-GAN"]
    found = {
        "means": len(printed),
        "agree": int(printed["agrees"].sum()),
        "printed-attention-gan": deck["printed"],
        "recomputed-attention-gan": deck["recomputed"],
        "off": deck["recomputed"] - deck["printed"],
        **{f"gain-{word}": int(compared[word]) for word in ("wins", "ties", "losses")},
        "gain-wilcoxon": compared["p"],
        "gain-mean": gains["gain"].mean(),
        "gain-best": best,
        "gain-without-best": gains["gain"].drop(best).mean(),
        "gain-outside": ", ".join(gains.query("abs(gain) > noise").index),
        "wanted-gain": GAIN,
        "enough": seeds_needed(GAIN, 2**0.5 * spreads["attention-gan"]),
        "spread-attention": spreads["attention-gan"],
        "spread-least": spreads[spreads > 0].min(),  # not of what no seed changes
        "spread-most": spreads.max(),
    }
    for name, tested in CLAIMS.items():
        found |= {name: (said := published_claim(name)), f"{name}-images": said * tested / 100}
    return plain(found)


def differences_figure() -> Figure:
    """The printed gain class by class, on the band that sampling alone explains."""
    table = gain_table()[::-1]
    gain, noise = table.T.to_numpy()
    fig = titled("The deck's gain over OCGAN is one class: the truck", 3.4)
    ax = fig.subplots()
    ax.barh(table.index, 2 * noise, left=-noise, height=0.72, color=COLOURS["unused"])
    ax.plot(gain, table.index, "o", color=COLOURS["ink"])
    for name, (value, _) in table.query("abs(gain) > noise").iterrows():
        shift, side = (-8, "right") if value > 0.1 else (8, "left")
        beside = {"textcoords": "offset points", "ha": side, "va": "center"}
        ax.annotate(f"{name} {value:+.3f}", (value, name), (shift, 0), **beside)
    ax.axvline(0, color=COLOURS["ink"], lw=0.8)
    ax.set(xlabel="printed AUROC, the deck's model minus OCGAN; grey: test images alone")
    ax.set_xlim(-0.035, 0.205)
    ax.grid(axis="x")
    return fig


FIGURES = {"audit-differences": differences_figure}
