"""What the tests of plots share: small data, every figure drawn from it, and eyes of all kinds."""

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from report import plots

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
        ("MNIST", "centre map", "its own base GAN", 0.01, -0.01, 0.03, 3),
        ("MNIST", "learned map", "its own base GAN", 0.02, 0.01, 0.03, 2),
        ("MNIST", "learned map", "centre map", np.nan, np.nan, np.nan, 0),
        ("CIFAR-10", "learned map", "centre map", -0.02, -0.03, -0.01, 2),
        ("CIFAR-10", "centre map", "its own base GAN", 0.02, 0.01, 0.03, 1),
    ],
    columns=["dataset", "variant", "against", "gain", "low", "high", "seeds"],
)


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
}
