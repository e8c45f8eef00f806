"""Where the numbers of a page come from: cells, seeds, revision, device, date, wall time, command.

Plain HTML, without a script, that works offline: a number of a table is a button, which tells on
hover, and on a click or Enter opens a small window (a popover); at the end of a chapter a list
unfolds, with a line for each recorded class of a method, for the numbers in prose and figures.
"""

import html
import shlex
from collections.abc import Callable, Iterable
from hashlib import sha256

import numpy as np
import pandas as pd
from IPython.display import HTML, DisplayObject

from ocnd_lib.benchmark import ALL
from ocnd_lib.data import class_names
from ocnd_lib.records import Cell, own_seconds, parse_cell, read_record, records_folder

STYLE = """<style>
button.from { all: unset; cursor: help; text-decoration: underline dotted; white-space: nowrap; }
button.from:focus-visible { outline: 2px solid; }
.from-window { max-width: min(42rem, 90vw); padding: 1rem; border: 1px solid; text-align: left;
  background: var(--pst-color-background, Canvas); color: var(--pst-color-text-base, CanvasText); }
.from-window dd, .from-window code { overflow-wrap: anywhere; white-space: normal; }
.from-list div { overflow-x: auto; }
.from-list :is(td, code) { white-space: nowrap; }
</style>"""
EXPLAINED = """Figures, tables and prose of this chapter take recorded numbers from these cells,
live ones from the code above them. A command makes its cells again, at the git revision named and
with <code>OCND_RECORDS</code> set to an empty folder: a cell that has a record is not run twice.
“Changed” means that the library then differed from that revision."""


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
    days = sorted(each["date"][:10] for each in at)
    shared = {record.get("shared_seconds", 0.0) for record in records}  # once for all variants
    seconds = sum(map(own_seconds, records)) + sum(shared)
    time = f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
    told = {
        "cells": [
            f"{'/'.join(key)}/{names[0] if len(names) == 1 else f'{len(names)} classes'}/"
            f"{seeds_text(group['seed'])}" + f", {len(group)} cells" * (len(group) > 1)
            for key, group in _table(cells).groupby(["dataset", "variant"], sort=False)
            for names in [group["name"].unique()]
        ],
        "seeds": [f"{len({c.seed for c in cells})} ({seeds_text(c.seed for c in cells)})"],
        "git revision": [
            (each["git_revision"] or "none")[:12] + ", changed" * bool(each["git_changed"])
            for each in at
        ],
        "device": [
            f"{record['hardware']}, {each['processor']}"
            + (f", {threads} thread{'s' * (threads != 1)}" if threads else "")
            for record, each in zip(records, at, strict=True)
            for threads in [each.get("threads")]  # not in records of before November 24, 2026
        ],
        "date": [days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"],
        "wall time": [
            (time if seconds >= 120 else f"{seconds:.1f} s") + " in all" * (len(records) > 1)
        ],
        "command": commands(cells),
    }
    return {name: "; ".join(dict.fromkeys(texts)) for name, texts in told.items()}


def _table(cells: Iterable[Cell]) -> pd.DataFrame:
    rows = [(c.dataset, c.variant, c.normal_class, c.seed) for c in cells]
    return pd.DataFrame(rows, columns=["dataset", "variant", "name", "seed"])


def seeds_text(seeds: Iterable[int]) -> str:
    """Seeds as commands take them: `0-4`, `0,2`."""
    seeds = pd.Series(sorted(set(seeds)))
    ends = seeds.groupby(seeds - seeds.index).agg(["first", "last"])  # of runs without a gap
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ends.itertuples(index=False))


def commands(cells: Iterable[Cell]) -> list[str]:
    """The commands that make just these cells: `ocnd run` of one, `ocnd sweep` of several."""
    keys, found = ["dataset", "variant", "seed"], []
    seeds = _table(cells).groupby([*keys[:2], "name"], sort=False)["seed"].agg(seeds_text)
    for (dataset, variant, seed), names in seeds.reset_index().groupby(keys, sort=False)["name"]:
        if len(names) == 1 and seed.isdecimal():
            found.append(f"ocnd run {shlex.quote(f'{dataset}/{variant}/{names.item()}/{seed}')}")
            continue
        words = ["ocnd", "sweep", "--datasets", dataset, "--methods", variant]
        if list(names) != [ALL] and set(names) != set(class_names(dataset)):
            words += ["--classes", ",".join(names)]
        found.append(shlex.join([*words, "--seeds", seed]))
    return found


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
            tip = html.escape("\n".join(f"{name}: {value}" for name, value in about.items()))
            target = f'popovertarget="from-{page}-{list(known).index(patterns)}" title="{tip}"'
            button = f'<button type="button" class="from" {target}>{shown.iat[i, j]}</button>'
            shown.iat[i, j] = button
    windows = [
        f'<div popover class="from-window" id="from-{page}-{k}"><dl>'
        + "".join(f"<dt>{name}</dt><dd>{_code(name, value)}</dd>" for name, value in about.items())
        + "</dl></div>"
        for k, about in enumerate(known.values())
        if about
    ]
    return HTML("\n".join([STYLE, _whole(shown, escape=False), *windows]))


def _whole(table: pd.DataFrame, **options) -> str:
    with pd.option_context("display.max_colwidth", None, "display.max_rows", None):
        return table.to_html(border=0, **options)


def _code(name: str, value: str) -> str:
    text = html.escape(value)
    return f"<code>{text}</code>" if name in ("command", "git revision") else text


def folded(title: str, table: pd.DataFrame, before: str = "", **options) -> HTML:
    """A whole table under a line that unfolds it; options are those of `DataFrame.to_html`."""
    body = f"<div>{_whole(table, **{'na_rep': '', **options})}</div>"
    head = f"<summary>{html.escape(title)}</summary>"
    return HTML(f'{STYLE}\n<details class="from-list">{head}{before}{body}</details>')


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
    table = pd.DataFrame([{k: _code(k, value) for k, value in line.items()} for line in lines])
    count = f"{len(records)} recorded cell{'s' * (len(records) != 1)}"
    title, said = f"Where the numbers come from: {count}", f"<p>{EXPLAINED}</p>\n"
    return folded(title, table, said, escape=False, index=False)
