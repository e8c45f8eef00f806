"""Points in the plane, where one can watch a detector work: the experiments of chapter 1.

A detector is a function here: points (n, 2) in, novelty (n,) out; above 0 it says "novel".
"""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC, OneClassSVM

from report.plots import HALF_WIDTH, Panel

Detector = Callable[[np.ndarray], np.ndarray]

GAMMA = 0.5  # one kernel width for all machines, so that they differ only in what they are shown
KNOWN, NOVEL = (0.0, 0.5), (1.9, 2.2)  # an anomaly with examples, and one that turns up later
CLASSES = ((-2.0, -1.0), (2.0, -1.0), (0.0, 2.4))
BETWEEN, BEYOND = (0.0, 0.1), (2.7, -2.8)


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


def novelty_map(detector: Detector, steps: int = 101) -> np.ndarray:
    """Novelty over the square of the pictures, (steps, steps); the first row is the lowest."""
    axis = np.linspace(-HALF_WIDTH, HALF_WIDTH, steps)
    return detector(np.dstack(np.meshgrid(axis, axis)).reshape(-1, 2)).reshape(steps, steps)


def auroc(normal: np.ndarray, novel: np.ndarray) -> float:
    """AUROC from the novelty of normal (n,) and novel (m,) points."""
    y = np.repeat([0, 1], [len(normal), len(novel)])
    return roc_auc_score(y, np.r_[normal, novel])


def _note(detector: Detector, **points: np.ndarray) -> str:
    counts = [f"{np.sum(detector(xy) > 0)} of {len(xy)} {role}" for role, xy in points.items()]
    return "outside:\n" + ",\n".join(counts)


def novelty_and_outlier_panels(seed: int) -> list[Panel]:
    """What a detector sees and what it is asked: two panels on novelties, two on outliers."""
    rng = np.random.default_rng(seed)
    normal, later, novel = crescent(150, rng), crescent(100, rng), blob(30, NOVEL, rng)
    outliers = 0.95 * rng.uniform(-HALF_WIDTH, HALF_WIDTH, (20, 2))
    mixed = np.r_[normal, outliers]
    clean, bent = one_class_svm(normal), one_class_svm(mixed, nu=len(outliers) / len(mixed))
    asked, truth = {"normal": later, "novel": novel}, {"normal": normal, "outlier": outliers}
    found = _note(clean, novel=novel, normal=later)
    sifted = _note(bent, outliers=outliers, normal=normal)
    return [
        Panel("Novelty, training", "normal data only", {"normal": normal}),
        Panel("Novelty, test", found, asked, novelty_map(clean)),
        Panel("Outliers, training", "data as they came", {"unlabelled": mixed}),
        Panel("Outliers, same data", sifted, truth, novelty_map(bent)),
    ]


def class_count_panels(seed: int) -> list[Panel]:
    """The same points with one normal class, with three, and with three and their labels."""
    rng = np.random.default_rng(seed)
    train = [blob(80, centre, rng) for centre in CLASSES]
    test = [blob(60, centre, rng) for centre in CLASSES]
    new = np.r_[blob(30, BETWEEN, rng), blob(30, BEYOND, rng)]
    pooled, labels = np.concatenate(train), np.repeat(range(len(train)), 80)

    def panel(title: str, classes: int, detector: Detector) -> Panel:
        novel = np.concatenate([*test[classes:], new])
        points = {f"normal_{k + 1}": test[k] for k in range(classes)} | {"novel": novel}
        area = auroc(detector(np.concatenate(test[:classes])), detector(novel))
        note = f"{_note(detector, novel=novel)}\nAUROC {area:.2f}"
        return Panel(title, note, points, novelty_map(detector))

    return [
        panel("One normal class", 1, one_class_svm(train[0])),
        panel("Three, pooled", 3, one_class_svm(pooled)),
        panel("Three, with class labels", 3, doubting_classifier(pooled, labels)),
    ]


def labelling_detectors(normal: np.ndarray, known: np.ndarray, seed: int) -> dict[str, Detector]:
    """Detectors that see normal (n, 2) and known (m, 2) labelled, normal only, or both mixed."""
    x, y = np.r_[normal, known], np.repeat([0, 1], [len(normal), len(known)])
    share = len(known) / len(x)
    forest = IsolationForest(contamination=share, random_state=seed).fit(x)
    return {
        "supervised": SVC(gamma=GAMMA, class_weight="balanced").fit(x, y).decision_function,
        "one_class": one_class_svm(normal),
        "unsupervised": lambda points: -forest.decision_function(points),
        "unsupervised_svm": one_class_svm(x, nu=share),
    }


def labelling_panels(seed: int) -> list[Panel]:
    """What each labelling setting learns from, its boundary, and the anomaly that comes later."""
    rng = np.random.default_rng(seed)
    normal, known, novel = crescent(200, rng), blob(20, KNOWN, rng), blob(20, NOVEL, rng)
    detectors = labelling_detectors(normal, known, seed)
    views = {
        "supervised": ("Supervised", {"normal": normal, "known": known}),
        "one_class": ("Semi-supervised (one-class)", {"normal": normal}),
        "unsupervised": ("Unsupervised", {"unlabelled": np.r_[normal, known]}),
    }
    panels = []
    for name, (title, points) in views.items():
        note = _note(detectors[name], known=known, novel=novel)
        panels.append(Panel(title, note, points | {"novel": novel}, novelty_map(detectors[name])))
    return panels


def labelling_table(seeds: Iterable[int]) -> pd.DataFrame:
    """Each setting on fresh points, one row for a seed, setting and kind of anomaly.

    Columns: seed, setting, anomaly ("known" or "novel"), and in [0, 1] auroc, recall, false_alarms.
    """
    rows = []
    for seed in seeds:
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
