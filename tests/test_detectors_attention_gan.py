"""Attention-GAN: its map, the controls of it, its two GANs, and what makes it fail."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from attention_samples import TINY, learner, snapshot
from ocnd_lib.attention import attended_error, control_map
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.detectors.map_learner import MapLearner
from ocnd_lib.detectors.redrawer import Redrawer
from ocnd_lib.training import to_unit

QUICK = TINY | dict(learning_rate=1e-3, mask_rate=1e-2)
TAUGHT = QUICK | dict(latent_dim=8, width=8, epochs=11, joint_epochs=8, masked_epochs=5)


@pytest.fixture(scope="module")
def eights():
    return one_class_split(load_images("digits"), 8, seed=0)


@pytest.fixture(scope="module")
def x(eights):
    return eights.x_train[:32]


@pytest.fixture(scope="module")
def zeros():
    return one_class_split(load_images("digits"), 0, seed=0)


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
    phases = ["base"] * 11 + ["joint"] * 8 + ["masked"] * 5
    assert [c["phase"] for c in taught.curves_] == phases
    assert taught.curves_[18]["lesson"] < taught.curves_[11]["lesson"]


def test_other_digits_are_novel_by_the_score_and_by_each_of_its_errors(taught, zeros):
    assert roc_auc_score(zeros.y_test, taught.novelty_score(zeros.x_test)) > 0.9
    parts = taught.score_parts(zeros.x_test)
    assert all(roc_auc_score(zeros.y_test, parts[name]) > 0.75 for name in ("base", "masked"))


@pytest.mark.parametrize(
    ("guidance", "joint_epochs", "mask_rate", "seed", "collapsed"),
    [
        ("whole", 4, 3e-2, 0, lambda means: max(means) > 0.75),
        # so fast that it is empty at once, whatever the last bits of a processor are
        ("masked", 3, 1.0, 3, lambda means: min(means) < 0.1),
    ],
)
def test_bounds_prevent_the_collapse_that_the_curve_shows_without_them(
    eights, guidance, joint_epochs, mask_rate, seed, collapsed
):
    x = eights.x_train[:48]
    settings = dict(guidance=guidance, epochs=1, joint_epochs=joint_epochs, masked_epochs=1)
    settings = TAUGHT | settings | dict(latent_dim=4, mask_rate=mask_rate, seed=seed)
    free = AttentionGAN(**settings, least_area=0.0, most_area=1.0).fit(x)
    bound = AttentionGAN(**settings).fit(x)
    means = [[c["mask_mean"] for c in m.curves_ if "mask_mean" in c] for m in (free, bound)]
    assert collapsed(means[0]) and all(0.1 < mean < 0.7 for mean in means[1])
    assert bound.attention_map(x).mean() == pytest.approx(means[1][-1], abs=0.05)


@pytest.mark.parametrize("classifier", ["none", "generated"])
def test_a_map_rests_with_the_average_of_its_steps_and_statistics_of_what_it_learnt(x, classifier):
    taught, _, _ = learner(x, classifier=classifier, mask_rate=5e-2, batch_size=32)
    taught.nets.train()
    images = to_unit(torch.from_numpy(x))
    mean = [p.clone() for p in taught.nets["attention"].parameters()]
    for step in range(1, 7):
        taught.step(images, 1.0, None)
        decay = min(0.98, step / (step + 10))
        for average, now in zip(mean, taught.nets["attention"].parameters(), strict=True):
            average.data.lerp_(now.data, 1 - decay)
    if classifier == "generated":  # its batches hold negatives, too
        taught._negatives = lambda images: -images
        images = torch.cat([images, -images])

    def drawn(training: bool):
        taught.nets["attention"].train(training)
        with torch.no_grad():
            return taught.model._map(images)

    lagging = drawn(False)
    taught.settle(torch.from_numpy(x))
    torch.testing.assert_close(list(taught.nets["attention"].parameters()), mean)
    rests, learnt = drawn(False), drawn(True)
    torch.testing.assert_close(rests, learnt, rtol=0, atol=0.01)
    assert (lagging - rests).abs().max() > 0.05


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
    still = {
        name
        for name, p in taught.nets["attention"].named_parameters()
        if torch.equal(p, before[name])
    }
    assert not still
    assert not seen.requires_grad
    after = snapshot(base.nets, base.averaged.model, masked.nets, masked.averaged.model)
    assert all(map(torch.equal, others, after))


def test_the_error_of_the_masked_part_does_not_shrink_with_its_area():
    x, redrawn = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    full, faint = torch.rand(2, 1, 32, 32), None
    faint = full / 10
    error = attended_error(x, redrawn, full)
    torch.testing.assert_close(attended_error(x, redrawn, faint), error, rtol=1e-4, atol=0)
    plain = (x - redrawn).square().mean((1, 2, 3))
    torch.testing.assert_close(attended_error(x, redrawn, torch.ones(2, 1, 32, 32)), plain)


def test_a_map_may_be_drawn_from_what_the_encoder_sees(x):
    decoder, encoder = (AttentionGAN(**TINY, taps=t).fit(x) for t in ("decoder", "encoder"))
    bases = [list(m.state_["base"].parameters()) for m in (encoder, decoder)]
    assert all(map(torch.equal, *bases))  # the base GAN rests in both
    assert not np.array_equal(encoder.attention_map(x), decoder.attention_map(x))
    # a stroke that is added changes the map where it is, and not far from it
    changed = x.copy()
    changed[:, :, 2:5, 2:5] = 255
    moved = np.abs(encoder.attention_map(changed) - encoder.attention_map(x))[:, 0]
    assert moved[:, :8, :8].mean() > 2 * moved[:, 24:, 24:].mean()


def test_control_maps_are_what_they_say():
    assert (control_map("ones", 0.3) == 1).all()
    centre = control_map("centre", 0.3)[0, 0]
    assert centre.mean().item() == pytest.approx(0.3, abs=1e-3)
    assert torch.equal(centre, centre.flip(0)) and torch.equal(centre, centre.T)
    assert centre[16, 16] == centre.max() and centre[0, 0] == centre.min()
    random = control_map("random", 0.3, seed=1)
    assert set(random.unique().tolist()) == {0.0, 1.0}
    assert random.mean().item() == pytest.approx(0.3, abs=1e-3)
    assert not torch.equal(random, control_map("random", 0.3, seed=2))


@pytest.mark.parametrize("mask", ["random", "ones"])
def test_a_control_looks_at_no_image_and_trains_as_long(x, mask):
    model = AttentionGAN(**TINY, mask=mask, seed=3).fit(x)
    expected = control_map(mask, 0.6, seed=3).numpy()  # what a learned map begins with
    maps = model.attention_map(x)
    np.testing.assert_array_equal(maps, np.broadcast_to(expected, maps.shape))
    assert [c["phase"] for c in model.curves_] == ["base"] * 2 + ["masked"] * 4


def test_nothing_of_a_restarted_gan_is_left(x):
    _, _, gan = learner(x)
    gan.nets.train()
    gan.step(to_unit(torch.from_numpy(x[:16])))
    trained, old = snapshot(gan.nets), {id(p) for p in gan.nets.parameters()}
    assert any(optimiser.state for optimiser in gan.optimisers.values())
    gan.restart()
    for (name, value), before in zip(gan.nets.state_dict().items(), trained, strict=True):
        if name.endswith("running_mean"):
            assert (value == 0).all()
        elif name.endswith("weight"):
            assert not torch.equal(value, before), name
    assert not any(optimiser.state for optimiser in gan.optimisers.values())
    held = {id(p) for o in gan.optimisers.values() for g in o.param_groups for p in g["params"]}
    assert not held & old and held <= {id(p) for p in gan.nets.parameters()}
    assert gan.averaged.updates == 0
    assert all(map(torch.equal, gan.averaged.model.parameters(), gan.redraws.parameters()))


@pytest.mark.parametrize("reinitialise", [False, True])
def test_it_is_restarted_once_when_the_map_rests_and_only_if_asked(x, monkeypatch, reinitialise):
    events, gans = [], []
    restart, step, start = Redrawer.restart, MapLearner.step, Redrawer.__init__

    monkeypatch.setattr(Redrawer, "restart", lambda g: (events.append("restart"), restart(g))[1])
    monkeypatch.setattr(MapLearner, "step", lambda *a: (events.append("map"), step(*a))[1])
    monkeypatch.setattr(Redrawer, "__init__", lambda g, *a: (gans.append(g), start(g, *a))[1])
    model = AttentionGAN(**TINY, reinitialise=reinitialise).fit(x)
    assert events[0] == "restart" and events.count("restart") == 1 + reinitialise
    assert events[-1] == ("restart" if reinitialise else "map")
    # what was learnt before the restart is lost, so as many epochs follow it as others have in all
    phases = [c["phase"] for c in model.curves_ if c["phase"] != "base"]
    after = phases[phases.index("masked") :] if reinitialise else phases
    assert len(after) == TINY["joint_epochs"] + TINY["masked_epochs"]
    assert model.state_["masked"] is gans[0].kept


def test_the_score_is_the_sum_of_both_errors_standardised_on_validation_images(eights, x):
    model = AttentionGAN(**TINY, classifier="generated").fit(x, x_validation=eights.x_validation)
    known, parts = model.score_parts(eights.x_validation), model.score_parts(eights.x_test[:50])
    assert list(parts) == ["base", "masked", "area", "classifier"]
    expected = sum(
        (parts[name] - known[name].mean()) / known[name].std() for name in ("base", "masked")
    )
    np.testing.assert_allclose(model.novelty_score(eights.x_test[:50]), expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (dict(mask="left"), "learned, random, centre, ones"),
        (dict(least_area=0.7), "below most_area"),
        (dict(temperature=0.0), "temperature"),
        (dict(mask="ones", classifier="generated"), "learns nothing"),
    ],
)
def test_wrong_parameters_are_refused_with_the_choices(x, more, message):
    with pytest.raises(ValueError, match=message):
        AttentionGAN(**TINY | more).fit(x)
