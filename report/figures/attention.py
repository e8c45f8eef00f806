"""Chapter 7: what its figures and tables take from the records of attention-GANs.

A cell takes five minutes on one core once its base GAN is trained, which takes a quarter of an
hour; `CELLS` has the first seed of everything first.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

from ocnd_lib.benchmark import pictured
from ocnd_lib.comparison import (
    REPEATS,
    Run,
    average,
    compare_means,
    mean_interval,
    paired_delong,
)
from ocnd_lib.data import class_index
from ocnd_lib.protocol import ABLATED
from ocnd_lib.records import own_seconds, parse_cell, read_arrays, read_record
from ocnd_lib.stats import auroc_interval, seed_interval
from report import plots
from report.chapters.reconstruction import normal_first
from report.figures.claims import interval_text
from report.figures.source import NoRecords
from report.tables import class_names, load_published

TITLES = {"digits": "digits", "mnist": "MNIST", "cifar10": "CIFAR-10"}

# what is compared: its title in figures, and the method it is in the name of a cell
BASE = {"OCGAN": "ocgan"}
CONTROLS = {
    "map of ones": "attention-gan+mask=ones",
    "random map": "attention-gan+mask=random",
    "centre map": "attention-gan+mask=centre",
}
LEARNED = {
    "learned map": "attention-gan",
    "+ generated negatives": "attention-gan+classifier=generated",
    "+ temperature": "attention-gan+temperature=0.2",
    "+ re-initialisation": "attention-gan+reinitialise=True",
    "+ pre-training": "attention-gan+pretrain_mask=True",
}
FURTHER = {
    "+ CBAM": "attention-gan+cbam=True",
    "+ joint discriminator": "attention-gan+joint_discriminator=True",
    "guidance masked": "attention-gan+guidance=masked",
}
VARIANTS = {**BASE, **CONTROLS, **LEARNED, **FURTHER}
# models whose negatives are real novel images: never beside the others
REAL = {
    "auxiliary: another data set": "attention-gan-auxiliary",
    "oracle: the novel classes themselves": "attention-gan-oracle",
}
ROWS = {
    "OCGAN": "ocgan",
    "Attention-GAN": "attention-gan",
    "+ generated negatives": "attention-gan+classifier=generated",
}
CLASSES = ABLATED
ROW_DATASETS = ("cifar10", "mnist")
SEEDS = range(5)
# of what is beside the question: further variants, real novel images, ten classes with negatives
ASIDE = SEEDS[:1]
PICTURES = ("cifar10/attention-gan/truck/0", "mnist/attention-gan/8/0")


def cells_of(methods: Mapping[str, str], dataset: str, seeds: Iterable[int] = SEEDS) -> list[str]:
    """The cells of an ablation on a data set, seed by seed.

    Neighbours are of different classes where there are several, so that of two that are run at a
    time none waits for the other to train the base GAN of both.
    """
    found = product(seeds, methods.values(), CLASSES[dataset])
    return [f"{dataset}/{method}/{name}/{seed}" for seed, method, name in found]


def row_cells(dataset: str, title: str, seeds: Iterable[int] = SEEDS) -> list[str]:
    """The cells of one row of a table, all ten classes."""
    return [f"{dataset}/{ROWS[title]}/{k}/{s}" for s in seeds for k in class_names(dataset)]


DECK_CELLS = tuple(row_cells("cifar10", "Attention-GAN"))
ABLATION_CELLS = tuple(
    cell for dataset in CLASSES for cell in cells_of({**BASE, **CONTROLS, **LEARNED}, dataset)
)
ROW_CELLS = tuple(
    cell
    for dataset in ROW_DATASETS
    for title, seeds in {"Attention-GAN": SEEDS, "+ generated negatives": ASIDE}.items()
    for cell in row_cells(dataset, title, seeds)
)
FURTHER_CELLS = tuple(cell for dataset in CLASSES for cell in cells_of(FURTHER, dataset, ASIDE))
# the deck says how much its classifier gained on labels 0 and 1, not which images it learnt from
LABELS = ("airplane", "automobile")
REAL_CELLS = tuple(
    dict.fromkeys(
        [cell for dataset in CLASSES for cell in cells_of(REAL, dataset, ASIDE)]
        + [f"cifar10/{method}/{name}/0" for method in REAL.values() for name in LABELS]
    )
)
# the first seed of everything, then the second, and so on
CELLS = tuple(
    sorted(
        dict.fromkeys([*DECK_CELLS, *ABLATION_CELLS, *ROW_CELLS, *REAL_CELLS, *FURTHER_CELLS]),
        key=lambda cell: parse_cell(cell).seed,
    )
)


def progress(folder: Path | None = None) -> tuple[int, int, float]:
    """How many cells there are, how many are recorded, and the hours those took; NaN for none.

    Without the training of base GANs, which cells share.
    """
    seconds = [own_seconds(record) for cell in CELLS if (record := read_record(cell, folder))]
    return len(CELLS), len(seconds), sum(seconds) / 3600 if seconds else float("nan")


# --- what is recorded ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """A recorded cell: its scores as a `Run`, and, by name, those of each part of the score."""

    run: Run
    parts: dict[str, Run]


def read_cells(cells: list[str], folder: Path | None = None) -> list[Found]:
    """The recorded ones of these cells."""
    found = []
    for cell in map(parse_cell, cells):
        arrays = read_arrays(cell, folder)
        if read_record(cell, folder) and "score" in arrays:
            normal = class_index(cell.dataset, cell.normal_class)
            runs = {
                name.removeprefix("part_"): Run(normal, cell.seed, values, arrays["class_test"])
                for name, values in arrays.items()
                if name == "score" or name.startswith("part_")
            }
            found.append(Found(runs.pop("score"), runs))
    return found


def with_classes(dataset: str) -> str:
    """The title of a data set and, in brackets, the classes of its ablation."""
    return f"{TITLES[dataset]} ({', '.join(CLASSES[dataset])})"


Every = dict[str, dict[str, list[Found]]]  # data set → title → recorded cells


def every_run(folder: Path | None = None) -> Every:
    """The ablation as far as it is recorded, all data sets and variants, empty lists for none."""
    return {
        dataset: {
            title: read_cells(cells_of({title: method}, dataset), folder)
            for title, method in VARIANTS.items()
        }
        for dataset in CLASSES
    }


def missing(cells: tuple[str, ...]) -> NoRecords:
    """What to raise where none of these cells is recorded: it names the command for the first."""
    return NoRecords(f"no record yet; make one with: ocnd run {cells[0]}")


# --- tables --------------------------------------------------------------------------------------


def ablation_table(every: Every) -> pd.DataFrame:
    """One row a run: panel (data set and class), variant, seed, auroc; NoRecords for none."""
    rows = [
        {
            "panel": f"{TITLES[dataset]}, {class_names(dataset)[found.run.normal_class]}",
            "variant": title,
            "seed": found.run.seed,
            "auroc": found.run.auroc,
        }
        for dataset, variants in every.items()
        for title, group in variants.items()
        for found in group
    ]
    if not rows:
        raise missing(ABLATION_CELLS)
    return pd.DataFrame(rows)


def numbers_page(every: Every) -> pd.DataFrame:
    """For a page: AUROC of each variant and class, mean over seeds [Student's interval]."""
    table = ablation_table(every)
    shown: dict[str, dict[str, str]] = {}
    for (panel, title), part in table.groupby(["panel", "variant"], sort=False):
        shown.setdefault(panel, {})[title] = _seeds_text(part["auroc"])
    return pd.DataFrame(shown).reindex(VARIANTS).fillna("")


def behind(row: str, column: str) -> list[str]:
    """The cells that a number of `numbers_page` rests on."""
    title, _, name = column.rpartition(", ")
    datasets = {title: dataset for dataset, title in TITLES.items()}
    seeds = ASIDE if row in FURTHER else SEEDS
    return [f"{datasets[title]}/{VARIANTS[row]}/{name}/{seed}" for seed in seeds]


def every_cell() -> list[str]:
    """All cells that the chapter's tables and figures rest on, those of the base GAN too."""
    rows = [c for name in ROW_DATASETS for title in ROWS for c in row_cells(name, title)]
    return list(dict.fromkeys([*CELLS, *rows]))


def _seeds_text(aurocs) -> str:
    mean, low, high = seed_interval(aurocs)
    spread = "" if np.isnan(low) else f" [{low:.3f}, {min(high, 1):.3f}]"
    return f"{mean:.4f}{spread}, seeds: {len(aurocs)}"


def parts_page(groups: Mapping[tuple[str, str], list[Found]]) -> pd.DataFrame:
    """For a page: AUROC of the score and of each of its parts alone, a row a model and class.

    `groups` has the recorded cells by data set and title; of those that have none there is no row.

    The area of the map and the answer of the classifier are controls, and no part of the score.
    """
    rows = {}
    for (dataset, title), group in groups.items():
        names = ["score", *(group[0].parts if group else ())]
        for k in sorted({found.run.normal_class for found in group}):
            runs = [f for f in group if f.run.normal_class == k]
            each = {
                name: [(f.run if name == "score" else f.parts[name]).auroc for f in runs]
                for name in names
            }
            row = f"{TITLES[dataset]}, {title}", class_names(dataset)[k]
            rows[row] = {name: _seeds_text(aurocs) for name, aurocs in each.items()}
    if not rows:
        raise missing(ABLATION_CELLS)
    table = pd.DataFrame.from_dict(rows, orient="index").fillna("")
    return table.rename_axis(["model", "class"])


def recorded_parts(every: Every) -> pd.DataFrame:
    """`parts_page` of every variant with a map, under the names of data set and variant."""
    return parts_page(
        {
            (dataset, title): group
            for dataset, found in every.items()
            for title, group in found.items()
            if title not in BASE
        }
    )


def real_page(folder: Path | None = None) -> pd.DataFrame:
    """For a page: `parts_page` of the models whose negatives are real novel images."""
    groups = {
        (dataset, title): read_cells(
            [cell for cell in REAL_CELLS if cell.startswith(f"{dataset}/{method}/")], folder
        )
        for dataset in CLASSES
        for title, method in REAL.items()
    }
    try:
        return parts_page(groups)
    except NoRecords:
        raise missing(REAL_CELLS) from None


# --- the row of the table ------------------------------------------------------------------------


def row_tables(dataset: str, folder: Path | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of OCGAN and of the attention-GAN: as printed, and ours, the mean over seeds.

    A row a title, a column a class and `mean`, which ours has only if all ten classes do; ours also
    low, high (over seeds and images), seeds. NoRecords if no attention-GAN is recorded.
    """
    names, printed = class_names(dataset), load_published(dataset)
    deck = pd.DataFrame(np.nan, list(ROWS), [*names, "mean"])
    for title, method in ROWS.items():
        if method in printed.index:
            deck.loc[title] = printed.loc[method].astype(float)
    rows = {}
    for title in ROWS:
        runs = [f.run for f in read_cells(row_cells(dataset, title), folder)]
        if runs:
            ours = average((names[r.normal_class], r.seed, r.auroc) for r in runs)
            rows[title] = dict(ours.classes)
            if len(ours.classes) == len(names):
                low, high = mean_interval(runs, repeats=REPEATS)
                rows[title] |= {"mean": ours.mean, "low": low, "high": high, "seeds": ours.seeds}
    if not set(rows) & set(list(ROWS)[1:]):
        raise missing(tuple(row_cells(dataset, "Attention-GAN")))
    columns = [*names, "mean", "low", "high", "seeds"]
    return deck, pd.DataFrame(rows).T.reindex(list(ROWS), columns=columns)


def row_verdict(dataset: str, folder: Path | None = None) -> str:
    """For a page: our mean over ten classes beside the printed one, with its interval, in words.

    And its gain over the base GANs that the same runs began with, paired.
    """
    try:
        deck, ours = row_tables(dataset, folder)
        row = ours.loc["Attention-GAN"]
    except NoRecords as error:
        return str(error)
    classes = int(row[class_names(dataset)].notna().sum())
    if classes < len(class_names(dataset)):
        return f"not known yet: {classes} of {len(class_names(dataset))} classes are recorded"
    printed = deck.loc["Attention-GAN", class_names(dataset)].mean()
    text = f"{row['mean']:.4f} [{row.low:.4f}, {row.high:.4f}], seeds: {row.seeds:.0f}"
    if gain := _over_base(read_cells(row_cells(dataset, "Attention-GAN"), folder)):
        text += f"; {gain} over the base GANs of the same runs"
    if row.seeds < 2:
        text += " (classes with one seed vary by test images only)"
    if np.isnan(printed):
        return text
    place = "inside" if row.low <= printed <= row.high else "outside"
    return f"{text}; the mean of the deck's row lies {place} the interval"


def _over_base(found: list[Found]) -> str:
    """What the score of recorded cells gains over that of their own base GANs, in words."""
    found = [f for f in found if "base" in f.parts]
    if not found:
        return ""
    own = [f.parts["base"] for f in found]
    return interval_text(*compare_means([f.run for f in found], own, repeats=REPEATS))


def rows_page(folder: Path | None = None) -> pd.DataFrame:
    """For a page: the rows over ten classes, of each data set; rows that lack a class are empty."""
    pages = {}
    for dataset in ROW_DATASETS:
        try:
            deck, ours = row_tables(dataset, folder)
        except NoRecords:
            continue
        for title, row in ours.iterrows():
            printed, known = deck.loc[title, "mean"], not np.isnan(row["mean"])
            found = read_cells(row_cells(dataset, title), folder) if known else []
            pages[TITLES[dataset], title] = {
                "deck": "" if np.isnan(printed) else f"{printed:.4f}",
                "ours": f"{row['mean']:.4f} [{row.low:.4f}, {row.high:.4f}]" if known else "",
                "seeds": f"{row.seeds:.0f}" if known else "",
                "minus the base GANs of the same runs": _over_base(found),
            }
    if not pages:
        raise missing(DECK_CELLS)
    return pd.DataFrame.from_dict(pages, orient="index")


# --- a live run ----------------------------------------------------------------------------------


def ink_auroc(x: np.ndarray, maps: np.ndarray) -> float:
    """How well maps (N, 1, H, W) find the bright pixels of grey uint8 images, as an AUROC.

    0.5 is chance; NaN for images in colour, where bright is not what matters.
    """
    return float("nan") if x.shape[1] > 1 else roc_auc_score((x > 127).ravel(), maps.ravel())


def live_page(
    y: np.ndarray, scores: Mapping[str, Mapping[str, np.ndarray]], ink: Mapping[str, float]
) -> pd.DataFrame:
    """For a page: AUROC of models and of their parts alone on the same images, a row a model.

    `scores` maps a title to its `score` and parts, each (N,); `ink` to `ink_auroc`. The gain over
    the base GAN has DeLong's paired interval.
    """
    rows = {}
    for title, parts in scores.items():
        row = {"score": "{:.3f} [{:.3f}, {:.3f}]".format(*auroc_interval(y, parts["score"]))}
        row["minus its base GAN"] = live_change(y, parts["score"], parts["base"])
        alone = {name: values for name, values in parts.items() if name != "score"}
        row |= {f"{name} alone": f"{roc_auc_score(y, v):.3f}" for name, v in alone.items()}
        row["map finds ink"] = "" if np.isnan(ink[title]) else f"{ink[title]:.3f}"
        rows[title] = row
    return pd.DataFrame.from_dict(rows, orient="index").fillna("")


def live_change(y: np.ndarray, after: np.ndarray, before: np.ndarray) -> str:
    """A difference of AUROCs on the same images in words, with DeLong's paired interval."""
    change = paired_delong(y, after, before)
    return interval_text(change.difference, change.low, change.high)


# --- figures -------------------------------------------------------------------------------------


def recorded_row(dataset: str = "cifar10", folder: Path | None = None) -> Figure:
    """Chapter 7: the row of the deck's table, as printed and ours, with OCGAN's above it."""
    deck, ours = row_tables(dataset, folder)
    return plots.published_and_ours(deck, ours[deck.columns])


def recorded_ablation(folder: Path | None = None) -> Figure:
    """Chapter 7: AUROC of each variant and class."""
    return plots.attention_ablation(ablation_table(every_run(folder)), list(VARIANTS))


def recorded_maps(cell: str, folder: Path | None = None) -> Figure:
    """Chapter 7: maps of test images of every class, the normal one first."""
    arrays = read_arrays(cell, folder)
    if "picture_map" not in arrays:
        raise missing((cell,))
    at = parse_cell(cell)
    classes = arrays["class_test"][pictured(arrays["class_test"])]
    novel = (classes != class_index(at.dataset, at.normal_class)).astype(int)
    order = normal_first(novel, 2)
    maps = {"map": arrays["picture_map"][order] / 255}
    return plots.attention_maps(arrays["picture_given"][order], maps, novel[order])


def recorded_film(cell: str, folder: Path | None = None) -> Figure:
    """Chapter 7: how the maps of two training images changed while they learnt."""
    arrays = read_arrays(cell, folder)
    if "picture_film" not in arrays:
        raise missing((cell,))
    given, frames = arrays["picture_filmed"], arrays["picture_film"][:, 0] / 255
    film = frames.reshape(-1, len(given), *frames.shape[1:])
    return plots.map_film(given[:2], {parse_cell(cell).normal_class: film[:, :2]})


FIGURES: dict[str, Callable[[], Figure]] = {
    "attention-row": recorded_row,
    "attention-ablation": recorded_ablation,
    "attention-maps-cifar10": partial(recorded_maps, PICTURES[0]),
    "attention-maps-mnist": partial(recorded_maps, PICTURES[1]),
    "attention-film": partial(recorded_film, PICTURES[0]),
}
