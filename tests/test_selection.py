"""Settings are chosen by generated novelties of validation images, and by nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ocnd_lib import experiments
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detectors.kde import KDE
from ocnd_lib.records import parse_cell, read_arrays
from ocnd_lib.selection import erased, validation_aurocs
from ocnd_lib.training import choose_hardware


class Scores:
    """A detector that scores by a function of the images."""

    def __init__(self, function):
        self.novelty_score = lambda x: function(x.astype(float))


def images(count: int = 30, channels: int = 1) -> np.ndarray:
    """Noise that is bright at the left, dark at the right, and in no place as dark as 0."""
    x = np.random.default_rng(0).integers(60, 80, (count, channels, 32, 32))
    x[..., :8] += 100
    return x.astype(np.uint8)


@pytest.mark.parametrize(
    ("score", "known"),
    [
        (lambda x: np.zeros(len(x)), dict.fromkeys(("erased", "mirrored", "turned"), 0.5)),
        # light at the right betrays a mirrored image; turned by a quarter, a fourth of it is light
        (lambda x: x[..., 24:].mean((1, 2, 3)), {"mirrored": 1.0, "turned": 1.0}),
        # light at the bottom: only turned images have it, since left turned anticlockwise is below
        (lambda x: x[..., 24:, 8:24].mean((1, 2, 3)), {"mirrored": 0.5, "turned": 1.0}),
        # darkness: turning and mirroring keep the mean, erasing lowers it
        (lambda x: -x.mean((1, 2, 3)), {"erased": 1.0, "mirrored": 0.5, "turned": 0.5}),
        # the same detector with the wrong sign is wrong about all of them
        (lambda x: x.mean((1, 2, 3)), {"erased": 0.0, "mirrored": 0.5, "turned": 0.5}),
    ],
)
def test_each_kind_has_the_auroc_that_its_change_implies(score, known):
    found = validation_aurocs(Scores(score), images())
    for name, expected in known.items():
        assert found[name] == pytest.approx(expected), name
    three = [found[name] for name in ("erased", "mirrored", "turned")]
    assert found["mean"] == pytest.approx(np.mean(three))


def test_three_blocks_in_ten_become_the_darkest_value_of_their_image():
    x = images(200, channels=3)
    x[::2] += 50  # so that not all images have the same darkest value
    holes = erased(x, np.random.default_rng(0))
    whole = (holes == x.min((1, 2, 3), keepdims=True)).reshape(200, 3, 8, 4, 8, 4).all((1, 3, 5))
    inside = whole.repeat(4, 1).repeat(4, 2)[:, None]
    assert np.array_equal(np.where(inside, x, holes), x)
    assert whole.mean() == pytest.approx(0.3, abs=0.02)
    # other blocks in every image, so that none goes unnoticed always
    assert 0.2 < whole.mean(0).min() and whole.mean(0).max() < 0.4
    assert len(np.unique(whole.reshape(200, -1), axis=0)) == 200


def test_the_number_in_a_record_does_not_depend_on_the_test_images():
    digits = load_images("digits")
    cell = parse_cell("digits/kde/8/1")
    others = replace(digits, x_test=255 - digits.x_test[::-1], y_test=digits.y_test[::-1])
    records = [
        experiments.METHODS["kde"].run(data, cell, Path("unused"), choose_hardware("cpu"))[0]
        for data in (digits, others)
    ]
    assert records[0]["metrics"]["validation"] == records[1]["metrics"]["validation"]
    split = one_class_split(digits, 8, 1)  # that of the seed
    kde = KDE(seed=1).fit(split.x_train, x_validation=split.x_validation)
    expected = roc_auc_score(split.y_test, kde.novelty_score(split.x_test))
    assert records[0]["metrics"]["auroc"] == pytest.approx(expected, abs=1e-6)
    assert records[1]["metrics"]["auroc"] != records[0]["metrics"]["auroc"]


def test_of_a_dear_method_some_images_are_scored_and_kept_with_their_classes(tmp_path, monkeypatch):
    monkeypatch.setitem(experiments.SCORED, "kde", 200)
    record = experiments.run_cell("digits/kde/3/1", tmp_path)
    kept, labels = read_arrays("digits/kde/3/1", tmp_path), load_images("digits").y_test
    assert np.array_equal(kept["index"], np.sort(np.random.default_rng(1).permutation(497)[:200]))
    assert np.array_equal(kept["class_test"], labels[kept["index"]])
    auroc = roc_auc_score(kept["class_test"] != 3, kept["score"])
    assert record["metrics"]["auroc"] == pytest.approx(auroc, abs=1e-3)
