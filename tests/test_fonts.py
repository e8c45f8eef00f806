"""Figures are the same on every machine: letters of Korean, text of an svg, settings of others."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

from matplotlib.figure import Figure

from report.drawing import panels, save_figure

ROOT = Path(__file__).parents[1]


def test_a_korean_title_is_drawn_without_empty_boxes_and_stays_text(tmp_path):
    fig = Figure(figsize=(3, 2))
    fig.subplots().set(title="정상과 이상", xlabel="AUROC ±0.5")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # matplotlib warns of a letter that no font has
        save_figure(fig, "korean", tmp_path)
    text = (tmp_path / "korean.svg").read_text()
    assert "정상과 이상</text>" in text and "Noto Sans KR" in text


def test_a_user_with_settings_of_matplotlib_gets_the_same_figures(tmp_path):
    code = (
        "fig, (ax,) = panels('A title', 2, ['one']); ax.plot([1, 2], label='a'); ax.legend()\n"
        "save_figure(fig, 'f', folder)"
    )
    theirs = tmp_path / "matplotlibrc"
    theirs.write_text("text.usetex: True\nfont.size: 30\naxes.grid: True\nlines.linestyle: :\n")
    begin = f"from report.drawing import panels, save_figure; folder = {str(tmp_path / 'theirs')!r}"
    environment = os.environ | {"MATPLOTLIBRC": str(theirs)}
    command = [sys.executable, "-c", f"{begin}\n{code}"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    exec(code, {"panels": panels, "save_figure": save_figure, "folder": tmp_path / "mine"})
    for suffix in ("svg", "pdf", "png"):
        assert len({(tmp_path / n / f"f.{suffix}").read_bytes() for n in ("mine", "theirs")}) == 1
