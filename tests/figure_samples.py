"""What the tests of plots share: small data, every figure drawn from it, and eyes of all kinds."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from report import plots
from report.plots import COLOURS, Panel

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


def faults(fig) -> list[str]:
    """What is wrong with the texts of a figure: too small, cut off, or on top of each other.

    Tick labels beyond the axes are not drawn, so they do not count.
    """
    texts, draw = {}, Text.draw

    def record(text, renderer):
        if text.get_visible() and text.get_text().strip():
            texts[text] = None
        draw(text, renderer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", record)
        fig.draw_without_rendering()
    page, boxes = fig.bbox, {text: text.get_window_extent() for text in texts}
    found = [f"too small: {text}" for text in texts if text.get_fontsize() < 9]
    for text, box in boxes.items():
        whole = page.x0 - 1 <= box.x0 and box.x1 <= page.x1 + 1
        if not (whole and page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1):
            found.append(f"cut off: {text}")
    for (a, of_a), (b, of_b) in itertools.combinations(boxes.items(), 2):
        width = min(of_a.x1, of_b.x1) - max(of_a.x0, of_b.x0)
        height = min(of_a.y1, of_b.y1) - max(of_a.y0, of_b.y0)
        if width >= 2 and height >= 2:
            found.append(f"overlapping: {a} and {b}")
    return found


def shown(fig):
    return [t.get_text() for t in fig.findobj(Text)]


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
        ("accuracy", "deck, as printed", 0.9523, np.nan, np.nan),
        ("accuracy", "VGG11", 0.95, 0.94, 0.97),
        ("accuracy", "VGG11 with batch norm", 0.96, 0.95, 0.97),
        ("normal images found", "deck, as printed", 0.5721, np.nan, np.nan),
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


GIVEN = np.arange(5 * 32 * 32).reshape(5, 1, 32, 32).astype(np.uint8)
SWEEP = pd.DataFrame(
    [
        (size, seed, 0.1 / size + seed / 100, 0.3 / size + seed / 100, 0.9 - size / 1000, 0.8)
        for size in (2, 16, 128)
        for seed in (0, 1)
    ],
    columns=["latent_dim", "seed", "normal", "novel", "auroc", "validation"],
)
DETAIL = pd.DataFrame(
    [
        *((0.579, 0.682), (0.263, 0.364), (0.651, 0.672), (0.503, 0.572), (0.704, 0.72)),
        *((0.478, 0.554), (0.573, 0.638), (0.382, 0.478), (0.582, 0.722), (0.285, 0.375)),
        (0.9, np.nan),
    ],
    [*"airplane automobile bird cat deer dog frog horse ship truck".split(), "unknown"],
    columns=["detail", "ours"],
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
        *(("autoencoder", str(k), s, 0.9 + k / 100 + s / 50) for k in (2, 8) for s in (0, 1)),
        *(("+ latent", "2", 0, 0.95), ("+ latent", "2", 1, 0.97), ("+ latent", "8", 1, 0.91)),
    ],
    columns=["variant", "class", "seed", "auroc"],
)
PRINTED_PARTS = {"autoencoder": 0.957, "+ latent": 0.959, "+ visual": 0.971}


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
WEAKER[["weaker", "low", "high"]] = (WEAKER[["weaker", "low", "high"]] / 4).clip(0, 1)


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
        ("MNIST", "centre map", "its own base GAN", 0.01, -0.01, 0.03, 3),
        ("MNIST", "learned map", "its own base GAN", 0.02, 0.01, 0.03, 2),
        ("MNIST", "learned map", "centre map", np.nan, np.nan, np.nan, 0),
        ("CIFAR-10", "learned map", "centre map", -0.02, -0.03, -0.01, 2),
        ("CIFAR-10", "centre map", "its own base GAN", 0.02, 0.01, 0.03, 1),
    ],
    columns=["dataset", "variant", "against", "gain", "low", "high", "seeds"],
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
    "auroc_against_detail": lambda: plots.auroc_against_detail(
        {title: (DETAIL, "r = 0.97 [0.87, 0.99]") for title in ("MNIST", "CIFAR-10", "other")}
    ),
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
        {"MNIST": ABLATION, "CIFAR-10": ABLATION.replace({"2": "airplane", "8": "automobile"})},
        list(PRINTED_PARTS),
        {"MNIST": PRINTED_PARTS},
    ),
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
