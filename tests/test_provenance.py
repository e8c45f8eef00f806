"""A chapter lists the recorded cells that its numbers rest on."""

import re

import pandas as pd
import pytest

from data_samples import record
from ocnd_lib.records import write_record
from report import provenance

REVISION = "0123456789abcdef0123456789abcdef01234567"


def write(folder, cell, changed=False, date="2026-01-02T03:04:05+00:00"):
    made = {"date": date, "git_revision": REVISION, "git_changed": changed}
    made |= {"processor": "Abacus <9>", "threads": 1}
    write_record(record(cell, provenance=made), folder=folder)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    for k in range(10):
        for seed in (0, 1):
            write(tmp_path, f"mnist/ocgan/{k}/{seed}")
    write(tmp_path, "mnist/ocgan+mining=False/8/0", True, "2026-03-04T00:00:00+00:00")


def test_the_list_has_a_line_a_method_with_all_that_is_known_of_its_cells():
    page = provenance.sources(["mnist/*/8/*", "mnist/ocgan/3/1"]).data
    assert "4 recorded cells" in page
    _, *lines = re.findall("<tr>.+?</tr>", page, re.DOTALL)
    plain, changed = (re.findall("<t[hd]>(.*?)</t[hd]>", line) for line in lines[-2:])
    revision, device = REVISION[:12], "cpu float32, Abacus &lt;9&gt;"
    assert plain == ["mnist/ocgan", "3; 8", "0; 1", revision, device, "2026-01-02"]
    assert changed[0] == "mnist/ocgan+mining=False"
    assert changed[3:] == [f"{revision}, changed", device, "2026-03-04"]


def test_without_records_the_list_says_so():
    assert "rests on a record yet" in provenance.sources(["cifar10/*/*/*"]).data


def test_a_folded_table_is_whole():
    page = provenance.folded("All & every", pd.DataFrame({"a": range(100)})).data
    assert page.count("<tr") == 101 and "All &amp; every" in page
