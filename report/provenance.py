"""Where the numbers of a page come from: cells, seeds, revision, device, date, wall time, command.

Plain HTML, without a script, that works offline: a number of a table is a button, which tells on
hover, and on a click or Enter opens a small window (a popover); at the end of a chapter a list
unfolds, with a line for each recorded class of a method, for the numbers in prose and figures.
"""

import html
import shlex
from collections.abc import Callable, Iterable, Iterator
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
    days = sorted(each.get("date", "")[:10] for each in at)
    bases = {record.get("shared_seconds", 0.0) for record in records}  # once for all their variants
    told = {
        "cells": _cells(cells),
        "seeds": [f"{len({cell.seed for cell in cells})} ({seeds_text(cells)})"],
        "git revision": [
            each["git_revision"][:12] + ", changed" * each.get("git_changed", False)
            if each.get("git_revision")
            else "none"
            for each in at
        ],
        "device": [f"{record['hardware']}, {_processor(record)}" for record in records],
        "date": [days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"],
        "wall time": [
            _duration(sum(map(own_seconds, records)) + sum(bases)) + " in all" * (len(records) > 1)
        ],
        "command": commands(cells),
    }
    return {name: "; ".join(dict.fromkeys(texts)) for name, texts in told.items()}


def _processor(record: dict) -> str:
    at = record["provenance"]
    name, threads = at.get("processor", ""), at.get("threads")  # not before November 24, 2026
    return name + (f", {threads} thread{'s' * (threads != 1)}" if threads else "")


def _grouped(cells: Iterable[Cell], *parts: str) -> Iterator[tuple[tuple, list[Cell]]]:
    """Cells that have these parts in common, in the order of the first of each."""
    groups: dict[tuple, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(tuple(getattr(cell, part) for part in parts), []).append(cell)
    yield from groups.items()


def _cells(cells: list[Cell]) -> Iterator[str]:
    """`dataset/variant/class/seed`, classes and seeds of one variant together."""
    for (dataset, variant), group in _grouped(cells, "dataset", "variant"):
        classes = list(dict.fromkeys(cell.normal_class for cell in group))
        kinds = classes[0] if len(classes) == 1 else f"{len(classes)} classes"
        whole = f"{dataset}/{variant}/{kinds}/{seeds_text(group)}, {len(group)} cells"
        yield str(group[0]) if len(group) == 1 else whole


def seeds_text(cells: Iterable[Cell]) -> str:
    """Seeds as commands take them: `0-4`, `0,2`."""
    runs: list[list[int]] = []
    for seed in sorted({cell.seed for cell in cells}):
        if runs and runs[-1][1] == seed - 1:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def commands(cells: list[Cell]) -> list[str]:
    """The commands that make just these cells: `ocnd run` of one, `ocnd sweep` of several."""
    alike: dict[tuple, list[str]] = {}  # classes of which the same seeds were run
    for (*variant, name), group in _grouped(cells, "dataset", "variant", "normal_class"):
        alike.setdefault((*variant, seeds_text(group)), []).append(name)
    found = []
    for (dataset, variant, seeds), names in alike.items():
        if len(names) == 1 and seeds.isdecimal():
            found.append(f"ocnd run {shlex.quote(f'{dataset}/{variant}/{names[0]}/{seeds}')}")
            continue
        words = ["ocnd", "sweep", "--datasets", dataset, "--methods", variant]
        if names != [ALL] and sorted(names) != sorted(class_names(dataset)):
            words += ["--classes", ",".join(names)]
        found.append(shlex.join([*words, "--seeds", seeds]))
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
    known: dict[tuple, dict[str, str]] = {}  # patterns of cells → what is to be known of them
    page = sha256(table.to_csv().encode()).hexdigest()[:8]  # no two tables share a name
    for i, j in np.ndindex(table.shape):
        patterns = tuple(where(table.index[i], table.columns[j]))
        if not patterns or not shown.iat[i, j]:
            continue
        if patterns not in known:
            records = recorded(patterns)
            known[patterns] = facts(records) if records else {}
        if about := known[patterns]:
            tip = html.escape("\n".join(f"{name}: {value}" for name, value in about.items()))
            window = f"from-{page}-{list(known).index(patterns)}"
            shown.iat[i, j] = (
                f'<button type="button" class="from" popovertarget="{window}" title="{tip}">'
                f"{shown.iat[i, j]}</button>"
            )
    windows = [
        f'<div popover class="from-window" id="from-{page}-{k}">{_window_text(about)}</div>'
        for k, about in enumerate(known.values())
        if about
    ]
    return HTML("\n".join([STYLE, _whole(shown, escape=False), *windows]))


def _whole(table: pd.DataFrame, **options) -> str:
    with pd.option_context("display.max_colwidth", None, "display.max_rows", None):
        return table.to_html(border=0, **options)


def _window_text(about: dict[str, str]) -> str:
    lines = (f"<dt>{name}</dt><dd>{_code(name, value)}</dd>" for name, value in about.items())
    return f"<dl>{''.join(lines)}</dl>"


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
