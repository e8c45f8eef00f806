"""Chapter 1: points in the plane, where one can watch a detector work, and how one is judged.

A detector is a function here: points (n, 2) in, novelty (n,) out; above 0 it says "novel".
"""

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from ocnd_lib.stats import auroc_half_width, seed_interval
from report.chapters import objections
from report.drawing import COLOURS, image_grid, interval, panels, titled
from report.source import record_of

Detector = Callable[[np.ndarray], np.ndarray]

SEEDS = range(10)  # of the points
PANEL_SEED = 7  # one on which every detector finds about as much as over all seeds
GAMMA = 0.5  # one kernel width for all machines, so that they differ only in what they are shown
KNOWN, NOVEL = (0.0, 0.5), (1.9, 2.2)  # an anomaly with examples, and one that turns up later
PICTURES = "cifar10/ae/truck/0"  # a record that keeps test images: ten normal, ten novel

# --- points and detectors ------------------------------------------------------------------------


def crescent(count: int, rng: np.random.Generator) -> np.ndarray:
    """The normal class: a noisy half circle, (count, 2)."""
    angle = rng.uniform(0, np.pi, count)
    arc = np.c_[2.2 * np.cos(angle), 2.2 * np.sin(angle) - 0.8]
    return arc + rng.normal(0, 0.25, (count, 2))


def blob(count: int, centre: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """A round cluster with standard deviation 0.3, (count, 2)."""
    return rng.normal(centre, 0.3, (count, 2))


def one_class_svm(x: np.ndarray, nu: float = 0.05) -> Detector:
    """OC-SVM fitted to `x` (n, 2); at most about a share `nu` of `x` is left outside."""
    machine = OneClassSVM(gamma=GAMMA, nu=nu).fit(x)
    return lambda points: -machine.decision_function(points)


def labelling_detectors(normal: np.ndarray, known: np.ndarray, seed: int) -> dict[str, Detector]:
    """Detectors that see normal (n, 2) and known (m, 2) labelled, normal only, or both mixed."""
    x, y = np.r_[normal, known], np.repeat([0, 1], [len(normal), len(known)])
    tree = DecisionTreeClassifier(class_weight="balanced", random_state=seed).fit(x, y)
    network = MLPClassifier((32, 32), max_iter=1000, random_state=seed).fit(x, y)
    regression = LogisticRegression(class_weight="balanced").fit(x, y)
    forest = IsolationForest(contamination=len(known) / len(x), random_state=seed).fit(x)
    return {
        "supervised": SVC(gamma=GAMMA, class_weight="balanced").fit(x, y).decision_function,
        "tree": lambda points: tree.predict_proba(points)[:, 1] - 0.5,
        "network": lambda points: network.predict_proba(points)[:, 1] - 0.5,
        "regression": lambda points: regression.predict_proba(points)[:, 1] - 0.5,
        "one_class": one_class_svm(normal),
        "unsupervised": lambda points: -forest.decision_function(points),
    }


# --- tables --------------------------------------------------------------------------------------


@cache
def labelling_table() -> pd.DataFrame:
    """Each setting on fresh points, a row a setting and seed, all in [0, 1]: the AUROC of the known
    and of the novel anomaly, and the share of each that is found."""
    rows, y = {}, np.repeat([0, 1], 500)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        detectors = labelling_detectors(crescent(200, rng), blob(20, KNOWN, rng), seed)
        points = crescent(500, rng), blob(500, KNOWN, rng), blob(500, NOVEL, rng)
        for setting, detector in detectors.items():
            normal, known, novel = map(detector, points)
            rows[setting, seed] = {
                "known_auroc": roc_auc_score(y, np.r_[normal, known]),
                "novel_auroc": roc_auc_score(y, np.r_[normal, novel]),
                "known_found": np.mean(known > 0),
                "novel_found": np.mean(novel > 0),
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def settings_table() -> pd.DataFrame:
    """`labelling_table` in words: a row a setting, means over seeds and their intervals."""
    return labelling_table().groupby(level=0, sort=False).agg(lambda of: _mean(of, ".2f"))


def _mean(values: Iterable[float], form: str) -> str:
    return interval(*np.clip(seed_interval(values), 0, 1), form)


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there."""
    found: dict[str, object] = {"seeds": len(SEEDS)}
    for (setting, name), text in settings_table().stack().items():
        found[f"{setting}_{name}"] = text
    said = objections.numbers()
    found |= {name: said[name] for name in ("kde-mnist-1%", "kde-mnist-10%", "ocsvm-mnist-10%")}
    for percent in (65, 90):
        found[f"width_{percent}"] = float(auroc_half_width(percent / 100, 1000, 9000))
    return found


# --- figures -------------------------------------------------------------------------------------

def labelling() -> Figure:
    """What each labelling setting learns from, its boundary, and the anomaly that comes later."""
    rng = np.random.default_rng(PANEL_SEED)
    normal, known, novel = crescent(200, rng), blob(20, KNOWN, rng), blob(20, NOVEL, rng)
    detectors = labelling_detectors(normal, known, PANEL_SEED)
    learnt_from = {
        "supervised": {"normal": normal, "known anomaly": known},
        "one_class": {"normal": normal},
        "unsupervised": {"no label": np.r_[normal, known]},
    }
    styles = {  # of points: colour, marker
        "normal": ("normal", "o"), "no label": ("unlabelled", "o"), "known anomaly": ("known", "s"),
        "novel": ("novel", "^"),
    }  # fmt: skip
    message = "Only a boundary around the normal points sees both anomalies"
    fig, axes = panels(message, 3.55, ("Supervised", "One-class", "Unsupervised"), sharex=True)
    x, y = np.meshgrid(*[np.linspace(-3.6, 3.6, 101)] * 2)
    handles = {}
    for ax, (setting, points) in zip(axes, learnt_from.items(), strict=True):
        novelty = detectors[setting](np.c_[x.ravel(), y.ravel()]).reshape(x.shape)
        inside = [min(novelty.min(), 0) - 1, 0]
        ax.contourf(x, y, novelty, inside, colors=[COLOURS["normal"]], alpha=0.12)
        ax.contour(x, y, novelty, [0], colors=[COLOURS["ink"]], linewidths=1.3)
        for role, xy in (points | {"novel": novel}).items():
            colour, marker = styles[role]
            style = {"marker": marker, "c": COLOURS[colour], "ec": "white", "lw": 0.4}
            handles[role] = ax.scatter(*xy.T, 16, **style)
        found = [np.sum(detectors[setting](of) > 0) for of in (known, novel)]
        ax.set_xlabel("found: {} of 20 known\nfound: {} of 20 novel".format(*found), loc="left")
        ax.set(aspect="equal", xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
    handles["boundary"] = axes[0].plot([], [], color=COLOURS["ink"], lw=1.3)[0]
    fig.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))
    return fig


def samples() -> Figure:
    """Photographs: normal ones, novelties, and normal ones that were damaged."""
    given = record_of(PICTURES)["picture_given"]  # two of each class, trucks last
    one, two = given[-2:]
    noise = np.random.default_rng(0).integers(0, 256, (2, *one.shape), dtype=np.uint8)
    torn = np.where(np.arange(32) < 16, one, 0)
    noisy = np.where(noise[1] > 160, noise[1], two)
    damaged = np.stack([torn, noisy, 255 - one, np.roll(two, (5, 16), (1, 2)), one // 8, noise[0]])
    fig = titled("A novelty is plausible, an outlier should not be there", 3.3)
    rows = {"normal:\ntrucks": given[-2:], "novelty:\nanother class": given[4:16:2]}
    image_grid(fig, rows | {"outlier:\na damaged file": damaged})
    return fig


FIGURES = {"novelty-labelling": labelling, "novelty-samples": samples}
