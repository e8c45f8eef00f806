"""Chapter 5: what else was tried to come nearer to what is printed, each gain paired.

None of it looks at a test label. Larger networks are trained anew; the rest follows from records.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd

from ocnd_lib.comparison import (
    REPEATS,
    average_runs,
    compare_means,
    shared_runs,
    wilcoxon_over_classes,
)
from ocnd_lib.detail import in_details
from ocnd_lib.records import parse_cell, read_arrays, read_records
from report import tables
from report.chapters import class_or_detail, ocgan
from report.figures.benchmark import TITLES, IndexedRun, Results
from report.figures.claims import interval_text
from report.figures.source import NoRecords

LARGER = "ocgan+epochs=60+width=64"
# of the official release: networks, size of the code, noise, dropout, rate, batch and epochs
RELEASE = {
    dataset: f"ocgan+batch_size=512+dropout=0.5+epochs=201+latent_dim={size}+learning_rate=0.0002"
    "+noise=0.2+variant=official61+width=64"
    for dataset, size in (("mnist", 16), ("cifar10", 512))
}
BARE = ocgan.VARIANTS["autoencoder"]
ATTENTION, ONES = "attention-gan", "attention-gan+mask=ones"
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
Pair = tuple[list[IndexedRun], list[IndexedRun]]


def runs_of(
    found: Results, variant: str, score: Callable[[dict], np.ndarray] = lambda kept: kept["score"]
) -> list[IndexedRun]:
    """The recorded runs of a variant, by their scores or another number of what is kept."""
    runs = []
    for record in read_records(found.folder, f"{found.dataset}/{variant}/*"):
        cell = parse_cell(record["cell"])
        kept = read_arrays(cell, found.folder)
        values = np.asarray(score(kept), float)
        index = kept.get("index", np.arange(len(values)))
        normal = found.names.index(cell.normal_class)
        runs.append(IndexedRun(normal, cell.seed, values, kept["class_test"], index))
    return runs


def _parts_in_details(found: Results, detail: np.ndarray) -> dict[str, list[IndexedRun]]:
    """Runs of attention-GANs by parts of their score in units of detail.

    Records hold no errors of validation images, with which the parts are standardised before they
    are added; in these units they need no standard, and are multiplied.
    """

    def part(name: str) -> Callable[[dict], np.ndarray]:
        return lambda kept: in_details(kept[f"part_{name}"].astype(float), detail)

    def both(kept: dict) -> np.ndarray:
        return part("base")(kept) * part("masked")(kept)

    return {
        "base": runs_of(found, ATTENTION, part("base")),
        "both": runs_of(found, ATTENTION, both),
        "ones": runs_of(found, ONES, both),
    }


def _pairs(found: Results) -> dict[tuple[str, str, str], Pair]:
    """(model, what is changed, against what) → runs after and before."""
    pairs = {}
    gan, attention = "OCGAN", "Attention-GAN"
    usual, own = (found.runs.get(method, []) for method in ("ocgan", ATTENTION))
    pairs[gan, "twice the channels and epochs", "the usual ones"] = shared_runs(
        runs_of(found, LARGER), usual
    )
    pairs[gan, "the release's networks, rate and epochs", "the usual ones"] = shared_runs(
        runs_of(found, RELEASE[found.dataset]), usual
    )
    pairs[gan, "its parts off: discriminators and mining", "all of them on"] = shared_runs(
        runs_of(found, BARE), usual
    )
    several = _several(usual)
    alone = (class_or_detail.together(several), several)
    pairs[gan, "its seeds as one ensemble", "each alone"] = alone
    kept = read_arrays(class_or_detail.detail_cell(found.dataset), found.folder)
    if not kept:
        return pairs
    parts = _parts_in_details(found, kept["score"].astype(float))
    words = "both errors in units of detail, multiplied"
    pairs[attention, words, "its own score"] = shared_runs(parts["both"], own)
    pairs[attention, words, "its base GAN in these units"] = shared_runs(
        parts["both"], parts["base"]
    )
    pairs[attention, words, "the same with a map of ones"] = shared_runs(
        parts["both"], parts["ones"]
    )
    several = _several(parts["both"])
    words = f"{words}, its seeds as one ensemble"
    pairs[attention, words, "each alone"] = (class_or_detail.together(several), several)
    return pairs


def _several(runs: list[IndexedRun]) -> list[IndexedRun]:
    """Those of classes with more than one run."""
    return [run for run in runs if sum(r.normal_class == run.normal_class for r in runs) > 1]


def tried_table(every: dict[str, Results]) -> pd.DataFrame:
    """A row a remedy: index data set, model, changed, against.

    Columns: before, after (mean AUROC over classes and seeds), gain, low, high (paired: the same
    images, and seeds where both have them), classes, which (their names, if not all), wins, losses
    and p (Wilcoxon's over classes), seeds and most (the least and the most of a class before). An
    ensemble is paired with the runs it is made of by image only: what their seeds share is not
    subtracted, so its interval is rather too wide. Remedies without a record are left out.
    """
    rows = {}
    for name, found in every.items():
        for key, (after, before) in _pairs(found).items():
            if not after:
                continue
            means = [average_runs(runs) for runs in (after, before)]
            gain, low, high = compare_means(after, before, repeats=REPEATS)
            classes = pd.DataFrame([mean.classes for mean in means], ["after", "before"])
            known = [name for k, name in enumerate(found.names) if k in means[0].classes]
            over = wilcoxon_over_classes(classes, "after").loc["before"]
            rows[(name, *key)] = {
                "before": means[1].mean,
                "after": means[0].mean,
                **{"gain": gain, "low": low, "high": high},
                **over[["classes", "wins", "losses", "p"]],
                "which": "" if known == found.names else ", ".join(known),
                "seeds": means[1].seeds,
                "most": max(Counter(run.normal_class for run in before).values()),
            }
    columns = ["before", "after", "gain", "low", "high", "classes", "wins", "losses", "p"]
    columns += ["which", "seeds", "most"]
    names = ["data set", "model", "changed", "against"]
    index = pd.MultiIndex.from_tuples(rows, names=names) if rows else None
    return pd.DataFrame(list(rows.values()), index=index, columns=columns)


def tried_page(table: pd.DataFrame) -> pd.DataFrame:
    """`tried_table` for a page; NoRecords if it is empty."""
    if table.empty:
        raise NoRecords('no record yet; make one with: ocnd run "cifar10/attention-gan/truck/0"')
    rows = {}
    for (name, *key), row in table.iterrows():
        rows[TITLES[name], *key] = {
            "before": f"{row.before:.4f}",
            "after": f"{row.after:.4f}",
            "gain": interval_text(row.gain, row.low, row.high, 4),
            "classes": row.which or "all",
            "classes won : lost": f"{row.wins:.0f} : {row.losses:.0f}",
            "p (Wilcoxon)": f"{row.p:.3f}" if row.classes > 5 else "",  # fewer can show nothing
            "seeds": _seeds(row),
        }
    page = pd.DataFrame.from_dict(rows, orient="index")
    return page.rename_axis(list(table.index.names))


def _classes(row: pd.Series) -> str:
    number = f"{row.classes:.0f} class{'es' * (row.classes != 1)}"
    return f"{number} ({row.which})" if row.which else number


def _seeds(row: pd.Series) -> str:
    return f"{row.seeds:.0f}" + (f" to {row.most:.0f}" if row.most > row.seeds else "")


def behind(row: tuple[str, ...], column: str) -> list[str]:
    """The cells, as patterns, that a number of `tried_page` rests on."""
    if column in ("classes", "classes won : lost", "seeds"):
        return []
    dataset = next(name for name, title in TITLES.items() if title == row[0])
    if row[1] == tables.METHODS["ocgan"]:
        changed = {"channels": LARGER, "release": RELEASE[dataset], "parts off": BARE}
        after = [f"{dataset}/{v}/*/*" for word, v in changed.items() if word in row[2]]
        return [f"{dataset}/ocgan/*/*", *after]
    ones = [f"{dataset}/{ONES}/*/*"] if "ones" in row[3] else []
    return [f"{dataset}/{ATTENTION}/*/*", class_or_detail.detail_cell(dataset), *ones]


def in_words(table: pd.DataFrame, *key: str) -> str:
    """The gain of a remedy (data set, model, the beginnings of changed and against), in words."""
    for at, row in table.iterrows():
        if at[:2] == key[:2] and all(a.startswith(k) for a, k in zip(at[2:], key[2:], strict=True)):
            return (
                f"{row.before:.4f} to {row.after:.4f}, "
                f"{interval_text(row.gain, row.low, row.high, 4)}, better in {row.wins:.0f} of "
                f"{_classes(row)}, seeds: {_seeds(row)}"
            )
    return "no record yet"


def sentences(table: pd.DataFrame) -> dict[str, str]:
    """The gains that a page speaks of, `in_words`, by the names it has for them."""
    both = ("Attention-GAN", "both errors")
    asked = {
        "larger": ("OCGAN", "twice", "the usual"),
        "release": ("OCGAN", "the release", "the usual"),
        "bare": ("OCGAN", "its parts", "all"),
        "ensemble": ("OCGAN", "its seeds", "each"),
        "attention-base": (*both, "its base"),
        "attention-ones": (*both, "the same"),
        "attention-ensemble": (*both, "each"),
    }
    return {f"{what}-{k}": in_words(table, k, *key) for what, key in asked.items() for k in TITLES}
