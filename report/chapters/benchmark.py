"""The tables: do the printed means come out again, and which method really beats which?

A comparison over classes asks whether the order would stay the same for other classes; intervals
ask the same of other test images and seeds.
"""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ocnd_lib.benchmark import METHODS as RUNNABLE
from ocnd_lib.comparison import (
    REPEATS,
    average_runs,
    compare_means,
    holm,
    mean_ranks,
    shared_runs,
    wilcoxon_over_classes,
)
from ocnd_lib.records import records_folder
from report import tables
from report.drawing import COLOURS, WIDTH, forest, interval
from report.source import PUBLISHED, no_record, plain
from report.tables import TITLES, IndexedRun, Results, means, named

REFERENCE = "ocgan"  # the method that the deck sets above the others
OTHER_SCORE = ("gan",)  # the printed row of this name searches for a code, ours does not
RERUNS = PUBLISHED / "reruns.csv"
LEVEL = 0.05
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


@lru_cache(maxsize=4)
def _read(folder: Path) -> dict[str, Results]:
    return {name: tables.results(name, folder, tables.DECKS) for name in TITLES}


def read(folder: Path | None = None) -> dict[str, Results]:
    """What is recorded of both tables, by data set; NoRecords if nothing is."""
    every = _read(Path(folder or records_folder()))
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


def printed_against_all(found: Results, method: str = REFERENCE) -> pd.DataFrame:
    """What the printed table alone says of one method: `wilcoxon_over_classes` of its rows."""
    return wilcoxon_over_classes(found.published, method).sort_values("p_holm", kind="stable")


def beaten(compared: pd.DataFrame) -> int:
    """How many others a method beats by Wilcoxon's test over classes after Holm's correction."""
    better = compared["mean_difference"] > 0
    return int((better & (compared["p_holm"] < LEVEL)).sum())


def gap(found: Results, method: str = REFERENCE) -> pd.Series:
    """How far our AUROC lies below the printed one, class by class."""
    return found.published.loc[method] - found.ours.loc[method]


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


def together(runs: Iterable[IndexedRun]) -> list[IndexedRun]:
    """The seeds of each class as one ensemble: the mean of their scores of the same images.

    Source: Lakshminarayanan, Pritzel and Blundell 2017 (arXiv 1612.01474).
    """
    classes: dict[int, list[IndexedRun]] = {}
    for run in runs:
        classes.setdefault(run.normal_class, []).append(run)
    return [
        IndexedRun(k, 0, np.mean([run.score for run in seeds], axis=0), *of_images)
        for k, seeds in classes.items()
        for of_images in [(seeds[0].class_test, seeds[0].index)]
    ]


def _pairs(found: Results) -> dict[str, tuple[list[IndexedRun], list[IndexedRun]]]:
    """A change of `TRIED` → runs after and before."""
    usual = found.runs.get(REFERENCE, [])

    def changed(variant: str) -> list[IndexedRun]:
        pattern = f"{found.dataset}/{variant}/*"
        return tables.read_runs(tables.recorded_cells(pattern, found.folder), found.folder)

    seeds = Counter(run.normal_class for run in usual)
    several = [run for run in usual if seeds[run.normal_class] > 1]
    return {
        "larger": shared_runs(changed(LARGER), usual),
        "release": shared_runs(changed(RELEASE[found.dataset]), usual),
        "bare": shared_runs(changed(BARE), usual),
        "ensemble": (together(several), several),
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


def _classes(row, found: Results) -> list[str]:
    """The classes of a row of `tried_table`."""
    return row.which.split(", ") if row.which else found.names


def numbers(folder: Path | None = None) -> dict[str, object]:
    """Every number of this chapter's sentences, by its name on the page."""
    found = {}
    for name, results in read(folder).items():
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
        for row in tried_table(results).itertuples():
            found[f"{row.Index}-{name}"] = interval(row.gain, row.low, row.high, "+.3f")
            found[f"{row.Index}-gap-{name}"] = gap(results)[_classes(row, results)].mean()
    found["attention-p-mnist"] = against_all(read(folder)["mnist"]).loc["attention-gan", "p_holm"]
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


def _panels(height: float, title: str, sharey: bool = True) -> tuple[Figure, list[Axes]]:
    fig = Figure(figsize=(WIDTH, height))
    fig.suptitle(title, x=0.01, ha="left")
    return fig, list(fig.subplots(1, len(TITLES), sharey=sharey))


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


def means_figure(folder: Path | None = None) -> Figure:
    """Our means with intervals, and the printed means."""
    every = read(folder)
    fig, axes = _panels(4.3, "Few printed means come out again, and on CIFAR-10 none")
    for ax, (name, found) in zip(axes, every.items(), strict=True):
        rows = named(means(found).reindex(list(tables.DECKS))[::-1])
        forest(ax, rows[::-1].rename(columns={"mean": "value"}), zero=None)
        ax.plot(rows["published"], range(len(rows)), **PRINTED)
        ax.set(xlabel="mean AUROC over ten classes", xlim=LIMITS[name])
        ax.set_title(TITLES[name])
        _outside(ax, rows[["published", "mean"]], "printed {:.3f}, ours {:.3f}")
        ax.xaxis.set_major_locator(MaxNLocator(5))
    axes[0].plot([], [], label="printed", **PRINTED)
    axes[0].plot([], [], "o-", color=COLOURS["ink"], label="ours, 95 % interval")
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def ranks_figure(folder: Path | None = None) -> Figure:
    """The rank of each method in each class, and its mean rank."""
    fig, axes = _panels(4.2, "On CIFAR-10 the methods take turns; on MNIST some stay ahead", False)
    for ax, (name, found) in zip(axes, read(folder).items(), strict=True):
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
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.grid(axis="x")
    return fig


def against_figure(folder: Path | None = None) -> Figure:
    """OCGAN's mean AUROC minus that of each other method."""
    fig, axes = _panels(4.0, "OCGAN is ahead of half the field on MNIST, of nobody on CIFAR-10")
    for ax, (name, found) in zip(axes, read(folder).items(), strict=True):
        others = [method for method in tables.DECKS if method != REFERENCE]
        rows = against_all(found).reindex(others)
        colours = np.where(rows["p_holm"] < LEVEL, COLOURS["ink"], "#AAAAAA")
        rows = named(rows.rename(columns={"mean_difference": "value"}).assign(colour=colours))
        forest(ax, rows)
        ax.set(xlabel="mean AUROC, OCGAN minus the other", xlim=(-0.06, 0.08))
        _outside(ax, rows[["value"]][::-1], "{:+.3f}")
        ax.set_title(TITLES[name])
        ax.xaxis.set_major_locator(MaxNLocator(5))
    for colour, label in ((COLOURS["ink"], "shown over classes"), ("#AAAAAA", "not shown")):
        axes[0].plot([], [], "o-", color=colour, label=label)
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def classes_figure(folder: Path | None = None, method: str = REFERENCE) -> Figure:
    """Every seed of every class of one method, beside what is printed."""
    title = "OCGAN falls short on MNIST's 8, and on most classes of CIFAR-10"
    fig, axes = _panels(3.6, title, False)
    for ax, (name, found) in zip(axes, read(folder).items(), strict=True):
        at = {label: y for y, label in enumerate(found.names[::-1])}
        seeds = found.cells[found.cells["method"] == method]
        heights = seeds["normal_class"].map(at)
        ax.plot(seeds["auroc"], heights, "o", color=COLOURS["ink"], alpha=0.5, ms=4, mew=0)
        ax.plot(found.published.loc[method], [at[label] for label in found.names], **PRINTED)
        ax.set_yticks(list(at.values()), list(at))
        ax.set(xlabel="AUROC")
        ax.set_title(TITLES[name])
        ax.grid(axis="both")
    axes[0].plot([], [], label="printed", **PRINTED)
    axes[0].plot([], [], "o", color=COLOURS["ink"], label="ours, a dot a seed")
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def tried_figure(folder: Path | None = None) -> Figure:
    """What each change of OCGAN is worth, paired."""
    fig, axes = _panels(2.2, "No change that we tried closes the gap on all classes")
    for ax, (name, found) in zip(axes, read(folder).items(), strict=True):
        forest(ax, tried_table(found).rename(columns={"gain": "value"}, index=TRIED))
        gaps = [gap(found)[_classes(row, found)].mean() for row in tried_table(found).itertuples()]
        ax.plot(gaps[::-1], range(len(gaps)), **PRINTED)
        ax.set(xlabel="gain in mean AUROC")
        ax.set_title(TITLES[name])
        ax.xaxis.set_major_locator(MaxNLocator(5))
    return fig


FIGURES = {
    "benchmark-means": means_figure,
    "benchmark-ranks": ranks_figure,
    "benchmark-against": against_figure,
    "benchmark-classes": classes_figure,
    "benchmark-tried": tried_figure,
}
