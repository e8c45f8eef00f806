"""The tables: do the printed means come out again, and which method really beats which?

A comparison over classes asks whether the order would stay the same for other classes; intervals
ask the same of other test images and seeds.
"""

from functools import lru_cache

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ocnd_lib.comparison import (
    average_runs,
    compare_means,
    mean_ranks,
    shared_runs,
    wilcoxon_over_classes,
)
from report import tables
from report.drawing import COLOURS, forest, interval, panels, signed
from report.source import PUBLISHED, no_record, plain
from report.tables import TITLES, Results, means, named, once

REFERENCE = "ocgan"  # the method that the deck sets above the others
OTHER_SCORE = ("gan",)  # the printed row of this name searches for a code, ours does not
LEVEL = 0.05
UNSURE = "#AAAAAA"
LIMITS = {"mnist": (0.79, 0.99), "cifar10": (0.525, 0.685)}  # of a figure of means

LARGER = "ocgan+epochs=60+width=64"
# of the official release: networks, size of the code, noise, dropout, rate, batch and epochs
RELEASE = {
    dataset: f"ocgan+batch_size=512+dropout=0.5+epochs=201+latent_dim={size}+learning_rate=0.0002"
    "+noise=0.2+variant=official61+width=64"
    for dataset, size in (("mnist", 16), ("cifar10", 512))
}
BARE = "ocgan+latent=False+mining=False+visual=False"
CELLS = (
    *(
        f"{dataset}/{variant}/{name}/{seed}"
        for dataset, variant, seeds in (
            ("cifar10", BARE, 1), ("mnist", BARE, 1), ("cifar10", LARGER, 3), ("mnist", LARGER, 2),
        )
        for seed in range(seeds)
        for name in tables.class_names(dataset)
    ),
    # hours each on a CPU
    *(f"mnist/{RELEASE['mnist']}/{name}/0" for name in ("2", "8")),
    *(f"cifar10/{RELEASE['cifar10']}/{name}/0" for name in ("airplane", "truck")),
)  # fmt: skip


@once
def read() -> dict[str, Results]:
    """What is recorded of both tables, by data set; NoRecords if nothing is."""
    every = {name: tables.results(name, tables.DECKS) for name in TITLES}
    if all(found.cells.empty for found in every.values()):
        raise no_record("mnist/ocgan/8/0")
    return every


# --- tables --------------------------------------------------------------------------------------


def side(table: pd.DataFrame) -> pd.Series:
    """Whether an interval of `means` lies below (-1), around (0) or above (1) the printed mean."""
    rows = table.dropna(subset=["published", "low"]).drop(index=list(OTHER_SCORE), errors="ignore")
    above, below = rows["low"] > rows["published"], rows["high"] < rows["published"]
    return above.astype(int) - below.astype(int)


@lru_cache(maxsize=8)
def against_all(found: Results, method: str = REFERENCE) -> pd.DataFrame:
    """One method against every other complete one: `wilcoxon_over_classes`, and the interval of the
    mean difference; too wide, not too narrow, for a method that scored only some of the images."""
    if method not in found.runs or len(found.runs) < 2:
        return pd.DataFrame(columns=["mean_difference", "low", "high", "wins", "losses", "p_holm"])
    compared = wilcoxon_over_classes(found.ours.loc[list(found.runs)], method)
    for other in compared.index:
        _, low, high = compare_means(found.runs[method], found.runs[other], repeats=tables.REPEATS)
        compared.loc[other, ["low", "high"]] = low, high
    return compared


def printed_against_all(found: Results) -> pd.DataFrame:
    """What the printed table alone says of OCGAN: `wilcoxon_over_classes` of its rows."""
    return wilcoxon_over_classes(found.published, REFERENCE).sort_values("p_holm", kind="stable")


def beaten(compared: pd.DataFrame) -> int:
    """How many others a method beats by Wilcoxon's test over classes after Holm's correction."""
    better = compared["mean_difference"] > 0
    return int((better & (compared["p_holm"] < LEVEL)).sum())


def gap(found: Results) -> pd.Series:
    """How far OCGAN's AUROC lies below the printed one, class by class."""
    return found.published.loc[REFERENCE] - found.ours.loc[REFERENCE]


def reruns() -> pd.DataFrame:
    """What others got who ran a method, on all classes or one, again and said so in public."""
    rows = []
    for row in pd.read_csv(PUBLISHED / "reruns.csv", keep_default_na=False).itertuples():
        dataset, method, name, auroc, setting, source = row[1:]
        printed = tables.load_published(dataset).loc[method, name or "mean"]
        classes = read()[dataset].ours.loc[method]
        ours = classes[name] if name else classes.mean(skipna=False)
        what = ", ".join(filter(None, [tables.METHODS[method], name]))
        rows.append((TITLES[dataset], what, float(printed), auroc, ours, setting, source))
    columns = ["data set", "method", "printed", "others", "ours", "who", "source"]
    return pd.DataFrame(rows, columns=columns)


def tried_table(found: Results) -> pd.DataFrame:
    """What each change of OCGAN that was tried is worth on the classes and seeds of both.

    Rows: larger (twice the channels and epochs), release (its networks), bare (no discriminators,
    no mining), ensemble (of the seeds). Columns: before, after (mean AUROC), gain, low, high
    (paired; an ensemble and the runs it is made of by image only, so rather too wide), printed (the
    gap to the published mean over these classes), classes, seeds. What has no record is left out.
    """
    usual, rows = found.runs.get(REFERENCE, []), {}
    pairs = {
        key: shared_runs(tables.read_runs(f"{found.dataset}/{variant}/*"), usual)
        for key, variant in {
            "larger": LARGER,
            "release": RELEASE[found.dataset],
            "bare": BARE,
        }.items()
    }
    for key, (after, before) in (pairs | {"ensemble": (tables.together(usual), usual)}).items():
        if after:
            ours, its = average_runs(before), average_runs(after)
            names = [found.names[k] for k in sorted(its.classes)]
            gain = compare_means(after, before, repeats=tables.REPEATS)
            rows[key] = (ours.mean, its.mean, *gain, gap(found)[names].mean(), names, ours.seeds)
    columns = ["before", "after", "gain", "low", "high", "printed", "classes", "seeds"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def numbers() -> dict[str, object]:
    """Every number of this chapter's sentences, by its name on the page."""
    found = {"attention-p-mnist": against_all(read()["mnist"]).loc["attention-gan", "p_holm"]}
    for name, results in read().items():
        table, sides, short = means(results), side(means(results)), gap(results)
        compared = {"ours": against_all(results), "printed": printed_against_all(results)}
        values = {
            "printed-ocgan": table.loc[REFERENCE, "published"],
            "methods": len(results.complete),
            "compared": len(sides),
            "inside": int((sides == 0).sum()),
            "friedman": mean_ranks(results.ours.dropna())[1],
            "gap": short.mean(),
            "widest-share": short.max() / short.sum(),
            "classes-short": int((short > 0).sum()),
            "below-chance": int((results.ours.loc[REFERENCE] < 0.5).sum()),
        }
        values |= {f"{who}-others": len(rows) for who, rows in compared.items()}
        values |= {f"{who}-beaten": beaten(rows) for who, rows in compared.items()}
        values |= {m: interval(*row) for m, row in table[["mean", "low", "high"]].iterrows()}
        for key, row in tried_table(results).iterrows():
            values[key] = signed(row["gain"], row["low"], row["high"])
            values[f"{key}-gap"] = row["printed"]
        found |= {f"{key}-{name}": value for key, value in values.items()}
    return plain(found)


def behind() -> list[str]:
    """The cells, as patterns, that this chapter's numbers rest on."""
    variants = {name: (*tables.DECKS, LARGER, BARE, RELEASE[name]) for name in TITLES}
    return [f"{name}/{variant}/*/*" for name, of in variants.items() for variant in of]


# --- figures -------------------------------------------------------------------------------------


def _outside(ax: Axes, rows: pd.DataFrame, form: str) -> None:
    """Say what lies beside the axes of a forest of these rows."""
    left, right = ax.get_xlim()
    style = {"transform": ax.get_yaxis_transform(), "va": "center", "color": COLOURS["control"]}
    for y, values in enumerate(rows[::-1].to_numpy()):
        if (values > right).all():
            ax.text(0.99, y, form.format(*values), ha="right", backgroundcolor="white", **style)
        elif (values < left).all():
            ax.text(0.02, y, form.format(*values), ha="left", backgroundcolor="white", **style)


def means_figure() -> Figure:
    """Our means with intervals, and the printed means."""
    title = "Few printed means come out again, and on CIFAR-10 none"
    fig, axes = panels(title, 4.3, TITLES.values())
    for ax, (name, found) in zip(axes, read().items(), strict=True):
        rows = named(means(found).reindex(list(tables.DECKS)))
        rows = rows.rename(columns={"mean": "value", "published": "printed"})
        forest(ax, rows, zero=None)
        ax.set(xlabel="mean AUROC over ten classes", xlim=LIMITS[name])
        ax.locator_params(axis="x", nbins=5)
        _outside(ax, rows[["printed", "value"]], "printed {:.3f}, ours {:.3f}")
    fig.supxlabel("◇ printed   ● ours, 95 % interval", fontsize=9.5)
    return fig


def ranks_figure() -> Figure:
    """The rank of each method in each class, and its mean rank."""
    title = "On CIFAR-10 the methods take turns; on MNIST some stay ahead"
    fig, axes = panels(title, 4.2, TITLES.values(), sharey=False)
    for ax, (name, found) in zip(axes, read().items(), strict=True):
        table = named(found.ours.dropna())
        order, p = mean_ranks(table)
        ranks = table.round(9).rank(ascending=False).loc[order.index]
        lift = np.linspace(-0.24, 0.24, ranks.shape[1])  # equal ranks of two classes stay apart
        for row, (_, values) in enumerate(ranks.iterrows()):
            ax.plot(values, row + lift, "o", color=COLOURS["unlabelled"], alpha=0.45, ms=4, mew=0)
            ax.plot(values.mean(), row, "|", color=COLOURS["ink"], ms=13, mew=2.5)
        ax.set_yticks(range(len(ranks)), ranks.index)
        ax.set(xlabel="rank among the methods", ylim=(len(ranks) - 0.5, -0.5))
        ax.set_title(f"{TITLES[name]}, " + ("p < 0.001" if p < 0.001 else f"p = {p:.2f}"))
        ax.locator_params(axis="x", nbins=6, integer=True)
        ax.grid(axis="x")
    return fig


def against_figure() -> Figure:
    """OCGAN's mean AUROC minus that of each other method."""
    title = "OCGAN is ahead of half the field on MNIST, of nobody on CIFAR-10"
    fig, axes = panels(title, 4.0, TITLES.values())
    others = [method for method in tables.DECKS if method != REFERENCE]
    for ax, found in zip(axes, read().values(), strict=True):
        rows = against_all(found).reindex(others).rename(columns={"mean_difference": "value"})
        rows["colour"] = np.where(rows["p_holm"] < LEVEL, COLOURS["ink"], UNSURE)
        forest(ax, named(rows))
        ax.set(xlabel="mean AUROC, OCGAN minus the other", xlim=(-0.06, 0.08))
        ax.locator_params(axis="x", nbins=5)
        _outside(ax, rows[["value"]], "{:+.3f}")
    fig.supxlabel("black: shown over classes, too   grey: not shown", fontsize=9.5)
    return fig


FIGURES = {
    "benchmark-means": means_figure,
    "benchmark-ranks": ranks_figure,
    "benchmark-against": against_figure,
}
