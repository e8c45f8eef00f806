"""Deep SVDD: what keeps it from collapsing, its preprocessing, and its two trainings."""

import numpy as np
import pytest
import torch

from data_samples import bars
from ocnd_lib.detectors.deep_svdd import Contrast, DeepSVDD, Sphere, lenet, mirrored_lenet
from ocnd_lib.detectors.features import contrast_normalised
from ocnd_lib.experiments import run_cell
from ocnd_lib.training import to_unit

AE = "ae+epochs=1+width=4"
SMALL = dict(pretrain_epochs=2, epochs=2, batch_size=16, learning_rate=1e-3)

X, X_VALIDATION = bars(48, 0), bars(10, 1)


def fit(**changes) -> DeepSVDD:
    return DeepSVDD(**SMALL | changes).fit(X, x_validation=X_VALIDATION)


def weights(detector: DeepSVDD) -> list[torch.Tensor]:
    return [p.detach().clone() for p in detector.state_["encoder"].parameters()]


@pytest.mark.parametrize(
    ("channels", "side", "size", "count"), [(1, 28, 32, 7272), (3, 32, 128, 520544)]
)
def test_networks_are_the_papers(channels, side, size, count):
    encoder, decoder = lenet(channels), mirrored_lenet(channels)
    assert sum(p.numel() for p in encoder.parameters()) == count
    for module in (*encoder.modules(), *decoder.modules()):
        assert getattr(module, "bias", None) is None, "a bias lets the network collapse"
        assert not getattr(module, "affine", False), "so does the shift of batch norm"
    # nothing in, nothing out
    assert not encoder.eval()(torch.zeros(1, channels, side, side)).any()
    assert encoder.train()(torch.rand(4, channels, side, side)).shape == (4, size)


def test_the_centre_is_the_mean_code_but_away_from_zero():
    sphere = Sphere(4)
    sphere.centre_on(torch.tensor([[0.5, 0.04, -0.04, 0.0], [1.5, 0.0, -0.04, 0.0]]))
    torch.testing.assert_close(sphere.centre, torch.tensor([1.0, 0.1, -0.1, 0.1]))
    torch.testing.assert_close(sphere(sphere.centre + torch.eye(4) * 2), torch.full((4,), 4.0))


def test_training_gathers_the_codes_without_making_them_equal():
    before, after = (fit(pretrain_epochs=20, epochs=n) for n in (0, 20))
    x = bars(30, 2)
    assert after.novelty_score(x).mean() < 0.5 * before.novelty_score(x).mean()
    scores = after.novelty_score(x)
    assert scores.std() > 0.05 * scores.mean()
    noise = np.random.default_rng(0).integers(0, 256, x.shape, dtype=np.uint8)
    assert after.novelty_score(noise).min() > scores.mean()


def test_the_scale_is_that_of_the_training_images_alone():
    strange = np.zeros_like(X_VALIDATION)
    strange[:, :, 15, 15] = 255  # one bright pixel: far more contrast than any training image
    contrast = DeepSVDD(**SMALL).fit(X, x_validation=strange).state_["contrast"]
    expected = contrast_normalised(X[:, :, 2:-2, 2:-2])
    assert contrast.low.item() == pytest.approx(expected.min(), rel=1e-4)
    assert contrast.high.item() == pytest.approx(expected.max(), rel=1e-4)
    inside, outside = (contrast(to_unit(torch.from_numpy(x))) for x in (X, strange))
    assert inside.min() == pytest.approx(0, abs=1e-5) and inside.max() == pytest.approx(1)
    assert outside.max() > 5
    with pytest.raises(ValueError, match="one colour"):
        Contrast().fit(torch.zeros(2, 1, 32, 32, dtype=torch.uint8))


def test_the_encoder_of_the_autoencoder_is_the_one_that_is_trained_on(monkeypatch):
    untrained, pretrained = fit(pretrain_epochs=0, epochs=0), fit(epochs=0)
    assert not all(map(torch.equal, weights(untrained), weights(pretrained)))
    # with a sphere that pulls nowhere, what comes out is what went in
    monkeypatch.setattr(Sphere, "forward", lambda _, codes: 0 * codes.sum(1))
    assert all(map(torch.equal, weights(fit(weight_decay=0.0)), weights(pretrained)))
    descent = DeepSVDD()._descent(torch.nn.Linear(1, 1), 6, 5, 0.0)
    assert list(descent.schedule.milestones) == [10]  # of 30 steps


def test_the_centre_is_taken_from_the_pretrained_encoder_in_evaluation_mode():
    state = fit(epochs=0).state_
    with torch.no_grad():
        codes = state["encoder"].eval()(state["contrast"](to_unit(torch.from_numpy(X))))
    free = codes.mean(0).abs() > 0.1
    assert free.any()
    torch.testing.assert_close(state["sphere"].centre[free], codes.mean(0)[free])


@pytest.mark.bf16
@pytest.mark.parametrize(
    "method, precision",
    [("deep-svdd+epochs=0+pretrain_epochs=1", "float32"), ("kde", "float64"), (AE, "bfloat16")],
)
def test_a_record_names_the_precision_of_its_detector(method, precision, tmp_path):
    assert run_cell(f"digits/{method}/8/0", tmp_path)["hardware"] == f"cpu {precision}"
