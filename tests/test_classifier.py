"""The VGG11 experiments: what they learn, refuse and write down."""

from dataclasses import replace

import numpy as np
import pytest

from ocnd_lib import classifier
from ocnd_lib.classifier import Recipe, fit, imbalance_experiment, logits
from ocnd_lib.data import load_images
from ocnd_lib.training import choose_hardware


@pytest.fixture(scope="module")
def two_kinds():
    """Dark noise is class 0, bright noise class 1."""
    rng = np.random.default_rng(0)
    y = np.arange(64) % 2
    x = rng.integers(0, 100, (64, 1, 32, 32)) + 150 * y[:, None, None, None]
    return x.astype(np.uint8), y


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_learns_an_easy_task_and_scores_in_the_right_direction(two_kinds, precision):
    x, y = two_kinds
    recipe = Recipe(epochs=6, batch_size=16, augment=False, width=16)
    hardware = choose_hardware("cpu", precision)
    model, curves = fit(x, y, recipe, seed=0, hardware=hardware)
    score = classifier.novel_score(logits(model, x, hardware))
    assert score[y == 1].min() > score[y == 0].max()
    assert np.array_equal(logits(model.train(), x, hardware), logits(model.eval(), x, hardware))
    assert curves[-1]["train_loss"] < curves[0]["train_loss"]


def test_test_images_do_not_influence_training():
    digits = load_images("digits")
    parts = {n: getattr(digits, n)[:120] for n in ("x_train", "y_train", "x_test", "y_test")}
    few_digits = replace(digits, **parts)
    recipe = Recipe(epochs=1, batch_size=40, width=8)
    record, arrays = imbalance_experiment(few_digits, 0, 0, 30, recipe)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(few_digits.x_test))
    moved = replace(few_digits, x_test=few_digits.x_test[order], y_test=few_digits.y_test[order])
    _, again = imbalance_experiment(moved, 0, 0, 30, recipe)
    assert np.allclose(arrays["score"][order], again["score"], atol=1e-5)
    recalls = [record["metrics"][f"{kind}_recall"] for kind in ("normal", "novel")]
    assert record["curves"][-1]["test_recall"] == pytest.approx(recalls)


def test_balanced_weights_make_the_rare_class_count(two_kinds, monkeypatch):
    x, y = two_kinds
    rare = np.r_[np.flatnonzero(y == 0)[:2], np.flatnonzero(y == 1)]
    x, y, seen, loss = x[rare], y[rare], [], classifier.F.cross_entropy
    monkeypatch.setattr(
        classifier.F, "cross_entropy", lambda *given: seen.append(given[2]) or loss(*given)
    )
    fit(x, y, Recipe(epochs=1, class_weight="balanced", width=8), seed=0)
    assert np.allclose(seen[0].numpy() * np.bincount(y), len(y) / 2)
