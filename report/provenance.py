"""Where the numbers of a page come from: cells, seeds, revision, device, date, wall time, command.

Plain HTML, without a script, that works offline: a number of a table is a button, which tells on
hover, and on a click or Enter opens a small window (a popover); at the end of a chapter a list
unfolds, with a line for each recorded class of a method, for the numbers in prose and figures.
"""

import html
import shlex
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
from IPython.display import HTML, DisplayObject

from ocnd_lib.data import class_names
from ocnd_lib.experiments import ALL
from ocnd_lib.records import Cell, own_seconds, parse_cell, read_record, records_folder

PAGE = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
PARTS = jinja2.Template(PAGE, autoescape=True, trim_blocks=True).module


def recorded(patterns: Iterable[str]) -> list[dict]:
    """The records of these cells, sorted; a part of a cell may be `*`."""
    root = records_folder()
    paths = {path for pattern in patterns for path in root.glob(f"{pattern}.json")}
    names = sorted(path.relative_to(root).with_suffix("").as_posix() for path in paths)
    return [record for name in names if (record := read_record(name))]


def facts(records: list[dict]) -> dict[str, str]:
    """What is to be known of a number that rests on these records, at least one, in words."""
    cells = [parse_cell(record["cell"]) for record in records]
    at = [record["provenance"] for record in records]
    days = sorted(each.get("date", "")[:10] for each in at)
    shared = {record.get("shared_seconds", 0.0) for record in records}  # once for all variants
    seconds = sum(map(own_seconds, records)) + sum(shared)
    time = f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    many = len(cells) > 1
    told = {
        "cells": [f"{cells[0]} to {cells[-1]}, {len(cells)} cells" if many else str(cells[0])],
        "git revision": [
            (each.get("git_revision") or "none")[:12] + ", changed" * each.get("git_changed", False)
            for each in at
        ],
        "device": [f"{r['hardware']}, {r['provenance'].get('processor', '')}" for r in records],
        "date": [days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"],
        "wall time": [time if seconds < 7200 else f"{seconds / 3600:.1f} h"],
        "command": commands(cells),
    }
    return {name: "; ".join(dict.fromkeys(texts)) for name, texts in told.items()}


def commands(cells: Iterable[Cell]) -> list[str]:
    """The commands that make just these cells: `ocnd run` of one, `ocnd sweep` of several."""
    keys, found = ["dataset", "variant", "seeds"], []
    rows = [(c.dataset, c.variant, c.normal_class, c.seed) for c in cells]
    table = pd.DataFrame(rows, columns=["dataset", "variant", "name", "seeds"])
    alike = table.groupby(["dataset", "variant", "name"], sort=False)["seeds"].agg(_seeds_text)
    for (dataset, variant, seeds), names in alike.reset_index().groupby(keys, sort=False)["name"]:
        if len(names) == 1 and seeds.isdecimal():
            found.append(f"ocnd run {shlex.quote(f'{dataset}/{variant}/{names.item()}/{seeds}')}")
            continue
        words = ["ocnd", "sweep", "--datasets", dataset, "--methods", variant]
        if list(names) != [ALL] and set(names) != set(class_names(dataset)):
            words += ["--classes", ",".join(names)]
        found.append(shlex.join([*words, "--seeds", seeds]))
    return found


def _seeds_text(seeds: Iterable[int]) -> str:
    """Seeds as commands take them: `0-4`, `0,2`."""
    seeds = pd.Series(sorted(set(seeds)))
    ends = seeds.groupby(seeds - seeds.index).agg(["first", "last"])  # of runs without a gap
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ends.itertuples(index=False))


# --- on a page -----------------------------------------------------------------------------------


def traced(
    table: pd.DataFrame | DisplayObject, where: Callable[[object, str], Iterable[str]]
) -> HTML | DisplayObject:
    """A table whose numbers tell where they come from; what is no table is returned as it is.

    `where` maps the labels of row and column to the cells, or patterns of cells, that a number
    rests on, or to nothing. A number without a record stays as it was.
    """
    if not isinstance(table, pd.DataFrame):
        return table
    shown = table.astype(str).map(html.escape)
    page = sha256(table.to_csv().encode()).hexdigest()[:8]  # no two tables share a name
    known: dict[tuple, dict[str, str]] = {}  # patterns of cells → what is to be known of them
    for i, j in np.ndindex(table.shape):
        patterns = tuple(where(table.index[i], table.columns[j]))
        if patterns not in known:
            records = recorded(patterns)
            known[patterns] = facts(records) if records else {}
        if (about := known[patterns]) and shown.iat[i, j]:
            name = f"from-{page}-{list(known).index(patterns)}"
            shown.iat[i, j] = PARTS.button(name, about, shown.iat[i, j])
    windows = [PARTS.window(f"from-{page}-{k}", v) for k, v in enumerate(known.values()) if v]
    return HTML("\n".join([PARTS.style, _whole(shown, escape=False), *windows]))


def _whole(table: pd.DataFrame, **options) -> str:
    with pd.option_context("display.max_colwidth", None, "display.max_rows", None):
        return table.to_html(border=0, **options)


def folded(title: str, table: pd.DataFrame, before: str = "", **options) -> HTML:
    """A whole table under a line that unfolds it; options are those of `DataFrame.to_html`."""
    return HTML(PARTS.folded(title, _whole(table, **{"na_rep": "", **options}), before))


def sources(patterns: Iterable[str]) -> HTML:
    """A list that unfolds: where every number of a chapter comes from that rests on records.

    `patterns` are its cells, `*` standing for any part; a line for each class of each variant.
    """
    if not (records := recorded(patterns)):
        return HTML("<p>No number of this chapter rests on a record yet.</p>")
    groups: dict[str, list[dict]] = {}
    for record in records:
        groups.setdefault(record["cell"].rpartition("/")[0], []).append(record)
    lines = map(facts, groups.values())
    table = pd.DataFrame([{k: PARTS.fact(k, v) for k, v in line.items()} for line in lines])
    count = f"{len(records)} recorded cell{'s' * (len(records) != 1)}"
    title = f"Where the numbers come from: {count}"
    return folded(title, table, PARTS.explained, escape=False, index=False)
