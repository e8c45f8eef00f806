"""Chapter 7: whether a learned map raises the AUROC, and above what."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import REPEATS, Run, compare_means, shared_runs
from report import plots
from report.figures.attention import (
    ABLATION_CELLS,
    CONTROLS,
    FURTHER,
    LEARNED,
    TITLES,
    VARIANTS,
    Every,
    ablation_table,
    every_run,
    missing,
    with_classes,
)
from report.figures.claims import interval_text

OWN, CENTRE, PLAIN = "its own base GAN", "centre map", "learned map"
OTHER_BASE = "+ joint discriminator"  # which changes the base GAN, too, not only the map


def verdict(low: float, high: float, seeds: int) -> str:
    """What an interval of a gain says: raised, lowered, not shown; of one seed, nothing."""
    if np.isnan(low):
        return "no record yet"
    if seeds < 2:
        return "one seed, open"
    return "raised" if low > 0 else "lowered" if high < 0 else "not shown"


def gain(after: list[Run], before: list[Run]) -> dict:
    """Mean AUROC of `after` minus `before`, over the classes and seeds that both have.

    Keys gain, low, high (`comparison.compare_means`: over seeds, and over the same images for both;
    NaN where the two share no run), seeds (that each class has), verdict.
    """
    pairs = shared_runs(after, before)
    value, low, high = (float("nan"),) * 3
    if pairs[0]:
        value, low, high = compare_means(*pairs, repeats=REPEATS)
    seeds = min(Counter(run.normal_class for run in pairs[0]).values(), default=0)
    said = verdict(low, high, seeds)
    return {"gain": value, "low": low, "high": high, "seeds": seeds, "verdict": said}


def never_above_chance(table: pd.DataFrame, panel: str) -> list[str]:
    """Values of the column `panel` of which no `variant` has a mean `auroc` of 0.5 or more."""
    best = table.groupby([panel, "variant"])["auroc"].mean().groupby(panel).max()
    return list(best.index[best < 0.5])


def gains(every: Every) -> pd.DataFrame:
    """What each variant gains: a row a data set, variant and comparison.

    Columns: dataset, variant, against, and those of `gain`. Against: the base part of the same
    runs; the centre map; and, for what is added to it, the learned map.
    """
    rows = []
    for dataset, found in every.items():
        runs = {title: [f.run for f in group] for title, group in found.items()}
        own = {t: [f.parts["base"] for f in g if f.parts] for t, g in found.items()}
        for title in VARIANTS:
            for against, before in (
                (OWN, own[title]),
                (CENTRE, runs[CENTRE] if title in {**LEARNED, **FURTHER} else []),
                (PLAIN, runs[PLAIN] if title in FURTHER or title.startswith("+") else []),
            ):
                if title == OTHER_BASE and against != OWN:
                    continue
                row = {"dataset": TITLES[dataset], "variant": title, "against": against}
                rows.append(row | gain(runs[title], before))
    return pd.DataFrame(rows)


def over_own_base(table: pd.DataFrame, variant: str) -> str:
    """For a page: what a variant gains over its own base GANs, by a table of `gains`, in words."""
    rows = table[(table["variant"] == variant) & (table["against"] == OWN)]
    said = [
        f"{row['dataset']} {_text(row)} ({row['verdict']}, seeds: {row['seeds']})"
        for row in rows.to_dict("records")
        if row["seeds"]
    ]
    return ", ".join(said) or "no record yet"


QUESTIONS = {
    "above its own base GAN": OWN,
    "more than a second GAN (map of ones)": "map of ones",
    "more than a random map": "random map",
    "more than a centre prior": CENTRE,
    "more than the map's area": "area",
}


def alike(every: Every) -> tuple[int, int]:
    """In how many pairs of class and seed all variants began with the same base GAN, of how many.

    Where one began with another, trained on another machine, a gain between variants is less sure.
    Without `OTHER_BASE`, which never does, and pairs that only one variant has.
    """
    bases: dict[tuple, list[np.ndarray]] = {}
    for dataset, found in every.items():
        titles = [t for t in {**CONTROLS, **LEARNED, **FURTHER} if t != OTHER_BASE]
        for one in (one for title in titles for one in found[title]):
            key = (dataset, one.run.normal_class, one.run.seed)
            bases.setdefault(key, []).append(one.parts["base"].score)
    groups = [group for group in bases.values() if len(group) > 1]
    same = [all(np.array_equal(base, group[0]) for base in group) for group in groups]
    return sum(same), len(same)


def answers(every: Every, title: str = PLAIN) -> pd.DataFrame:
    """For a page: does a learned map raise the AUROC, and above what? One row for each question.

    Columns: gain with its interval over seeds and images, seeds, AUROC (the verdict).
    """
    rows = {}
    for dataset, found in every.items():
        runs = [f.run for f in found[title]]
        for question, against in QUESTIONS.items():
            if against in (OWN, "area"):
                part = "base" if against == OWN else "area"
                before = [f.parts[part] for f in found[title]]
                before = [better_way(run) for run in before] if part == "area" else before
            else:
                before = [f.run for f in found[against]]
            found_gain = gain(runs, before)
            rows[with_classes(dataset), question] = {
                "gain": _text(found_gain),
                "seeds": str(found_gain["seeds"] or ""),
                "AUROC": found_gain["verdict"],
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def better_way(run: Run) -> Run:
    """The run, or with its score turned round if that has the higher AUROC: it favours a control.

    Nobody says beforehand whether a large map or a small one should be novel.
    """
    if run.auroc >= 0.5:
        return run
    return Run(run.normal_class, run.seed, -run.score, run.class_test)


def below_chance(every: Every) -> str:
    """The classes on which no recorded variant has a mean AUROC of 0.5 or more, in words."""
    if not any(group for found in every.values() for group in found.values()):
        return "none"
    return "; ".join(never_above_chance(ablation_table(every), "panel")) or "none"


def _text(found: Mapping) -> str:
    if np.isnan(found["gain"]):
        return ""
    return interval_text(found["gain"], found["low"], found["high"], 4)


def conclusion(answered: pd.DataFrame) -> str:
    """The answers in a sentence a data set, for a page; first a plain one, once all are known."""
    sentences, plain = [], set(answered["AUROC"])
    if "no record yet" not in plain:
        sentences.append(
            "Yes, on every count." if plain == {"raised"} else "No, not on all counts."
        )
    for dataset, rows in answered.groupby(level=0, sort=False):
        said = rows.droplevel(0)["AUROC"]
        words = [f"{question} ({said[question]})" for question in QUESTIONS]
        known = [w for q, w in zip(QUESTIONS, words, strict=True) if said[q] != "no record yet"]
        if len(known) < len(words):
            known.append("not yet known" if not known else "the rest not yet known")
        sentences.append(f"{dataset}, learned map: " + "; ".join(known) + ".")
    return " ".join(sentences)


def gains_page(table: pd.DataFrame) -> pd.DataFrame:
    """For a page: `gains` in words, a column a comparison; NoRecords if nothing is known."""
    known = table.dropna(subset=["gain"])
    if known.empty:
        raise missing(ABLATION_CELLS)
    text = known.apply(_text, axis=1) + known["seeds"].map(", seeds: {}".format)
    wide = known.assign(text=text).pivot(
        index=["dataset", "variant"], columns="against", values="text"
    )
    order = {name: k for k, name in enumerate((*TITLES.values(), *VARIANTS))}
    wide = wide.sort_index(key=lambda index: index.map(order))
    return wide[[name for name in (OWN, CENTRE, PLAIN) if name in wide]].fillna("")


def gains_figure(table: pd.DataFrame) -> Figure:
    """Chapter 7: `gains` with their intervals; NoRecords if nothing is known."""
    if table["gain"].isna().all():
        raise missing(ABLATION_CELLS)
    known = table.groupby("dataset")["gain"].transform(lambda values: values.notna().any())
    return plots.attention_gains(table[known], list(VARIANTS)[1:])


def recorded_gains(folder: Path | None = None) -> Figure:
    """Chapter 7: what each variant gains over its base GAN, the centre map, the learned map."""
    return gains_figure(gains(every_run(folder)))


FIGURES: dict[str, Callable[[], Figure]] = {"attention-gains": recorded_gains}
