"""Figures: the same bytes every time, whole files, readable text and colours."""

import itertools
import os
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from figure_samples import VISION, faults, lab
from report.drawing import COLOURS, WIDTH, direct_labels, forest, save_figure
from report.figures import FIGURES

SUFFIXES = ("svg", "pdf", "png")


def figure():
    fig = Figure(figsize=(3, 2))
    ax = fig.subplots()
    ax.plot([0, 1], [1, 3], label="line")
    ax.fill_between([0, 1], [1, 2], alpha=0.3)
    ax.set(title="Title $x^2$", xlabel="something long enough to move the layout")
    fig.legend(loc="outside right upper")
    return fig


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_saving_returns_the_figure_and_writes_readable_files(tmp_path):
    fig = figure()
    assert save_figure(fig, "a", tmp_path / "new" / "folder") is fig
    files = contents(tmp_path / "new" / "folder")
    assert set(files) == {"a.svg", "a.pdf", "a.png", "a.csv"}
    assert xml.etree.ElementTree.fromstring(files["a.svg"]).tag.endswith("svg")
    assert files["a.pdf"].startswith(b"%PDF") and b"%%EOF" in files["a.pdf"][-8:]
    assert files["a.png"][16:24] == (600).to_bytes(4, "big") + (400).to_bytes(4, "big")


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    fig = figure()
    for folder, drawn in (("first", fig), ("again", fig), ("redrawn", figure())):
        save_figure(drawn, "a", tmp_path / folder)
    script = "import sys; sys.path[:0] = ['tests']; from test_plots import *;"
    script += "save_figure(figure(), 'a', sys.argv[1])"
    environment = os.environ | {"PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "86400"}
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "elsewhere")],
        cwd=Path(__file__).parent.parent,
        env=environment,
        check=True,
    )
    first = contents(tmp_path / "first")
    for folder in ("again", "redrawn", "elsewhere"):
        assert contents(tmp_path / folder) == first


def test_the_folder_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_FIGURES", str(tmp_path / "there"))
    save_figure(figure(), "a")
    assert set(contents(tmp_path / "there")) == {f"a.{suffix}" for suffix in (*SUFFIXES, "csv")}
    monkeypatch.delenv("OCND_FIGURES")
    monkeypatch.chdir(tmp_path)
    save_figure(figure(), "a")
    assert set(contents(tmp_path / "figures")) == {f"a.{suffix}" for suffix in (*SUFFIXES, "csv")}


@pytest.fixture
def changed(tmp_path):
    """A figure that is to take the place of an older one, of whose files the contents are known."""
    save_figure(figure(), "a", tmp_path)
    fig = figure()
    fig.axes[0].plot([0, 1], [5, 2])
    return fig, contents(tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_format_that_fails_leaves_the_old_files(tmp_path, changed, suffix):
    fig, before = changed
    draw = fig.savefig

    def savefig(target, format, **options):
        if format == suffix:
            target.write(b"half")
            raise RuntimeError("no ink")
        draw(target, format=format, **options)

    fig.savefig = savefig
    with pytest.raises(RuntimeError, match="no ink"):
        save_figure(fig, "a", tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_nothing_half_written(tmp_path, changed, monkeypatch, step):
    fig, before = changed

    def fail(*args):
        raise OSError("no space left")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="no space left"):
        save_figure(fig, "a", tmp_path)
    monkeypatch.undo()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["", "..", "a/b", "/a", "a.svg"])
def test_a_name_that_is_no_plain_word_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="letters, digits"):
        save_figure(figure(), name, tmp_path)
    assert not contents(tmp_path)


@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart_with_any_vision(vision):
    # 2.3 is just noticeable side by side; marks that lie apart need several times as much
    crops = {COLOURS["original"], COLOURS["masked"]}  # in figures of their own
    for group in (set(COLOURS.values()) - crops, crops | {COLOURS["control"], COLOURS["ink"]}):
        seen = {colour: lab(colour, vision) for colour in group}
        for (a, of_a), (b, of_b) in itertools.combinations(seen.items(), 2):
            assert np.linalg.norm(of_a - of_b) > 15, (a, b)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_labels_that_would_meet_are_moved_apart_on_any_scale(scale):
    ax = Figure(figsize=(WIDTH, 3)).subplots()
    ax.plot([0, 1], [0.01, 1])
    ax.set_yscale(scale)
    direct_labels(ax, 1, {"low": (0.5, "k"), "high": (0.5001, "k"), "far": (0.01, "k")})
    assert not faults(ax.figure)
    low, high = (text.xyann[1] for text in ax.texts if text.get_text() in ("low", "high"))
    assert low == pytest.approx(0.5) and high > low


def test_a_forest_draws_interval_and_printed_value_of_each_row_from_the_top():
    rows = pd.DataFrame(
        {"value": [0.2, 0.4], "low": [0.1, np.nan], "high": [0.3, np.nan], "printed": [0.6, 0.7]},
        ["first", "second"],
    )
    forest(ax := Figure().subplots(), rows, zero=None)
    drawn = {(line.get_marker(), tuple(line.get_xdata())): line.get_ydata()[0] for line in ax.lines}
    assert drawn == {
        ("None", (0.1, 0.3)): 1, ("o", (0.2,)): 1, ("D", (0.6,)): 1, ("o", (0.4,)): 0,
        ("D", (0.7,)): 0,
    }  # fmt: skip
    assert [text.get_text() for text in ax.get_yticklabels()] == ["second", "first"]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_fits_the_page_and_its_text_can_be_read(name):
    fig = FIGURES[name]()
    assert fig.get_figwidth() == WIDTH
    assert not faults(fig)
