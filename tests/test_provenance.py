"""Numbers on a page tell where they come from."""

import html
import json
import re

import pandas as pd
import pytest
from IPython.display import Markdown

from ocnd_lib.experiments import check_cell
from ocnd_lib.records import parse_cell, write_record
from ocnd_lib.sweep import cells as sweep_cells
from ocnd_lib.sweep import parse_seeds
from report import provenance

REVISION = "0123456789abcdef0123456789abcdef01234567"


def record(cell, seconds=30.0, changed=False, date="2026-01-02T03:04:05+00:00"):
    return {
        "cell": cell,
        "metrics": {"auroc": 0.9},
        "seconds": seconds,
        "hardware": "cpu float32",
        "provenance": {
            "date": date,
            "git_revision": REVISION,
            "git_changed": changed,
            "processor": "Abacus <9>",
            "threads": 1,
        },
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    for k in range(10):
        for seed in (0, 1):
            write_record(record(f"mnist/ocgan/{k}/{seed}"), folder=tmp_path)
    write_record(record("mnist/ocgan+mining=False/8/0", 7200, True), folder=tmp_path)
    return tmp_path


def test_a_number_tells_all_there_is_to_know_on_hover_and_on_a_click(folder):
    table = pd.DataFrame({"ours": ["0.97", "0.5 < 1"], "seeds": ["2", ""]}, ["OCGAN", "other"])
    where = lambda row, column: ["mnist/ocgan/*/*"] if row == "OCGAN" else []  # noqa: E731
    page = provenance.traced(table, where).data
    buttons = re.findall(r'<button [^>]*popovertarget="(.+?)" title="(.+?)">', page, re.DOTALL)
    assert len(buttons) == 2
    name, tip = buttons[0]
    window = re.sub("<.+?>", "", re.search(rf'id="{name}">(.+?)</dl>', page, re.DOTALL)[1])
    for told in (html.unescape(tip), html.unescape(window)):
        for fact in (
            "mnist/ocgan/0/0 to mnist/ocgan/9/1, 20 cells",
            REVISION[:12],
            "cpu float32, Abacus <9>",
            "2026-01-02",
            "10 min",
            "ocnd sweep --datasets mnist --methods ocgan --seeds 0-1",
        ):
            assert fact in told
    assert "<td>0.5 &lt; 1</td>" in page  # neither a button nor broken


def test_a_number_without_a_record_is_left_as_it_is_and_so_is_what_is_no_table(folder):
    table = pd.DataFrame({"ours": ["0.97"]}, ["OCGAN"])
    page = provenance.traced(table, lambda *_: ["mnist/vae/*/*"])
    assert "<td>0.97</td>" in page.data and "button" not in page.data.split("</style>")[1]
    words = Markdown("no record yet")
    assert provenance.traced(words, lambda *_: []) is words


def test_two_tables_of_a_page_share_no_name(folder):
    where = lambda *_: ["mnist/ocgan/3/*"]  # noqa: E731
    pages = [provenance.traced(pd.DataFrame({"a": [x]}), where).data for x in "12"]
    names = [set(re.findall(r'id="([^"]+)"', page)) for page in pages]
    assert names[0] and names[1] and not names[0] & names[1]


def test_rows_with_one_label_keep_their_own_numbers(folder):
    table = pd.DataFrame({"a": ["1", "2"]}, ["same", "same"])
    page = provenance.traced(table, lambda *_: ["mnist/ocgan/3/0"]).data
    assert re.findall(r">(\d)</button>", page) == ["1", "2"]


def test_the_list_at_the_end_has_a_line_a_class_and_variant(folder):
    page = provenance.sources(["mnist/*/8/*", "mnist/ocgan/3/1"]).data
    assert page.count("<tr") == 1 + 3
    assert "4 recorded cells" in page and REVISION[:12] in page
    assert "ocnd run mnist/ocgan+mining=False/8/0" in page
    assert "ocnd sweep --datasets mnist --methods ocgan --classes 8 --seeds 0-1" in page
    assert f"{REVISION[:12]}, changed" in page and "2.0 h" in page
    assert "Abacus &lt;9&gt;" in page
    assert not re.search(r"<script|https?://", page)


def test_a_folded_table_is_whole():
    page = provenance.folded("All & every", pd.DataFrame({"a": range(100)})).data
    assert page.count("<tr") == 101 and "All &amp; every" in page


def test_without_records_the_list_says_so(folder):
    assert "rests on a record yet" in provenance.sources(["cifar10/*/*/*"]).data


@pytest.mark.parametrize(
    "cells",
    [
        ["mnist/ae/3/7"],
        ["scenes/vgg11-masked/all/0", "scenes/vgg11-masked/all/1"],
        ["cifar10/ocgan+mining=False/cat/0", "cifar10/ocgan+mining=False/dog/0"],
        ["mnist/ae/0/0", "mnist/ae/0/1", "mnist/ae/0/2", "mnist/ae/0/5", "mnist/ae/1/0"],
    ],
)
def test_commands_make_just_these_cells(cells):
    made = []
    for command in provenance.commands([parse_cell(cell) for cell in cells]):
        words = command.split()
        if words[1] == "run":
            made.append(str(check_cell(words[2])))
            continue
        options = dict(zip(words[2::2], words[3::2], strict=True))
        only = options["--classes"].split(",") if "--classes" in options else None
        seeds = parse_seeds(options["--seeds"])
        made += sweep_cells([options["--datasets"]], [options["--methods"]], seeds, only)
    assert sorted(made) == sorted(cells)


def test_facts_of_different_runs_are_all_told():
    later = record("mnist/ae/1/1", 60, date="2026-03-04T00:00:00+00:00")
    later["provenance"]["git_revision"] = None
    about = provenance.facts([record("mnist/ae/1/0"), json.loads(json.dumps(later))])
    assert about["date"] == "2026-01-02 to 2026-03-04"
    assert about["git revision"] == f"{REVISION[:12]}; none"
    assert about["wall time"] == "90.0 s"


def test_what_variants_share_counts_once_in_the_wall_time():
    each = [
        record(f"mnist/attention-gan{more}/1/0", 55) for more in ("", "+mask=ones", "+cbam=True")
    ]
    each = [one | {"shared_seconds": 40.0} for one in each]
    assert provenance.facts(each)["wall time"] == "85.0 s"  # 40 + 3 x 15
    other = record("mnist/attention-gan/1/1", 20) | {"shared_seconds": 10.0}
    assert provenance.facts([*each, other])["wall time"] == "105.0 s"
