"""What the tests of plots share: small data, every figure drawn from it, and eyes of all kinds."""

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from report import plots
from report.chapters import class_or_detail, ocgan, reconstruction
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

WATCHED = [
    {"epoch": 1, "mse": 0.5, "latent_discriminator": 0.7, "latent": 0.6},
    {"epoch": 2, "mse": 0.1, "latent_discriminator": 0.7, "latent": 0.6, "classifier": 0.3,
     "before_mining": 0.4, "after_mining": 0.1},
]  # fmt: skip
GREY = np.random.default_rng(0).integers(0, 256, (2, 12, 1, 32, 32), dtype=np.uint8)


GRID = pd.DataFrame(
    [[0.9, 0.81, 0.855], [0.7, np.nan, np.nan]],
    index=["OCGAN", "Deep SVDD"],
    columns=["airplane", "automobile", "mean"],
)
SCORES_MOVED = pd.DataFrame(
    {"published": [0.7, np.nan], "error": [0.6, 0.9], "in units of detail": [0.8, 0.5]},
    index=["airplane", "8"],
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


def square(*values):
    names = ["OCGAN", "Deep SVDD"]
    return pd.DataFrame(np.reshape(values, (2, 2)), names, names)


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
    {
        "ratio": [2.0, 1.0, 0.5, 3.0],
        "low": [1.5, 0.9, 0.4, 3.0],
        "high": [60.0, 1.2, 0.6, 3.0],
        "rounds": [3, 3, 3, 1],
    },
    ["OCGAN", "a name that is long, in two processes", "stacked", "once"],
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
    "redrawn": lambda: reconstruction.redrawn(
        GIVEN, {"code of 2": GIVEN, "code of 128": GIVEN // 2}, np.array([0, 0, 1, 1, 1])
    ),
    "latent_sweep": lambda: reconstruction.latent_sweep(SWEEP),
    "latent_sweep_of_one_seed": lambda: reconstruction.latent_sweep(
        SWEEP[SWEEP["seed"] == 0].drop(columns="validation")
    ),
    "random_decodes": lambda: reconstruction.random_decodes(
        {"autoencoder": np.repeat(GIVEN, 2, 0)[:9], "truck": np.zeros((9, 3, 32, 32), np.uint8)}
    ),
    "error_against_detail": lambda: class_or_detail.error_against_detail(SCORE + 2, SCORE + 3, Y),
    "note": lambda: plots.note("no record yet; make one with: ocnd run mnist/ae/8/0 " * 2),
    "architecture": ocgan.architecture,
    "training_watched": lambda: ocgan.training_watched(WATCHED),
    "mined_pairs": lambda: ocgan.mined_pairs(
        *GREY[:, :3], (np.array([0.9, 0.5, 1.0]), np.array([0.1, 0.2, 0.0]))
    ),
    "mined_pairs_unjudged": lambda: ocgan.mined_pairs(*GREY),
    "before_and_after": lambda: plots.before_and_after({"MNIST": SCORES_MOVED}),
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
    "image_rows": lambda: plots.image_rows({"grey": np.zeros((3, 1, 32, 32), np.uint8)}),
}
