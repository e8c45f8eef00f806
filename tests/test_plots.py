"""Figures: the same bytes every time, whole files, readable text, and the right data drawn."""

import itertools
import os
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from sklearn.metrics import roc_auc_score

from ocnd_lib import plots
from ocnd_lib.plots import COLOURS, Panel, save_figure

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


# --- save_figure --------------------------------------------------------------------------------


def test_saving_returns_the_figure_and_writes_three_readable_files(tmp_path):
    fig = figure()
    assert save_figure(fig, "a", tmp_path / "new" / "folder") is fig
    files = contents(tmp_path / "new" / "folder")
    assert set(files) == {"a.svg", "a.pdf", "a.png"}
    assert xml.etree.ElementTree.fromstring(files["a.svg"]).tag.endswith("svg")
    assert files["a.pdf"].startswith(b"%PDF") and b"%%EOF" in files["a.pdf"][-8:]
    assert files["a.png"][16:24] == (600).to_bytes(4, "big") + (400).to_bytes(4, "big")


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    fig = figure()
    for folder, drawn in (("first", fig), ("again", fig), ("redrawn", figure())):
        save_figure(drawn, "a", tmp_path / folder)
    script = "from tests.test_plots import *; save_figure(figure(), 'a', sys.argv[1])"
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
    assert set(contents(tmp_path / "there")) == {f"a.{suffix}" for suffix in SUFFIXES}
    monkeypatch.delenv("OCND_FIGURES")
    monkeypatch.chdir(tmp_path)
    save_figure(figure(), "a")
    assert set(contents(tmp_path / "figures")) == {f"a.{suffix}" for suffix in SUFFIXES}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_format_that_fails_leaves_the_old_files(tmp_path, suffix):
    save_figure(figure(), "a", tmp_path)
    before = contents(tmp_path)
    fig = figure()
    fig.axes[0].plot([0, 1], [5, 2])
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
def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch, step):
    save_figure(figure(), "a", tmp_path)
    before = contents(tmp_path)
    fig = figure()
    fig.axes[0].plot([0, 1], [5, 2])

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


# --- colours ------------------------------------------------------------------------------------

# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB
VISION = {
    "full": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
RGB_TO_XYZ = [[0.4339, 0.3763, 0.1899], [0.2127, 0.7152, 0.0722], [0.0178, 0.1095, 0.8727]]


def lab(colour, vision):
    """CIE Lab of a colour as seen with one kind of vision."""
    c = np.array(to_rgb(colour))
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    xyz = np.array(RGB_TO_XYZ) @ np.clip(np.array(VISION[vision]) @ linear, 0, 1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart_with_any_vision(vision):
    # 2.3 is just noticeable side by side; marks that lie apart need several times as much
    seen = {colour: lab(colour, vision) for colour in set(COLOURS.values())}
    for (a, of_a), (b, of_b) in itertools.combinations(seen.items(), 2):
        assert np.linalg.norm(of_a - of_b) > 15, (a, b)


# --- every figure function ----------------------------------------------------------------------

Y = np.array([0, 0, 0, 1, 1, 1, 1])
SCORE = np.array([-1.0, -0.5, 0.6, -0.2, 0.4, 0.6, 2.0])

SETTINGS = pd.DataFrame(
    {
        "seed": [0, 0, 1, 1],
        "setting": "one_class",
        "anomaly": ["known", "novel"] * 2,
        "auroc": [0.5, 0.9, 0.7, 1.0],
        "recall": [0.2, 0.8, 0.4, 1.0],
        "false_alarms": [0.1, 0.1, 0.3, 0.3],
    }
)
COUNTS = pd.DataFrame(
    [
        (protocol, "normal" if part != "test novel" and part != "unused" else "other", part, images)
        for protocol, novel in (("P1", 12), ("P2", 9000))
        for part, images in (
            *(("train", 4500), ("validation", 500), ("test normal", 1000)),
            *(("test novel", novel), ("unused", 54000 - novel)),
        )
    ],
    columns=["protocol", "classes", "part", "images"],
)
RATIOS = pd.DataFrame(
    {
        "ratio": [1 / 99, 1, 99],
        "accuracy": [0.2, 0.5, 0.8],
        "balanced_accuracy": 0.6,
        "aupr": [0.3, 0.6, 0.9],
        "auroc": 0.7,
        "always_novel": [0.01, 0.5, 0.99],
    }
)
WIDTHS = pd.DataFrame(
    {"test_set": "10 normal, 10 novel", "auroc": [0.5, 0.9], "half_width": [0.2, 0.1]}
)
AUROCS = pd.DataFrame(
    [
        (name, method, 0.8, 0.7, 0.95)
        for name in ("airplane", "truck")
        for method in ("ocsvm", "pca")
    ],
    columns=["name", "method", "auroc", "low", "high"],
)


CURVES = [
    [
        {"epoch": e, "test_accuracy": 0.9 + e / 100, "test_recall": [0.1 * e + k / 50, 0.99]}
        for e in (1, 2, 3)
    ]
    for k in (0, 1)
]
SHARES = pd.DataFrame(
    [
        ("accuracy", "deck, one run", 0.9523, np.nan, np.nan),
        ("accuracy", "VGG11", 0.95, 0.94, 0.97),
        ("accuracy", "VGG11 with batch norm", 0.96, 0.95, 0.97),
        ("normal images found", "deck, one run", 0.5721, np.nan, np.nan),
        ("normal images found", "VGG11", 0.7, 0.6, 0.75),
        ("normal images found", "VGG11 with batch norm", 0.8, 0.77, 0.82),
    ],
    columns=["quantity", "who", "value", "low", "high"],
)
GROWING = pd.DataFrame(
    [
        (ratio, quantity, value - k / 10, value - k / 10 - 0.02, value - k / 10 + 0.02)
        for k, ratio in enumerate((9.0, 30.0, 99.0))
        for quantity, value in (
            *(("accuracy", 0.93), ("AUROC", 0.94), ("normal images found", 0.5)),
            ("normal images found, threshold moved", 0.8),
        )
    ],
    columns=["ratio", "quantity", "value", "low", "high"],
)

POWER = pd.DataFrame(
    [(n, sd, n / 10 / (1 + 10 * sd)) for n in (2, 5, 8) for sd in (0.01, 0.03)],
    columns=["seeds", "sd", "power"],
)


def plane(steps=9):
    axis = np.linspace(-1, 1, steps)
    return axis[:, None] ** 2 + axis**2 - 0.5


def panels():
    points = np.array([[0.0, 1.0], [2.0, -1.0]])
    return [
        Panel("Empty", "nothing yet"),
        Panel("Full", "two\nlines", {"normal": points, "novel": points + 1}, plane()),
        Panel("Without boundary", "", {"outlier": points}),
    ]


FIGURES = {
    "plane_panels": lambda: plots.plane_panels(panels(), columns=3),
    "plane_panels_in_rows": lambda: plots.plane_panels(panels(), columns=2),
    "labelling_numbers": lambda: plots.labelling_numbers(SETTINGS, {"one_class": "one-class"}),
    "protocol_diagram": lambda: plots.protocol_diagram(
        COUNTS, {"normal": "Normal: automobile", "other": "Other classes"}
    ),
    "auroc_explained": lambda: plots.auroc_explained(Y, SCORE, 0.0),
    "accuracy_against_ratio": lambda: plots.accuracy_against_ratio(RATIOS, marked=9),
    "auroc_widths": lambda: plots.auroc_widths(WIDTHS, WIDTHS),
    "class_aurocs": lambda: plots.class_aurocs(AUROCS, {"ocsvm": "OC-SVM", "pca": "PCA"}),
    "learning_curves": lambda: plots.learning_curves({"VGG11": CURVES, "other": CURVES[:1]}),
    "confusion_matrices": lambda: plots.confusion_matrices(
        {"VGG11": [[572, 428], [49, 8951]], "VGG11 with batch norm": [[0, 1000], [0, 9000]]}
    ),
    "threshold_effect": lambda: plots.threshold_effect(
        Y, SCORE, {"as trained": 0.0, "imbalance undone": 0.3}
    ),
    "precision_recall": lambda: plots.precision_recall(
        {"VGG11": (Y, SCORE)}, {"VGG11": COLOURS["known"]}
    ),
    "deck_beside_ours": lambda: plots.deck_beside_ours(SHARES),
    "ratio_effect": lambda: plots.ratio_effect(GROWING),
    "class_differences": lambda: plots.class_differences(
        {"plane": 0.03, "truck": 0.19}, {"plane": 0.04, "truck": 0.05}
    ),
    "power_curves": lambda: plots.power_curves(POWER),
    "image_rows": lambda: plots.image_rows({"grey": np.zeros((3, 1, 32, 32), np.uint8)}),
}


@pytest.fixture(params=FIGURES)
def drawn(request, monkeypatch):
    """A figure and the texts that are really drawn: tick labels beyond the axes are not."""
    fig, texts = FIGURES[request.param](), {}
    draw = Text.draw

    def record(text, renderer):
        if text.get_visible() and text.get_text().strip():
            texts[text] = None
        draw(text, renderer)

    monkeypatch.setattr(Text, "draw", record)
    fig.draw_without_rendering()
    return fig, list(texts)


def shown(fig):
    return [t.get_text() for t in fig.findobj(Text)]


def test_a_figure_fits_the_page_and_its_text_is_readable(drawn):
    fig, texts = drawn
    assert fig.get_figwidth() == plots.WIDTH
    assert min(text.get_fontsize() for text in texts) >= 9


def test_no_text_is_cut_off_and_none_overlaps(drawn):
    fig, texts = drawn
    page = fig.bbox
    boxes = {text: text.get_window_extent() for text in texts}
    for text, box in boxes.items():
        assert page.x0 - 1 <= box.x0 and box.x1 <= page.x1 + 1, text
        assert page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1, text
    for (a, of_a), (b, of_b) in itertools.combinations(boxes.items(), 2):
        width = min(of_a.x1, of_b.x1) - max(of_a.x0, of_b.x0)
        height = min(of_a.y1, of_b.y1) - max(of_a.y0, of_b.y0)
        assert width < 2 or height < 2, (a, b)


def test_panels_show_their_points_and_the_zero_line():
    fig = plots.plane_panels(panels(), columns=2)
    empty, full, plain, unused = fig.axes
    assert not empty.collections and not unused.axison
    points = [c.get_offsets() for c in full.collections if isinstance(c, PathCollection)]
    assert np.array_equal(points, [panels()[1].points["normal"], panels()[1].points["novel"]])
    line = next(c for c in full.collections if not c.get_fill())
    radius = np.hypot(*line.get_paths()[0].vertices.T) / plots.HALF_WIDTH
    assert np.allclose(radius, np.sqrt(0.5), atol=0.05)
    assert len(plain.collections) == 1
    assert [t.get_text() for t in fig.legends[0].get_texts()] == [
        "normal",
        "outlier",
        "novel",
        "boundary",
    ]


def test_settings_show_means_within_their_intervals():
    left, right = FIGURES["labelling_numbers"]().axes
    big = {
        side: [line.get_xdata()[0] for line in ax.lines if line.get_markersize() == 7]
        for side, ax in (("auroc", left), ("shares", right))
    }
    assert big["auroc"] == pytest.approx([0.6, 0.95])
    assert big["shares"] == pytest.approx([0.3, 0.9, 0.2])


def test_protocol_bars_have_the_shares_and_numbers_of_the_table():
    fig = FIGURES["protocol_diagram"]()
    normal, other = fig.axes
    for ax, total, parts in ((normal, 6000, [4500, 500, 1000]), (other, 54000, None)):
        widths = [bar.get_width() for bar in ax.patches]
        assert sum(widths) == pytest.approx(2)
        if parts:
            assert widths[:3] == pytest.approx([n / total for n in parts])
    assert {"4,500", "500", "12", "9,000", "45,000"} <= set(shown(fig))
    assert "Other classes (54,000 images)" in shown(fig)


def test_the_area_drawn_is_sklearns():
    fig = FIGURES["auroc_explained"]()
    area = roc_auc_score(Y, SCORE)
    assert f"area = {area:.3f}" in shown(fig)
    (shade,) = (c for c in fig.axes[1].collections if isinstance(c, PolyCollection))
    x, y = shade.get_paths()[0].vertices.T
    assert abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2 == pytest.approx(area)
    (dot,) = (line for line in fig.axes[1].lines if line.get_marker() == "o")
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == pytest.approx((1 / 3, 3 / 4))


def test_histograms_show_shares_of_each_class():
    left = FIGURES["auroc_explained"]().axes[0]
    assert sum(bar.get_height() for bar in left.patches) == pytest.approx(2)


def test_ratio_lines_carry_the_table():
    ax = FIGURES["accuracy_against_ratio"]().axes[0]
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert lines["accuracy"] == pytest.approx(RATIOS.accuracy)
    assert lines["accuracy of “always novel”"] == pytest.approx(RATIOS.always_novel)
    assert 9 in [line.get_xdata()[0] for line in ax.lines]


def test_intervals_of_classes_reach_from_low_to_high():
    ax = FIGURES["class_aurocs"]().axes[0]
    bars = [c.get_segments() for c in ax.collections]
    assert np.allclose([segment[:, 0] for segments in bars for segment in segments], [0.7, 0.95])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["airplane", "truck"]


def test_image_rows_take_grey_and_coloured_images_and_rows_of_any_length():
    rng = np.random.default_rng(0)
    grey, colour = (
        rng.integers(0, 256, (n, c, 32, 32), dtype=np.uint8) for n, c in ((3, 1), (2, 3))
    )
    fig = plots.image_rows({"grey": grey, "colour": colour})
    images = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    assert len(images) == 5
    assert np.array_equal(images[0], grey[0, 0])
    assert np.array_equal(images[3], np.moveaxis(colour[0], 0, -1))


# --- chapter 2 ----------------------------------------------------------------------------------


def test_learning_curves_show_each_seed_and_their_mean_for_the_right_class():
    ax = FIGURES["learning_curves"]().axes[0]
    by_colour = {}
    for line in ax.lines:
        by_colour.setdefault(line.get_color(), []).append(line.get_ydata())
    normal = by_colour[COLOURS["normal"]]
    assert len(normal) == 3  # two seeds and their mean
    assert normal[-1] == pytest.approx([0.11, 0.21, 0.31])
    assert by_colour[COLOURS["novel"]][-1] == pytest.approx([0.99] * 3)
    assert by_colour[COLOURS["ink"]][-1] == pytest.approx([0.91, 0.92, 0.93])


def test_confusion_matrices_print_counts_and_shares_of_the_row():
    fig = FIGURES["confusion_matrices"]()
    texts = shown(fig)
    assert "572\n57.2% of row" in texts and "9,000\n100.0% of row" in texts
    assert np.allclose(
        fig.axes[0].images[0].get_array(), [[0.572, 0.428], [49 / 9000, 8951 / 9000]]
    )


def test_moving_the_threshold_up_finds_more_normal_images_and_fewer_novel_ones():
    fig = FIGURES["threshold_effect"]()
    lines = {line.get_label(): line.get_ydata() for line in fig.axes[1].lines}
    assert lines["normal"][0] < lines["normal"][-1] == 1
    assert lines["novel"][0] > lines["novel"][-1] == 0
    marked = [line.get_xdata()[0] for line in fig.axes[1].lines if line.get_linestyle() == "--"]
    assert marked == [0.0, 0.3]


def test_precision_of_a_random_answer_is_the_share_of_the_class():
    novel, normal = FIGURES["precision_recall"]().axes
    dotted = [
        line.get_ydata()[0] for ax in (novel, normal) for line in ax.lines
        if line.get_linestyle() == ":"
    ]  # fmt: skip
    assert dotted == pytest.approx([4 / 7, 3 / 7])


def test_the_decks_numbers_have_no_interval_and_ours_do():
    ax = FIGURES["deck_beside_ours"]().axes[0]
    widths = {}
    for container in ax.containers:
        segments = container[2][0].get_segments()
        widths[container.get_label()] = [s[1, 0] - s[0, 0] for s in segments]
    assert widths["deck, one run"] == pytest.approx([0, 0])
    assert widths["VGG11"] == pytest.approx([0.03, 0.15])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["accuracy", "normal images found"]


def test_labels_at_the_line_ends_are_moved_apart():
    fig = FIGURES["ratio_effect"]()
    fig.draw_without_rendering()
    heights = sorted(
        t.get_window_extent().y0 for t in fig.axes[0].texts if t.get_text() in ("accuracy", "AUROC")
    )
    assert heights[1] - heights[0] > 10


def test_a_difference_beyond_the_noise_of_the_test_images_is_marked():
    ax = FIGURES["class_differences"]().axes[0]
    dots = {line.get_label(): list(line.get_xdata()) for line in ax.lines}
    assert dots["difference, inside"] == [0.03] and dots["difference, outside"] == [0.19]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.08, 0.1])
