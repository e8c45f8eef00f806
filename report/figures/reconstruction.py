"""Chapter 3: what its figures and tables take from the records of autoencoders and generators."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import pearsonr, spearmanr

from ocnd_lib.benchmark import pictured
from ocnd_lib.data import class_index, class_names
from ocnd_lib.metrics import proportion_interval, seed_interval
from ocnd_lib.records import Cell, parse_cell, read_arrays, read_record
from report import plots
from report.figures.claims import claims_table, interval_text, verdict
from report.figures.source import NoRecords
from report.tables import TITLES, load_published

LATENT_DIMS = (2, 4, 8, 16, 32, 64, 128, 256)
USUAL_DIM = 32  # of the tables' own cells, which are not run again under another name
LATENT_CELLS = tuple(
    f"mnist/ae{'' if k == USUAL_DIM else f'+latent_dim={k}'}/8/{seed}"
    for seed in range(3)
    for k in LATENT_DIMS
)
# cells whose pictures are shown, under the titles they have there
PICTURES = {
    "mnist/ae/8/0": "autoencoder, 8",
    "mnist/vae/8/0": "VAE, 8",
    "mnist/gan/8/0": "GAN, 8",
    "cifar10/ae/truck/0": "autoencoder, truck",
}
DETAIL_CELLS = tuple(f"{dataset}/detail/{k}/0" for dataset in TITLES for k in class_names(dataset))
CELLS = tuple(dict.fromkeys((*LATENT_CELLS, *PICTURES, *DETAIL_CELLS)))


# --- the size of the code ------------------------------------------------------------------------


def sweep_row(latent_dim: int, seed: int, y: np.ndarray, score: np.ndarray) -> dict:
    """One line of a latent sweep, but for its AUROCs, from an autoencoder's errors (N,).

    Keys: latent_dim, seed; normal and novel, the mean error of either; passed, the share of novel
    images (`y` 1) redrawn no worse than 95 % of the normal ones are.
    """
    normal, novel = score[y == 0], score[y == 1]
    return {
        "latent_dim": latent_dim,
        "seed": seed,
        "normal": float(normal.mean()),
        "novel": float(novel.mean()),
        "passed": float(np.mean(novel <= np.quantile(normal, 0.95))),
    }


def latent_table(folder: Path | None = None) -> pd.DataFrame:
    """The recorded latent sweep: `sweep_row` with auroc and validation, a row a cell.

    Cells without a record are left out; NoRecords if that is all of them.
    """
    rows = []
    for cell in map(parse_cell, LATENT_CELLS):
        if record := read_record(cell, folder):
            arrays, metrics = read_arrays(cell, folder), record["metrics"]
            latent_dim = record["parameters"]["latent_dim"]
            row = sweep_row(latent_dim, cell.seed, _novel(cell, arrays), arrays["score"])
            validation = metrics["validation"]["mean"]
            rows.append({**row, "auroc": metrics["auroc"], "validation": validation})
    if not rows:
        raise NoRecords(f"no record yet; make one with: ocnd run {LATENT_CELLS[0]}")
    return pd.DataFrame(rows)


def _novel(cell: Cell, arrays: dict[str, np.ndarray]) -> np.ndarray:
    return (arrays["class_test"] != class_index(cell.dataset, cell.normal_class)).astype(int)


def best_by_validation(table: pd.DataFrame) -> int:
    """The code that tells generated novelties best; no test image does."""
    return int(_means(table, "validation").idxmax())


def _means(table: pd.DataFrame, column: str) -> pd.Series:
    """The mean of a column by code: over the seeds that every code has; over all if none is."""
    wide = table.pivot(index="seed", columns="latent_dim", values=column)
    whole = wide.dropna()
    return (whole if len(whole) else wide).mean()


def latent_change(
    table: pd.DataFrame, column: str, since: int | None = None
) -> tuple[float, float, float]:
    """A column at the largest code minus at `since`, the smallest if None, over seeds with both.

    Returns (mean, low, high) with Student's interval; NaN bounds for one seed, all NaN for none.
    """
    wide = table.pivot(index="seed", columns="latent_dim", values=column)
    change = (wide[wide.columns.max()] - wide[since or wide.columns.min()]).dropna()
    return seed_interval(change) if len(change) else (float("nan"),) * 3


def recorded_peak(folder: Path | None = None) -> str:
    """The mean AUROC of the best and of the largest recorded code, in words."""
    try:
        table = latent_table(folder)
    except NoRecords:
        return NO_RECORD
    mean = _means(table, "auroc")
    best, last = mean.idxmax(), mean.index.max()
    found = f"{mean[best]:.3f} with a code of {best}"
    return (
        found if best == last else f"{found}, the highest, and {mean[last]:.3f} with one of {last}"
    )


# --- random codes --------------------------------------------------------------------------------


def beyond(drawn: np.ndarray, held_out: np.ndarray) -> float:
    """The share of distances above the 95 % quantile of those of held-out normal images."""
    return float(np.mean(drawn > np.quantile(held_out, 0.95)))


def distance_table(own: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """For a page: distances of several kinds of images, the first of them held-out normal ones.

    Both map a kind to distances (n,): to the nearest normal training image, and to the nearest
    training image of any other class.
    """
    held_out = next(iter(own.values()))
    rows = {
        kind: {
            "median distance": f"{np.median(near):.3f}",
            "farther than 95 % of held-out": f"{beyond(near, held_out):.0%}",
            "nearest to another class": f"{np.mean(other[kind] < near):.0%}",
        }
        for kind, near in own.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def recorded_distances(folder: Path | None = None) -> pd.DataFrame:
    """For a page: how near the recorded decodes come to the normal class, a row a cell."""
    rows = {}
    for cell, title in PICTURES.items():
        arrays = read_arrays(cell, folder)
        if "distance_drawn" in arrays:
            drawn, held_out = arrays["distance_drawn"], arrays["distance_held_out"]
            rows[title] = {
                "median distance, random codes": f"{np.median(drawn):.3f}",
                "held-out normal images": f"{np.median(held_out):.3f}",
                "random codes farther than 95 % of held-out": f"{beyond(drawn, held_out):.0%}",
            }
    if not rows:
        raise NoRecords(f"no record yet; make one with: ocnd run {next(iter(PICTURES))}")
    return pd.DataFrame.from_dict(rows, orient="index")


def behind(row: str, column: str) -> list[str]:
    """The cell that a row of `recorded_distances` rests on."""
    return [cell for cell, title in PICTURES.items() if title == row]


def every_cell() -> list[str]:
    """All cells that the chapter's numbers rest on, as patterns: its own, and the tables' OCGAN."""
    return [*CELLS, *(f"{dataset}/ocgan/*/0" for dataset in TITLES)]


# --- the detail of an image ----------------------------------------------------------------------


def detail_table(dataset: str, folder: Path | None = None) -> pd.DataFrame:
    """What fine detail alone tells, beside OCGAN: a row a class that has both records of seed 0.

    Columns: detail, ours, published, the AUROC of each (NaN if none is printed); order, Spearman's
    correlation of the two scores over test images. NoRecords if there is no row.
    """
    printed, rows, lacking = load_published(dataset), {}, []
    for name in class_names(dataset):
        cells = [f"{dataset}/{method}/{name}/0" for method in ("detail", "ocgan")]
        found = [read_record(cell, folder) for cell in cells]
        lacking += [cell for cell, record in zip(cells, found, strict=True) if record is None]
        if all(found):
            scores = (read_arrays(cell, folder)["score"] for cell in cells)
            detail, ours = (record["metrics"]["auroc"] for record in found)
            published = printed[name].get("ocgan", np.nan)
            order = float(spearmanr(*scores).statistic)
            rows[name] = {"detail": detail, "ours": ours, "published": published, "order": order}
    if not rows:
        raise NoRecords(f"no record yet; make one with: ocnd run {lacking[0]}")
    return pd.DataFrame.from_dict(rows, orient="index")


def detail_words(dataset: str, folder: Path | None = None) -> str:
    """How alike OCGAN and detail alone order classes and images, in words."""
    try:
        table = detail_table(dataset, folder)
    except NoRecords:
        return NO_RECORD
    return (
        f"over {len(table)} classes Pearson's r is {pearson_text(table, 'ours')} "
        f"(published numbers: {pearson_text(table, 'published')}), and over test images Spearman's "
        f"is {table['order'].mean():.2f}"
    )


def pearson_text(table: pd.DataFrame, column: str) -> str:
    """Pearson's r of `detail` with a column of `detail_table`, with Fisher's interval."""
    both = table[["detail", column]].dropna()
    if len(both) < 4:
        return "unknown"
    r = pearsonr(both["detail"], both[column])
    low, high = r.confidence_interval()
    return f"{r.statistic:.2f} [{low:.2f}, {high:.2f}]"


# --- the deck's claims ---------------------------------------------------------------------------

CLAIMS = (
    "Novel images are redrawn better as the code grows",
    "and are told from normal ones less well",
    "Random codes draw something else than the normal class",
)
NO_RECORD = "no record yet"


def size_claims(
    table: pd.DataFrame,
    error_change: tuple[float, float, float],
    auroc_change: tuple[float, float, float],
    since: int | None = None,
) -> dict[str, str]:
    """The first two claims, each with its verdict and numbers, from a latent sweep.

    Both changes are (value, low, high) to the largest code: that of the error of novel images from
    the smallest one, that of the AUROC from the code `since`, the smallest if None. A code may be
    too small to redraw normal images, so that the AUROC rises before it falls.
    """
    first, last = table["latent_dim"].min(), table["latent_dim"].max()
    since = since or first

    def over_shared_seeds(column: str, *sizes: int) -> list[float]:
        wide = table.pivot(index="seed", columns="latent_dim", values=column)
        return list(wide[list(sizes)].dropna().mean())

    errors = over_shared_seeds("novel", first, last)
    aurocs = over_shared_seeds("auroc", *dict.fromkeys((first, since)), last)
    before = f"{aurocs[0]:.3f} with a code of {first}, " if since != first else ""
    return {
        CLAIMS[0]: f"{verdict(*error_change[1:], -1)}: error {errors[0]:.3f} to "
        f"{errors[1]:.3f}, code {first} to {last}",
        CLAIMS[1]: f"{verdict(*auroc_change[1:], -1)}: AUROC {before}{aurocs[-2]:.3f} to "
        f"{aurocs[-1]:.3f}, code {since} to {last}, change {interval_text(*auroc_change)}",
    }


def decode_claim(drawn: np.ndarray, held_out: np.ndarray, latent_dim: int) -> dict[str, str]:
    """The third claim with its verdict, from distances to the nearest normal training image.

    Of normal images 5 % lie beyond the line, so the claim is that more of the decodes do. The line
    is an estimate, too, so the interval is that of a difference (Newcombe 1998, Statistics in
    Medicine 17, method 10).
    """
    share, low, high = proportion_interval(beyond(drawn, held_out) * len(drawn), len(drawn))
    usual, least, most = proportion_interval(0.05 * len(held_out), len(held_out))
    more = share - usual
    low, high = (
        more - np.hypot(share - low, most - usual),
        more + np.hypot(high - share, usual - least),
    )
    return {
        CLAIMS[2]: f"{verdict(low, high, 1)}: {share:.0%} of {len(drawn)} lie "
        f"farther from it than 95 % of held-out normal images, code of {latent_dim}"
    }


def recorded_claims(folder: Path | None = None) -> dict[str, str]:
    """All claims as the records of MNIST's digit 8 bear them out, as far as there are any."""
    claims = dict.fromkeys(CLAIMS, NO_RECORD)
    try:
        table = latent_table(folder)
        since = best_by_validation(table)
        changes = latent_change(table, "novel"), latent_change(table, "auroc", since)
        claims |= size_claims(table, *changes, since)
    except NoRecords:
        pass
    cell = next(iter(PICTURES))
    if record := read_record(cell, folder):
        arrays, size = read_arrays(cell, folder), record["parameters"]["latent_dim"]
        claims |= decode_claim(arrays["distance_drawn"], arrays["distance_held_out"], size)
    return claims


claims_markdown = partial(claims_table, CLAIMS)


# --- figures -------------------------------------------------------------------------------------


def recorded_latent(folder: Path | None = None) -> Figure:
    """Chapter 3: errors and AUROC against the size of the code, on MNIST."""
    return plots.latent_sweep(latent_table(folder))


def recorded_redrawn(dataset: str, folder: Path | None = None) -> Figure:
    """Chapter 3: one test image of every class, the normal one first, as models redraw it.

    A GAN redraws an image by the nearest one that the search of its score finds.
    """
    rows, missing = {}, []
    for cell in (cell for cell in PICTURES if cell.startswith(f"{dataset}/")):
        arrays = read_arrays(cell, folder)
        if not arrays:
            missing.append(cell)
        elif "picture_redrawn" in arrays:
            novel = _novel(parse_cell(cell), arrays)[pictured(arrays["class_test"])]
            order = normal_first(novel, 2)
            given, novel = arrays["picture_given"][order], novel[order]
            rows[PICTURES[cell].split(",")[0]] = arrays["picture_redrawn"][order]
    if not rows:
        raise NoRecords(f"no record yet; make one with: ocnd run {missing[0]}")
    return plots.redrawn(given, rows, novel)


def normal_first(novel: np.ndarray, each: int) -> np.ndarray:
    """Indices of both normal pictures and then one of each novel class, of `each` a class."""
    return np.concatenate([np.flatnonzero(novel == 0), np.flatnonzero(novel)[::each]])


def recorded_decodes(folder: Path | None = None) -> Figure:
    """Chapter 3: images of random codes of every recorded model."""
    stored = {title: read_arrays(cell, folder) for cell, title in PICTURES.items()}
    grids = {title: a["picture_drawn"] for title, a in stored.items() if "picture_drawn" in a}
    if not grids:
        raise NoRecords(f"no record yet; make one with: ocnd run {next(iter(PICTURES))}")
    return plots.random_decodes(grids)


def recorded_detail(folder: Path | None = None) -> Figure:
    """Chapter 3: AUROC of OCGAN, ours and published, against that of detail alone."""
    panels = {}
    for dataset, title in TITLES.items():
        try:
            table = detail_table(dataset, folder)
        except NoRecords:
            continue
        for who in ("ours", "published"):
            below = f"r = {pearson_text(table, who)}"
            panels[f"{title}, {who}"] = table[["detail", who]], below
    if not panels:
        raise NoRecords(f"no record yet; make one with: ocnd run {DETAIL_CELLS[0]}")
    return plots.auroc_against_detail(panels)


FIGURES: dict[str, Callable[[], Figure]] = {
    "reconstruction-latent": recorded_latent,
    "reconstruction-mnist": partial(recorded_redrawn, "mnist"),
    "reconstruction-cifar10": partial(recorded_redrawn, "cifar10"),
    "reconstruction-decodes": recorded_decodes,
    "reconstruction-detail": recorded_detail,
}
