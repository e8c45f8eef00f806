"""The negatives of Attention-GAN: how they are made, and which cells may see real ones."""

import numpy as np
import pytest
import torch

from attention_samples import TINY, learner, snapshot
from ocnd_lib import attention, experiments, registry
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detectors import attention_gan, map_learner
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.detectors.map_learner import MapLearner
from ocnd_lib.detectors.ocgan import OCGAN
from ocnd_lib.selection import generated_novelties
from ocnd_lib.training import to_unit
from report import tables

SHORT = TINY | {"epochs": 1, "joint_epochs": 1, "masked_epochs": 1}


@pytest.fixture(scope="module")
def x():
    return one_class_split(load_images("digits"), 8, seed=0).x_train[:32]


def test_the_classifier_learns_masked_and_whole_of_normal_and_novel(x, monkeypatch):
    taught, _, _ = learner(x, classifier="generated")
    taught.nets.train()
    judged, said = [], []
    judge, says = taught.nets["classifier"], map_learner.says
    judge.register_forward_pre_hook(lambda _, given: judged.append(given[0]))
    monkeypatch.setattr(map_learner, "says", lambda *a: (said.append(a[1]), says(*a))[1])
    before, images = snapshot(judge), to_unit(torch.from_numpy(x[:16]))
    taught.step(images, 1.0, None)
    (batch,) = judged
    whole, masked = batch.chunk(2)
    assert torch.equal(whole[:16], images) and (masked <= whole).all()
    assert not torch.equal(whole[16:], images)
    assert said == [1, 0, 1, 0]
    assert not all(map(torch.equal, before, snapshot(judge)))


def test_no_generated_negative_is_a_novelty_that_settings_are_chosen_by():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (32, 1, 32, 32), dtype=np.uint8)
    made = attention.generated_negatives(to_unit(torch.from_numpy(image)))
    for novel in generated_novelties(image).values():
        novel = to_unit(torch.from_numpy(novel))
        distance = (made[:, None] - novel[None]).abs().mean((2, 3, 4))
        assert distance.min() > 0.05


def test_real_negatives_must_be_given_and_are_then_used(x, monkeypatch):
    with pytest.raises(ValueError, match="negatives"):
        AttentionGAN(**SHORT, classifier="oracle").fit(x)
    with pytest.raises(ValueError, match="for no other"):
        AttentionGAN(**SHORT, classifier="generated").fit(x, negatives=x)
    given = np.full((5, 1, 32, 32), 200, np.uint8)
    drawn = []
    original = MapLearner._negatives
    monkeypatch.setattr(
        MapLearner, "_negatives", lambda *a: (drawn.append(original(*a)), drawn[-1])[1]
    )
    AttentionGAN(**SHORT, classifier="oracle").fit(x, negatives=given)
    assert drawn and all(torch.allclose(b, torch.tensor(200 / 127.5 - 1)) for b in drawn)


def test_no_method_that_sees_real_novelties_is_in_the_tables():
    fixed = {name: settings for name, (_, _, settings) in registry.DETECTORS.items()}
    real = {n for n, settings in fixed.items() if settings.get("classifier") in attention_gan.REAL}
    assert real == set(registry.NEGATIVES) == {"attention-gan-auxiliary", "attention-gan-oracle"}
    assert not real & set(tables.METHODS) and "attention-gan" in tables.METHODS
    assert AttentionGAN().classifier in ("none", "generated")


def test_a_headline_cell_cannot_be_made_to_see_them(tmp_path, monkeypatch):
    settings = "+epochs=1+joint_epochs=1+masked_epochs=1+width=4"
    with pytest.raises(ValueError, match="negatives"):
        experiments.run_cell(f"digits/attention-gan+classifier=oracle{settings}/8/0", tmp_path)
    assert not list(tmp_path.rglob("*.json"))
    with pytest.raises(ValueError, match="no parameter 'classifier'"):
        experiments.check_cell("digits/attention-gan-oracle+classifier=none/8/0")
    with pytest.raises(ValueError, match="no auxiliary data set is known for digits"):
        experiments.run_cell("digits/attention-gan-auxiliary/8/0", tmp_path)


@pytest.mark.parametrize("method", ["attention-gan", "attention-gan-oracle"])
def test_what_a_cell_gives_to_fit(method, tmp_path, monkeypatch):
    class Seen(Exception):
        pass

    def fit(self, x, **given):
        raise Seen(given)

    monkeypatch.setattr(AttentionGAN, "fit", fit)
    monkeypatch.setattr(OCGAN, "fit", lambda *_, **__: None)
    with pytest.raises(Seen) as caught:
        experiments.run_cell(f"digits/{method}/8/0", tmp_path)
    (given,) = caught.value.args
    if method == "attention-gan":
        assert "negatives" not in given
        return
    images = load_images("digits")
    rows = {image.tobytes() for image in given["negatives"]}
    assert rows <= {image.tobytes() for image in images.x_train[images.y_train != 8]}
    assert len(given["negatives"]) == (images.y_train != 8).sum()
