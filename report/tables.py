"""The deck's tables of AUROC: as printed, with ours beside them, and audited."""

import json
import math
from pathlib import Path

import pandas as pd
from scipy import stats

from ocnd_lib import data
from ocnd_lib.comparison import REPEATS, Run, average, mean_interval, wilcoxon_over_classes
from ocnd_lib.records import REPOSITORY, Cell, parse_cell, read_arrays

MOST_COLUMNS = 20  # classes of which a text table shows each
PUBLISHED = REPOSITORY / "results" / "published" / "auroc.csv"

# the rows of a table, in the deck's order with our controls between them, as they are printed
METHODS = {
    "ocsvm": "OC-SVM",
    "kde": "KDE",
    "ae": "AE",
    "dae": "DAE",
    "vae": "VAE",
    "pixelcnn": "PixelCNN",
    "gan": "GAN",
    "and": "AND",
    "anogan": "AnoGAN",
    "f-anogan": "f-AnoGAN",
    "deep-svdd": "Deep SVDD",
    "ocgan": "OCGAN",
    "attention-gan": "Attention-GAN",
}

NUMBERS = ("published", "mean", "sd", "low", "high", "seeds")  # of a method in a data set


def class_names(dataset: str) -> list[str]:
    """The classes of a data set in their order; ValueError lists the data sets."""
    return list(data.class_names(dataset))


def load_published(dataset: str) -> pd.DataFrame:
    """The printed table of a data set: a row a method, a column a class; no row if none is printed.

    The column `mean` holds the mean as it was printed, a string, since its digits tell how it was
    rounded.
    """
    printed = pd.read_csv(PUBLISHED, dtype=str)
    printed = printed[printed["dataset"] == dataset].set_index("method")
    names = class_names(dataset)
    classes = [f"c{k}" for k in range(10)]
    if printed.empty:
        return pd.DataFrame(columns=[*names, "mean"])
    table = printed[classes].astype(float).set_axis(names, axis=1)
    return table.assign(mean=printed["mean"])


def auroc_table(dataset: str, records: list[dict], folder: Path | None = None) -> list[dict]:
    """The deck's table of a data set with ours beside it, one dict a method.

    Keys: method; published, the mean as printed; ours: mean over classes of the mean over seeds, sd
    over seeds, low and high (`comparison.mean_interval`), seeds (that every class has), classes
    (name → mean over seeds); published_classes. What is not there is None or, a class, absent;
    methods neither printed nor run are left out, and so are runs with other parameters than a
    method's own. Scores are read from beside the records in `folder`; where one lacks, low and high
    are None. ValueError for an unknown data set or class.
    """
    names, published = class_names(dataset), load_published(dataset)
    cells: dict[str, list[tuple[Cell, float]]] = {}
    for record in records:
        cell = parse_cell(record["cell"])
        if cell.dataset == dataset and cell.method in METHODS and not cell.parameters:
            if cell.normal_class not in names:
                raise ValueError(f"{cell} names no class of {dataset}: {', '.join(names)}")
            cells.setdefault(cell.method, []).append((cell, float(record["metrics"]["auroc"])))
    rows = []
    for method in METHODS:
        printed = published.loc[method] if method in published.index else None
        if printed is None and method not in cells:
            continue
        rows.append(
            {
                "method": method,
                "published": None if printed is None else float(printed["mean"]),
                **_ours(cells.get(method, []), names, folder),
                "published_classes": {} if printed is None else printed[names].to_dict(),
            }
        )
    return rows


def _ours(cells: list[tuple[Cell, float]], names: list[str], folder: Path | None) -> dict:
    if not cells:
        return {**dict.fromkeys(("mean", "sd", "low", "high")), "seeds": 0, "classes": {}}
    ours = average((cell.normal_class, cell.seed, auroc) for cell, auroc in cells)
    runs = read_runs([cell for cell, _ in cells], folder)
    low, high = mean_interval(runs, repeats=REPEATS) if len(runs) == len(cells) else (None, None)
    return {
        "mean": ours.mean,
        "sd": None if math.isnan(ours.sd) else ours.sd,
        "low": low,
        "high": high,
        "seeds": ours.seeds,
        "classes": {name: ours.classes[name] for name in names if name in ours.classes},
    }


def read_runs(cells: list[Cell], folder: Path | None = None) -> list[Run]:
    """The scores that are stored beside the records of these cells; cells without are left out."""
    runs = []
    for cell in cells:
        arrays = read_arrays(cell, folder)
        if "score" in arrays:
            index = class_names(cell.dataset).index(cell.normal_class)
            runs.append(Run(index, cell.seed, arrays["score"], arrays["class_test"]))
    return runs


def render(dataset: str, rows: list[dict], format: str = "text") -> str:
    """Write the rows of `auroc_table` as text, csv or json; csv has a column a class.

    json has the keys method, published, mean, low, high, seeds and classes only. Of more classes
    than fit side by side the text names the lowest and the highest only.
    """
    names = class_names(dataset)
    if format == "json":
        keys = ("method", "published", "mean", "low", "high", "seeds", "classes")
        return json.dumps([{key: row[key] for key in keys} for row in rows], indent=1) + "\n"
    if format == "csv":
        plain = ["method", *NUMBERS]
        flat = [
            {key: row[key] for key in plain}
            | row["classes"]
            | {f"published_{name}": value for name, value in row["published_classes"].items()}
            for row in rows
        ]
        columns = [*plain, *names, *(f"published_{name}" for name in names)]
        return pd.DataFrame(flat, columns=columns).to_csv(index=False)
    if not rows:
        return f"nothing is printed for {dataset}, and no cell of it has been run\n"
    wide = len(names) > MOST_COLUMNS
    lines = []
    for row in rows:
        label = METHODS[row["method"]]
        if row["published_classes"]:
            line = {"mean": row["published"]} | row["published_classes"]
            lines.append({"method": label, "source": "deck"} | line)
        if row["classes"]:
            line = {"mean": row["mean"], "sd": row["sd"]} | row["classes"]
            if row["low"] is not None:
                line["95 % interval"] = f"{row['low']:.4f} to {row['high']:.4f}"
            line["seeds"] = str(row["seeds"])
            if wide:
                for kind, choose in (("lowest class", min), ("highest class", max)):
                    name = choose(row["classes"], key=row["classes"].get)
                    line[kind] = f"{name} {row['classes'][name]:.3f}"
            if len(row["classes"]) < len(names):
                line["note"] = f"{len(row['classes'])} of {len(names)} classes"
            lines.append({"method": label, "source": "ours"} | line)
    classes = ["lowest class", "highest class"] if wide else names
    columns = ["method", "source", *classes, "mean", "sd", "95 % interval", "seeds", "note"]
    frame = pd.DataFrame(lines, columns=columns).dropna(axis=1, how="all")
    digits = dict.fromkeys(names, "{:.3f}".format) | dict.fromkeys(("mean", "sd"), "{:.4f}".format)
    shown = {name: digits[name] for name in frame.columns if name in digits}
    return frame.to_string(index=False, na_rep="", formatters=shown) + "\n"


def render_means(tables: dict[str, list[dict]], format: str = "text") -> str:
    """Write the rows of `auroc_table` of several data sets: a row a method, a column a data set.

    json is a list of objects with `method` and `datasets` (name → its numbers); csv has a column a
    data set and number. A data set in which a method is neither printed nor run is absent.
    """
    rows = {
        method: {
            name: {key: row[key] for key in NUMBERS}
            for name, table in tables.items()
            for row in table
            if row["method"] == method
        }
        for method in METHODS
    }
    rows = {method: found for method, found in rows.items() if found}
    if format == "json":
        listed = [{"method": method, "datasets": found} for method, found in rows.items()]
        return json.dumps(listed, indent=1) + "\n"
    if format == "csv":
        flat = [
            {"method": method}
            | {f"{name}_{key}": row[key] for name, row in found.items() for key in NUMBERS}
            for method, found in rows.items()
        ]
        columns = ["method", *(f"{name}_{key}" for name in tables for key in NUMBERS)]
        return pd.DataFrame(flat, columns=columns).to_csv(index=False)
    if not rows:
        return f"nothing is printed for {', '.join(tables)}, and no cell of them has been run\n"
    lines = []
    for method, found in rows.items():
        deck = {k: f"{r['published']:.4f}" for k, r in found.items() if r["published"] is not None}
        ours = {
            k: f"{r['mean']:.4f}" + ("" if r["sd"] is None else f" ± {r['sd']:.4f}")
            for k, r in found.items()
            if r["mean"] is not None
        }
        for source, line in (("deck", deck), ("ours", ours)):
            if line:
                lines.append({"method": METHODS[method], "source": source} | line)
    frame = pd.DataFrame(lines, columns=["method", "source", *tables])
    return frame.to_string(index=False, na_rep="") + "\n"


def audit(dataset: str = "cifar10", method: str = "attention-gan", other: str = "ocgan") -> dict:
    """What the printed tables say when they are added up again, and what they can support.

    means: one dict a printed mean, with the mean of its classes (recomputed, four digits) and
    whether they agree in every digit printed. gain: `method` against `other`, both as printed,
    class by class: differences, wins, ties, losses, their mean, the p of Wilcoxon's and of the
    paired t test, the class that gains most (best_class), and the mean without it.
    """
    means = []
    for name in ("mnist", "cifar10"):
        for key, row in load_published(name).iterrows():
            mean, printed = float(row[class_names(name)].astype(float).mean()), row["mean"]
            digits = len(printed.partition(".")[2])
            means.append(
                {
                    "dataset": name,
                    "method": key,
                    "printed": float(printed),
                    "recomputed": round(mean, 4),
                    "agrees": f"{mean:.{digits}f}" == printed,
                }
            )
    names = class_names(dataset)
    table = load_published(dataset)[names].astype(float)
    difference = (table.loc[method] - table.loc[other]).round(9)
    compared = wilcoxon_over_classes(table.loc[[method, other]], method).loc[other]
    best = difference.idxmax()
    gain = {
        "differences": difference.to_dict(),
        "wins": int(compared["wins"]),
        "ties": int(compared["ties"]),
        "losses": int(compared["losses"]),
        "mean": float(difference.mean()),
        "wilcoxon_p": float(compared["p"]),
        "t_p": float(stats.ttest_1samp(difference, 0).pvalue),
        "best_class": best,
        "mean_without_best": float(difference.drop(best).mean()),
    }
    return {"means": means, "gain": gain}
