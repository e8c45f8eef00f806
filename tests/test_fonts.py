"""Letters of figures: Korean is drawn on every machine, and text of an svg stays text."""

import warnings

from matplotlib.figure import Figure

from report.drawing import save_figure


def test_a_korean_title_is_drawn_without_empty_boxes_and_stays_text(tmp_path):
    fig = Figure(figsize=(3, 2))
    fig.subplots().set(title="정상과 이상", xlabel="AUROC ±0.5")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a letter that no font has
        save_figure(fig, "korean", tmp_path)
    text = (tmp_path / "korean.svg").read_text()
    assert "정상과 이상</text>" in text and "Noto Sans KR" in text
