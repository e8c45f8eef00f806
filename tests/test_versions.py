"""Versions of pictures that one-class detectors see: each by its own mask or map, in every part."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from crop_samples import squares
from ocnd_lib import experiments, registry
from ocnd_lib.crops import Crops
from ocnd_lib.data import one_class_split
from ocnd_lib.detectors.kde import KDE
from ocnd_lib.detectors.ocgan import OCGAN
from ocnd_lib.heatmaps import turned_grad_cam
from ocnd_lib.records import read_arrays
from ocnd_lib.versions import TRUE, VERSIONS, by_maps, found, shown

SMALL = {"latent_dim": 4, "width": 4, "epochs": 1, "batch_size": 16}


@pytest.fixture(scope="module")
def crops():
    return squares(2, 40, 15, anywhere=18)


@pytest.fixture
def cells(crops, monkeypatch):
    """The same as what cells are run on, with detectors that learn little and soon."""
    monkeypatch.setattr(experiments, "make_scenes", lambda _: crops)
    monkeypatch.setitem(registry.WITH_MASKS, "ae", SMALL)
    monkeypatch.setitem(registry.WITH_MASKS, "ocgan", SMALL)
    brief = {"joint_epochs": 1, "masked_epochs": 1}
    monkeypatch.setitem(registry.WITH_MASKS, "attention-gan", SMALL | brief)
    monkeypatch.setitem(registry.WITH_MASKS, "rotation", {"width": 4, "epochs": 1})


@pytest.mark.parametrize("version", TRUE)
def test_every_picture_is_shown_by_its_own_mask_in_training_and_test(crops, version):
    seen = shown(crops, version, "car")
    order = np.random.default_rng(0).permutation(len(crops.test.y))
    other = replace(crops, test=Crops(*(array[order] for array in crops.test)))
    np.testing.assert_array_equal(shown(other, version, "car").x_test, seen.x_test[order])
    strange = crops.test._replace(m=crops.test.m[::-1], o=crops.test.o[::-1])
    changed = shown(replace(crops, test=strange), version, "car")
    np.testing.assert_array_equal(changed.x_train, seen.x_train)
    knows_the_object = version != "centre"
    assert (changed.x_test != seen.x_test).any() == knows_the_object


def test_the_centred_gaussian_is_as_large_as_training_masks_of_the_class_and_no_others(crops):
    def area(images):
        return shown(images, "centre", 0).x_test.astype(float).mean()

    big = np.full_like(crops.train.m, 255)
    big[crops.train.y == 0] = crops.train.m[crops.train.y == 0]
    assert area(crops) == area(replace(crops, train=crops.train._replace(m=big)))
    assert area(crops) == area(replace(crops, test=crops.test._replace(m=crops.test.m * 0)))
    larger = np.maximum(big, 200)
    assert area(crops) < area(replace(crops, train=crops.train._replace(m=larger)))


def test_validation_pictures_are_shown_as_those_to_learn_from(crops):
    plain = one_class_split(crops.without_masks(), "car", 3)
    split = one_class_split(shown(crops, "masked", "car"), "car", 3)
    row = [int(np.flatnonzero((crops.train.x == x).all((1, 2, 3)))[0]) for x in plain.x_validation]
    np.testing.assert_array_equal(split.x_validation, crops.train.o[row])
    masks = crops.test.m[:, 0] > 127
    halved, _, _ = by_maps(plain, masks, lambda x: np.full((len(x), 1, 32, 32), 0.5))
    for part in ("x_train", "x_validation", "x_test"):
        np.testing.assert_array_equal(
            getattr(halved, part), np.rint(getattr(plain, part) / 2).astype(np.uint8)
        )


def test_maps_are_measured_against_the_masks_of_the_same_pictures(crops):
    masks, novel = crops.test.m[:, 0] > 127, crops.test.y
    rows, lifts = found(masks.astype(float), masks, novel)
    assert rows["normal"]["auroc"] == rows["novel"]["auroc"] == 1 and rows["novel"]["images"] == 15
    assert rows["normal"]["lift"] == pytest.approx(1 - rows["normal"]["centre"])
    assert rows["normal"]["low"] < rows["normal"]["lift"] < rows["normal"]["high"]
    none, lifts = found(masks.astype(float), np.zeros_like(masks), novel)
    assert none["normal"]["images"] == 0 and lifts.shape == (30,) and np.isnan(lifts).all()


def test_the_heat_map_of_turns_lies_where_all_four_look_and_turns_with_the_image():
    """The network knows a turn by a bright corner: the upper left one of the upright image."""

    class Corner(nn.Module):
        def __init__(self):
            super().__init__()
            self.features, self.bias = nn.AvgPool2d(8), nn.Parameter(torch.ones(()))

        def forward(self, x):
            light = (self.features(x).mean(1) + self.bias).square()  # (N, 4, 4)
            return torch.stack([light[:, a, b] for a, b in ((0, 0), (3, 0), (3, 3), (0, 3))], 1)

    x = -torch.ones(2, 3, 32, 32)
    x[0, :, :8, :8] = 1
    x[1, :, 8:16, :8] = 1  # no corner: nothing speaks for any turn
    heat = turned_grad_cam(Corner(), "features", x)
    assert heat.shape == (2, 32, 32) and heat[0].max() == 1 and heat.min() >= 0
    assert heat[0, :8, :8].mean() > 0.5 > 0.01 > heat[0, 16:, 16:].mean()
    assert (heat[1] == 1).all()


def test_cells_of_versions_differ_by_what_is_seen_and_say_so(cells, crops, tmp_path):
    records = {v: experiments.run_cell(f"scenes/kde+version={v}/car/1", tmp_path) for v in VERSIONS}
    plain = experiments.run_cell("scenes/kde/car/1", tmp_path)
    assert "version" not in plain and "map" not in plain
    for version, record in records.items():
        assert record["version"] == version
        assert record["data_fingerprint"] == crops.fingerprint
        assert ("map" in record) == (version not in TRUE)
        arrays = read_arrays(f"scenes/kde+version={version}/car/1", tmp_path)
        np.testing.assert_array_equal(arrays["class_test"], crops.test.y)
        assert ("map_lift" in arrays) == (version not in TRUE)
        if version in TRUE:  # learnt from the split of its seed
            split = one_class_split(shown(crops, version, "car"), "car", 1)
            kde = KDE(seed=1).fit(split.x_train, x_validation=split.x_validation)
            expected = kde.novelty_score(split.x_test)
            np.testing.assert_allclose(arrays["score"], expected, atol=expected.std() / 100)
        else:  # class 1, car, is normal
            lift = np.nanmean(arrays["map_lift"][crops.test.y == 1].astype(float))
            assert lift == pytest.approx(record["map"]["normal"]["lift"], abs=2e-3)
    aurocs = [record["metrics"]["auroc"] for record in (plain, *records.values())]
    assert len(set(aurocs)) > 3


def test_the_network_of_the_maps_is_trained_once_and_on_the_pictures_as_they_are(
    cells, crops, tmp_path, monkeypatch
):
    learnt, learn = [], OCGAN._learn

    def spy(self, x, x_validation, checkpoint):
        assert self.seed == 1
        before = checkpoint.exists()
        learn(self, x, x_validation, checkpoint)
        learnt.append((x, before))

    monkeypatch.setattr(OCGAN, "_learn", spy)
    folder = tmp_path / "records"
    attended = [f"scenes/{method}+version=attention/car/1" for method in ("kde", "ae")]
    for cell in attended:
        experiments.run_cell(cell, folder)
    split = one_class_split(crops.without_masks(), "car", 1)
    assert all(np.array_equal(x, split.x_train) for x, _ in learnt)
    assert [before for _, before in learnt].count(False) == 1
    lifts = [read_arrays(cell, folder)["map_lift"] for cell in attended]
    np.testing.assert_array_equal(*lifts)


def test_an_ocgan_of_a_version_does_not_go_on_from_that_of_the_originals(cells, tmp_path):
    folder = tmp_path / "records"
    scores = []
    for cell in ("scenes/ocgan/car/0", "scenes/ocgan+version=silhouette/car/0"):
        experiments.run_cell(cell, folder)
        scores.append(read_arrays(cell, folder)["score"])
    alone = tmp_path / "alone" / "records"
    experiments.run_cell(cell, alone)
    np.testing.assert_array_equal(read_arrays(cell, alone)["score"], scores[1])
    assert not np.array_equal(*scores)
