"""Cells of Attention-GAN: they share a base GAN, and only some may see real novelties."""

import numpy as np
import pytest
import torch

from attention_samples import TINY, learner, snapshot
from ocnd_lib import attention, experiments, registry
from ocnd_lib.data import load_images
from ocnd_lib.detectors import attention_gan, map_learner
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.detectors.base import Detector
from ocnd_lib.detectors.map_learner import MapLearner
from ocnd_lib.detectors.ocgan import OCGAN
from ocnd_lib.selection import generated_novelties
from ocnd_lib.training import to_unit
from report import tables

SHORT = TINY | {"epochs": 1, "joint_epochs": 1, "masked_epochs": 1}


@pytest.fixture(scope="module")
def x(eights):
    return eights.x_train[:32]


def test_variants_share_one_base_gan_trained_once_which_is_the_ocgan(x, tmp_path, monkeypatch):
    shared = tmp_path / "base.pt"
    alone = AttentionGAN(**SHORT, mask="centre").fit(x)
    first = AttentionGAN(**SHORT, classifier="generated").fit(x, base_checkpoint=shared)
    steps = OCGAN._step
    codes = []
    monkeypatch.setattr(
        OCGAN, "_step", lambda gan, *a, **k: (codes.append(gan.latent_dim), steps(gan, *a, **k))[1]
    )
    second = AttentionGAN(**SHORT, mask="centre").fit(x, base_checkpoint=shared)
    assert set(codes) == {TINY["latent_dim"] // 2}  # of the masked GAN alone
    np.testing.assert_array_equal(second.novelty_score(x), alone.novelty_score(x))
    base = first.score_parts(x)["base"]
    np.testing.assert_array_equal(second.score_parts(x)["base"], base)
    plain = AttentionGAN(**SHORT).base_gan().fit(x)
    assert type(plain) is OCGAN
    np.testing.assert_allclose(plain.novelty_score(x), base, rtol=1e-6)
    assert second.curves_[:1] == alone.curves_[:1] == first.curves_[:1]


@pytest.mark.parametrize(
    ("first", "cell", "same"),
    [
        ("attention-gan/8/0", "attention-gan+mask=centre+masked_epochs=9/8/0", True),
        ("attention-gan/8/0", "attention-gan-oracle/8/0", True),
        ("attention-gan/8/0", "looks/8/0", True),
        ("attention-gan/8/0", "attention-gan+epochs=2/8/0", False),
        ("attention-gan/8/0", "attention-gan/8/1", False),
        ("gan/8/0", "anogan/8/0", True),
        ("gan/8/0", "gan+search_steps=1/8/0", True),
        ("gan/8/0", "anogan+epochs=3/8/0", False),
    ],
)
def test_cells_of_one_class_seed_and_base_share_its_training(
    first, cell, same, tmp_path, monkeypatch
):
    class Begun(Exception):
        pass

    def fit(gan, x, **more):
        raise Begun(more["checkpoint"])

    monkeypatch.setattr(Detector, "fit", fit)
    places = []
    for each in (first, cell):
        with pytest.raises(Begun) as begun:
            experiments.run_cell(f"digits/{each}", tmp_path / "records", "cpu")
        places += begun.value.args
    assert (places[0] == places[1]) is same
    assert all(path.is_relative_to(tmp_path / "checkpoints") for path in places)


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


def test_a_headline_cell_cannot_be_made_to_see_them(tmp_path):
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
