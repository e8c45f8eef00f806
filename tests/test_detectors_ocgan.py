"""OCGAN: each bug known from public code, put back, makes one of these fail."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detectors import ocgan
from ocnd_lib.detectors.ocgan import OCGAN, LatentDiscriminator, mine
from ocnd_lib.networks import Critic, Decoder
from ocnd_lib.training import evaluating

SMALL = {"latent_dim": 4, "width": 8, "batch_size": 32, "device": "cpu"}


@pytest.fixture(scope="module")
def zeros():
    return one_class_split(load_images("digits"), 0, seed=0)


@pytest.fixture
def nets():
    torch.manual_seed(0)
    decoder, classifier = Decoder(1, 4, 8), Critic(1, 8)
    for part in (*decoder.modules(), *classifier.modules()):  # DCGAN's weights are tiny at first
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(part.weight)
    return decoder.eval(), classifier.eval()


def opinion(codes, decoder, classifier):
    with torch.no_grad():
        return classifier(decoder(codes)).sigmoid()


def test_mining_lowers_the_classifier_on_nearly_every_code(nets):
    codes = torch.rand(64, 4) * 2 - 1
    mined = mine(codes, *nets, steps=5, step_size=0.1)
    change = opinion(mined, *nets) - opinion(codes, *nets)
    assert change.mean() < 0
    assert (change < 0).float().mean() > 0.9


def test_mining_takes_the_steps_of_the_plain_form(nets):
    decoder, classifier = nets
    codes = torch.rand(4, 4) * 2 - 1
    for code, mined in zip(codes, mine(codes, *nets, steps=3, step_size=0.1), strict=True):
        v = torch.atanh(0.999 * code)
        for _ in range(3):
            v = v.detach().requires_grad_()
            logit = classifier(decoder(torch.tanh(v)[None]))
            F.binary_cross_entropy_with_logits(logit, torch.zeros(1)).backward()
            v = v - 0.1 * 4**0.5 * v.grad / v.grad.norm()
        assert torch.allclose(mined, torch.tanh(v), atol=1e-3)


def test_mining_moves_codes_even_where_the_classifier_is_sure(nets):
    decoder, classifier = nets
    with torch.no_grad():
        classifier.head.bias.fill_(-30)  # certain of "fake": the plain gradient vanishes
    codes = torch.rand(16, 4) * 2 - 1
    mined = mine(codes, decoder, classifier, steps=5, step_size=0.1)
    assert (mined - codes).norm(dim=1).min() > 0.05


@pytest.mark.parametrize("training", [True, False])
def test_mining_touches_no_network(nets, training):
    for net in nets:
        net.train(training)
    before = [p.clone() for net in nets for p in (*net.parameters(), *net.buffers())]
    with evaluating(*nets):
        mine(torch.rand(8, 4), *nets, steps=2, step_size=0.1)
    after = [p for net in nets for p in (*net.parameters(), *net.buffers())]
    assert all(map(torch.equal, before, after))
    assert all(p.grad is None and p.requires_grad for net in nets for p in net.parameters())
    assert all(net.training == training for net in nets)


def test_latent_discriminator_gives_unbounded_logits():
    torch.manual_seed(0)
    judge = LatentDiscriminator(4)
    with torch.no_grad():
        for layer in judge:
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(100)
    logits = judge(torch.rand(200, 4) * 2 - 1)
    assert logits.shape == (200, 1)
    assert logits.max() - logits.min() > 1 and not ((logits >= 0) & (logits <= 1)).all()


def test_codes_lie_inside_the_cube():
    model = OCGAN(**SMALL)
    model.channels_ = 1
    encoder = model._networks()["encoder"]
    with torch.no_grad():
        encoder.layers[-3].weight.mul_(100)  # the last convolution
    codes = encoder(torch.randn(32, 1, 32, 32))
    assert codes.abs().max() <= 1


def test_noise_is_new_in_each_step_and_the_target_is_clean(zeros, monkeypatch):
    seen = []
    step = OCGAN._step

    def spy(self, images, noisy, **rest):
        seen.append((images.clone(), noisy.clone()))
        return step(self, images, noisy, **rest)

    monkeypatch.setattr(OCGAN, "_step", spy)
    OCGAN(epochs=2, noise=0.3, **SMALL).fit(zeros.x_train[:32], x_validation=zeros.x_validation)
    order = [images.mean((1, 2, 3)).argsort() for images, _ in seen]
    first, second = ((noisy - images)[k] for k, (images, noisy) in zip(order, seen, strict=True))
    assert first.std() == pytest.approx(0.3, rel=0.05)
    # fresh in the next epoch for the same image and at the same place, and no image has another's
    at_places = [noisy - images for images, noisy in seen]
    assert (at_places[0] - at_places[1]).std() == pytest.approx(0.3 * 2**0.5, rel=0.05)
    assert (first - second).std() == pytest.approx(0.3 * 2**0.5, rel=0.05)
    assert (first[0] - first[1]).std() == pytest.approx(0.3 * 2**0.5, rel=0.1)
    assert all(images.abs().max() <= 1 for images, _ in seen)


def test_the_curve_shows_that_mining_lowers_the_classifier(zeros):
    model = OCGAN(epochs=8, seed=1, **SMALL).fit(zeros.x_train)
    mined = [point for point in model.curves_ if "after_mining" in point]
    assert [point["epoch"] for point in mined] == [5, 6, 7, 8]
    assert all(point["after_mining"] < point["before_mining"] for point in mined[-2:])


def test_discriminators_never_see_mined_codes(zeros, monkeypatch):
    judged, mined = [], []
    forward, original = LatentDiscriminator.forward, ocgan.mine

    def watch(self, codes):
        judged.append(codes.detach().clone())
        return forward(self, codes)

    def keep(*arguments):
        mined.append(original(*arguments))
        return mined[-1]

    monkeypatch.setattr(LatentDiscriminator, "forward", watch)
    monkeypatch.setattr(ocgan, "mine", keep)
    OCGAN(epochs=2, **SMALL).fit(zeros.x_train[:40])
    assert mined
    rows = {tuple(row) for batch in mined for row in batch.tolist()}
    assert not rows & {tuple(row) for batch in judged for row in batch.tolist()}


@pytest.mark.parametrize(
    ("parts", "trained"),
    [
        ({"latent": False, "visual": False}, set()),
        ({"visual": False}, {"latent_discriminator"}),
        ({"mining": False}, {"latent_discriminator", "visual_discriminator"}),
        ({}, {"latent_discriminator", "visual_discriminator", "classifier"}),
    ],
)
def test_switches_train_just_the_parts_they_name(zeros, monkeypatch, parts, trained):
    fresh = {}
    networks = OCGAN._networks

    def keep(self):
        made = networks(self)
        fresh.update({n: [p.clone() for p in net.parameters()] for n, net in made.items()})
        return made

    monkeypatch.setattr(OCGAN, "_networks", keep)
    model = OCGAN(epochs=2, **SMALL, **parts).fit(zeros.x_train[:40])
    judges = ("latent_discriminator", "visual_discriminator", "classifier")
    moved = {
        name
        for name in judges
        if not all(map(torch.equal, fresh[name], model.state_[name].parameters()))
    }
    assert moved == trained


PARTS = {
    "AE": {"latent": False, "visual": False},
    "latent": {"visual": False},
    "visual": {"mining": False},
    "mining": {},
}


def plain_step(model, images, noisy, nets, optimisers, random, mining):
    """One step as the paper tells it: whole backward passes, nothing spared. Returns the losses."""
    encoder, decoder, on_codes, on_images, classifier = nets.values()
    ones, zeros = torch.ones(len(images)), torch.zeros(len(images))
    bce = lambda logit, answer: F.binary_cross_entropy_with_logits(logit.flatten(), answer)  # noqa: E731
    losses = {}

    def descend(loss, *names):
        nets.zero_grad()
        loss.backward(retain_graph=True)
        for name in names:
            optimisers[name].step()

    codes = encoder(noisy)
    both = decoder(torch.cat([codes, random]) if model.visual else codes)
    redrawn, drawn = both[: len(images)], both[len(images) :]
    if mining:
        loss = (
            bce(classifier(redrawn.detach()), ones) + bce(classifier(drawn.detach()), zeros)
        ) / 2
        descend(loss, "c")
        losses["classifier"] = loss
    if model.latent:
        loss = (bce(on_codes(random), ones) + bce(on_codes(codes.detach()), zeros)) / 2
        losses["latent_discriminator"] = loss
    if model.visual:
        loss = (bce(on_images(images), ones) + bce(on_images(drawn.detach()), zeros)) / 2
        losses["visual_discriminator"] = loss
    judging = [loss for name, loss in losses.items() if name.endswith("discriminator")]
    if judging:
        descend(sum(judging), "d")
    if mining:
        half = len(random) // 2
        decoder.eval(), classifier.eval()
        mined = mine(random[:half], decoder, classifier, model.mining_steps, model.step_size)
        decoder.train(), classifier.train()
        both = decoder(torch.cat([codes, mined, random[half:]]))
        redrawn, drawn = both[: len(images)], both[len(images) :]
    losses["mse"] = (redrawn - images).square().mean()
    losses |= {"latent": bce(on_codes(codes), ones)} if model.latent else {}
    losses |= {"visual": bce(on_images(drawn), ones)} if model.visual else {}
    descend(10 * losses["mse"] + losses.get("latent", 0) + losses.get("visual", 0), "g")
    return {name: loss.item() for name, loss in losses.items()}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_a_step_has_the_losses_and_weights_of_the_plain_form(zeros, parts):
    model = OCGAN(**SMALL, **parts)
    model.channels_ = 1
    torch.manual_seed(0)
    nets = nn.ModuleDict(model._networks())
    for part in nets.modules():  # with DCGAN's tiny weights every judge says "perhaps" at first
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight)
    plain = copy.deepcopy(nets)
    optimisers, plain_optimisers = model._optimisers(nets), model._optimisers(plain)
    images = torch.from_numpy(zeros.x_train[:16]) / 127.5 - 1
    mining = model.mining and model.visual
    for seed in (1, 2):
        noisy = images + 0.2 * torch.randn_like(images)
        torch.manual_seed(seed)
        losses = model._step(images, noisy, nets, optimisers, mining, mining, watch=False)
        torch.manual_seed(seed)
        random = torch.rand(16, 4) * 2 - 1
        expected = plain_step(model, images, noisy, plain, plain_optimisers, random, mining)
        assert losses == pytest.approx(expected, rel=1e-3)
    for mine_, theirs in zip(nets.parameters(), plain.parameters(), strict=True):
        # Adam's first steps have the length of the learning rate, whatever a gradient's size: where
        # one is zero but for rounding, two steps may differ by four times that
        assert (mine_ - theirs).abs().mean() < 0.1 * model.learning_rate
    for mine_, theirs in zip(nets.buffers(), plain.buffers(), strict=True):
        assert torch.allclose(mine_.float(), theirs.float(), atol=1e-4)


def test_watching_changes_nothing_but_the_log(zeros):
    model = OCGAN(**SMALL)
    model.channels_ = 1
    torch.manual_seed(0)
    nets = nn.ModuleDict(model._networks())
    images = torch.from_numpy(zeros.x_train[:16]) / 127.5 - 1
    logs, weights = [], []
    for watch in (True, False):
        copied = copy.deepcopy(nets)
        torch.manual_seed(1)
        step = model._step(images, images, copied, model._optimisers(copied), True, True, watch)
        logs.append(step)
        weights.append(copied.state_dict())
    assert set(logs[0]) - set(logs[1]) == {"before_mining", "after_mining"}
    assert all(torch.equal(a, b) for a, b in zip(*(w.values() for w in weights), strict=True))


@pytest.mark.parametrize("mining", [False, True])
def test_the_decoders_statistics_weigh_images_and_random_codes_alike(zeros, monkeypatch, mining):
    model = OCGAN(**SMALL)
    model.channels_ = 1
    torch.manual_seed(0)
    nets = nn.ModuleDict(model._networks())
    encoded, decoded = [], []
    nets["encoder"].register_forward_hook(lambda _, given, codes: encoded.append(codes))
    nets["decoder"].register_forward_pre_hook(
        lambda net, given: decoded.append(given[0]) if net.training else None
    )
    images = torch.from_numpy(zeros.x_train[:16]) / 127.5 - 1
    model._step(images, images, nets, model._optimisers(nets), mining, mining, watch=True)
    (codes,) = encoded
    assert len(decoded) == 1 + mining
    for batch in decoded:
        assert len(batch) == 32 and torch.equal(batch[:16], codes)


def test_without_the_visual_part_the_decoder_sees_no_random_code(zeros, monkeypatch):
    rows, forward = [], Decoder.forward

    def count(self, codes):
        rows.append(len(codes))
        return forward(self, codes)

    monkeypatch.setattr(Decoder, "forward", count)
    OCGAN(epochs=2, latent=False, visual=False, **SMALL).fit(
        zeros.x_train[:32], x_validation=zeros.x_validation[:5]
    )
    assert rows == [32, 32, 5]  # two steps of one batch, and the threshold


def test_it_scores_every_test_image_with_the_clean_reconstruction_error(zeros):
    model = OCGAN(epochs=1, **SMALL).fit(zeros.x_train[:40])
    score = model.novelty_score(zeros.x_test)
    assert score.shape == zeros.y_test.shape
    x = torch.from_numpy(zeros.x_test[:7]) / 127.5 - 1
    with torch.no_grad():
        redrawn = model.state_["decoder"](model.state_["encoder"](x))
    assert np.allclose(score[:7], (x - redrawn).square().mean((1, 2, 3)), atol=1e-5)


# --- dropout, and the release's networks ---------------------------


def test_dropout_is_drawn_in_training_and_off_in_scoring_and_mining(zeros):
    model = OCGAN(epochs=2, dropout=0.5, **SMALL).fit(zeros.x_train[:40])
    assert np.array_equal(model.novelty_score(zeros.x_test), model.novelty_score(zeros.x_test))
    decoder, codes = model.state_["decoder"], torch.rand(5, 4)
    with torch.no_grad():
        decoder.train()
        assert not torch.equal(decoder(codes), decoder(codes))
    found = [model.mined(5) for _ in range(2)]
    assert np.array_equal(found[0]["mined_answer"], found[1]["mined_answer"])


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_the_release_has_its_own_maps_and_parameters():
    model = OCGAN(variant="official61", latent_dim=16, width=64)
    model.channels_ = 3
    nets = model._networks()
    # methods as published: in millions, encoder 1.13, decoder the same, classifier 1.04, and 0.038
    assert count(nets["encoder"]) == 4864 + 204800 + 256 + 819200 + 512 + 102400 + 16
    assert abs(count(nets["decoder"]) - count(nets["encoder"])) < 200
    assert count(nets["classifier"]) == count(nets["encoder"]) - 15 * (6400 + 1)
    assert 0.036e6 < count(nets["visual_discriminator"]) < 0.040e6
    x, sides = torch.rand(2, 3, 61, 61), []
    for layer in nets["encoder"]:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            sides.append(x.shape[-1])
    assert sides == [29, 13, 5, 1] and x.shape == (2, 16)
    assert nets["decoder"](x).shape == (2, 3, 61, 61)
    assert nets["classifier"](torch.rand(2, 3, 61, 61)).shape == (2,)


def test_the_release_trains_mines_draws_and_comes_back_from_disk(zeros, tmp_path):
    settings = {**SMALL, "variant": "official61", "dropout": 0.5, "learning_rate": 2e-3}
    model = OCGAN(epochs=6, **settings).fit(zeros.x_train, x_validation=zeros.x_validation)
    assert model.curves_[-1]["mse"] < 0.5 * model.curves_[0]["mse"]
    assert model.curves_[-1]["after_mining"] < model.curves_[-1]["before_mining"]
    score = model.novelty_score(zeros.x_test)
    x = torch.from_numpy(zeros.x_test[:7]) / 127.5 - 1
    large = F.interpolate(x, size=(61, 61), mode="bilinear")
    with torch.no_grad():
        redrawn = model.state_["decoder"](model.state_["encoder"](large))
    assert np.allclose(score[:7], (large - redrawn).square().mean((1, 2, 3)), atol=1e-5)
    for drawn in model.pictures(zeros.x_test[:3]).values():
        assert drawn.shape[1:] == (1, 32, 32)
    model.save(tmp_path)
    assert np.array_equal(OCGAN.load(tmp_path).novelty_score(zeros.x_test), score)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variant": "official"}, "variant must be one of ours, official61"),
        ({"dropout": 1.0}, "must be below 1"),
        ({"variant": "official61", "joint_discriminator": True}, "for 32 pixels"),
    ],
)
def test_impossible_settings_are_refused_before_training(zeros, settings, message):
    with pytest.raises(ValueError, match=message):
        OCGAN(epochs=10**6, **SMALL, **settings).fit(zeros.x_train[:40])
