"""Chapter 1: points in the plane, where one can watch a detector work, and how one is judged.

A detector is a function here: points (n, 2) in, novelty (n,) out; above 0 it says "novel".
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.stats import auroc_half_width, metrics_against_ratio, seed_interval
from report.drawing import COLOURS, image_grid, interval, panels, titled
from report.source import record_of

Detector = Callable[[np.ndarray], np.ndarray]

SEEDS = range(10)  # of the points
PANEL_SEED = 7  # one on which every detector finds about as much as over all seeds
DATA_SEEDS = range(5)  # of the digits that contaminate
HALF_WIDTH = 3.6  # the pictures show the square [-3.6, 3.6] x [-3.6, 3.6]
GAMMA = 0.5  # one kernel width for all machines, so that they differ only in what they are shown
KNOWN, NOVEL = (0.0, 0.5), (1.9, 2.2)  # an anomaly with examples, and one that turns up later
CLASSES = ((-2.0, -1.0), (2.0, -1.0), (0.0, 2.4))
BETWEEN, BEYOND = (0.0, 0.1), (2.7, -2.8)
SHARES = (0.0, 0.05, 0.1, 0.2)  # of other digits among the training images
PICTURES = "cifar10/ae/truck/0"  # a record that keeps test images: ten normal, ten novel
SETTINGS = {
    "supervised": "labels: SVM", "tree": "labels: decision tree",
    "network": "labels: neural network", "regression": "labels: regression",
    "one_class": "normal only: OC-SVM", "unsupervised": "no labels: forest",
    "unsupervised_svm": "no labels: OC-SVM",
}  # fmt: skip

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


def doubting_classifier(x: np.ndarray, y: np.ndarray) -> Detector:
    """1 - the largest class probability, shifted so that 5 % of `x` (n, 2) are called novel."""
    certainty = LogisticRegression().fit(x, y).predict_proba
    threshold = np.quantile(certainty(x).max(1), 0.05)
    return lambda points: threshold - certainty(points).max(1)


def labelling_detectors(normal: np.ndarray, known: np.ndarray, seed: int) -> dict[str, Detector]:
    """Detectors that see normal (n, 2) and known (m, 2) labelled, normal only, or both mixed."""
    x, y = np.r_[normal, known], np.repeat([0, 1], [len(normal), len(known)])
    share = len(known) / len(x)
    forest = IsolationForest(contamination=share, random_state=seed).fit(x)
    tree = DecisionTreeClassifier(class_weight="balanced", random_state=seed).fit(x, y)
    network = MLPClassifier((32, 32), max_iter=1000, random_state=seed).fit(x, y)
    regression = LogisticRegression(class_weight="balanced").fit(x, y)
    return {
        "supervised": SVC(gamma=GAMMA, class_weight="balanced").fit(x, y).decision_function,
        "one_class": one_class_svm(normal),
        "unsupervised": lambda points: -forest.decision_function(points),
        "unsupervised_svm": one_class_svm(x, nu=share),
        "tree": lambda points: tree.predict_proba(points)[:, 1] - 0.5,
        "network": lambda points: network.predict_proba(points)[:, 1] - 0.5,
        "regression": lambda points: regression.predict_proba(points)[:, 1] - 0.5,
    }


# --- tables --------------------------------------------------------------------------------------


@cache
def labelling_table() -> pd.DataFrame:
    """Each setting on fresh points, one row for a seed, setting and kind of anomaly.

    Columns: seed, setting, anomaly ("known" or "novel"), and in [0, 1] auroc, recall, false_alarms.
    """
    rows, y = [], np.repeat([0, 1], 500)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        detectors = labelling_detectors(crescent(200, rng), blob(20, KNOWN, rng), seed)
        points = np.r_[crescent(500, rng), blob(500, KNOWN, rng), blob(500, NOVEL, rng)]
        found = {name: np.split(detector(points), 3) for name, detector in detectors.items()}
        for setting, kind in product(found, ("known", "novel")):
            score = np.r_[found[setting][0], found[setting][1 + (kind == "novel")]]
            shares = [np.mean(score[y == k] > 0) for k in (1, 0)]
            rows.append((seed, setting, kind, roc_auc_score(y, score), *shares))
    columns = ["seed", "setting", "anomaly", "auroc", "recall", "false_alarms"]
    return pd.DataFrame(rows, columns=columns)


def labelling_means() -> pd.DataFrame:
    """`labelling_table` in words, indexed by setting and anomaly: means over seeds, intervals."""
    groups = labelling_table().drop(columns="seed").groupby(["setting", "anomaly"])
    return groups.agg(lambda values: _mean(values, ".2f"))


def settings_table() -> pd.DataFrame:
    """For a page: the AUROC of both anomalies and the share of the new one that is found."""
    table = labelling_means().unstack().loc[list(SETTINGS)].rename(SETTINGS).rename_axis(None)
    return pd.DataFrame({
        "AUROC known": table["auroc", "known"],
        "AUROC new": table["auroc", "novel"],
        "new found": table["recall", "novel"],
    })  # fmt: skip


def _mean(values: Iterable[float], form: str) -> str:
    return interval(*np.clip(seed_interval(values), 0, 1), form)


def novelty_scores(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """OC-SVM on the principal components of images, uint8 (N, C, H, W): novelty of `test`, (n,)."""
    train, test = (x.reshape(len(x), -1) / 255 for x in (train, test))
    pca = PCA(0.95).fit(train)
    machine = OneClassSVM(nu=0.1).fit(pca.transform(train))
    return -machine.decision_function(pca.transform(test))


@cache
def contamination_table() -> pd.DataFrame:
    """Mean AUROC over the ten digits when others are among the training images, unnoticed.

    A row a seed, which draws the other digits; a column a share of SHARES.
    """
    images, rows = load_images("digits"), []
    for seed, k in product(DATA_SEEDS, range(10)):
        split = one_class_split(images, k, seed)
        others = images.x_train[images.y_train != k]
        others = others[np.random.default_rng(seed).permutation(len(others))]
        for share in SHARES:
            added = others[: round(share * len(split.x_train) / (1 - share))]
            score = novelty_scores(np.concatenate([split.x_train, added]), split.x_test)
            rows.append((seed, share, roc_auc_score(split.y_test, score)))
    table = pd.DataFrame(rows, columns=["seed", "share", "auroc"])
    return table.pivot_table(index="seed", columns="share", values="auroc")


def example() -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) and scores (N,) of the test images when digit 8 is normal."""
    split = one_class_split(load_images("digits"), 8, 0)
    return split.y_test, novelty_scores(split.x_train, split.x_test)


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there."""
    found = {
        f"{setting}_{anomaly}_{column}": text
        for (setting, anomaly), row in labelling_means().iterrows()
        for column, text in row.items()
    }
    for share, column in contamination_table().items():
        found[f"contaminated_{100 * share:.0f}"] = _mean(column, ".3f")
    table = metrics_against_ratio(*example(), [1 / 9, 9]).set_axis(["rare", "common"])
    found |= {f"{kind}_{name}": x for kind, row in table.iterrows() for name, x in row.items()}
    for percent in (65, 90):
        found[f"width_{percent}"] = float(auroc_half_width(percent / 100, 1000, 9000))
    return found | {"seeds": len(SEEDS), "data_seeds": len(DATA_SEEDS)}


# --- figures -------------------------------------------------------------------------------------

POINTS = {  # role: colour, marker
    "normal": ("normal", "o"), "no label": ("unlabelled", "o"), "known anomaly": ("known", "s"),
    "novel": ("novel", "^"),
}  # fmt: skip


def found_text(detector: Detector, **points: np.ndarray) -> str:
    """How many points of each kind, each (n, 2), a detector calls novel."""
    return "\n".join(
        f"found: {np.sum(detector(xy) > 0)} of {len(xy)} {role}" for role, xy in points.items()
    )


def _planes(message: str, pictures: Mapping[str, tuple[str, Detector, Mapping]]) -> Figure:
    """One picture a panel: its title, what is written below, the detector, points by role."""
    fig, axes = panels(message, 3.55, pictures, sharex=True)
    x, y = np.meshgrid(*[np.linspace(-HALF_WIDTH, HALF_WIDTH, 101)] * 2)
    handles = {}
    for ax, (text, detector, points) in zip(axes, pictures.values(), strict=True):
        novelty = detector(np.c_[x.ravel(), y.ravel()]).reshape(x.shape)
        inside = [min(novelty.min(), 0) - 1, 0]
        ax.contourf(x, y, novelty, inside, colors=[COLOURS["normal"]], alpha=0.12)
        ax.contour(x, y, novelty, [0], colors=[COLOURS["ink"]], linewidths=1.3)
        for role, xy in points.items():
            colour, marker = POINTS[role]
            style = {"marker": marker, "c": COLOURS[colour], "ec": "white", "lw": 0.4}
            handles[role] = ax.scatter(*xy.T, 16, **style)
        ax.set(aspect="equal", xticks=[], yticks=[])
        ax.set_xlabel(text, loc="left")
        ax.spines[:].set_visible(True)
    handles["boundary"] = axes[0].plot([], [], color=COLOURS["ink"], lw=1.3)[0]
    fig.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))
    return fig


def labelling() -> Figure:
    """What each labelling setting learns from, its boundary, and the anomaly that comes later."""
    rng = np.random.default_rng(PANEL_SEED)
    normal, known, novel = crescent(200, rng), blob(20, KNOWN, rng), blob(20, NOVEL, rng)
    detectors = labelling_detectors(normal, known, PANEL_SEED)
    views = {
        "supervised": {"normal": normal, "known anomaly": known},
        "one_class": {"normal": normal},
        "unsupervised": {"no label": np.r_[normal, known]},
    }
    pictures = {}
    for name, points in views.items():
        text = found_text(detectors[name], known=known, novel=novel)
        title = name.capitalize().replace("_", "-")
        pictures[title] = text, detectors[name], points | {"novel": novel}
    return _planes("Only a boundary around the normal points sees both anomalies", pictures)


def class_count() -> Figure:
    """The same points with one normal class, with three, and with three and their labels."""
    rng = np.random.default_rng(0)
    train = [blob(80, centre, rng) for centre in CLASSES]
    test = [blob(60, centre, rng) for centre in CLASSES]
    new = np.r_[blob(30, BETWEEN, rng), blob(30, BEYOND, rng)]
    pooled, labels = np.concatenate(train), np.repeat(range(len(train)), 80)

    detectors = {
        "One normal class": (1, one_class_svm(train[0])),
        "Three, pooled": (3, one_class_svm(pooled)),
        "Three, with class labels": (3, doubting_classifier(pooled, labels)),
    }
    pictures = {}
    for title, (classes, detector) in detectors.items():
        novel = np.concatenate([*test[classes:], new])
        points = {"normal": np.concatenate(test[:classes]), "novel": novel}
        pictures[title] = found_text(detector, novel=novel), detector, points
    return _planes("A classifier has no doubt far beyond its last class", pictures)


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


FIGURES = {
    "novelty-labelling": labelling,
    "novelty-samples": samples,
    "novelty-class-count": class_count,
}
