"""Chapter 1: points in the plane, where one can watch a detector work, and how one is judged.

A detector is a function here: points (n, 2) in, novelty (n,) out; above 0 it says "novel".
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.records import read_arrays
from ocnd_lib.stats import auroc_half_width, metrics_against_ratio, seed_interval
from report.drawing import COLOURS, WIDTH, direct_labels, image_grid, interval
from report.source import NoRecords

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
    classifier = LogisticRegression().fit(x, y)

    def doubt(points):
        return 1 - classifier.predict_proba(points).max(axis=1)

    threshold = np.quantile(doubt(x), 0.95)
    return lambda points: doubt(points) - threshold


def labelling_detectors(normal: np.ndarray, known: np.ndarray, seed: int) -> dict[str, Detector]:
    """Detectors that see normal (n, 2) and known (m, 2) labelled, normal only, or both mixed."""
    x, y = np.r_[normal, known], np.repeat([0, 1], [len(normal), len(known)])
    share = len(known) / len(x)
    forest = IsolationForest(contamination=share, random_state=seed).fit(x)
    classifiers = {
        "tree": DecisionTreeClassifier(class_weight="balanced", random_state=seed),
        "network": MLPClassifier((32, 32), max_iter=1000, random_state=seed),
        "regression": LogisticRegression(class_weight="balanced"),
    }
    return {
        "supervised": SVC(gamma=GAMMA, class_weight="balanced").fit(x, y).decision_function,
        **{name: _half(classifier.fit(x, y)) for name, classifier in classifiers.items()},
        "one_class": one_class_svm(normal),
        "unsupervised": lambda points: -forest.decision_function(points),
        "unsupervised_svm": one_class_svm(x, nu=share),
    }


def _half(classifier) -> Detector:
    return lambda points: classifier.predict_proba(points)[:, 1] - 0.5


def auroc(normal: np.ndarray, novel: np.ndarray) -> float:
    """AUROC from the novelty of normal (n,) and novel (m,) points."""
    return roc_auc_score(np.repeat([0, 1], [len(normal), len(novel)]), np.r_[normal, novel])


# --- tables --------------------------------------------------------------------------------------


@cache
def labelling_table() -> pd.DataFrame:
    """Each setting on fresh points, one row for a seed, setting and kind of anomaly.

    Columns: seed, setting, anomaly ("known" or "novel"), and in [0, 1] auroc, recall, false_alarms.
    """
    rows = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        detectors = labelling_detectors(crescent(200, rng), blob(20, KNOWN, rng), seed)
        normal = crescent(500, rng)
        anomalies = {"known": blob(500, KNOWN, rng), "novel": blob(500, NOVEL, rng)}
        for setting, detector in detectors.items():
            usual = detector(normal)
            for kind, points in anomalies.items():
                unusual = detector(points)
                shares = np.mean(unusual > 0), np.mean(usual > 0)
                rows.append((seed, setting, kind, auroc(usual, unusual), *shares))
    columns = ["seed", "setting", "anomaly", "auroc", "recall", "false_alarms"]
    return pd.DataFrame(rows, columns=columns)


def settings_table() -> pd.DataFrame:
    """`labelling_table` for a page: means over seeds with Student's interval."""
    names = {
        "supervised": "labels: SVM",
        "tree": "labels: decision tree",
        "network": "labels: neural network",
        "regression": "labels: regression",
        "one_class": "normal only: OC-SVM",
        "unsupervised": "no labels: forest",
        "unsupervised_svm": "no labels: OC-SVM",
    }
    columns = {
        "AUROC known": "known_auroc", "AUROC new": "novel_auroc", "new found": "novel_recall",
    }  # fmt: skip
    texts = _labelling_texts()
    return pd.DataFrame(
        {title: [texts[f"{name}_{key}"] for name in names] for title, key in columns.items()},
        index=list(names.values()),
    )


def _labelling_texts() -> dict[str, str]:
    return {
        f"{setting}_{anomaly}_{column}": _mean(rows[column], ".2f")
        for (setting, anomaly), rows in labelling_table().groupby(["setting", "anomaly"])
        for column in ("auroc", "recall", "false_alarms")
    }


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
    images = load_images("digits")
    found = np.empty((len(DATA_SEEDS), len(SHARES), 10))
    for seed, k in np.ndindex(len(DATA_SEEDS), 10):
        split = one_class_split(images, k, seed)
        others = images.x_train[images.y_train != k]
        others = others[np.random.default_rng(seed).permutation(len(others))]
        for i, share in enumerate(SHARES):
            added = others[: round(share * len(split.x_train) / (1 - share))]
            score = novelty_scores(np.concatenate([split.x_train, added]), split.x_test)
            found[seed, i, k] = roc_auc_score(split.y_test, score)
    return pd.DataFrame(found.mean(2), DATA_SEEDS, SHARES)


@cache
def example() -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) and scores (N,) of the test images when digit 8 is normal."""
    split = one_class_split(load_images("digits"), 8, 0)
    return split.y_test, novelty_scores(split.x_train, split.x_test)


def numbers() -> dict[str, object]:
    """Every number of the page's sentences, by its name there."""
    found: dict[str, object] = _labelling_texts()
    found |= {
        f"contaminated_{100 * share:.0f}": _mean(column, ".3f")
        for share, column in contamination_table().items()
    }
    rare, common = metrics_against_ratio(*example(), [1 / 9, 9]).to_dict("records")
    found |= {f"rare_{name}": value for name, value in rare.items()}
    found |= {f"common_{name}": value for name, value in common.items()}
    for percent in (65, 90):
        found[f"width_{percent}"] = float(auroc_half_width(percent / 100, 1000, 9000))
    return found | {"seeds": len(SEEDS), "data_seeds": len(DATA_SEEDS)}


# --- figures -------------------------------------------------------------------------------------

# role: colour, marker, label
POINTS = {
    "normal": ("normal", "o", "normal"),
    "normal_2": ("normal", "s", "normal, class 2"),
    "normal_3": ("normal", "D", "normal, class 3"),
    "unlabelled": ("unlabelled", "o", "no label"),
    "known": ("known", "s", "known anomaly"),
    "novel": ("novel", "^", "novel"),
}


def novelty_map(detector: Detector, steps: int = 101) -> np.ndarray:
    """Novelty over the square of the pictures, (steps, steps); the first row is the lowest."""
    axis = np.linspace(-HALF_WIDTH, HALF_WIDTH, steps)
    return detector(np.dstack(np.meshgrid(axis, axis)).reshape(-1, 2)).reshape(steps, steps)


def found_text(detector: Detector, **points: np.ndarray) -> str:
    """How many points of each kind, each (n, 2), a detector calls novel."""
    return "\n".join(
        f"found: {np.sum(detector(xy) > 0)} of {len(xy)} {role}" for role, xy in points.items()
    )


def _planes(message: str, panels: Mapping[str, tuple[str, Detector, Mapping]]) -> Figure:
    """One picture a panel: its title, what is written below, the detector, points by role."""
    fig = Figure(figsize=(WIDTH, 3.55))
    axis = (-HALF_WIDTH, HALF_WIDTH)
    for ax, (title, panel) in zip(fig.subplots(1, len(panels)), panels.items(), strict=True):
        text, detector, points = panel
        novelty = novelty_map(detector)
        grid = np.linspace(*axis, len(novelty))
        inside = [min(novelty.min(), 0) - 1, 0]
        ax.contourf(grid, grid, novelty, inside, colors=[COLOURS["normal"]], alpha=0.12)
        ax.contour(grid, grid, novelty, [0], colors=[COLOURS["ink"]], linewidths=1.3)
        for role, xy in points.items():
            colour, marker, _ = POINTS[role]
            ax.scatter(*xy.T, 16, COLOURS[colour], marker=marker, ec="white", lw=0.4)
        ax.set(title=title, xlim=axis, ylim=axis, aspect="equal", xticks=[], yticks=[])
        ax.set_xlabel(text, loc="left")
        ax.spines[:].set_visible(True)
    fig.suptitle(message, x=0.01, ha="left", weight="bold")
    shown = [role for role in POINTS if any(role in points for *_, points in panels.values())]
    handles = [
        Line2D([], [], ls="", marker=marker, color=COLOURS[colour], label=label)
        for colour, marker, label in map(POINTS.get, shown)
    ]
    handles.append(Line2D([], [], color=COLOURS["ink"], lw=1.3, label="boundary"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.2)
    return fig


def labelling() -> Figure:
    """What each labelling setting learns from, its boundary, and the anomaly that comes later."""
    rng = np.random.default_rng(PANEL_SEED)
    normal, known, novel = crescent(200, rng), blob(20, KNOWN, rng), blob(20, NOVEL, rng)
    detectors = labelling_detectors(normal, known, PANEL_SEED)
    views = {
        "supervised": ("Supervised", {"normal": normal, "known": known}),
        "one_class": ("One-class", {"normal": normal}),
        "unsupervised": ("Unsupervised", {"unlabelled": np.r_[normal, known]}),
    }
    panels = {}
    for name, (title, points) in views.items():
        text = found_text(detectors[name], known=known, novel=novel)
        panels[title] = (text, detectors[name], points | {"novel": novel})
    return _planes("Only a boundary around the normal points sees both anomalies", panels)


def class_count() -> Figure:
    """The same points with one normal class, with three, and with three and their labels."""
    rng = np.random.default_rng(0)
    train = [blob(80, centre, rng) for centre in CLASSES]
    test = [blob(60, centre, rng) for centre in CLASSES]
    new = np.r_[blob(30, BETWEEN, rng), blob(30, BEYOND, rng)]
    pooled, labels = np.concatenate(train), np.repeat(range(len(train)), 80)

    def panel(classes: int, detector: Detector) -> tuple[str, Detector, dict]:
        novel = np.concatenate([*test[classes:], new])
        roles = ("normal", "normal_2", "normal_3")[:classes]
        points = dict(zip(roles, test, strict=False)) | {"novel": novel}
        return found_text(detector, novel=novel), detector, points

    panels = {
        "One normal class": panel(1, one_class_svm(train[0])),
        "Three, pooled": panel(3, one_class_svm(pooled)),
        "Three, with class labels": panel(3, doubting_classifier(pooled, labels)),
    }
    return _planes("A classifier has no doubt far beyond its last class", panels)


def samples() -> Figure:
    """Photographs: normal ones, novelties, and normal ones that were damaged."""
    arrays = read_arrays(PICTURES)
    if "picture_given" not in arrays:
        raise NoRecords(f"no record yet; make one with: ocnd run {PICTURES}")
    given = arrays["picture_given"]  # two of each class, trucks last
    trucks = given[-2:]
    damaged = np.tile(trucks, (3, 1, 1, 1))
    noise = np.random.default_rng(0).integers(0, 256, trucks.shape, dtype=np.uint8)
    damaged[0, :, :, 16:] = 0
    damaged[1] = np.where(noise[1] > 160, noise[1], trucks[1])
    damaged[2] = 255 - trucks[0]
    damaged[3] = np.roll(trucks[1], (5, 16), (1, 2))
    damaged[4] = trucks[0] // 8
    damaged[5] = noise[0]
    fig = Figure(figsize=(WIDTH, 3.3))
    rows = {"normal:\ntrucks": trucks, "novelty:\nanother class": given[4:16:2]}
    image_grid(fig, rows | {"outlier:\na damaged file": damaged})
    message = "A novelty is plausible, an outlier should not be there"
    fig.suptitle(message, x=0.01, ha="left", weight="bold")
    return fig


def contamination() -> Figure:
    """AUROC against the share of anomalies among the training images."""
    table = contamination_table()
    ax = (fig := Figure(figsize=(WIDTH, 2.7))).subplots()
    at = 100 * np.array(SHARES)
    ax.plot(at, table.T, color=COLOURS["ocsvm"], lw=0.7, alpha=0.5)
    ax.plot(at, table.mean(), "o-", color=COLOURS["ocsvm"])
    for x, mean in zip(at, table.mean(), strict=True):
        ax.annotate(f"{mean:.3f}", (x, mean), (4, 5), textcoords="offset points")
    ax.set(xlabel="other digits among the training images, %", ylabel="mean AUROC, ten digits")
    ax.set(title="Unnoticed anomalies in training cost AUROC", ylim=(0.75, 1), xlim=(-0.7, 22))
    ax.grid(axis="y")
    return fig


def accuracy_against_ratio() -> Figure:
    """What each measure says of one detector as the class ratio of the test set moves."""
    table = metrics_against_ratio(*example(), np.geomspace(1 / 99, 99, 81))
    ax = (fig := Figure(figsize=(WIDTH, 3.3))).subplots()
    lines = {
        "auroc": ("auroc", "-", "AUROC"),
        "aupr": ("aupr", "-", "AUPR"),
        "accuracy": ("accuracy", "-", "accuracy"),
        "balanced_accuracy": ("balanced_accuracy", "-", "balanced accuracy"),
        "always_novel": ("accuracy", "--", "“always novel”"),
    }
    for column, (colour, style, _) in lines.items():
        ax.plot(table.ratio, table[column], style, color=COLOURS[colour])
    ax.set(xscale="log", ylim=(0, 1.03), xlim=(99, 1 / 99))
    ends = {label: (table[column][0], COLOURS[c]) for column, (c, _, label) in lines.items()}
    direct_labels(ax, 1 / 99, ends)  # where the lines lie furthest apart
    ticks = {99: "1 : 99", 9: "1 : 9", 1: "1 : 1", 1 / 9: "9 : 1", 1 / 99: "99 : 1"}
    ax.set_xticks(list(ticks), ticks.values(), minor=False)
    ax.minorticks_off()
    message = "The class ratio moves accuracy and AUPR, not the AUROC"
    ax.set(xlabel="normal : novel images in the test set", title=message)
    ax.grid(axis="y")
    return fig


def auroc_explained(y: np.ndarray, score: np.ndarray, threshold: float = 0.0) -> Figure:
    """Two score histograms with a threshold, and the ROC curve with its area.

    `y` (N,) in {0, 1}, `score` (N,), higher = more novel.
    """
    left, right = (fig := Figure(figsize=(WIDTH, 3.2))).subplots(1, 2, width_ratios=[1.25, 1])
    bins = np.linspace(score.min(), score.max(), 36)
    for label, role in ((0, "normal"), (1, "novel")):
        part = score[y == label]
        left.hist(part, bins, weights=np.full(len(part), 1 / len(part)), color=COLOURS[role],
                  alpha=0.65, label=f"{role} ({len(part):,})")  # fmt: skip
    left.axvline(threshold, color=COLOURS["ink"], lw=1.3)
    top = 1.15 * left.get_ylim()[1]
    for side, text in (("right", "called normal "), ("left", " called novel")):
        left.text(threshold, 0.98 * top, text, ha=side, va="top")
    left.set(xlabel="novelty score", ylabel="share of images", ylim=(0, top))
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    false_alarms, recall, _ = roc_curve(y, score)
    right.plot(false_alarms, recall, color=COLOURS["ink"])
    right.fill_between(false_alarms, recall, color=COLOURS["ink"], alpha=0.1, lw=0)
    right.plot([0, 1], [0, 1], ":", color=COLOURS["ink"], lw=0.8)
    point = [np.mean(score[y == label] > threshold) for label in (0, 1)]
    right.plot(*point, "o", color=COLOURS["ink"], ms=7)
    right.annotate("this threshold", point, (6, -14), textcoords="offset points")
    right.text(0.58, 0.3, f"area = {roc_auc_score(y, score):.3f}", ha="center")
    right.set(xlabel="normal images called novel", ylabel="novel images found", aspect="equal")
    right.set(title="ROC: every threshold", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return fig


FIGURES: dict[str, Callable[[], Figure]] = {
    "novelty-labelling": labelling,
    "novelty-samples": samples,
    "novelty-class-count": class_count,
    "novelty-contamination": contamination,
    "novelty-accuracy": accuracy_against_ratio,
}
