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

GIVEN = np.arange(5 * 32 * 32).reshape(5, 1, 32, 32).astype(np.uint8)
SWEEP = pd.DataFrame(
    [
        (size, seed, 0.1 / size + seed / 100, 0.3 / size + seed / 100, 0.9 - size / 1000, 0.8)
        for size in (2, 16, 128)
        for seed in (0, 1)
    ],
    columns=["latent_dim", "seed", "normal", "novel", "auroc", "validation"],
)
NEAR = {
    "held-out normal images": np.array([0.1, 0.2, 0.24]),
    "novel images": np.array([0.3, 0.5, 0.4]),
    "random codes, code of 128": np.array([0.6]),
}


WATCHED = [
    {"epoch": 1, "mse": 0.5, "latent_discriminator": 0.7, "latent": 0.6},
    {"epoch": 2, "mse": 0.1, "latent_discriminator": 0.7, "latent": 0.6, "classifier": 0.3,
     "before_mining": 0.4, "after_mining": 0.1},
]  # fmt: skip
GREY = np.random.default_rng(0).integers(0, 256, (2, 12, 1, 32, 32), dtype=np.uint8)
ABLATION = pd.DataFrame(
    [
        *(("autoencoder", k, s, 0.9 + k / 100 + s / 50) for k in (2, 8) for s in (0, 1)),
        *(("+ latent", 2, 0, 0.95), ("+ latent", 2, 1, 0.97), ("+ latent", 8, 1, 0.91)),
    ],
    columns=["variant", "class", "seed", "auroc"],
)


GRID = pd.DataFrame(
    [[0.9, 0.81, 0.855], [0.7, np.nan, np.nan]],
    index=["OCGAN", "Deep SVDD"],
    columns=["airplane", "automobile", "mean"],
)
MEANS = pd.DataFrame(
    {"published": [0.9, np.nan], "mean": [0.8, np.nan], "low": [0.78, np.nan], "high": 0.83},
    index=["OCGAN", "AE"],
)
AGAINST = pd.DataFrame(
    {
        "mean_difference": [0.02, -0.1],
        "low": [-0.01, -0.12],
        "high": [0.05, -0.07],
        "wins": [6, 0],
        "losses": [4, 10],
        "p_holm": [0.3, 0.0001],
    },
    index=["VAE", "KDE"],
)
SEEDS = pd.DataFrame(
    [("OCGAN", "airplane", 0.6), ("OCGAN", "airplane", 0.7), ("Deep SVDD", "automobile", 0.5)],
    columns=["method", "normal_class", "auroc"],
)
COSTS = pd.DataFrame(
    {"mean": [0.6, 0.61, 0.9], "fit_seconds": [1, 1.1, 200], "macs": [1e4, np.nan, 1e9]},
    index=["KDE", "OC-SVM", "f-AnoGAN"],
)


ARMS = pd.DataFrame(
    {
        "mean": [0.8, 0.97],
        "low": [0.7, 0.96],
        "high": [0.85, 0.99],
        "values": [[0.8], [0.96, 0.98]],
    },
    index=["original", "masked"],
)
LEARNT = [
    [{"epoch": e, "train_accuracy": e / 4, "test_accuracy": e / 5 + k / 20} for e in (1, 2, 3)]
    for k in (0, 1)
]
CROSSED = pd.DataFrame(
    [[0.8, 0.1, 0.5], [0.2, 1.0, 0.9]],
    index=["original", "masked"],
    columns=["original", "masked", "silhouette"],
)
CORRELATED = pd.DataFrame(
    [
        *((c, "masked", s, 0.9 + s / 50) for c in (0, 0.5, 1) for s in (0, 1)),
        *((0, "original", 0, 0.6), (1, "original", 0, 0.95), (1, "original", 1, 0.97)),
    ],
    columns=["correlation", "arm", "seed", "accuracy"],
)


HEAT = np.tile(np.linspace(0, 1, 32), (5, 32, 1))
LIFTS = pd.DataFrame(
    [
        {"map": name, "baseline": baseline, "lift": lift, "low": lift - 0.1, "high": lift + 0.1}
        for lift, name in enumerate(plots.looks.MAPS)
        for baseline in plots.looks.BASELINES
    ]
)
LIFTS.loc[LIFTS["map"] == "classifier", ["low", "high"]] = np.nan
RANDOMISED = pd.DataFrame(
    [
        {"map": name, "step": step, "layer": layer, "mean": 0.5, "low": 0.4, "high": 0.6}
        for name in list(plots.looks.MAPS)[:4]
        for step, layer in enumerate(("head", "body.3.1", "body.3.0", "body.2.1", "body.0"))
    ]
)
WEAKER = LIFTS.groupby("map", sort=False).first().reset_index().rename(columns={"lift": "weaker"})
WEAKER[["weaker", "low", "high"]] /= 4


def square(*values):
    names = ["OCGAN", "Deep SVDD"]
    return pd.DataFrame(np.reshape(values, (2, 2)), names, names)


ATTENTION_CURVES = [
    {"epoch": 1, "phase": "base", "mse": 0.5},
    {"epoch": 2, "phase": "joint", "mse": 0.6, "lesson": 0.3, "classifier": 0.6, "mask_mean": 0.5,
     "mask_entropy": 0.9},
    {"epoch": 3, "phase": "masked", "mse": 0.2, "mask_mean": 0.4, "mask_entropy": 0.8},
]  # fmt: skip
FILM = np.linspace(0, 1, 10)[:, None, None, None] * np.ones((10, 2, 32, 32))
PANELS = pd.DataFrame(
    [
        (f"{name}", variant, seed, 0.9 + seed / 50)
        for name in ("MNIST, 2", "MNIST, 8", "CIFAR-10, airplane", "CIFAR-10, truck")
        for variant, seeds in (("OCGAN", 1), ("learned map", 3))
        for seed in range(seeds)
    ],
    columns=["panel", "variant", "seed", "auroc"],
)
GAINS = pd.DataFrame(
    [
        ("MNIST", "centre map", "its own base GAN", 0.01, -0.01, 0.03),
        ("MNIST", "learned map", "its own base GAN", 0.02, 0.01, 0.03),
        ("MNIST", "learned map", "centre map", np.nan, np.nan, np.nan),
        ("CIFAR-10", "learned map", "centre map", -0.02, -0.03, -0.01),
    ],
    columns=["dataset", "variant", "against", "gain", "low", "high"],
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


SPEED = pd.DataFrame(
    {"ratio": [2.0, 1.0, 0.5], "low": [1.5, 0.9, 0.4], "high": [60.0, 1.2, 0.6]},
    ["OCGAN", "a name that is long, in two processes", "stacked"],
)
TAKEN = pd.DataFrame(
    {
        "method": ["OC-SVM", "OCGAN", "OCGAN", "OCGAN"],
        "dataset": ["CIFAR-10", "MNIST", "MNIST", "MNIST"],
        "seconds": [2.0, 100.0, 200.0, 9000.0],
    }
)

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
    "redrawn": lambda: plots.redrawn(
        GIVEN, {"code of 2": GIVEN, "code of 128": GIVEN // 2}, np.array([0, 0, 1, 1, 1])
    ),
    "latent_sweep": lambda: plots.latent_sweep(SWEEP),
    "latent_sweep_of_one_seed": lambda: plots.latent_sweep(
        SWEEP[SWEEP["seed"] == 0].drop(columns="validation")
    ),
    "random_decodes": lambda: plots.random_decodes(
        {"autoencoder": np.repeat(GIVEN, 2, 0)[:9], "truck": np.zeros((9, 3, 32, 32), np.uint8)}
    ),
    "nearest_distances": lambda: plots.nearest_distances(NEAR, 0.25),
    "note": lambda: plots.note("no record yet; make one with: ocnd run mnist/ae/8/0 " * 2),
    "architecture": plots.architecture,
    "training_watched": lambda: plots.training_watched(
        {"without mining": WATCHED[:1], "with mining": WATCHED}
    ),
    "mined_pairs": lambda: plots.mined_pairs(
        *GREY[:, :3], (np.array([0.9, 0.5, 1.0]), np.array([0.1, 0.2, 0.0]))
    ),
    "mined_pairs_unjudged": lambda: plots.mined_pairs(*GREY),
    "scores_and_roc": lambda: plots.scores_and_roc(
        {"without mining": (Y, SCORE + 2), "with mining": (Y, np.arange(1, 8) / 10)}
    ),
    "ablation": lambda: plots.ablation(
        ABLATION, {"autoencoder": 0.957, "+ latent": 0.959, "+ visual": 0.971}
    ),
    "published_and_ours": lambda: plots.published_and_ours(GRID - 0.2, GRID),
    "means_with_intervals": lambda: plots.means_with_intervals({"MNIST": MEANS, "other": MEANS}),
    "class_ranks": lambda: plots.class_ranks(
        {"MNIST, published: p < 0.001": GRID.dropna(axis=1), "MNIST, ours": "nothing\nyet"}
    ),
    "one_against_all": lambda: plots.one_against_all(
        {"MNIST": AGAINST, "CIFAR-10": AGAINST[:0]}, "OCGAN"
    ),
    "duels": lambda: plots.duels(
        {
            "MNIST": (square(np.nan, 0.1, -0.1, np.nan), square(np.nan, 10, 0, np.nan)),
            "CIFAR-10": (square(*[np.nan] * 4), square(*[np.nan] * 4)),
        }
    ),
    "seed_strips": lambda: plots.seed_strips(SEEDS, GRID.iloc[:, :2], list(GRID.index)),
    "confusability_maps": lambda: plots.confusability_maps(
        {"MNIST, OCGAN": square(np.nan, 1.0, 0.4, np.nan), "MNIST, all": "nothing\nyet"}
    ),
    "auroc_against_cost": lambda: plots.auroc_against_cost({"MNIST": COSTS, "other": COSTS[:0]}),
    "speed_ratios": lambda: plots.speed_ratios({"training": SPEED, "data": SPEED[:1]}),
    "cell_seconds": lambda: plots.cell_seconds(TAKEN, ["MNIST", "CIFAR-10"]),
    "attention_system": plots.attention_system,
    "attention_training": lambda: plots.attention_training(ATTENTION_CURVES, (0.15, 0.6)),
    "map_film": lambda: plots.map_film(
        GIVEN[:2], {"guidance whole": FILM, "guidance masked": FILM[::-1]}, frames=4
    ),
    "attention_maps": lambda: plots.attention_maps(
        GIVEN, {"guidance whole": GIVEN / 255}, np.array([0, 0, 1, 1, 1])
    ),
    "part_scores": lambda: plots.part_scores(
        Y, {"score": SCORE, "base": SCORE + 2, "masked": SCORE**2, "area": Y * 0 + 0.4}
    ),
    "attention_ablation": lambda: plots.attention_ablation(PANELS, ["OCGAN", "learned map"]),
    "attention_gains": lambda: plots.attention_gains(GAINS, ["centre map", "learned map"]),
    "arm_accuracies": lambda: plots.arm_accuracies({"scenes": ARMS, "digits": "no record yet"}),
    "convergence": lambda: plots.convergence(
        {"scenes": {"original": LEARNT, "masked": LEARNT[:1]}, "digits": {"masked": LEARNT}}
    ),
    "convergence_of_one_run": lambda: plots.convergence({"live": {"masked": LEARNT[:1]}}),
    "versions_crossed": lambda: plots.versions_crossed(
        {"scenes": CROSSED, "digits": "no record yet"}
    ),
    "accuracy_against_correlation": lambda: plots.accuracy_against_correlation(CORRELATED),
    "accuracy_against_correlation_of_one_arm": lambda: plots.accuracy_against_correlation(
        CORRELATED[CORRELATED["arm"] == "masked"]
    ),
    "heat_rows": lambda: plots.heat_rows(
        GIVEN, {name: HEAT for name in plots.looks.MAPS}, np.array([0, 0, 1, 1, 1]), HEAT > 0.5
    ),
    "lift_dots": lambda: plots.lift_dots(
        {"digits": LIFTS, "scenes": LIFTS[:4], "MNIST": LIFTS, "MNIST on CIFAR-10": LIFTS},
        "pixel AUROC",
    ),
    "heat_checks": lambda: plots.heat_checks(LIFTS[LIFTS["baseline"] == "random"][:4], RANDOMISED),
    "weaker_maps": lambda: plots.weaker_maps(
        {name: WEAKER for name in ("digits", "CIFAR-10", "MNIST on CIFAR-10", "scenes", "COCO")}
    ),
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


# --- chapter 3 ----------------------------------------------------------------------------------


def test_under_each_reconstruction_stands_its_error_and_the_frame_tells_its_kind():
    fig = FIGURES["redrawn"]()
    given, same, half = np.array([ax for ax in fig.axes if ax.images]).reshape(3, 5)
    assert [ax.get_xlabel() for ax in given] == [""] * 5
    assert [ax.get_xlabel() for ax in same] == ["0.000"] * 5
    expected = np.square((GIVEN[0].astype(float) - GIVEN[0] // 2) / 127.5).mean()
    assert half[0].get_xlabel() == f"{expected:.3f}"
    frames = [to_rgb(ax.spines["top"].get_edgecolor()) for ax in half]
    assert frames == [to_rgb(COLOURS["normal"])] * 2 + [to_rgb(COLOURS["novel"])] * 3
    assert [given[k].get_title(loc="left") for k in (0, 2)] == ["normal", "novel"]


def test_a_latent_sweep_shows_means_over_seeds_within_their_intervals():
    errors, areas = FIGURES["latent_sweep"]().axes
    lines = {line.get_label(): line for ax in (errors, areas) for line in ax.lines}
    novel = lines["novel"]
    assert list(novel.get_xdata()) == [2, 16, 128]
    assert novel.get_ydata() == pytest.approx([0.3 / size + 0.005 for size in (2, 16, 128)])
    assert to_rgb(novel.get_color()) == to_rgb(COLOURS["novel"])
    assert lines["generated novelties"].get_ydata() == pytest.approx([0.8] * 3)
    (low, high) = errors.collections[0].get_segments()[0][:, 1]
    half = 12.706 * np.std([0.15, 0.16], ddof=1) / np.sqrt(2)  # Student's t, one degree of freedom
    assert (low, high) == pytest.approx((0.155 - half, 0.155 + half), rel=1e-3)


def test_a_latent_sweep_of_one_seed_has_no_intervals_and_no_exaggerated_axis():
    errors, areas = FIGURES["latent_sweep_of_one_seed"]().axes
    assert not errors.collections and not areas.collections
    assert len(areas.lines) == 1
    same = SWEEP[SWEEP["seed"] == 0].assign(auroc=[0.98, 0.981, 0.982])
    low, high = plots.latent_sweep(same.drop(columns="validation")).axes[1].get_ylim()
    assert high - low >= 0.05


def test_decodes_are_laid_out_row_by_row_in_grey_and_in_colour():
    grey, colour, empty = FIGURES["random_decodes"]().axes
    mosaic = grey.images[0].get_array()
    assert mosaic.shape == (96, 96) and colour.images[0].get_array().shape == (96, 96, 3)
    assert np.array_equal(mosaic[32:64, :32], GIVEN[1, 0])  # the fourth image opens the second row
    assert not empty.axison


def test_each_kind_of_image_has_its_median_and_the_band_ends_at_the_limit():
    ax = FIGURES["nearest_distances"]().axes[0]
    bars = [c.get_segments()[0][0, 0] for c in ax.collections if hasattr(c, "get_segments")]
    assert bars == pytest.approx([0.2, 0.4, 0.6])
    assert ax.patches[0].get_extents().x1 == pytest.approx(ax.transData.transform((0.25, 0))[0])
    colours = [to_rgb(line.get_color()) for line in ax.lines]
    assert colours == [to_rgb(COLOURS[name]) for name in ("normal", "novel", "ink")]


# --- chapter 4 ----------------------------------------------------------------------------------


def test_the_architecture_names_every_network_of_the_code():
    from ocnd_lib.detectors import ocgan

    model = ocgan.OCGAN()
    model.channels_ = 1
    words = {text.replace("\n", "") for text in shown(plots.architecture())}
    assert {*model._networks(), ocgan.mine.__name__} <= words


def test_training_shows_the_classifier_from_the_epoch_it_mines():
    _, parts, mining = FIGURES["training_watched"]().axes
    assert [list(line.get_xydata()[0]) for line in mining.lines] == [[2, 0.4], [2, 0.1]]
    assert [line.get_label() for line in parts.lines][:3] == [
        "latent_discriminator",
        "classifier",
        "latent",
    ]


def test_mined_images_stand_below_the_random_ones_with_their_answers():
    axes = FIGURES["mined_pairs"]().axes
    for k, answer in enumerate(("0.90", "0.50", "1.00", "0.10", "0.20", "0.00")):
        assert np.array_equal(axes[k].images[0].get_array(), GREY[k // 3, k % 3, 0])
        assert axes[k].get_xlabel() == answer


def test_each_model_has_its_histograms_and_its_curve():
    fig = FIGURES["scores_and_roc"]()
    assert "without mining\nAUROC 0.792" in shown(fig) and "with mining\nAUROC 1.000" in shown(fig)
    histograms = [ax for ax in fig.axes if ax.get_xscale() == "log"]
    for ax in histograms:
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(2)


def test_the_mean_of_an_ablation_takes_only_seeds_that_every_class_has():
    axes = FIGURES["ablation"]().axes
    assert [ax.get_title("left") for ax in axes] == ["2", "8", "mean of 2"]
    dots = {
        (ax.get_title("left"), int(line.get_xdata()[0])): line.get_ydata()
        for ax in axes
        for line in ax.lines
        if line.get_marker() == "."
    }
    assert dots["mean of 2", 1] == pytest.approx([(0.97 + 0.91) / 2])
    assert dots["mean of 2", 0] == pytest.approx([0.95, 0.97])
    assert ("2", 2) not in dots  # not run, so not drawn
    (printed,) = (line for line in axes[-1].lines if line.get_marker() == "D")
    assert list(printed.get_ydata()) == [0.957, 0.959, 0.971]


# --- chapter 5 ----------------------------------------------------------------------------------


def test_a_cell_shows_both_numbers_and_has_a_colour_only_with_both():
    ax = FIGURES["published_and_ours"]().axes[0]
    assert "0.700\n0.900" in [t.get_text() for t in ax.texts]
    assert [t.get_text() for t in ax.texts].count("\N{EN DASH}\n\N{EN DASH}") == 2
    values = ax.images[0].get_array()
    assert values[0, 0] == pytest.approx(0.2) and values.mask[1].tolist() == [False, True, True]


@pytest.mark.parametrize("vision", VISION)
def test_better_and_worse_are_told_apart_with_any_vision(vision):
    from ocnd_lib.plots.benchmark import DIVERGING

    for step in (0.1, 0.3, 0.5):
        below, above = (lab(DIVERGING(0.5 + side * step)[:3], vision) for side in (-0.99, 0.99))
        assert np.linalg.norm(below - above) > 15


def test_a_method_without_a_complete_row_has_no_dot():
    ax = FIGURES["means_with_intervals"]().axes[0]
    (dots,) = (c.lines[0] for c in ax.containers)
    assert np.isfinite(np.asarray(dots.get_xdata(), float)).tolist() == [True, False]
    assert dots.get_xdata()[0] == 0.8


def test_ranks_put_the_highest_first():
    ax = FIGURES["class_ranks"]().axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["OCGAN", "Deep SVDD"]
    means = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "|"]
    assert means == [1, 2]


def test_a_dot_is_filled_only_when_its_interval_leaves_out_zero():
    ax = FIGURES["one_against_all"]().axes[0]
    fill = {line.get_xdata()[0]: line.get_markerfacecolor() for line in ax.lines[:2]}
    assert fill[0.02] == "white" and fill[-0.1] != "white"
    assert {"6 : 4", "0 : 10", "0.300", "< 0.001"} <= {t.get_text() for t in ax.texts}


def test_seeds_stand_in_the_panel_of_their_class():
    airplane, automobile = FIGURES["seed_strips"]().axes[:2]
    ours = [list(ax.lines[1].get_xdata()) for ax in (airplane, automobile)]
    assert ours == [[0.6, 0.7], [0.5]]


def test_a_confusable_pair_is_in_percent():
    ax = FIGURES["confusability_maps"]().axes[0]
    assert [t.get_text() for t in ax.texts] == ["", "100", "40", ""]


def test_a_method_of_unknown_cost_is_left_out():
    seconds, macs = FIGURES["auroc_against_cost"]().axes[:2]
    assert list(seconds.lines[0].get_xdata()) == [1, 1.1, 200]
    assert list(macs.lines[0].get_xdata()) == [1e4, 1e9]
    assert "OC-SVM" not in [t.get_text() for t in macs.texts]


# --- chapter 7 ----------------------------------------------------------------------------------


def test_the_system_names_every_network_and_function_of_the_code():
    from ocnd_lib import attention, negatives
    from ocnd_lib.detectors.attention_gan import AttentionGAN

    model = AttentionGAN(classifier="generated")
    model.channels_ = 1
    parts = {name for name in model._networks() if name != "film"}
    functions = {attention.multiply, attention.attended_error, negatives.generated_negatives}
    parts |= {function.__name__ for function in functions}
    words = " ".join(text.replace("_\n", "_") for text in shown(plots.attention_system()))
    assert parts <= set(words.split())


def test_the_error_of_either_gan_and_the_map_are_drawn_where_they_learn():
    errors, lessons, maps = FIGURES["attention_training"]().axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in errors.lines}
    assert lines["base GAN"] == [[1, 0.5]] and lines["masked GAN"] == [[2, 0.6], [3, 0.2]]
    assert [line.get_label() for line in lessons.lines][:2] == ["lesson", "classifier"]
    entropy = {line.get_label(): list(line.get_ydata()) for line in maps.lines}
    assert entropy["mean"] == [0.5, 0.4] and entropy["entropy, bits a pixel"] == [0.9, 0.8]
    for ax in (errors, lessons, maps):
        dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert [line.get_xdata()[0] for line in dotted] == [1.5, 2.5]


def test_a_film_begins_with_its_first_frame_and_ends_with_its_last():
    axes = [ax for ax in FIGURES["map_film"]().axes if ax.images]
    assert len(axes) >= 4 * 5
    first, last = axes[:5], axes[10:15]
    assert np.array_equal(first[0].images[0].get_array(), GIVEN[0, 0])
    values = [float(ax.images[0].get_array()[0, 0]) for ax in first[1:]]
    assert values == pytest.approx([0, 3 / 9, 6 / 9, 1])
    assert [float(ax.images[0].get_array()[0, 0]) for ax in last[1:]] == pytest.approx(values[::-1])
    assert [ax.get_title() for ax in first] == ["", "before", "3", "6", "9"]


def test_maps_stand_over_what_they_leave_with_their_mean():
    axes = FIGURES["attention_maps"]().axes
    given, drawn, masked = axes[:5], axes[5:10], axes[10:15]
    for k in range(5):
        image = GIVEN[k, 0]
        assert np.array_equal(given[k].images[0].get_array(), image)
        assert np.array_equal(drawn[k].images[0].get_array(), image / 255)
        assert drawn[k].get_xlabel() == f"{(image / 255).mean():.2f}"
        assert np.array_equal(masked[k].images[0].get_array(), (image * (image / 255)).round())


def test_under_each_part_stands_its_auroc_and_all_images_are_in_the_bars():
    axes = FIGURES["part_scores"]().axes
    assert [ax.get_xlabel() for ax in axes] == [
        f"AUROC {roc_auc_score(Y, values):.3f}" for values in (SCORE, SCORE, SCORE**2, Y * 0)
    ]
    for ax in axes:
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(2)


def test_variants_of_one_seed_have_no_interval_and_those_of_three_do():
    axes = FIGURES["attention_ablation"]().axes
    assert len(axes) == 4
    for ax in axes:
        (bar,) = (b for b in ax.collections if len(b.get_segments()))
        assert bar.get_segments()[0][0][1] == 1  # of the learned map
        mean = next(line for line in ax.lines if line.get_markersize() == 7)
        assert mean.get_xdata()[0] == pytest.approx(0.9)


def test_a_gain_is_filled_only_when_its_interval_leaves_out_zero():
    axes = FIGURES["attention_gains"]().axes
    filled = {
        (ax.get_title("left"), float(line.get_ydata()[0])): line.get_markerfacecolor() != "white"
        for ax in axes
        for line in ax.lines
        if line.get_marker() == "o"
    }
    own, centre = "minus\nits own base GAN", "minus\ncentre map"
    assert filled == {
        (f"MNIST: {own}", 0): False,
        (f"MNIST: {own}", 1): True,
        (f"CIFAR-10: {centre}", 1): True,
    }


def test_each_arm_stands_at_its_accuracy_and_a_missing_one_is_said():
    fig = plots.arm_accuracies({"scenes": ARMS, "digits": "no record yet"})
    left, right = fig.axes
    lines = {tuple(line.get_xydata()[0]): line for line in left.lines}
    assert (0.8, 0) in lines and (0.97, 1) in lines
    assert [t.get_text() for t in left.get_yticklabels()] == ["original", "masked"]
    assert "no record yet" in [t.get_text() for t in right.texts]


def test_a_crossed_table_shows_every_number_in_its_place():
    (ax,) = plots.versions_crossed({"scenes": CROSSED}).axes
    shown = {text.get_position(): float(text.get_text()) for text in ax.texts}
    assert shown == {
        (j, i): 100 * CROSSED.iloc[i, j] for i, j in itertools.product(range(2), range(3))
    }
    framed = {(p.get_x() + 0.5, p.get_y() + 0.5) for p in ax.patches}
    assert framed == {(0, 0), (1, 1)}


def test_the_gap_is_taken_seed_by_seed():
    right = plots.accuracy_against_correlation(CORRELATED).axes[1]
    means = next(line for line in right.lines if line.get_marker() == "o").get_xydata()
    assert np.allclose(means, [[0, 0.3], [1, -0.05]])


def test_heat_maps_of_a_row_have_one_scale_and_an_outline():
    fig = plots.heat_rows(
        GIVEN[:2], {"critic": np.stack([HEAT[0], HEAT[0] / 4])}, np.array([0, 1]), HEAT[:2] > 0.5
    )
    given, _, strong, weak = fig.axes
    assert strong.images[0].get_clim() == weak.images[0].get_clim() == (0, 1)
    assert strong.collections and not given.collections
    dark = plots.heat_rows(GIVEN[:1], {"critic": np.zeros((1, 32, 32))}, np.array([0]))
    assert dark.axes[1].images[0].get_array().max() == 0 and not dark.axes[1].collections


def test_a_map_that_a_set_lacks_has_no_dot_and_no_interval_no_bar():
    _, few, _, many = FIGURES["lift_dots"]().axes
    assert [np.isfinite(line.get_xdata()).sum() for line in few.lines[:3]] == [2, 1, 1]
    assert [np.isfinite(line.get_xdata()).sum() for line in many.lines[:3]] == [5, 5, 5]
    assert [len(bars.get_segments()) for bars in many.collections] == [4, 4, 4]


# --- chapter 11 ----------------------------------------------------------------------------------


def test_a_ratio_is_filled_only_when_every_round_lies_on_one_side():
    training, data = FIGURES["speed_ratios"]().axes
    dots = [line for line in training.lines if line.get_marker() == "o"]
    assert [dot.get_xdata()[0] for dot in dots] == [2.0, 1.0, 0.5]
    faces = [to_rgb(dot.get_markerfacecolor()) for dot in dots]
    assert faces == [to_rgb(c) for c in (COLOURS["normal"], "white", COLOURS["novel"])]
    assert training.get_xlim() == data.get_xlim() and training.get_xlim()[1] > 60


def test_each_cell_is_a_dot_and_the_colour_of_a_data_set_is_its_own():
    ax = FIGURES["cell_seconds"]().axes[0]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    medians = [line for line in ax.lines if line.get_marker() == "|"]
    assert [list(dot.get_xdata()) for dot in dots] == [[100.0, 200.0, 9000.0], [2.0]]
    assert [m.get_xdata()[0] for m in medians] == [200.0, 2.0]
    assert [m.get_color() for m in medians] == [COLOURS["normal"], COLOURS["novel"]]
