"""What matters most once more in bf16, as GPUs and newer CPUs compute; elsewhere it is emulated."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from ocnd_lib import classifier, training
from ocnd_lib.detectors.autoencoder import AutoEncoder
from ocnd_lib.detectors.ocgan import OCGAN

pytestmark = pytest.mark.bf16
SMALL = {"latent_dim": 4, "width": 4, "epochs": 4, "batch_size": 16, "learning_rate": 1e-2}
every = pytest.mark.parametrize("kind", [AutoEncoder, OCGAN])


def bars(count: int, seed: int) -> np.ndarray:
    """Dark images with a bright bar, here or a little further."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 30, (count, 1, 32, 32))
    for image, top, left in zip(x, *rng.integers(10, 14, (2, count)), strict=True):
        image[:, top : top + 12, left : left + 6] += 200
    return x.astype(np.uint8)


@every
def test_a_detector_learns_and_its_scores_are_higher_for_novel_images(kind):
    model = kind(**SMALL, device="cpu").fit(bars(40, 0), x_validation=bars(10, 1))
    x = np.concatenate([bars(12, 2), 255 - bars(12, 3)])
    score, novel = model.novelty_score(x), np.repeat([0, 1], 12)
    assert score.dtype == np.float32
    assert roc_auc_score(novel, score) > 0.9
    assert roc_auc_score(novel, model.decision_function(x)) < 0.1


@every
def test_a_fit_that_was_stopped_ends_as_one_that_was_not(kind, tmp_path, monkeypatch):
    class Stopped(Exception):
        pass

    x, save = bars(40, 0), training.Checkpoint.save
    straight = kind(**SMALL, device="cpu").fit(x)

    def save_and_stop(self, epoch, curves):
        save(self, epoch, curves)
        if epoch == 2:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(training.Checkpoint, "save", save_and_stop)
        with pytest.raises(Stopped):
            kind(**SMALL, device="cpu").fit(x, checkpoint=tmp_path / "half.pt")
    resumed = kind(**SMALL, device="cpu").fit(x, checkpoint=tmp_path / "half.pt")
    np.testing.assert_array_equal(resumed.novelty_score(x), straight.novelty_score(x))
    assert resumed.curves_ == straight.curves_


def test_steps_of_vgg11_learn_in_half_precision():
    y = np.arange(32) % 2
    x = np.where(y[:, None, None, None] == 1, 255 - bars(32, 0), bars(32, 0))
    recipe = classifier.Recipe(epochs=4, batch_size=16, augment=False, width=8)
    found = {}
    for precision in ("bf16", "fp32"):
        hardware = training.choose_hardware("cpu", precision)
        model, curves = classifier.fit(x, y, recipe, seed=0, hardware=hardware)
        found[precision] = classifier.logits(model, x, hardware)
        assert curves[-1]["train_loss"] < curves[0]["train_loss"]
        assert {each.dtype for each in model.parameters()} == {torch.float32}
    assert not np.array_equal(found["bf16"], found["fp32"])
    assert str(training.choose_hardware("cpu")) == "cpu bfloat16"
