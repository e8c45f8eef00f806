"""Appendix to the tables: every class, seed and pair of methods, and how settings were chosen."""

import json
from functools import lru_cache
from itertools import combinations, product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, MaxNLocator
from scipy import stats

from ocnd_lib.comparison import (
    REPEATS,
    average_runs,
    compare_placements,
    confusability,
    holm,
    mean_interval,
)
from ocnd_lib.records import parse_cell, read_records, records_folder
from ocnd_lib.registry import DETECTORS, detector_class, settings_of
from ocnd_lib.selection import KINDS, NOVELTIES
from ocnd_lib.stats import placements
from report import tables
from report.chapters.benchmark import LEVEL, REFERENCE, read, side
from report.drawing import COLOURS, WIDTH, interval, matrix
from report.source import plain
from report.tables import FURTHER, METHODS, TITLES, IndexedRun, Results, means, named

APART = ("seed", "device")  # parameters that are no setting
SETS = {**TITLES, **FURTHER}
CHOSEN_ON = ("2", "5", "8")  # of MNIST: on these the rule of choice and most settings were found
# the least mean that this book set out to reach: at or below what is printed, since public re-runs
# fall short of it; fixed when no row was complete, but trials on a few digits were known
GOALS = {
    ("mnist", "vae"): 0.955,
    ("mnist", "and"): 0.93,
    ("mnist", "anogan"): 0.89,
    ("mnist", "f-anogan"): 0.89,
    ("mnist", "deep-svdd"): 0.93,
    ("mnist", "ocgan"): 0.96,
    ("cifar10", "deep-svdd"): 0.60,
    ("cifar10", "ocgan"): 0.60,
}


def every_set() -> dict[str, Results]:
    """What is recorded of every data set that has a printed table or a recorded cell."""
    there = [name for name in FURTHER if (records_folder() / name).is_dir()]
    return read() | {name: tables.results(name) for name in there}


# --- tables --------------------------------------------------------------------------------------


def means_table(every: dict[str, Results]) -> pd.DataFrame:
    """`means` of every data set, for a page; index data set, method as they are shown."""
    pages = {}
    for name, found in every.items():
        table = named(means(found))
        classes = table["classes"].map(f"{{:.0f}} of {len(found.names)}".format)
        lines = {
            "printed": table["published"].map("{:.4f}".format),
            "ours": table["mean"].map("{:.4f}".format),
            "95 % interval": [f"[{r.low:.4f}, {r.high:.4f}]" for r in table.itertuples()],
            "sd over seeds": table["sd"].map("{:.4f}".format),
            "seeds": table["seeds"].map("{:.0f}".format),
            "classes": classes.where(table["classes"] != len(found.names), "all"),
        }
        pages[SETS[name]] = pd.DataFrame(lines).replace({"nan": "", "[nan, nan]": ""})
    return pd.concat(pages, names=["data set", "method"])


def behind(row: tuple[str, str], column: str) -> list[str]:
    """The cells, as patterns, that a number of `means_table` rests on."""
    if column not in ("ours", "95 % interval", "sd over seeds"):
        return []
    dataset = next(name for name, title in SETS.items() if title == row[0])
    return [f"{dataset}/{next(name for name, t in METHODS.items() if t == row[1])}/*/*"]


def behind_all() -> list[str]:
    """The cells, as patterns, that this page's numbers rest on."""
    return [f"{n}/{m}{more}/*/*" for n in SETS for m in METHODS for more in ("", "+*")]


def seeds_table(every: dict[str, Results]) -> pd.DataFrame:
    """Whether the seed moves all classes of a method together; index data set, method.

    sd: of the mean over classes, over the seeds that all classes share. independent: what it would
    be if the seed moved each class by itself, as the intervals assume. half: half the interval's
    width; wide: the same with Student's t of `sd` in place of that assumption. moved: whether the
    printed mean then lies on another side of ours (`benchmark.side`).
    """
    rows = {}
    for name, found in every.items():
        table = means(found)
        for method, row in table.iterrows():
            of_method = found.cells[found.cells["method"] == method]
            seeds = of_method.pivot(index="normal_class", columns="seed", values="auroc")
            seeds = seeds.dropna(axis=1)
            n = seeds.shape[1]
            if n < 2 or np.isnan(row["low"]):
                continue
            variances = seeds.var(axis=1)
            independent = float(np.sqrt(variances.sum()) / len(seeds))
            sd, half = float(seeds.mean().std()), (row["high"] - row["low"]) / 2
            shares = variances / variances.sum() if variances.sum() else variances
            degrees = (n - 1) / (shares**2).sum() if variances.sum() else n - 1
            own = stats.t.ppf(0.975, degrees) * independent / np.sqrt(n)
            seen = stats.t.ppf(0.975, n - 1) * sd / np.sqrt(n)
            wide = float(np.sqrt(max(half**2 - own**2, 0) + seen**2))
            one = table.loc[[method]]
            wider = one.assign(low=one["mean"] - wide, high=one["mean"] + wide)
            moved = not side(one).equals(side(wider))
            rows[name, method] = (sd, independent, half, wide, moved)
    columns = ["sd", "independent", "half", "wide", "moved"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.set_axis(pd.MultiIndex.from_tuples(rows, names=["data set", "method"]))


def goals_table(every: dict[str, Results]) -> pd.DataFrame:
    """The least means that were written down before; index data set, method.

    Columns goal, mean, low, high; NaN for a method of which a class lacks.
    """
    rows = {}
    for (name, method), goal in GOALS.items():
        row = means(every[name]).loc[method]
        whole = row["classes"] == len(every[name].names)
        rows[name, method] = {"goal": goal, **(row[["mean", "low", "high"]] if whole else {})}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.reindex(columns=["goal", "mean", "low", "high"])


def shared_images(a: IndexedRun, b: IndexedRun) -> tuple[IndexedRun, IndexedRun]:
    """Both runs on the test images that both scored."""
    if np.array_equal(a.index, b.index):
        return a, b
    index, in_a, in_b = np.intersect1d(a.index, b.index, return_indices=True)
    return tuple(
        IndexedRun(run.normal_class, run.seed, run.score[rows], run.class_test[rows], index)
        for run, rows in ((a, in_a), (b, in_b))
    )


@lru_cache(maxsize=4)
def delong_wins(found: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All complete methods against each other: (difference of means, classes surely won).

    A class is surely won when DeLong's test on the same images, first seed that both have, gives p
    below 0.05 after Holm's correction for all classes and pairs of methods together.
    """
    methods = list(found.runs)
    average = found.ours.loc[methods].mean(axis=1).to_numpy()
    difference = pd.DataFrame(average[:, None] - average, index=methods, columns=methods)
    placed = lru_cache(maxsize=None)(lambda run: placements(run.y, run.score))  # shared by pairs
    runs = {(m, run.normal_class, run.seed): run for m in methods for run in found.runs[m]}
    duels = []
    for (a, b), k in product(combinations(methods, 2), range(len(found.names))):
        pairs = [(runs[key], runs[b, *key[1:]]) for key in runs
                 if key[:2] == (a, k) and (b, *key[1:]) in runs]  # fmt: skip
        if pairs:
            pair = shared_images(*min(pairs, key=lambda pair: pair[0].seed))
            test = compare_placements(*map(placed, pair))
            duels.append((a, b, test.difference, test.p))
    wins = pd.DataFrame(0.0, index=methods, columns=methods)
    for (a, b, by, _), p in zip(duels, holm(np.array([d[3] for d in duels])), strict=True):
        if p < LEVEL:
            wins.loc[(a, b) if by > 0 else (b, a)] += 1
    alone = np.eye(len(methods), dtype=bool)
    return difference.mask(alone), wins.mask(alone)


# --- how settings were chosen --------------------------------------------------------------------


def table_settings(dataset: str, method: str) -> dict:
    """The settings with which a method stands in the tables of a data set."""
    changed = {**DETECTORS[method][2], **settings_of(dataset, method)}
    return _settings(detector_class(method)(**changed).get_params())


def _settings(parameters: dict) -> dict:
    plain = json.loads(json.dumps(parameters))  # as they are read back from a record
    return {name: value for name, value in plain.items() if name not in APART}


def recorded_settings(method: str, record: dict) -> dict:
    """The settings of a record, those that the method has today.

    A parameter that came later has its default; one that is gone had its default in every record.
    """
    defaults = detector_class(method)().get_params()
    return _settings({name: record["parameters"].get(name, defaults[name]) for name in defaults})


def choices_table(dataset: str, method: str, records: list[dict]) -> pd.DataFrame:
    """Every recorded variant of a method: first what the tables use, then the best.

    A row a variant: the settings in which the variants differ, a column each; `taken`, whether the
    tables use it; `classes`, a tuple of those that it shares, seed by seed, with what the tables
    use (all of its own if nothing of that is recorded); each kind of generated novelty and `mean`,
    validation AUROCs averaged over these cells; `gain`, its mean less that of what the tables use
    over the same cells. NaN if they share none. No row if nothing was recorded; ValueError for an
    unknown method.
    """
    if method not in DETECTORS:
        raise ValueError(f"{method!r} is no detector; there are: {', '.join(DETECTORS)}")
    taken = json.dumps(table_settings(dataset, method), sort_keys=True)
    variants: dict[str, dict[tuple, dict]] = {}  # settings → class, seed → validation AUROCs
    for record in records:
        cell = parse_cell(record["cell"])
        validation = record["metrics"].get("validation")
        if (cell.dataset, cell.method) == (dataset, method) and validation:
            key = json.dumps(recorded_settings(method, record), sort_keys=True)
            variants.setdefault(key, {})[cell.normal_class, cell.seed] = validation
    settings = pd.DataFrame([json.loads(key) for key in variants], dtype=object)
    differing = [name for name in settings if settings[name].map(json.dumps).nunique() > 1]
    kinds = (*getattr(detector_class(method), "choice_by", KINDS), "mean")
    used, rows = variants.get(taken), []
    for key, found in variants.items():
        shared = sorted(one for one in found if used is None or one in used)
        means = {kind: _mean(found, shared, kind) for kind in kinds}
        gain = means["mean"] - _mean(used, shared, "mean") if used else float("nan")
        names = tuple(dict.fromkeys(name for name, _ in shared))
        rows.append({"taken": key == taken, "classes": names, **means, "gain": gain})
    columns = ["taken", "classes", *kinds, "gain"]
    table = settings[differing].join(pd.DataFrame(rows, columns=columns))
    return table.sort_values(
        ["taken", "gain", "mean"], ascending=False, kind="stable", ignore_index=True
    )


def _mean(found: dict[tuple, dict], cells: list[tuple], kind: str) -> float:
    return float(np.mean([found[cell][kind] for cell in cells])) if cells else float("nan")


def for_page(table: pd.DataFrame) -> pd.DataFrame:
    """`choices_table` with three digits and words."""
    kinds = [kind for kind in (*NOVELTIES, "mean") if kind in table]
    digits = table[kinds].map("{:.3f}".format).replace("nan", "")
    words = table["gain"].map("{:+.3f}".format).replace(["nan", "+nan"], "")
    classes, words = table["classes"].map(", ".join), words.mask(table["taken"], "taken")
    table = table.drop(columns=["taken", "gain"]).assign(classes=classes, **digits)
    return table.assign(**{"than what is taken": words})


def render_choices(dataset: str, method: str, format: str = "text") -> str:
    """Write the rows of `choices_table` of what is recorded as text, csv or json."""
    table = choices_table(dataset, method, read_records(pattern=f"{dataset}/{method}*/*"))
    if format == "json":
        return table.to_json(orient="records", indent=1) + "\n"
    if format == "csv":
        return table.to_csv(index=False)
    if table.empty:
        return f"no variant of {method} on {dataset} has a validation AUROC on record\n"
    return for_page(table).to_string(index=False, na_rep="") + "\n"


def choices_of_all() -> pd.DataFrame:
    """Every variant on record, of every method of which several were tried.

    Index data set, method. Columns: settings (those in which a method's variants differ), taken,
    classes, erased, mirrored, turned, mean, gain, as `choices_table` has them.
    """
    parts = {}
    for name, method in product(TITLES, [method for method in METHODS if method in DETECTORS]):
        tried = choices_table(name, method, read_records(pattern=f"{name}/{method}*/*"))
        if len(tried) > 1:
            of = tried.columns[: list(tried).index("taken")]
            words = tried[of].apply(
                lambda row: ", ".join(f"{key}={value}" for key, value in row.dropna().items()), 1
            )
            part = tried.drop(columns=of)
            part.insert(0, "settings", words)
            parts[TITLES[name], METHODS[method]] = part
    names = ["dataset", "method"]
    return pd.concat(parts, names=names).droplevel(2) if parts else pd.DataFrame()


# --- what the page says --------------------------------------------------------------------------


def numbers() -> dict[str, object]:
    """Every number of this page's sentences, by its name there."""
    every = dict(read())
    seeds = seeds_table(every)
    found = {
        "spread-rows": len(seeds),
        "spread-larger": int((seeds["sd"] > seeds["independent"]).sum()),
        "spread-ratio": float((seeds["sd"] ** 2).mean() / (seeds["independent"] ** 2).mean()),
        "verdicts-moved": int(seeds["moved"].sum()),
        "goals": len(GOALS),
        "variants": len(choices_of_all()),
    }
    goals = goals_table(every)
    found["goals-reached"] = int((goals["mean"] >= goals["goal"]).sum())
    for name, word in (("sd", "seen"), ("independent", "assumed")):
        found[f"ae-{word}"] = float(seeds.loc[("mnist", "ae"), name])
    mnist = every["mnist"]
    others = [name for name in mnist.names if name not in CHOSEN_ON]
    runs = [run for run in mnist.runs[REFERENCE] if mnist.names[run.normal_class] in others]
    mean = average_runs(runs).mean
    found["other-digits"] = interval(mean, *mean_interval(runs, repeats=REPEATS), ".4f")
    found["printed-other-digits"] = float(mnist.published.loc[REFERENCE][others].mean())
    return plain(found)


# --- figures -------------------------------------------------------------------------------------


DIFFERENCES = {"cmap": "RdBu", "center": 0, "vmin": -0.15, "vmax": 0.15, "linewidths": 1}
SMALL = {"fontsize": 9}


def table_figure(found: Results) -> Figure:
    """The AUROC of every class and method: printed above ours where there is a printed table."""
    ours = found.ours.assign(mean=found.ours.mean(axis=1, skipna=False))
    fig = Figure(figsize=(WIDTH, 0.9 + 0.36 * len(ours)))
    ax = fig.subplots()
    if found.published.empty:
        matrix(ax, named(ours), ".3f")
        return fig
    printed = found.published.reindex(found.methods)
    printed["mean"] = tables.load_published(found.dataset)["mean"].astype(float)
    words = [t.map("{:.3f}".format).replace("nan", "\N{EN DASH}") for t in (printed, ours)]
    differences = named((ours - printed).fillna(0.0))  # what cannot be compared stays white
    matrix(ax, differences, "", annot=words[0] + "\n" + words[1], square=False,
           annot_kws=SMALL, **DIFFERENCES)  # fmt: skip
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", rotation=90 if max(map(len, ours)) > 4 else 0)
    ax.set_title("red: ours is lower than printed, blue: higher", y=-0.06)
    return fig


def seeds_figure(found: Results) -> Figure:
    """Every seed of every class, a panel a class, a row a method; diamonds: printed."""
    methods, columns = found.methods, 5
    lines = -(-len(found.names) // columns)
    fig = Figure(figsize=(WIDTH, 0.6 + lines * (0.5 + 0.17 * len(methods))))
    axes = fig.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for ax, name in zip(axes.flat, found.names, strict=False):
        part = found.cells[found.cells["normal_class"] == name]
        printed = found.published[name].reindex(methods)
        ax.plot(printed, range(len(methods)), "D", color=COLOURS["control"], mfc="white", ms=4.5)
        heights = [methods.index(method) for method in part["method"]]
        ax.plot(part["auroc"], heights, "o", color=COLOURS["ink"], ms=3.5, mew=0, alpha=0.6)
        ax.axvline(0.5, color=COLOURS["unlabelled"], lw=0.8, ls=":")
        ax.set_title(name)
        ax.grid(axis="y")
    for ax in axes.flat[len(found.names) :]:
        ax.set_axis_off()
    axes[0, 0].set_yticks(range(len(methods)), [METHODS[method] for method in methods])
    axes[0, 0].set(ylim=(len(methods) - 0.5, -0.5))
    axes[0, 0].xaxis.set_major_locator(MaxNLocator(3))
    axes[0, 0].xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes[-1, columns // 2].set_xlabel("AUROC")
    return fig


def duels_figure() -> Figure:
    """Every complete method against every other: difference of means, and classes surely won."""
    fig = Figure(figsize=(WIDTH, 4.6))
    for ax, (name, found) in zip(fig.subplots(1, 2), read().items(), strict=True):
        difference, wins = (named(part).rename(columns=METHODS) for part in delong_wins(found))
        matrix(ax, difference, ".0f", annot=wins, annot_kws=SMALL, **DIFFERENCES)
        ax.set_title(TITLES[name])
    fig.suptitle("Classes in which the method of the row surely beats that of the column")
    return fig


def confusability_figure() -> Figure:
    """OCGAN's AUROC of each normal class (row) against each novel one (column), in percent."""
    fig = Figure(figsize=(WIDTH, 4.6))
    for ax, (name, found) in zip(fig.subplots(1, 2), read().items(), strict=True):
        values = confusability(found.runs[REFERENCE], len(found.names))
        table = pd.DataFrame(100 * values, found.names, found.names)
        matrix(ax, table, ".0f", vmin=30, vmax=100, annot_kws=SMALL)
        ax.set(title=TITLES[name], xlabel="novel class", ylabel="normal class")
        ax.tick_params(axis="y", rotation=0)
    fig.suptitle("OCGAN: which class is mistaken for which, AUROC in percent")
    return fig


FIGURES = {
    **{f"tables-{k}": (lambda k=k: table_figure(read()[k])) for k in TITLES},
    **{f"tables-seeds-{k}": (lambda k=k: seeds_figure(read()[k])) for k in TITLES},
    "tables-duels": duels_figure,
    "tables-confusability": confusability_figure,
}
