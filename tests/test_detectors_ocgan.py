"""OCGAN: each bug known from public code, put back, makes one of these fail."""

import numpy as np
import pytest
import torch
from torch import nn

from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detectors import ocgan
from ocnd_lib.detectors.ocgan import OCGAN, LatentDiscriminator, evaluating, mine
from ocnd_lib.networks import Critic, Decoder, Encoder

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


def test_mining_moves_codes_even_where_the_classifier_is_sure(nets):
    decoder, classifier = nets
    with torch.no_grad():
        classifier.head.bias.fill_(-30)  # certain of "fake": the plain gradient vanishes
    codes = torch.rand(16, 4) * 2 - 1
    mined = mine(codes, decoder, classifier, steps=5, step_size=0.1)
    assert (mined - codes).norm(dim=1).min() > 0.05


def test_mined_codes_stay_inside_the_cube_and_carry_no_gradient(nets):
    codes = torch.rand(16, 4) * 2 - 1
    mined = mine(codes, *nets, steps=30, step_size=1.0)
    assert mined.abs().max() <= 1 and not mined.requires_grad
    assert torch.isfinite(mined).all()


def test_each_code_is_mined_as_if_it_were_alone(nets):
    codes = torch.rand(8, 4) * 2 - 1
    together = mine(codes, *nets, steps=3, step_size=0.1)
    alone = torch.cat([mine(code[None], *nets, steps=3, step_size=0.1) for code in codes])
    assert torch.allclose(together, alone, atol=1e-4)


def test_mining_touches_no_network(nets):
    before = [p.clone() for net in nets for p in (*net.parameters(), *net.buffers())]
    with evaluating(*nets):
        mine(torch.rand(8, 4), *nets, steps=2, step_size=0.1)
    after = [p for net in nets for p in (*net.parameters(), *net.buffers())]
    assert all(map(torch.equal, before, after))
    assert all(p.grad is None and p.requires_grad for net in nets for p in net.parameters())
    assert all(net.training for net in nets)


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
    codes = Encoder(1, 4, 8)(torch.randn(32, 1, 32, 32) * 50)
    assert codes.abs().max() <= 1


def test_noise_is_new_in_each_step_and_the_target_is_clean(zeros, monkeypatch):
    seen = []
    step = OCGAN._step

    def spy(self, images, noisy, *rest):
        seen.append((images.clone(), noisy.clone()))
        return step(self, images, noisy, *rest)

    monkeypatch.setattr(OCGAN, "_step", spy)
    OCGAN(epochs=1, noise=0.3, **SMALL).fit(zeros.x_train)
    noise = [noisy - images for images, noisy in seen]
    assert noise[0].std() == pytest.approx(0.3, rel=0.05)
    assert not torch.equal(noise[0], noise[1])
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


def test_it_scores_every_test_image_with_the_clean_reconstruction_error(zeros):
    model = OCGAN(epochs=1, **SMALL).fit(zeros.x_train[:40])
    score = model.novelty_score(zeros.x_test)
    assert score.shape == zeros.y_test.shape
    x = torch.from_numpy(zeros.x_test[:7]) / 127.5 - 1
    with torch.no_grad():
        redrawn = model.state_["decoder"](model.state_["encoder"](x))
    assert np.allclose(score[:7], (x - redrawn).square().mean((1, 2, 3)), atol=1e-5)


def test_it_finds_other_digits_novel(zeros):
    from sklearn.metrics import roc_auc_score

    model = OCGAN(epochs=20, latent_dim=8, width=8, batch_size=16, learning_rate=1e-3, device="cpu")
    model.fit(zeros.x_train, x_validation=zeros.x_validation)
    assert roc_auc_score(zeros.y_test, model.novelty_score(zeros.x_test)) > 0.9


def test_stopped_and_resumed_equals_never_stopped(zeros, tmp_path, monkeypatch):
    straight = OCGAN(epochs=3, **SMALL).fit(zeros.x_train[:40])

    class Stop(Exception):
        pass

    save = ocgan.Checkpoint.save

    def save_and_stop(self, epoch, curves):
        save(self, epoch, curves)
        if epoch == 2:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(ocgan.Checkpoint, "save", save_and_stop)
        with pytest.raises(Stop):
            OCGAN(epochs=3, **SMALL).fit(zeros.x_train[:40], checkpoint=tmp_path / "c.pt")
    resumed = OCGAN(epochs=3, **SMALL).fit(zeros.x_train[:40], checkpoint=tmp_path / "c.pt")
    assert resumed.curves_ == straight.curves_
    assert np.array_equal(resumed.novelty_score(zeros.x_test), straight.novelty_score(zeros.x_test))
