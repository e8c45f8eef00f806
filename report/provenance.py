"""Where the numbers of a page come from: which cells, at which revision, on which device, when."""

import html
from collections.abc import Iterable
from glob import glob

import pandas as pd
from IPython.display import HTML

from ocnd_lib.records import parse_cell, read_record, records_folder

MADE_AGAIN = """<p>Recorded numbers of this chapter rest on these cells; <code>ocnd run
DATASET/METHOD/CLASS/SEED</code> makes one again, at the git revision named and with
<code>OCND_RECORDS</code> set to an empty folder, since a recorded cell is not run twice.
“Changed” means that the library then differed from that revision.</p>"""


def folded(title: str, table: pd.DataFrame, before: str = "", **options) -> HTML:
    """A whole table under a line that unfolds it; options are those of `DataFrame.to_html`."""
    with pd.option_context("display.max_colwidth", None, "display.max_rows", None):
        rows = table.to_html(border=0, na_rep="", **options)
    return HTML(f"<details><summary>{html.escape(title)}</summary>{before}\n{rows}</details>")


def sources(patterns: Iterable[str]) -> HTML:
    """A list that unfolds: the recorded cells of a chapter, a line a data set and method.

    `patterns` are names of cells, `*` standing for any part.
    """
    names = {file for of in patterns for file in glob(f"{of}.json", root_dir=records_folder())}
    rows = []
    for record in filter(None, (read_record(name.removesuffix(".json")) for name in names)):
        cell, made = parse_cell(record["cell"]), record["provenance"]
        revision = (made.get("git_revision") or "none")[:12]
        rows.append({
            "cells": f"{cell.dataset}/{cell.variant}",
            "class": cell.normal_class,
            "seed": str(cell.seed),
            "git revision": f"{revision}, changed" if made.get("git_changed") else revision,
            "device": f"{record['hardware']}, {made.get('processor', '')}",
            "date": made.get("date", "")[:10],
        })  # fmt: skip
    if not rows:
        return HTML("<p>No number of this chapter rests on a record yet.</p>")
    table = pd.DataFrame(rows).groupby("cells").agg(lambda values: "; ".join(sorted(set(values))))
    return folded(f"Where the numbers come from: {len(rows)} recorded cells", table, MADE_AGAIN)
