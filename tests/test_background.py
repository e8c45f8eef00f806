"""The experiment on crops: arms differ by their pixels only, and cells say what they are."""

from dataclasses import replace

import numpy as np
import pytest

from crop_samples import squares
from data_prep import voc_animals
from ocnd_lib import background, classifier, experiments
from ocnd_lib.background import (
    RECIPE,
    SHOWN,
    VERSIONS,
    background_experiment,
    balanced_fold,
    versions,
)
from ocnd_lib.crops import Crops, mean_colour
from ocnd_lib.experiments import run_cell
from ocnd_lib.image_sets import MaskedSet
from ocnd_lib.records import parse_cell, read_arrays

SMALL = replace(
    RECIPE, batch_norm=True, width=2, epochs=2, batch_size=10, optimiser="sgd", learning_rate=0.05
)
CELL = "scenes/vgg11-masked+batch_norm=True+batch_size=10+epochs=2+width=2/all/0"


@pytest.fixture(scope="module")
def crops():
    return squares(10, 5, 2)


def test_versions_show_what_they_say(crops):
    x, o, m, _ = crops.train
    shown = versions(crops.train, mean_colour(x))
    assert list(shown) == list(SHOWN) == [*VERSIONS, "swapped"]
    inside = np.broadcast_to(m == 255, x.shape)
    assert np.array_equal(shown["original"], x) and np.array_equal(shown["masked"], o)
    assert np.array_equal(shown["background"], np.where(inside, 0, x))
    assert len(np.unique(shown["mean-fill"][:, 0][~inside[:, 0]])) == 1
    assert np.array_equal(shown["swapped"][inside], x[inside])  # `test_masked` looks at the others


def test_arms_of_a_seed_begin_alike_and_see_crops_in_the_same_order_and_other_seeds_do_not(crops):
    whole = [c._replace(o=c.x, m=np.full_like(c.m, 255)) for c in (crops.train, crops.test)]
    same = replace(crops, train=whole[0], test=whole[1])  # all is object: both arms see the same
    cells = (("original", 0), ("masked", 0), ("original", 1))
    first, twin, other = (background_experiment(same, *cell, SMALL)[0]["curves"] for cell in cells)
    losses = [[point["train_loss"] for point in curve] for curve in (first, twin, other)]
    assert losses[0] == losses[1] != losses[2]


def test_an_arm_is_trained_on_its_version_and_tested_on_all(crops):
    record, arrays = background_experiment(crops, "silhouette", 0, replace(SMALL, epochs=8))
    accuracy = record["metrics"]["accuracy"]
    assert accuracy == np.mean(arrays["predicted_silhouette"] == crops.test.y) > 0.3
    # it tells sizes apart, whatever the colours of the crops are
    inverse = [part._replace(x=255 - part.x) for part in (crops.train, crops.test)]
    wrong = inverse[1]._replace(y=crops.test.y[::-1])  # epochs are counted by training crops
    coloured = replace(crops, train=inverse[0], test=wrong)
    other, again = background_experiment(coloured, "silhouette", 0, replace(SMALL, epochs=8))
    assert other["metrics"]["epochs_to_80_train"] == record["metrics"]["epochs_to_80_train"] < 9
    assert np.array_equal(arrays["predicted_silhouette"], again["predicted_silhouette"])
    assert not np.array_equal(arrays["predicted_original"], again["predicted_original"])


def test_test_crops_choose_nothing(crops):
    other = replace(crops, test=crops.test._replace(x=255 - crops.test.x))
    curves = [background_experiment(c, "mean-fill", 0, SMALL)[0]["curves"] for c in (crops, other)]
    losses = [[point["train_loss"] for point in curve] for curve in curves]
    assert losses[0] == losses[1]


def test_a_classifier_is_given_the_seed_of_its_cell_and_the_settings_of_its_set(monkeypatch):
    seen, both = [], {background: "background_experiment", classifier: "imbalance_experiment"}
    for module, name in both.items():
        monkeypatch.setattr(module, name, lambda *given: seen.append(given[2:4]) or ({}, {}))
    for cell in map(parse_cell, ("scenes/vgg11-masked/all/3", "cifar10/vgg11/truck/3")):
        experiments.METHODS[cell.method].run(None, cell, None, None)
    assert seen == [(3, replace(RECIPE, epochs=10)), (3, 9.0)]


def test_a_stopped_cell_goes_on_bit_for_bit(crops, tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "make_scenes", {0.9: crops}.get)
    cell = CELL.replace("masked", "masked+background_correlation=0.9")
    folders = [tmp_path / name / "records" for name in ("straight", "stopped")]
    straight = run_cell(cell, folders[0])
    logits, calls = background.logits, []

    def killed(*arguments):
        calls.append(1)
        if len(calls) == 2:  # while it looks at the test crops after the second epoch
            raise KeyboardInterrupt
        return logits(*arguments)

    monkeypatch.setattr(background, "logits", killed)
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, folders[1])
    assert not list(folders[1].rglob("*.json"))
    calls[:] = [1, 1]  # from here on it lives
    resumed = run_cell(cell, folders[1])
    assert len(calls) == 2 + 1 + 7  # one epoch was left; then every version
    assert resumed["metrics"] == straight["metrics"]
    arrays = [read_arrays(cell, folder) for folder in folders]
    assert all(np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[0])
    losses = [[p["train_loss"] for p in record["curves"]] for record in (straight, resumed)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("scenes/vgg11-masked/car/0", "learns all classes at once; write 'all'"),
        ("cifar10/vgg11-masked/all/0", "needs pictures with masks, .*scenes, .*; not cifar10"),
        ("scenes/vgg11-blurred/all/0", "vgg11-masked, vgg11-mean-fill"),
        ("scenes/vgg11-masked+ratio=9/all/0", "has no parameter 'ratio'.*background_correlation"),
        ("scenes/vgg11-masked+background_correlation=2/all/0", "from 0 to 1, not 2"),
        ("mnist_on_cifar/vgg11-masked+background_correlation=1/all/0", "of scenes|only scenes"),
        ("scenes/vgg11-masked+fold=1/all/0", "scenes has no fold; only voc_animals has"),
        ("voc_animals/vgg11-masked/all/0", r"fold by fold; write \+fold=0 to \+fold=4"),
        ("voc_animals/vgg11-masked+fold=5/all/0", r"write \+fold=0 to \+fold=4"),
        ("voc_animals/kde+fold=2/dog/0", r"no parameter 'fold'.* fold 0 alone.* vgg11-masked"),
        ("voc_animals/looks+fold=0/dog/0", r"no parameter 'fold'.* fold 0 alone.* vgg11-masked"),
        ("cifar10/ae+version=masked/truck/0", "needs pictures with masks, .*scenes.*; not cifar10"),
        ("scenes/ae+version=blurred/car/0", "version.* masked, .*gradcam"),
        ("scenes/ae+version=original/car/0", "original"),
        ("scenes/looks+version=masked/car/0", "looks has no parameter 'version'"),
    ],
)
def test_bad_cells_are_refused_before_any_work(cell, message, tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "_load", lambda cell: pytest.fail("it was loaded"))
    with pytest.raises(ValueError, match=message):
        run_cell(cell, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def animals():
    """A set in five folds by photograph; the first pixel of a crop is its number."""
    rng = np.random.default_rng(1)
    y = np.repeat(np.arange(3), (60, 25, 40))
    photograph = np.arange(len(y)) // 2 + 1000 * y  # two crops each
    number = np.arange(len(y), dtype=np.uint8)[:, None, None, None]
    x = rng.integers(0, 256, (len(y), 3, 32, 32), np.uint8)
    x[:, :, :1, :1] = number
    m = np.zeros((len(y), 1, 32, 32), np.uint8)
    m[:, :, 8:24, 8:24] = 255
    crops = Crops(x, np.where(m == 255, x, 0), m, y)
    fold = voc_animals.folds(y, photograph)

    def part(k):
        return [Crops(*(a[rows] for a in crops)) for rows in (fold != k, fold == k)]

    parts = [MaskedSet("voc_animals", *part(k), tuple("abc"), f"{k}" * 16) for k in range(5)]
    return parts, photograph


def test_folds_share_no_photograph_and_have_as_many_of_each_class(animals):
    parts, photograph = animals
    tested, everything = [], np.concatenate([part.test.x[:, 0, 0, 0] for part in parts])
    for k in range(5):
        fold = balanced_fold(parts, k)
        train, test = fold.train.x[:, 0, 0, 0], fold.test.x[:, 0, 0, 0]
        assert not set(photograph[train]) & set(photograph[test])
        for y in (fold.train.y, fold.test.y):
            assert len(set(np.bincount(y, minlength=3))) == 1
        np.testing.assert_array_equal(everything[fold.rows], test)
        tested += test.tolist()
        other = [n for j in range(5) if j != k for n in balanced_fold(parts, j).test.x[:, 0, 0, 0]]
        assert sorted(other) == sorted(train)  # what is left out in one fold is left out in all
    assert len(tested) == len(set(tested)) >= 3 * 20
    lacking = replace(parts[1], test=Crops(*(a[parts[1].test.y > 0] for a in parts[1].test)))
    with pytest.raises(ValueError, match="fold 1 lacks a class"):
        balanced_fold([parts[0], lacking, *parts[2:]], 0)


def test_a_cell_of_a_fold_keeps_its_answers_and_rows_and_no_picture(animals, monkeypatch, tmp_path):
    parts, _ = animals
    monkeypatch.setattr(experiments, "load_masked", lambda name, fold: parts[fold])
    small = "batch_norm=True+batch_size=10+epochs=1+fold={}+width=2"
    names = [f"voc_animals/vgg11-masked+{small.format(k)}/all/0" for k in range(5)]
    records = [run_cell(name, tmp_path) for name in names]
    arrays = [read_arrays(name, tmp_path) for name in names]
    assert set(arrays[0]) == {"y_test", "rows", *(f"predicted_{v}" for v in SHOWN)}
    assert all(array.ndim == 1 for array in arrays[0].values())
    assert len({record["data_fingerprint"] for record in records}) == 5
    for record, fold in zip(records, arrays, strict=True):
        right = fold["predicted_masked"] == fold["y_test"]
        assert right.mean() == pytest.approx(record["metrics"]["accuracy"])
