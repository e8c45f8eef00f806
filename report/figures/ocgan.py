"""Chapter 4: what its figures and tables take from the records of OCGAN and its parts."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.benchmark import pictured
from ocnd_lib.comparison import Run, compare_means, shared_runs
from ocnd_lib.data import class_index
from ocnd_lib.metrics import seed_interval
from ocnd_lib.records import parse_cell, read_arrays, read_record
from report import plots
from report.chapters.benchmark import RERUNS
from report.figures.claims import interval_text
from report.figures.source import PUBLISHED, NoRecords
from report.tables import TITLES, class_names, load_published

# a part more each time: the title it has in figures, and the method it is in the name of a cell
VARIANTS = {
    "autoencoder": "ocgan+latent=False+mining=False+visual=False",
    "+ latent": "ocgan+mining=False+visual=False",
    "+ visual": "ocgan+mining=False",
    "+ mining": "ocgan",
}
# what is added, before and after it; parts one by one, then together
STEPS = {
    **{after: (before, after) for before, after in pairwise(VARIANTS)},
    "both discriminators": ("autoencoder", "+ visual"),
    "all three parts": ("autoencoder", "+ mining"),
}
PRINTED = ("ablation_ae", "ablation_latent", "ablation_visual", "ablation_mining")
CLASSES = {"mnist": ("2", "5", "8"), "cifar10": ("airplane", "truck")}
SEEDS = range(5)
REPEATS = 2000  # of a bootstrap: with fewer, the ends of an interval move in the fourth digit
SINGLE = len(CLASSES) * (len(VARIANTS) - 1)  # gains of single parts that the page shows
ABLATION_CELLS = tuple(
    f"{dataset}/{method}/{name}/{seed}"
    for seed in SEEDS
    for dataset, names in CLASSES.items()
    for name in names
    for method in VARIANTS.values()
)
PICTURE_CELLS = {title: f"mnist/{method}/8/0" for title, method in VARIANTS.items()}


def published() -> dict[str, float]:
    """The printed numbers of results/published/ocgan.csv, all on MNIST, by name."""
    return pd.read_csv(PUBLISHED / "ocgan.csv").set_index("name")["value"].to_dict()


def printed_ablation() -> dict[str, float]:
    """The paper's mean AUROC over ten digits for each of our variants."""
    numbers = published()
    return {title: numbers[name] for title, name in zip(VARIANTS, PRINTED, strict=True)}


def reruns() -> str:
    """For a page, as markdown: the printed mean AUROC of OCGAN and what public re-runs report."""
    runs = pd.read_csv(RERUNS)
    runs = runs[runs["method"] == "ocgan"]
    lines = ["| data set | mean AUROC | run by |", "| --- | --- | --- |"]
    for dataset, name in TITLES.items():
        printed = load_published(dataset).loc["ocgan", "mean"]
        lines.append(f"| {name} | {printed} | the paper, as the deck prints it |")
        for row in runs[runs["dataset"] == dataset].itertuples():
            lines.append(f"| {name} | {row.auroc:.4f} | [{row.setting}]({row.source}) |")
    return "\n".join(lines)


Runs = dict[str, list[Run]]  # the recorded runs of each variant, by its title


def ablation_runs(dataset: str, folder: Path | None = None) -> Runs:
    """The recorded runs of the ablation on a data set; cells without a record are left out."""
    titles = {method: title for title, method in VARIANTS.items()}
    runs: Runs = {title: [] for title in VARIANTS}
    for cell in map(parse_cell, ABLATION_CELLS):
        if cell.dataset == dataset and read_record(cell, folder):
            arrays = read_arrays(cell, folder)
            normal = class_index(cell.dataset, cell.normal_class)
            run = Run(normal, cell.seed, arrays["score"], arrays["class_test"])
            runs[titles[cell.variant]].append(run)
    return runs


def every_run(folder: Path | None = None) -> dict[str, Runs]:
    """`ablation_runs` of each data set that has any; NoRecords if none has."""
    every = {dataset: ablation_runs(dataset, folder) for dataset in CLASSES}
    found = {dataset: runs for dataset, runs in every.items() if any(runs.values())}
    if not found:
        raise NoRecords(f"no record yet; make one with: ocnd run {ABLATION_CELLS[0]}")
    return found


def ablation_table(dataset: str, runs: Runs) -> pd.DataFrame:
    """One row a run of `ablation_runs`: variant, class (name), seed, auroc."""
    names = class_names(dataset)
    rows = [(t, names[r.normal_class], r.seed, r.auroc) for t, group in runs.items() for r in group]
    return pd.DataFrame(rows, columns=["variant", "class", "seed", "auroc"])


def verdict(low: float, high: float, seeds: int) -> str:
    """What an interval of a gain says: raised, lowered, not shown; of one seed, nothing."""
    if np.isnan(low):
        return "no record yet"
    if seeds < 2:
        return "one seed, open"
    return "raised" if low > 0 else "lowered" if high < 0 else "not shown"


def gain(after: list[Run], before: list[Run], level: float = 0.95, repeats: int = REPEATS) -> dict:
    """Mean AUROC of `after` minus `before`, over the classes and seeds that both have.

    Keys gain, low, high (`comparison.compare_means`: over seeds, and over the same images for both;
    NaN where the two share no run), seeds (that each class has), verdict.
    """
    pairs = shared_runs(after, before)
    value, low, high = (float("nan"),) * 3
    if pairs[0]:
        value, low, high = compare_means(*pairs, level, repeats)
    seeds = min(Counter(run.normal_class for run in pairs[0]).values(), default=0)
    said = verdict(low, high, seeds)
    return {"gain": value, "low": low, "high": high, "seeds": seeds, "verdict": said}


def gains(runs: Runs) -> pd.DataFrame:
    """What each of `STEPS` adds to what is before it: a row a step and class, one for all classes.

    Columns: part, class (index, or "all"), paper (its gain on ten classes, in rows of "all"), those
    of `gain`, and of_many, the verdict of an interval so wide that of all single parts on the page
    one in twenty times any is called by chance (Bonferroni).
    """
    printed = printed_ablation()
    classes = sorted({run.normal_class for group in runs.values() for run in group})
    rows = []
    for part, step in STEPS.items():
        for k in ("all", *classes):
            before, after = ([r for r in runs[t] if k in ("all", r.normal_class)] for t in step)
            paper = printed[step[1]] - printed[step[0]] if k == "all" else float("nan")
            of_many = gain(after, before, 1 - 0.05 / SINGLE)["verdict"]
            row = {"part": part, "class": k, "paper": paper}
            rows.append({**row, **gain(after, before), "of_many": of_many})
    return pd.DataFrame(rows)


def findings(folder: Path | None = None) -> pd.DataFrame:
    """For a page: do parts raise the AUROC? The paper's gain, ours, and what follows.

    A row a data set and step; the paper's ablation is of MNIST alone. Without records the column of
    ours says so. The last column is the verdict with the number of single parts in mind.
    """
    tables = {}
    for dataset in CLASSES:
        overall = gains(ablation_runs(dataset, folder)).query("`class` == 'all'")
        paper = [f"{value:+.3f}" for value in overall["paper"]]
        tables[TITLES[dataset]] = pd.DataFrame(
            {
                "paper, ten digits, one number each": paper if dataset == "mnist" else "",
                "ours, mean gain": [_text(row) for row in overall.itertuples()],
                "seeds": [str(seeds or "") for seeds in overall["seeds"]],
                "AUROC": list(overall["verdict"]),
                f"as one of {SINGLE}": list(overall["of_many"]),
            },
            index=[part.removeprefix("+ ") for part in overall["part"]],
        )
    return pd.concat(tables)


def _text(row) -> str:
    return "" if np.isnan(row.gain) else interval_text(row.gain, row.low, row.high, 4)


def in_words(found: pd.DataFrame, step: str) -> str:
    """What `findings` of one data set say of one step, as far as is recorded."""
    row = found.loc[step]
    seeds = f"seeds: {row['seeds']}" if row["seeds"] else ""
    return ", ".join(filter(None, [row["AUROC"], row["ours, mean gain"], seeds]))


def called(found: pd.DataFrame, column: str) -> str:
    """The single parts that a column of `findings` calls raised or lowered, by data set."""
    parts = [part.removeprefix("+ ") for part in list(VARIANTS)[1:]]
    said = [
        f"{part} {word} ({title})"
        for (title, part), word in found[column].items()
        if part in parts and word in ("raised", "lowered")
    ]
    return ", ".join(said) or "none"


def below_chance(folder: Path | None = None) -> str:
    """The classes on which no recorded variant has a mean AUROC of 0.5 or more, in words."""
    found = []
    for dataset in CLASSES:
        table = ablation_table(dataset, ablation_runs(dataset, folder))
        found += [f"{name} ({TITLES[dataset]})" for name in never_above_chance(table, "class")]
    return ", ".join(found) or "none"


def never_above_chance(table: pd.DataFrame, panel: str) -> list[str]:
    """Values of the column `panel` of which no `variant` has a mean `auroc` of 0.5 or more."""
    best = table.groupby([panel, "variant"])["auroc"].mean().groupby(panel).max()
    return list(best.index[best < 0.5])


def numbers_table(folder: Path | None = None) -> pd.DataFrame:
    """For a page: the AUROC of each variant and class, mean over seeds [Student's interval].

    Below it, the gain on the variant before [interval over seeds and images].
    """
    shown: dict[str, dict[str, str]] = {}
    for dataset, runs in every_run(folder).items():
        title, names = TITLES[dataset], class_names(dataset)
        for (variant, name), part in ablation_table(dataset, runs).groupby(["variant", "class"]):
            mean, low, high = seed_interval(part["auroc"])
            spread = "" if np.isnan(low) else f" [{low:.3f}, {min(high, 1):.3f}]"
            text = f"{mean:.4f}{spread}, seeds: {len(part)}"
            shown.setdefault(f"{title}, {name}", {})[variant] = text
        for row in gains(runs).rename(columns={"class": "index"}).itertuples(index=False):
            if row.index != "all" and row.part in VARIANTS and not np.isnan(row.gain):
                part = f"gain of {row.part.removeprefix('+ ')}"
                text = f"{_text(row)}, seeds: {row.seeds}"
                shown[f"{title}, {names[row.index]}"][part] = text
    parts = [variant.removeprefix("+ ") for variant in list(VARIANTS)[1:]]
    order = [*VARIANTS, *(f"gain of {part}" for part in parts)]
    columns = [f"{TITLES[d]}, {name}" for d, names in CLASSES.items() for name in names]
    table = pd.DataFrame(shown).reindex(order).fillna("")
    return table[[column for column in columns if column in table]]


def behind(row: str, column: str) -> list[str]:
    """The cells that a number of `numbers_table` rests on: of its variant, a gain of two."""
    titles = list(VARIANTS)
    if row in titles:
        chosen = [row]
    else:
        at = titles.index("+ " + row.removeprefix("gain of "))
        chosen = titles[at - 1 : at + 1]
    wanted = {(column, VARIANTS[title]) for title in chosen}
    cells = {cell: parse_cell(cell) for cell in ABLATION_CELLS}
    panels = {
        c: (f"{TITLES[at.dataset]}, {at.normal_class}", at.variant) for c, at in cells.items()
    }
    return [cell for cell, panel in panels.items() if panel in wanted]


# --- figures -------------------------------------------------------------------------------------


def _pictures(name: str, folder: Path | None) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of each variant that has pictures of this name, by its title."""
    stored = {title: read_arrays(cell, folder) for title, cell in PICTURE_CELLS.items()}
    found = {title: a for title, a in stored.items() if f"picture_{name}" in a}
    if not found:
        raise NoRecords(f"no record yet; make one with: ocnd run {PICTURE_CELLS['+ mining']}")
    return found


def recorded_ablation(folder: Path | None = None) -> Figure:
    """Chapter 4: AUROC as part after part is switched on; the paper's numbers are of MNIST."""
    found = every_run(folder).items()
    shown = {TITLES[dataset]: ablation_table(dataset, runs) for dataset, runs in found}
    return plots.ablation(shown, list(VARIANTS), {TITLES["mnist"]: printed_ablation()})


def recorded_decodes(folder: Path | None = None) -> Figure:
    """Chapter 4: images of random codes, variant by variant."""
    found = _pictures("drawn", folder)
    return plots.random_decodes({title: a["picture_drawn"] for title, a in found.items()})


def recorded_mined(folder: Path | None = None) -> Figure:
    """Chapter 4: images of random codes before and after mining."""
    (arrays,) = _pictures("mined", folder).values()
    return plots.mined_pairs(arrays["picture_drawn"][:12], arrays["picture_mined"][:12])


def recorded_redrawn(folder: Path | None = None) -> Figure:
    """Chapter 4: test images of every class, the normal one first, as each variant redraws them."""
    found = _pictures("given", folder)
    arrays = next(iter(found.values()))
    cell = parse_cell(PICTURE_CELLS["+ mining"])
    normal, shown = class_index(cell.dataset, cell.normal_class), pictured(arrays["class_test"])
    novel = (arrays["class_test"][shown] != normal).astype(int)
    order = np.concatenate([np.flatnonzero(novel == 0), np.flatnonzero(novel)[::2]])
    rows = {title: a["picture_redrawn"][order] for title, a in found.items()}
    return plots.redrawn(arrays["picture_given"][order], rows, novel[order])


FIGURES: dict[str, Callable[[], Figure]] = {
    "ocgan-ablation": recorded_ablation,
    "ocgan-decodes": recorded_decodes,
    "ocgan-mined": recorded_mined,
    "ocgan-redrawn": recorded_redrawn,
}
