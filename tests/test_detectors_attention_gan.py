"""Attention-GAN: its map, the controls of it, its GANs and negatives, and what cells share."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from ocnd_lib import attention, experiments, registry
from ocnd_lib.attention import attended_error, control_map
from ocnd_lib.data import load_images
from ocnd_lib.detectors import attention_gan
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.detectors.base import Detector
from ocnd_lib.detectors.map_learner import MapLearner
from ocnd_lib.detectors.ocgan import OCGAN
from ocnd_lib.detectors.redrawer import Redrawer
from ocnd_lib.selection import KINDS, NOVELTIES
from ocnd_lib.training import choose_hardware, to_unit
from report import tables
from test_detectors_contract import X_VALIDATION, X, fit_in_pieces

TINY = dict(
    latent_dim=4, width=4, noise=0.2, mining=False, epochs=2, joint_epochs=2, masked_epochs=2,
    batch_size=16, device="cpu",
)  # fmt: skip
SHORT = TINY | {"epochs": 1, "joint_epochs": 1, "masked_epochs": 1}
QUICK = TINY | dict(learning_rate=1e-3, mask_rate=1e-2)
TAUGHT = QUICK | dict(latent_dim=8, width=8, epochs=11, joint_epochs=8, masked_epochs=5)


def learner(x, **more):
    """A map at its first step, with its model and the masked GAN beside it."""
    torch.manual_seed(0)
    model = AttentionGAN(**TINY | more)
    model.channels_ = 1
    hardware = choose_hardware("cpu", "fp32")
    base, masked = model.base_gan(), model.masked_gan()
    base.channels_ = masked.channels_ = 1
    base, masked = Redrawer(base, hardware), Redrawer(masked, hardware)
    taught = MapLearner(model, hardware, more.get("given"))
    for part in base.kept.modules():  # DCGAN's weights are too small to pass a gradient on
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(part.weight)
    model.state_ = {"base": base.kept, "masked": masked.kept, **taught.nets}
    return taught, base, masked


def snapshot(*modules):
    return [value.clone() for module in modules for value in module.state_dict().values()]


@pytest.fixture(scope="module")
def x(eights):
    return eights.x_train[:32]


@pytest.fixture(scope="module")
def taught(zeros):
    return AttentionGAN(**TAUGHT).fit(zeros.x_train, x_validation=zeros.x_validation)


def test_a_trained_map_varies_lies_in_its_bounds_and_follows_the_image(taught, zeros):
    maps = taught.attention_map(zeros.x_test[:100])
    assert maps.shape == (100, 1, 32, 32) and maps.min() >= 0 and maps.max() <= 1
    assert 0.1 < maps.mean() < 0.65
    assert (maps.std((1, 2, 3)) > 0.05).all()
    moved = taught.attention_map(np.roll(zeros.x_test[:100], 6, axis=3))
    assert np.abs(moved - maps).mean() > 0.02


def test_what_the_whole_image_needs_is_where_the_strokes_are(taught, zeros):
    normal = zeros.x_test[zeros.y_test == 0]
    assert roc_auc_score((normal > 127).ravel(), taught.attention_map(normal).ravel()) > 0.75
    assert taught.curves_[18]["lesson"] < taught.curves_[11]["lesson"]


def test_other_digits_are_novel_by_the_score_and_by_each_of_its_errors(taught, zeros):
    assert roc_auc_score(zeros.y_test, taught.novelty_score(zeros.x_test)) > 0.9
    parts = taught.score_parts(zeros.x_test)
    assert all(roc_auc_score(zeros.y_test, parts[name]) > 0.75 for name in ("base", "masked"))


def test_bounds_prevent_the_collapse_that_the_curve_shows_without_them(eights):
    x = eights.x_train[:48]
    settings = QUICK | dict(width=8, guidance="masked", epochs=1, joint_epochs=3, masked_epochs=1)
    # so fast that it is empty at once, whatever the last bits of a processor are
    settings |= dict(mask_rate=1.0, seed=3)
    free = AttentionGAN(**settings, least_area=0.0, most_area=1.0).fit(x)
    bound = AttentionGAN(**settings).fit(x)
    means = [[c["mask_mean"] for c in m.curves_ if "mask_mean" in c] for m in (free, bound)]
    assert min(means[0]) < 0.1 and all(0.1 < mean < 0.7 for mean in means[1])
    assert bound.attention_map(x).mean() == pytest.approx(means[1][-1], abs=0.05)


def test_temperature_falls_while_the_map_learns_and_sharpens_it(x):
    model = AttentionGAN(**TINY | dict(temperature=0.2, pretrain_mask=True, mask_epochs=1)).fit(x)
    shown = [c["temperature"] for c in model.curves_ if "temperature" in c]
    assert shown == pytest.approx([1.0, 0.6, 0.2])
    cold, warm = model.attention_map(x), model.set_params(temperature=1.0).attention_map(x)
    assert np.abs(cold - 0.5).mean() > np.abs(warm - 0.5).mean()


@pytest.mark.parametrize(
    "more",
    [
        dict(classifier="generated"),
        dict(guidance="whole", cbam=True, temperature=0.5),
        dict(guidance="masked", joint_discriminator=True),
    ],
)
def test_the_lesson_reaches_the_map_and_nothing_else(x, more):
    taught, base, masked = learner(x, area_weight=0.0, smoothness=0.0, **more)
    taught.nets.train(), masked.nets.train()
    others = snapshot(base.nets, base.averaged.model, masked.nets, masked.averaged.model)
    before = {name: p.clone() for name, p in taught.nets["attention"].named_parameters()}
    images = to_unit(torch.from_numpy(x[:16]))
    _, seen = taught.step(images, 1.0, masked)
    learnt = taught.nets["attention"].named_parameters()
    assert not [name for name, p in learnt if torch.equal(p, before[name])]
    assert not seen.requires_grad
    after = snapshot(base.nets, base.averaged.model, masked.nets, masked.averaged.model)
    assert all(map(torch.equal, others, after))


def test_the_error_of_the_masked_part_does_not_shrink_with_its_area():
    x, redrawn = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    full = torch.rand(2, 1, 32, 32)
    error = attended_error(x, redrawn, full)
    torch.testing.assert_close(attended_error(x, redrawn, full / 10), error, rtol=1e-4, atol=0)
    plain = (x - redrawn).square().mean((1, 2, 3))
    torch.testing.assert_close(attended_error(x, redrawn, torch.ones(2, 1, 32, 32)), plain)


def test_a_control_is_what_it_says_looks_at_no_image_and_trains_as_long(x):
    assert (control_map("ones", 0.3) == 1).all()
    centre = control_map("centre", 0.3)[0, 0]
    assert centre.mean().item() == pytest.approx(0.3, abs=1e-3)
    assert torch.equal(centre, centre.flip(0)) and torch.equal(centre, centre.T)
    assert centre[16, 16] == centre.max() and centre[0, 0] == centre.min()
    random = control_map("random", 0.6, seed=3)  # 0.6 is what a learned map begins with
    assert set(random.unique().tolist()) == {0.0, 1.0}
    assert random.mean().item() == pytest.approx(0.6, abs=1e-3)
    assert not torch.equal(random, control_map("random", 0.6, seed=2))
    model = AttentionGAN(**TINY, mask="random", seed=3).fit(x)
    maps = model.attention_map(x)
    np.testing.assert_array_equal(maps, random.numpy().repeat(len(x), 0))
    assert [c["phase"] for c in model.curves_] == ["base"] * 2 + ["masked"] * 4


def test_a_restarted_gan_learns_like_a_new_one(x):
    """No weight, statistic, average or moment of an optimiser is left of what it was before."""
    _, _, gan = learner(x)
    found = []
    for _ in range(2):
        torch.manual_seed(1)
        gan.restart()
        gan.nets.train()
        for _ in range(2):
            gan.step(to_unit(torch.from_numpy(x[:16])))
        found.append(snapshot(gan.nets, gan.kept))
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize("reinitialise", [False, True])
def test_a_gan_that_is_restarted_learns_as_long_as_others_do_in_all(x, monkeypatch, reinitialise):
    restarted, restart = [], Redrawer.restart
    monkeypatch.setattr(Redrawer, "restart", lambda gan: (restarted.append(gan), restart(gan)))
    model = AttentionGAN(**TINY, reinitialise=reinitialise).fit(x)
    assert len(restarted) == 2 + reinitialise  # both GANs begin so
    # what was learnt before the restart is lost
    phases = [c["phase"] for c in model.curves_ if c["phase"] != "base"]
    after = phases[phases.index("masked") :] if reinitialise else phases
    assert len(after) == TINY["joint_epochs"] + TINY["masked_epochs"]


def test_the_score_is_the_sum_of_both_errors_standardised_on_validation_images(eights, x):
    model = AttentionGAN(**TINY, classifier="generated").fit(x, x_validation=eights.x_validation)
    known, parts = model.score_parts(eights.x_validation), model.score_parts(eights.x_test[:50])
    assert list(parts) == ["base", "masked", "area", "classifier"]
    expected = sum(
        (parts[name] - known[name].mean()) / known[name].std() for name in ("base", "masked")
    )
    np.testing.assert_allclose(model.novelty_score(eights.x_test[:50]), expected, rtol=1e-3)


def test_all_may_learn_at_once_and_both_errors_be_summed_as_they_are(tmp_path, monkeypatch):
    at_once = dict(base_first=False, standardised=False, area_weight=0.0, classifier="generated")
    model = AttentionGAN(**QUICK | at_once)
    assert fit_in_pieces(model, tmp_path / "checkpoint.pt", monkeypatch) == 3
    assert [c["phase"] for c in model.curves_] == ["joint"] * 2
    parts, score = model.score_parts(X), model.novelty_score(X)
    np.testing.assert_allclose(score, parts["base"] + parts["masked"], rtol=1e-5)
    monkeypatch.undo()
    models = (AttentionGAN(**QUICK | at_once | {"epochs": k}) for k in (2, 1))
    straight, brief = (each.fit(X, x_validation=X_VALIDATION) for each in models)
    np.testing.assert_array_equal(straight.novelty_score(X), score)
    assert parts["base"].mean() < brief.score_parts(X)["base"].mean()  # the base GAN learns, too


def test_variants_share_one_base_gan_trained_once_which_is_the_ocgan(x, tmp_path):
    shared = tmp_path / "base.pt"
    alone = AttentionGAN(**SHORT, mask="centre").fit(x)
    first = AttentionGAN(**SHORT, classifier="generated").fit(x, base_checkpoint=shared)
    written = shared.stat().st_mtime_ns
    second = AttentionGAN(**SHORT, mask="centre").fit(x, base_checkpoint=shared)
    assert shared.stat().st_mtime_ns == written  # the base was not trained again
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


def test_the_classifier_tells_normal_from_novel_whole_and_masked(x):
    taught, _, _ = learner(x, classifier="generated", mask_rate=1e-2)
    taught.nets.train()
    images = to_unit(torch.from_numpy(x))
    for _ in range(20):
        taught.step(images, 1.0, None)
    both = torch.cat([images, attention.generated_negatives(images)])
    with torch.no_grad():
        for shown in (both, attention.multiply(both, taught.model._map(both))):
            normal, novel = taught.nets["classifier"](shown).chunk(2)
            assert normal.mean() > novel.mean() + 1


def test_no_generated_negative_is_a_novelty_that_settings_are_chosen_by():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (32, 1, 32, 32), dtype=np.uint8)
    made = attention.generated_negatives(to_unit(torch.from_numpy(image)))
    for kind in KINDS:
        novel = to_unit(torch.from_numpy(NOVELTIES[kind](image, np.random.default_rng(0))))
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


def test_an_oracle_is_given_the_training_images_of_other_classes_and_no_other_model_is(
    tmp_path, monkeypatch
):
    class Seen(Exception):
        pass

    def fit(self, x, **given):
        raise Seen(given)

    monkeypatch.setattr(AttentionGAN, "fit", fit)
    monkeypatch.setattr(OCGAN, "fit", lambda *_, **__: None)
    given = []
    for method in ("attention-gan", "attention-gan-oracle"):
        with pytest.raises(Seen) as caught:
            experiments.run_cell(f"digits/{method}/8/0", tmp_path)
        given += caught.value.args
    images = load_images("digits")
    assert "negatives" not in given[0]
    np.testing.assert_array_equal(given[1]["negatives"], images.x_train[images.y_train != 8])
