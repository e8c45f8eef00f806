"""OCGAN: each bug known from public code, put back, makes one of these fail."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ocnd_lib.detectors.ocgan import OCGAN, mine
from ocnd_lib.networks import Critic, Decoder

SMALL = {"latent_dim": 4, "width": 8, "batch_size": 32, "device": "cpu"}


@pytest.fixture
def nets():
    torch.manual_seed(0)
    decoder, classifier = Decoder(1, 4, 8), Critic(1, 8)
    for part in (*decoder.modules(), *classifier.modules()):  # DCGAN's weights are tiny at first
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(part.weight)
    return decoder.eval(), classifier.eval()


@pytest.mark.parametrize("bias", [0, -30], ids=["unsure", "sure of fakes"])
def test_mining_takes_the_steps_of_the_plain_form(nets, bias):
    decoder, classifier = nets
    classifier.head.bias.data.fill_(bias)
    codes = torch.rand(4, 4) * 2 - 1
    found = mine(codes, *nets, steps=3, step_size=0.1)
    assert all(p.grad is None and p.requires_grad for net in nets for p in net.parameters())
    for code, mined in zip(codes, found, strict=True):
        v = torch.atanh(0.999 * code)
        for _ in range(3):
            v = v.detach().requires_grad_()
            logit = classifier(decoder(torch.tanh(v)[None]))
            F.binary_cross_entropy_with_logits(logit, torch.zeros(1)).backward()
            v = v - 0.1 * 4**0.5 * v.grad / v.grad.norm()
        assert torch.allclose(mined, torch.tanh(v), atol=1e-3)


def test_codes_lie_inside_the_cube_and_their_judge_gives_unbounded_logits():
    model = OCGAN(**SMALL)
    model.channels_ = 1
    nets = model._networks()
    encoder, judge = nets["encoder"], nets["latent_discriminator"]
    for weight in (*encoder.parameters(), *judge.parameters()):
        weight.data.mul_(100)
    codes = encoder(torch.randn(32, 1, 32, 32))
    assert codes.abs().max() <= 1
    assert judge(codes).abs().max() > 1


def test_noise_is_new_in_each_step_the_target_clean_and_the_second_half_mined(zeros, monkeypatch):
    seen, mined = [], []
    step = OCGAN._step

    def spy(self, images, noisy, **rest):
        seen.append((images.clone(), noisy.clone()))
        mined.append((rest["classify"], rest["mining"]))
        return step(self, images, noisy, **rest)

    monkeypatch.setattr(OCGAN, "_step", spy)
    OCGAN(epochs=4, noise=0.3, **SMALL).fit(zeros.x_train[:32], x_validation=zeros.x_validation)
    assert mined == [(False, False), (True, False), (True, True), (True, True)]
    order = [images.mean((1, 2, 3)).argsort() for images, _ in seen]
    noise = [(noisy - images)[k] for k, (images, noisy) in zip(order, seen, strict=True)]
    first, second = noise[:2]
    assert first.std() == pytest.approx(0.3, rel=0.05)
    # fresh in the next epoch for the same image, and no image has another's
    assert (first - second).std() == pytest.approx(0.3 * 2**0.5, rel=0.05)
    assert (first[0] - first[1]).std() == pytest.approx(0.3 * 2**0.5, rel=0.1)
    assert all(images.abs().max() <= 1 for images, _ in seen)


PARTS = [{"latent": False, "visual": False}, {"visual": False}, {"mining": False}, {}]


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


@pytest.mark.parametrize("parts", PARTS)
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
        losses = model._step(images, noisy, nets, optimisers, mining, mining)
        torch.manual_seed(seed)
        random = torch.rand(16, 4) * 2 - 1
        expected = plain_step(model, images, noisy, plain, plain_optimisers, random, mining)
        assert losses == pytest.approx(expected, rel=1e-3)
    for ours, theirs in zip(nets.parameters(), plain.parameters(), strict=True):
        # Adam's first steps have the length of the learning rate, whatever a gradient's size: where
        # one is zero but for rounding, two steps may differ by four times that
        assert (ours - theirs).abs().mean() < 0.1 * model.learning_rate
    for ours, theirs in zip(nets.buffers(), plain.buffers(), strict=True):
        assert torch.allclose(ours.float(), theirs.float(), atol=1e-4)


def test_the_release_has_the_papers_number_of_parameters():
    model = OCGAN(variant="official61", latent_dim=16, width=64)
    model.channels_ = 3
    count = {n: sum(p.numel() for p in net.parameters()) for n, net in model._networks().items()}
    # in millions: encoder 1.13, decoder the same, classifier 1.04, visual discriminator 0.038
    assert count["encoder"] == 4864 + 204800 + 256 + 819200 + 512 + 102400 + 16
    assert abs(count["decoder"] - count["encoder"]) < 200
    assert count["classifier"] == count["encoder"] - 15 * (6400 + 1)
    assert 0.036e6 < count["visual_discriminator"] < 0.040e6


def test_the_release_trains_mines_and_draws(zeros):
    settings = {**SMALL, "variant": "official61", "dropout": 0.5, "learning_rate": 2e-3}
    model = OCGAN(epochs=6, **settings).fit(zeros.x_train[:96], x_validation=zeros.x_validation)
    assert model.curves_[-1]["mse"] < 0.5 * model.curves_[0]["mse"]
    score = model.novelty_score(zeros.x_test)
    x = torch.from_numpy(zeros.x_test[:7]) / 127.5 - 1
    large = F.interpolate(x, size=(61, 61), mode="bilinear")
    with torch.no_grad():
        redrawn = model.state_["decoder"](model.state_["encoder"](large))
    assert np.allclose(score[:7], (large - redrawn).square().mean((1, 2, 3)), atol=1e-5)
    # dropout is off where images are scored and codes mined
    first, second = (model.mined(50) for _ in range(2))
    assert np.array_equal(first["mined_answer"], second["mined_answer"])
    assert first["mined_answer"].mean() < first["drawn_answer"].mean()
