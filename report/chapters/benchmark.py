"""The tables: do the printed means come out again, and which method really beats which?

A comparison over classes asks whether the order would stay the same for other classes; intervals
ask the same of other test images and seeds.
"""

from collections import Counter
from functools import lru_cache

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ocnd_lib.comparison import (
    REPEATS,
    average_runs,
    compare_means,
    holm,
    mean_ranks,
    shared_runs,
    wilcoxon_over_classes,
)
from ocnd_lib.experiments import METHODS as RUNNABLE
from report import tables
from report.drawing import COLOURS, forest, interval, titled
from report.source import PUBLISHED, no_record, plain
from report.tables import TITLES, IndexedRun, Results, means, named, once

REFERENCE = "ocgan"  # the method that the deck sets above the others
OTHER_SCORE = ("gan",)  # the printed row of this name searches for a code, ours does not
RERUNS = PUBLISHED / "reruns.csv"
LEVEL = 0.05
UNSURE = "#AAAAAA"
LIMITS = {"mnist": (0.79, 0.99), "cifar10": (0.525, 0.685)}  # of a figure of means
PRINTED = {"marker": "D", "ls": "", "color": COLOURS["control"], "mfc": "white", "ms": 5}

LARGER = "ocgan+epochs=60+width=64"
# of the official release: networks, size of the code, noise, dropout, rate, batch and epochs
RELEASE = {
    dataset: f"ocgan+batch_size=512+dropout=0.5+epochs=201+latent_dim={size}+learning_rate=0.0002"
    "+noise=0.2+variant=official61+width=64"
    for dataset, size in (("mnist", 16), ("cifar10", 512))
}
BARE = "ocgan+latent=False+mining=False+visual=False"
TRIED = {
    "larger": "twice the channels and epochs",
    "release": "the release's networks",
    "bare": "discriminators and mining off",
    "ensemble": "seeds as one ensemble",
}
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
    """Where our interval lies of the printed mean, by the rows of `means` that can be compared.

    -1 below it, 0 around it, 1 above it. Left out: rows without a printed mean or an interval, and
    `OTHER_SCORE`.
    """
    rows = table[table["published"].notna() & table["low"].notna()].drop(
        index=list(OTHER_SCORE), errors="ignore"
    )
    above, below = rows["low"] > rows["published"], rows["high"] < rows["published"]
    return above.astype(int) - below.astype(int)


@lru_cache(maxsize=8)
def against_all(found: Results, method: str = REFERENCE) -> pd.DataFrame:
    """One method against every other complete one, a row each: `wilcoxon_over_classes`, low, high.

    low and high are the 95 % interval of the mean difference, the same images for both, and the
    same seeds where both have the same (`compare_means`); a method that scored only some of the
    images is drawn by itself, which makes its interval too wide, not too narrow. Empty unless the
    method and another one are complete.
    """
    if method not in found.runs or len(found.runs) < 2:
        return pd.DataFrame(columns=["mean_difference", "low", "high", "wins", "losses", "p_holm"])
    compared = wilcoxon_over_classes(found.ours.loc[list(found.runs)], method)
    for other in compared.index:
        _, low, high = compare_means(found.runs[method], found.runs[other], repeats=REPEATS)
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


def reruns_table(every: dict[str, Results]) -> pd.DataFrame:
    """What others got who ran a method again and said so in public, a row each.

    Columns: data set, method (with the class, where it is of one), printed, others, ours, who,
    source.
    """
    rows = []
    for row in pd.read_csv(RERUNS, keep_default_na=False).itertuples():
        dataset, method, name, auroc, setting, source = row[1:]
        printed = tables.load_published(dataset).loc[method, name or "mean"]
        classes = every[dataset].ours.loc[method]
        ours = classes[name] if name else classes.mean(skipna=False)
        what = ", ".join(filter(None, [tables.METHODS[method], name]))
        rows.append((TITLES[dataset], what, float(printed), auroc, ours, setting, source))
    return pd.DataFrame(
        rows, columns=["data set", "method", "printed", "others", "ours", "who", "source"]
    )


def _pairs(found: Results) -> dict[str, tuple[list[IndexedRun], list[IndexedRun]]]:
    """A change of `TRIED` → runs after and before."""
    usual = found.runs.get(REFERENCE, [])

    def changed(variant: str) -> list[IndexedRun]:
        return tables.read_runs(f"{found.dataset}/{variant}/*")

    seeds = Counter(run.normal_class for run in usual)
    several = [run for run in usual if seeds[run.normal_class] > 1]
    return {
        "larger": shared_runs(changed(LARGER), usual),
        "release": shared_runs(changed(RELEASE[found.dataset]), usual),
        "bare": shared_runs(changed(BARE), usual),
        "ensemble": (tables.together(several), several),
    }


@lru_cache(maxsize=8)
def tried_table(found: Results) -> pd.DataFrame:
    """A row a change of OCGAN that was tried: what it is worth on the same classes and seeds.

    Columns: before, after (mean AUROC over classes and seeds), gain, low, high (paired: the same
    images, and seeds where both have them), classes, which (their names, if not all), wins, losses,
    p and p_holm (Wilcoxon's over classes; NaN for five classes or fewer, which can show nothing),
    seeds and most (the least and the most of a class before). An ensemble is paired with the runs
    it is made of by image only, so its interval is rather too wide. What has no record is left out.
    """
    rows = {}
    for key, (after, before) in _pairs(found).items():
        if not after:
            continue
        averages = [average_runs(runs) for runs in (after, before)]
        gain, low, high = compare_means(after, before, repeats=REPEATS)
        classes = pd.DataFrame([each.classes for each in averages], ["after", "before"])
        over = wilcoxon_over_classes(classes, "after").loc["before"]
        known = [found.names[k] for k in sorted(averages[0].classes)]
        rows[key] = {
            "before": averages[1].mean,
            "after": averages[0].mean,
            **{"gain": gain, "low": low, "high": high},
            **over[["classes", "wins", "losses"]],
            "p": over["p"] if len(known) > 5 else np.nan,
            "which": "" if known == found.names else ", ".join(known),
            "seeds": averages[1].seeds,
            "most": max(Counter(run.normal_class for run in before).values()),
        }
    columns = ["before", "after", "gain", "low", "high", "classes", "wins", "losses", "p"]
    columns += ["which", "seeds", "most"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    tested = table["p"].notna()
    table.loc[tested, "p_holm"] = holm(table.loc[tested, "p"].to_numpy())
    return table


def _gaps(table: pd.DataFrame, found: Results) -> pd.Series:
    """`gap` over the classes of each row of `tried_table`."""
    short = gap(found)
    return table["which"].map(lambda w: short[w.split(", ") if w else found.names].mean())


def numbers() -> dict[str, object]:
    """Every number of this chapter's sentences, by its name on the page."""
    found = {}
    for name, results in read().items():
        table, sides = means(results), side(means(results))
        for method, row in table.iterrows():
            found[f"{method}-{name}"] = interval(*row[["mean", "low", "high"]])
            found[f"printed-{method}-{name}"] = row["published"]
        found[f"methods-{name}"] = len(results.complete)
        found[f"compared-{name}"] = len(sides)
        for word, value in (("lower", -1), ("inside", 0), ("higher", 1)):
            found[f"{word}-{name}"] = int((sides == value).sum())
        found[f"friedman-{name}"] = mean_ranks(results.ours.dropna())[1]
        printed = printed_against_all(results)
        for who, compared in (("ours", against_all(results)), ("printed", printed)):
            found[f"{who}-others-{name}"] = len(compared)
            found[f"{who}-beaten-{name}"] = beaten(compared)
        found[f"gap-{name}"] = gap(results).mean()
        found[f"widest-share-{name}"] = gap(results).max() / gap(results).sum()
        found[f"classes-short-{name}"] = int((gap(results) > 0).sum())
        found[f"below-chance-{name}"] = int((results.ours.loc[REFERENCE] < 0.5).sum())
        tried = tried_table(results)
        for key, short in _gaps(tried, results).items():
            found[f"{key}-{name}"] = interval(*tried.loc[key, ["gain", "low", "high"]], "+.3f")
            found[f"{key}-gap-{name}"] = short
    found["attention-p-mnist"] = against_all(read()["mnist"]).loc["attention-gan", "p_holm"]
    found["smallest-p"] = 2 / 2**10
    return plain(found)


def behind() -> list[str]:
    """The cells, as patterns, that this chapter's numbers rest on."""
    variants = [*tables.DECKS, LARGER, BARE]
    every = [f"{name}/{variant}/*/*" for name in TITLES for variant in variants]
    return [*every, *(f"{name}/{variant}/*/*" for name, variant in RELEASE.items())]


# --- the live part -------------------------------------------------------------------------------


def live_cell(dataset: str, method: str, normal_class: str, seed: int, small: dict) -> str:
    """The name of a cell with those settings of `small` that the method has."""
    if method not in RUNNABLE:
        raise ValueError(f"unknown method {method!r}; there are: {', '.join(RUNNABLE)}")
    known = RUNNABLE[method].parameters()
    settings = [f"{name}={value}" for name, value in small.items() if name in known]
    return f"{dataset}/{'+'.join([method, *settings])}/{normal_class}/{seed}"


# --- figures -------------------------------------------------------------------------------------


def _panels(height: float, title: str, sharey: bool = True) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel a data set, and its panels by data set."""
    fig = titled(title, height)
    panels = dict(zip(TITLES, fig.subplots(1, len(TITLES), sharey=sharey), strict=True))
    for name, ax in panels.items():
        ax.set_title(TITLES[name])
        ax.xaxis.set_major_locator(MaxNLocator(5))
    return fig, panels


def _legend(fig: Figure, *marks: tuple[str, dict]) -> Figure:
    for label, look in marks:
        fig.axes[0].plot([], [], label=label, **look)
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def _outside(ax: Axes, rows: pd.DataFrame, form: str) -> None:
    """Say what lies beside the axes; `rows` as they are drawn, the first at the bottom."""
    left, right = ax.get_xlim()
    for y, values in enumerate(rows.to_numpy()):
        if (values < left).all() or (values > right).all():
            x, side = (0.99, "right") if values[0] > right else (0.02, "left")
            ax.text(
                x, y, form.format(*values), ha=side, va="center", color=COLOURS["control"],
                transform=ax.get_yaxis_transform(), backgroundcolor="white",
            )  # fmt: skip


def means_figure() -> Figure:
    """Our means with intervals, and the printed means."""
    fig, panels = _panels(4.3, "Few printed means come out again, and on CIFAR-10 none")
    for name, found in read().items():
        ax, rows = panels[name], named(means(found).reindex(list(tables.DECKS)))
        forest(ax, rows.rename(columns={"mean": "value"}), zero=None)
        rows = rows[::-1]  # as they are drawn, from the bottom
        ax.plot(rows["published"], range(len(rows)), **PRINTED)
        ax.set(xlabel="mean AUROC over ten classes", xlim=LIMITS[name])
        _outside(ax, rows[["published", "mean"]], "printed {:.3f}, ours {:.3f}")
    ours = {"marker": "o", "color": COLOURS["ink"]}
    return _legend(fig, ("printed", PRINTED), ("ours, 95 % interval", ours))


def ranks_figure() -> Figure:
    """The rank of each method in each class, and its mean rank."""
    title = "On CIFAR-10 the methods take turns; on MNIST some stay ahead"
    fig, panels = _panels(4.2, title, sharey=False)
    for name, found in read().items():
        ax, table = panels[name], named(found.ours.dropna())
        order, p = mean_ranks(table)
        ranks = table.round(9).rank(ascending=False).loc[order.index]
        lift = np.linspace(-0.24, 0.24, ranks.shape[1])  # equal ranks of two classes stay apart
        for row, (_, values) in enumerate(ranks.iterrows()):
            ax.plot(values, row + lift, "o", color=COLOURS["unlabelled"], alpha=0.45, ms=4, mew=0)
            ax.plot(values.mean(), row, "|", color=COLOURS["ink"], ms=13, mew=2.5)
        ax.set_yticks(range(len(ranks)), ranks.index)
        ax.set(xlabel="rank among the methods", ylim=(len(ranks) - 0.5, -0.5))
        ax.set_title(f"{TITLES[name]}, " + ("p < 0.001" if p < 0.001 else f"p = {p:.2f}"))
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.grid(axis="x")
    return fig


def against_figure() -> Figure:
    """OCGAN's mean AUROC minus that of each other method."""
    title = "OCGAN is ahead of half the field on MNIST, of nobody on CIFAR-10"
    fig, panels = _panels(4.0, title)
    for name, found in read().items():
        others = [method for method in tables.DECKS if method != REFERENCE]
        ax, rows = panels[name], against_all(found).reindex(others)
        colours = np.where(rows["p_holm"] < LEVEL, COLOURS["ink"], UNSURE)
        rows = named(rows.rename(columns={"mean_difference": "value"}).assign(colour=colours))
        forest(ax, rows)
        ax.set(xlabel="mean AUROC, OCGAN minus the other", xlim=(-0.06, 0.08))
        _outside(ax, rows[["value"]][::-1], "{:+.3f}")
    marks = {"shown over classes": COLOURS["ink"], "not shown": UNSURE}
    return _legend(fig, *((k, {"marker": "o", "color": c}) for k, c in marks.items()))


def classes_figure() -> Figure:
    """Every seed of every class of OCGAN, beside what is printed."""
    title = "OCGAN falls short on MNIST's 8, and on most classes of CIFAR-10"
    fig, panels = _panels(3.6, title, sharey=False)
    dots = {"marker": "o", "ls": "", "color": COLOURS["ink"], "alpha": 0.5, "ms": 4, "mew": 0}
    for name, found in read().items():
        ax, at = panels[name], {label: y for y, label in enumerate(found.names[::-1])}
        seeds = found.cells[found.cells["method"] == REFERENCE]
        ax.plot(seeds["auroc"], seeds["normal_class"].map(at), **dots)
        ax.plot(found.published.loc[REFERENCE], [at[label] for label in found.names], **PRINTED)
        ax.set_yticks(list(at.values()), list(at))
        ax.set(xlabel="AUROC")
        ax.grid(axis="both")
    return _legend(fig, ("printed", PRINTED), ("ours, a dot a seed", dots))


def tried_figure() -> Figure:
    """What each change of OCGAN is worth, paired."""
    fig, panels = _panels(2.2, "No change that we tried closes the gap on all classes")
    for name, found in read().items():
        ax, table = panels[name], tried_table(found)
        forest(ax, table.rename(columns={"gain": "value"}, index=TRIED))
        ax.plot(_gaps(table, found)[::-1], range(len(table)), **PRINTED)
        ax.set(xlabel="gain in mean AUROC")
    return fig


FIGURES = {
    "benchmark-means": means_figure,
    "benchmark-ranks": ranks_figure,
    "benchmark-against": against_figure,
    "benchmark-classes": classes_figure,
    "benchmark-tried": tried_figure,
}
