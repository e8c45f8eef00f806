"""Chapter 4: what each part of OCGAN adds, and what random codes draw with it and without."""

from itertools import pairwise

import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import Run
from report import tables
from report.chapters.reconstruction import elsewhere
from report.drawing import forest, interval, mosaics, panels, percent, signed
from report.source import PUBLISHED, no_record, record_of
from report.tables import TITLES, once

# a part more each time: the name it has in figures, and the method it is in the name of a cell
VARIANTS = {
    "autoencoder": "ocgan+latent=False+mining=False+visual=False",
    "+ latent": "ocgan+mining=False+visual=False",
    "+ visual": "ocgan+mining=False",
    "+ mining": "ocgan",
}
# what is added, before and after it; parts one by one, then together
STEPS = {
    **{after.removeprefix("+ "): (before, after) for before, after in pairwise(VARIANTS)},
    "discriminators": ("autoencoder", "+ visual"),
    "all parts": ("autoencoder", "+ mining"),
}
CLASSES = {"mnist": ("2", "5", "8"), "cifar10": ("airplane", "truck")}
DRAWS = 2000  # of a bootstrap: with fewer, the ends of an interval move in the fourth digit
ABLATION_CELLS = tuple(
    f"{dataset}/{method}/{name}/{seed}"
    for seed in range(5)
    for dataset, names in CLASSES.items()
    for name in names
    for method in VARIANTS.values()
)
PICTURE_CELLS = {title: f"mnist/{method}/8/0" for title, method in VARIANTS.items()}


@once
def ablation_runs(dataset: str) -> dict[str, list[Run]]:
    """The recorded runs of each variant on a data set, by its title; NoRecords without any."""
    runs = {}
    for title, method in VARIANTS.items():
        cells = [cell for cell in ABLATION_CELLS if cell.startswith(f"{dataset}/{method}/")]
        runs[title] = tables.read_runs(cells)
    if not any(runs.values()):
        raise no_record(cells[0])
    return runs


def gains(runs: dict[str, list[Run]]) -> pd.DataFrame:
    """What each of `STEPS` adds to the mean AUROC, over the classes and seeds that both have.

    Columns: value, low, high; printed, the paper's gain over MNIST's ten digits.
    """
    paper = pd.read_csv(PUBLISHED / "ocgan.csv")["value"]  # in the order of the variants
    printed = dict(zip(VARIANTS, paper, strict=True))
    rows = {
        part: (*tables.gain(runs[after], runs[before], DRAWS), printed[after] - printed[before])
        for part, (before, after) in STEPS.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "printed"])


def numbers() -> dict[str, object]:
    """Every recorded or published number that a sentence of the page has, by its name there."""
    found: dict[str, object] = {}
    for dataset in CLASSES:
        table = gains(ablation_runs(dataset))
        for part, row in table.iterrows():
            found[f"{part}-{dataset}"] = signed(*row[["value", "low", "high"]])
        ours = tables.means(tables.results(dataset, ["ocgan"])).loc["ocgan"]
        found[f"ours-{dataset}"] = interval(*ours[["mean", "low", "high"]])
        found[f"published-{dataset}"] = float(ours["published"])
        bare, all_parts = (tables.runs_of(dataset, of) for of in list(VARIANTS.values())[::3])
        found[f"whole-{dataset}"] = signed(*tables.gain(all_parts, bare, DRAWS))
    found["paper-mining"] = float(table.loc["mining", "printed"])
    for variant, share in elsewhere(PICTURE_CELLS).iterrows():
        found[f"elsewhere-{variant.removeprefix('+ ')}"] = percent(*share)
    others = pd.read_csv(PUBLISHED / "reruns.csv").query("method == 'ocgan'")["auroc"]
    names = ("rerun-mnist", "rerun-cifar10", "rerun-port", "rerun-plain")
    return found | dict(zip(names, others, strict=True))


def recorded_gains() -> Figure:
    """What each part adds to the mean AUROC, beside the paper's gain on MNIST."""
    title = "The discriminators help on digits, harm on airplane and truck; mining shows no gain"
    names = [f"{TITLES[dataset]}: {', '.join(of)}" for dataset, of in CLASSES.items()]
    fig, axes = panels(title, 2.6, names, sharex=True)
    for ax, dataset in zip(axes, CLASSES, strict=True):
        table = gains(ablation_runs(dataset))
        forest(ax, table if dataset == "mnist" else table.drop(columns="printed"))
        ax.set_xlabel("AUROC gained" + " (◇ paper, ten digits)" * (dataset == "mnist"))
    return fig


def recorded_decodes() -> Figure:
    """Images of random codes, variant by variant, and how many are far from every 8."""
    squares = {
        f"{title}\n{share:.0%} elsewhere": record_of(PICTURE_CELLS[title])["picture_drawn"]
        for title, share in elsewhere(PICTURE_CELLS)["value"].items()
    }
    return mosaics("With discriminators fewer random codes draw what is far from every 8", squares)


FIGURES = {"ocgan-gains": recorded_gains, "ocgan-decodes": recorded_decodes}
