"""What the deck's printed numbers can support; nothing is trained, and only spreads are ours."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from scipy import stats

from ocnd_lib.comparison import average, wilcoxon_over_classes
from ocnd_lib.stats import auroc_half_width, power_over_seeds
from report.drawing import COLOURS, WIDTH, direct_labels
from report.source import plain, published_claim
from report.tables import METHODS, TITLES, load_published, printed_means, results

NORMAL, NOVEL, TRAINING = 1000, 9000, 5000  # images: of a CIFAR-10 test class, of the others
SPREADS = (0.0025, 0.01, 0.04)  # of a difference between seeds, assumed
ENOUGH = 0.8  # the chance to see a gain that one asks for
CLAIMS = {  # accuracies of the deck, in percent: name → (what, test images)
    "imbalance_normal_accuracy": ("airplanes found", NORMAL),
    "masked_accuracy": ("crops, masked", 500),
    "original_accuracy": ("crops, original", 500),
}


def wrong_means() -> pd.DataFrame:
    """The printed means that are not the mean of their row in every digit."""
    table = printed_means()
    table = table[~table["agrees"]].drop(columns="agrees")
    return table.rename(index=TITLES, level=0).rename(index=METHODS, level=1)


def images_table() -> pd.DataFrame:
    """The deck's accuracies as numbers of images; a row an accuracy.

    Columns: percent, then for the test and for 5000 training images: how many that would be, and
    whether any whole number of images gives that percentage in the digits printed.
    """
    rows = {}
    for name, (what, tested) in CLAIMS.items():
        percent = published_claim(name)
        digits = len(f"{percent:g}".partition(".")[2])
        row = {"percent": percent}
        for part, images in (("test", tested), ("training", TRAINING)):
            count = percent * images / 100
            nearest = 100 * round(count) / images
            row |= {f"{part} images": count, f"{part} whole": round(nearest, digits) == percent}
        rows[what] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def gain_table(method: str = "attention-gan", other: str = "ocgan") -> pd.DataFrame:
    """The printed CIFAR-10 row of one method minus another's; a row a class.

    Columns: gain, and noise, half the 95 % interval of such a difference that the choice of test
    images alone explains, for Gaussian scores and independent errors.
    """
    table = load_published("cifar10").drop(columns="mean").astype(float)
    half = [auroc_half_width(table.loc[name], NORMAL, NOVEL) for name in (method, other)]
    gain = (table.loc[method] - table.loc[other]).round(9)  # decimals, so that equal ones tie
    return pd.DataFrame({"gain": gain, "noise": np.hypot(*half)})


def power_table(gain: float, spreads: tuple[float, ...] = SPREADS) -> pd.DataFrame:
    """The chance that a paired t test over seeds finds a true gain: columns seeds, sd, power."""
    seeds = np.arange(2, 21)
    parts = [
        pd.DataFrame({"seeds": seeds, "sd": sd, "power": power_over_seeds(gain, sd, seeds)})
        for sd in spreads
    ]
    return pd.concat(parts, ignore_index=True)


def seeds_needed(power: pd.DataFrame) -> pd.Series:
    """The least seeds that give the chance asked for, by sd; absent where 20 are too few."""
    return power[power["power"] >= ENOUGH].groupby("sd")["seeds"].min()


def seed_spreads() -> pd.DataFrame:
    """Measured: standard deviation between seeds of each method's mean; a column a data set."""
    columns = {}
    for name in TITLES:
        for method, cells in results(name).cells.groupby("method"):
            keys = cells[["normal_class", "seed", "auroc"]].itertuples(index=False)
            columns.setdefault(name, {})[method] = average(keys).sd
    return pd.DataFrame(columns)


def behind() -> list[str]:
    """The cells, as patterns, that this chapter's spreads rest on."""
    return [f"{name}/{method}/*/*" for name in TITLES for method in METHODS]


def numbers(gain: float = 0.02) -> dict[str, object]:
    """Every number of this chapter's sentences, by its name on the page."""
    means, gains = printed_means(), gain_table()
    for_both = load_published("cifar10").drop(columns="mean").astype(float)
    compared = wilcoxon_over_classes(for_both.loc[["ocgan", "attention-gan"]], "attention-gan")
    compared = compared.loc["ocgan"]
    found = {
        "means": len(means),
        "agree": int(means["agrees"].sum()),
        **{f"gain-{word}": int(compared[word]) for word in ("wins", "ties", "losses")},
        "gain-mean": gains["gain"].mean(),
        "gain-best": gains["gain"].idxmax(),
        "gain-without-best": gains["gain"].drop(gains["gain"].idxmax()).mean(),
        "gain-wilcoxon": compared["p"],
        "gain-t": float(stats.ttest_1samp(gains["gain"], 0).pvalue),
        "gain-outside": ", ".join(gains.index[gains["gain"].abs() > gains["noise"]]),
        "wanted-gain": gain,
    }
    for method in ("ocgan", "attention-gan"):
        row = means.loc["cifar10", method]
        found |= {f"printed-{method}": row["printed"], f"recomputed-{method}": row["recomputed"]}
    needed = seeds_needed(power_table(gain))
    found |= {f"enough-{sd}": int(needed.get(sd, 0)) or "more than 20" for sd in SPREADS}
    for name, spreads in seed_spreads().items():
        spreads = spreads[spreads > 0]  # not of one seed, nor of what no seed changes
        found |= {f"spread-least-{name}": spreads.min(), f"spread-most-{name}": spreads.max()}
        found[f"spread-attention-{name}"] = spreads.get("attention-gan", np.nan)
    return plain(found)


# --- figures -------------------------------------------------------------------------------------


def differences_figure() -> Figure:
    """The printed gain class by class, on the band that sampling alone explains."""
    table = gain_table()[::-1]
    fig = Figure(figsize=(WIDTH, 3.4))
    ax, rows = fig.subplots(), np.arange(len(table))
    band = 2 * table["noise"]
    ax.barh(rows, band, left=-table["noise"], height=0.72, color=COLOURS["unused"])
    ax.plot(table["gain"], rows, "o", color=COLOURS["ink"])
    for row, (name, line) in enumerate(table.iterrows()):
        if abs(line["gain"]) > line["noise"]:
            left = line["gain"] > 0.1
            ax.annotate(
                f"{name} {line['gain']:+.3f}", (line["gain"], row), (-8 if left else 8, 0),
                textcoords="offset points", ha="right" if left else "left", va="center",
            )  # fmt: skip
    ax.axvline(0, color=COLOURS["ink"], lw=0.8)
    ax.set_yticks(rows, table.index)
    ax.set_xlim(-0.035, 0.205)
    ax.set(xlabel="printed AUROC, the deck's model minus OCGAN; grey: test images alone")
    ax.set_title("The deck's gain over OCGAN is one class: the truck")
    ax.grid(axis="x")
    return fig


def power_figure(gain: float = 0.02) -> Figure:
    """The chance to find a true gain, against the number of seeds."""
    table = power_table(gain)
    fig = Figure(figsize=(WIDTH, 3.2))
    ax = fig.subplots()
    ends = {}
    for width, (sd, part) in zip((1.2, 1.8, 2.6), table.groupby("sd"), strict=False):
        ax.plot(part["seeds"], part["power"], color=COLOURS["ink"], marker="o", ms=3, lw=width)
        ends[f"sd {sd:g}"] = (part["power"].iloc[-1], COLOURS["ink"])
    ax.axhline(ENOUGH, color=COLOURS["control"], lw=1, ls=":")
    ax.set(xlabel="seeds", ylabel=f"chance to find a gain of {gain:g}", ylim=(-0.03, 1.08))
    ax.set_title("How many seeds a gain needs hangs on how far seeds differ")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y")
    direct_labels(ax, table["seeds"].max(), ends)
    return fig


FIGURES = {"audit-differences": differences_figure, "audit-power": power_figure}
