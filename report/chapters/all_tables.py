"""Appendix to the tables: every class, seed and variant, and how settings were chosen."""

from functools import partial
from itertools import product

import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.records import parse_cell, read_records, records_folder
from ocnd_lib.sharing import OF_THE_SPLIT
from report import tables
from report.chapters.benchmark import REFERENCE, read
from report.drawing import interval, titled
from report.source import no_record, plain
from report.tables import FURTHER, METHODS, TITLES, Results, once

SETS = {**TITLES, **FURTHER}
CHOSEN_ON = ["2", "5", "8"]  # of MNIST: on these the rule of choice and most settings were found
PATTERNS = tuple(f"{n}/{m}{more}/*/*" for n, m, more in product(SETS, METHODS, ("", "+*")))


def every_set() -> dict[str, Results]:
    """What is recorded of every data set that has a printed table or a recorded cell."""
    there = [name for name in FURTHER if (records_folder() / name).is_dir()]
    return {name: tables.results(name) for name in (*TITLES, *there)}


@once
def choices_table() -> pd.DataFrame:
    """How settings were chosen: of every method with several variants on record a row each.

    validation: AUROC of generated novelties, mean over classes and seeds; gain: that less what the
    method has as it stands in the tables, over the classes and seeds that both have.
    """
    keys, rows = ["data set", "method", "class", "seed"], []
    for record in (found for name in TITLES for found in read_records(pattern=f"{name}/*/*")):
        cell, validation = parse_cell(record["cell"]), record["metrics"].get("validation")
        if validation and cell.method in METHODS and not cell.parameters.keys() & OF_THE_SPLIT:
            of = TITLES[cell.dataset], cell.method, cell.normal_class, cell.seed
            rows.append((*of, cell.variant, validation["mean"]))
    found = pd.DataFrame(rows, columns=[*keys, "variant", "validation"])
    usual = found[found["variant"] == found["method"]].set_index(keys)["validation"]
    found["gain"] = found["validation"] - found.join(usual.rename("usual"), on=keys)["usual"]
    table = found.groupby(["data set", "method", "variant"], as_index=False).agg(
        classes=("class", "nunique"), cells=("seed", "size"),
        validation=("validation", "mean"), gain=("gain", "mean"),
    )  # fmt: skip
    table = table[table.duplicated(["data set", "method"], keep=False)]
    order = {"by": ["data set", "method", "gain"], "ascending": [True, True, False]}
    return table.sort_values(**order).drop(columns="method")


def numbers() -> dict[str, object]:
    """Every number of this page's sentences, by its name there."""
    mnist = read()["mnist"]
    others = [digit for digit in mnist.published if digit not in CHOSEN_ON]
    runs = [run for run in mnist.runs[REFERENCE] if str(run.normal_class) in others]
    return plain({
        "variants": len(choices_table()),
        "other-digits": interval(*tables.mean_of(runs), ".4f"),
        "printed-other-digits": mnist.published.loc[REFERENCE][others].mean(),
    })  # fmt: skip


def table_figure(dataset: str) -> Figure:
    """The AUROC of every class and method, printed above ours."""
    import seaborn  # half a second that other figures need not wait for

    if (found := tables.results(dataset)).cells.empty:
        raise no_record(f"{dataset}/{REFERENCE}/{tables.class_names(dataset)[0]}/0")
    ours = found.ours.assign(mean=found.ours.mean(axis=1, skipna=False))
    printed = tables.load_published(dataset).astype(float).reindex(found.methods)
    words = [t.map("{:.3f}".format).replace("nan", "\N{EN DASH}") for t in (printed, ours)]
    title = f"{TITLES[dataset]}: printed above ours; red where ours is lower, blue where higher"
    ax = titled(title, 0.9 + 0.36 * len(ours)).subplots()
    seaborn.heatmap(
        (ours - printed).fillna(0.0).rename(METHODS), ax=ax,  # white if not to be compared
        annot=words[0] + "\n" + words[1], annot_kws={"fontsize": 9}, fmt="", cbar=False,
        cmap="RdBu", center=0, vmin=-0.15, vmax=0.15, linewidths=1,
    )  # fmt: skip
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", rotation=90 if max(map(len, ours)) > 4 else 0)
    return ax.figure


FIGURES = {f"tables-{name}": partial(table_figure, name) for name in TITLES}
