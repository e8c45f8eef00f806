"""The VGG11 experiments: what they learn, refuse and write down."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ocnd_lib import classifier, experiments, training
from ocnd_lib.classifier import Recipe, fit, imbalance_experiment, logits, one_cycle
from ocnd_lib.data import load_images
from ocnd_lib.records import read_record


@pytest.fixture(scope="module")
def two_kinds():
    """Dark noise is class 0, bright noise class 1."""
    rng = np.random.default_rng(0)
    y = np.arange(64) % 2
    x = rng.integers(0, 100, (64, 1, 32, 32)) + 150 * y[:, None, None, None]
    return x.astype(np.uint8), y


@pytest.fixture(scope="module")
def few_digits():
    digits = load_images("digits")
    parts = {n: getattr(digits, n)[:120] for n in ("x_train", "y_train", "x_test", "y_test")}
    return replace(digits, **parts)


def test_it_learns_an_easy_task_and_scores_in_the_right_direction(two_kinds):
    x, y = two_kinds
    recipe = Recipe(epochs=6, batch_size=16, augment=False, width=16)
    model, curves = fit(x, y, recipe, seed=0)
    score = classifier.novel_score(logits(model, x))
    assert score[y == 1].min() > score[y == 0].max()
    assert curves[-1]["train_loss"] < curves[0]["train_loss"]
    assert [point["epoch"] for point in curves] == [1, 2, 3, 4, 5, 6]


def test_test_images_do_not_influence_training(few_digits):
    recipe = Recipe(epochs=1, batch_size=40, width=8)
    _, arrays = imbalance_experiment(few_digits, 0, 0, 30, recipe)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(few_digits.x_test))
    moved = replace(few_digits, x_test=few_digits.x_test[order], y_test=few_digits.y_test[order])
    _, again = imbalance_experiment(moved, 0, 0, 30, recipe)
    assert np.allclose(arrays["score"][order], again["score"], atol=1e-5)


def test_balanced_weights_make_the_rare_class_count(two_kinds):
    x, y = two_kinds
    rare = np.r_[np.flatnonzero(y == 0)[:2], np.flatnonzero(y == 1)]
    x, y = x[rare], y[rare]
    seen = {}
    for weight in ("none", "balanced"):
        losses = []
        original = torch.nn.functional.cross_entropy

        def spy(output, labels, weights, losses=losses, original=original):
            losses.append(weights)
            return original(output, labels, weights)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(classifier.F, "cross_entropy", spy)
            fit(x, y, Recipe(epochs=1, class_weight=weight, width=8), seed=0)
        seen[weight] = losses[0]
    assert seen["none"] is None
    counts = np.bincount(y)
    assert np.allclose(seen["balanced"].numpy() * counts, len(y) / 2)


def test_the_learning_rate_rises_then_falls_to_nothing():
    rate = np.array([one_cycle(t) for t in np.linspace(0, 1, 101)])
    assert rate[0] == 0 and rate.argmax() == 20 and rate[20] == 1 and rate[-1] == 0
    assert (np.diff(rate[:21]) > 0).all() and (np.diff(rate[20:]) < 0).all()


def test_a_cell_is_run_once_and_says_what_it_was(few_digits, tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "load_images", lambda name: few_digits)
    cell = "digits/vgg11+batch_size=40+epochs=1+ratio=30+width=8/0/0"
    record = experiments.run_cell(cell, tmp_path / "records")
    assert record["parameters"]["ratio"] == 30 and not record["parameters"]["batch_norm"]
    assert record["parameters"]["epochs"] == 1
    assert record["data_fingerprint"] == few_digits.fingerprint
    assert sum(map(sum, record["metrics"]["confusion"])) == len(few_digits.y_test)

    def never(*_):
        raise AssertionError("a finished cell was run again")

    parameters = experiments.METHODS["vgg11"].parameters
    monkeypatch.setitem(experiments.METHODS, "vgg11", experiments.Method(never, parameters))
    again = experiments.run_cell(cell, tmp_path / "records")
    assert again == read_record(cell, tmp_path / "records")


@pytest.mark.bf16
def test_steps_learn_in_half_precision(two_kinds):
    x, y = two_kinds
    recipe = Recipe(epochs=4, batch_size=16, augment=False, width=8)
    found = {}
    for precision in ("bf16", "fp32"):
        hardware = training.choose_hardware("cpu", precision)
        model, curves = fit(x, y, recipe, seed=0, hardware=hardware)
        found[precision] = logits(model, x, hardware)
        assert curves[-1]["train_loss"] < curves[0]["train_loss"]
        assert {each.dtype for each in model.parameters()} == {torch.float32}
    assert not np.array_equal(found["bf16"], found["fp32"])
    assert str(training.choose_hardware("cpu")) == "cpu bfloat16"
