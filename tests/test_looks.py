"""Whose heat maps they are, of which images, and what is measured of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from ocnd_lib import experiments, looks, registry
from ocnd_lib.background import small_set
from ocnd_lib.data import load_images
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.heatmaps import baseline_maps, grad_cam, pixel_auroc, road
from ocnd_lib.records import read_arrays
from ocnd_lib.training import to_unit
from report.tables import class_names

TINY = {"epochs": 1, "joint_epochs": 1, "masked_epochs": 1, "width": 4, "latent_dim": 4}
TINY |= {"batch_size": 32}


@pytest.fixture(scope="module")
def model(eights):
    tiny = AttentionGAN(**TINY, classifier="generated", device="cpu")
    return tiny.fit(eights.x_train, x_validation=eights.x_validation)


@pytest.fixture(scope="module")
def shown(eights):
    return looks.choose(eights, looks.true_masks(load_images("digits")), most=8)


def test_equally_many_of_both_kinds_are_drawn_with_their_own_masks(eights, shown):
    masks = looks.true_masks(load_images("digits"))
    assert list(np.bincount(shown.novel)) == [8, 8]
    np.testing.assert_array_equal(shown.masks, shown.x[:, 0] > 127)
    np.testing.assert_array_equal(shown.novel, shown.label != 8)
    other = looks.choose(eights, masks, most=8, seed=1)
    assert not np.array_equal(shown.x, other.x)
    few = looks.choose(eights, None, most=10**6)
    assert list(np.bincount(few.novel)) == [(eights.y_test == 0).sum()] * 2


def test_each_map_is_of_its_network_and_of_what_that_network_sees(model, shown):
    maps = looks.maps_of(model, shown.x)
    assert list(maps) == [
        looks.BEFORE, looks.ON_MASKED, looks.AFTER, looks.CLASSIFIER, looks.ATTENTION
    ]  # fmt: skip
    attention = model.attention_map(shown.x)
    np.testing.assert_array_equal(maps[looks.ATTENTION], attention[:, 0])
    x = to_unit(torch.from_numpy(shown.x))
    part = (x + 1) * torch.from_numpy(attention) - 1
    for name, network, seen in (
        (looks.BEFORE, model.state_["base"]["visual_discriminator"], x),
        (looks.ON_MASKED, model.state_["base"]["visual_discriminator"], part),
        (looks.AFTER, model.state_["masked"]["visual_discriminator"], part),
        (looks.CLASSIFIER, model.state_["classifier"], x),
    ):
        np.testing.assert_allclose(maps[name], grad_cam(network, "body.2", seen), atol=1e-6)


def test_the_tables_hold_what_the_measures_say(model, shown):
    (tables, _), maps = looks.look(model, shown, road_images=2), looks.maps_of(model, shown.x)
    normal = shown.novel == 0
    found = {(r["map"], r["images"], r["baseline"]): r for r in tables["finds"]}
    assert len(found) == len(tables["finds"])
    heat, masks = maps[looks.AFTER], shown.masks
    row = found[looks.AFTER, "novel", "uniform"]
    assert row["value"] == pytest.approx(pixel_auroc(heat[~normal], masks[~normal]).mean())
    row = found[looks.AFTER, "normal", looks.BEFORE]
    before = pixel_auroc(maps[looks.BEFORE][normal], masks[normal]).mean()
    after = pixel_auroc(heat[normal], masks[normal]).mean()
    assert row["lift"] == pytest.approx(after - before)
    strengths = {row["map"]: row for row in tables["strength"]}
    weaker = roc_auc_score(shown.novel, -maps[looks.ATTENTION].mean((1, 2), dtype=float))
    assert strengths[looks.ATTENTION]["weaker"] == pytest.approx(weaker)
    rows = np.r_[np.flatnonzero(normal)[:2], np.flatnonzero(~normal)[:2]]
    network, seen = looks.critics(model, shown.x[rows])[looks.AFTER]
    blind = baseline_maps(4, model.seed)["random"]
    of, other = (road(network, seen, maps, model.seed).mean() for maps in (heat[rows], blind))
    lifts = {row["map"]: row["lift"] for row in tables["road"]}
    expected = (of - other) / network(seen).std().item()
    assert lifts[looks.AFTER] == pytest.approx(expected, rel=1e-3) and tables["randomised"]
    kept = looks.pictures(model, shown)
    np.testing.assert_array_equal(kept["masks"], kept["given"][:, 0] > 127)
    attention = model.attention_map(kept["given"])[:, 0]
    np.testing.assert_allclose(kept[looks.ATTENTION], attention, atol=1e-3)
    empty = shown.masks & (np.arange(len(shown.x)) != np.flatnonzero(normal)[0])[:, None, None]
    left = looks.look(model, replace(shown, masks=empty), road_images=0)[0]["finds"]
    assert {(row["images"], row["count"]) for row in left} == {("normal", 7), ("novel", 8)}
    assert all(np.isfinite(row["lift"]) for row in left)
    tables, none = looks.look(model, replace(shown, masks=None), road_images=0)
    assert tables["finds"] == tables["road"] == tables["randomised"] == [] and not none


def test_a_cell_keeps_tables_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(looks, "LOOKED_AT", 6)
    monkeypatch.setattr(looks.look, "__defaults__", (looks.LAYER, 1))
    monkeypatch.setitem(registry.LOOKS_SETTINGS, "digits", TINY)
    record = experiments.run_cell("digits/looks/8/0", tmp_path, device="cpu")
    assert record["parameters"]["width"] == 4 and record["test_counts"] == [6, 6]
    assert record["metrics"]["auroc_score"] > 0.5
    arrays = read_arrays("digits/looks/8/0", tmp_path)
    assert arrays["look_given"].shape == (8, 1, 32, 32)
    for row in record["tables"]["finds"]:
        name = "/".join(row[key] for key in ("images", "map", "measure", "baseline"))
        lifts = arrays[name].astype(float)
        assert lifts.shape == (6,) and np.isfinite(lifts).sum() == row["count"]
        assert np.nanmean(lifts) == pytest.approx(row["lift"], abs=2e-3)
    monkeypatch.setattr(experiments, "NO_PICTURES", ("digits",))  # whose terms allow none
    experiments.run_cell("digits/looks/8/0", tmp_path / "none", device="cpu")
    kept = read_arrays("digits/looks/8/0", tmp_path / "none")
    assert kept and not [name for name in kept if name.startswith("look_")]


@pytest.mark.parametrize(
    ("normal", "drawn_as"), [("automobile", "car"), ("ship", "boat"), ("deer", None)]
)
def test_images_of_another_world_are_none_of_the_normal_class(monkeypatch, normal, drawn_as):
    scenes = small_set("scenes", 0.5, per_class=3, seed=1)
    monkeypatch.setattr(registry, "make_scenes", lambda: scenes)
    digits = load_images("digits")
    pictures = replace(digits, name="cifar10", class_names=tuple(class_names("cifar10")))
    found = registry.NEGATIVES["attention-gan-auxiliary"](pictures, normal)
    others = [k for k, name in enumerate(scenes.class_names) if name != drawn_as]
    assert len(others) == 10 - (drawn_as is not None)
    np.testing.assert_array_equal(found, scenes.train.x[np.isin(scenes.train.y, others)])
