"""Recorded steps: as they are on a CPU; on a GPU the same losses as the plain loop."""

import numpy as np
import pytest
import torch

from ocnd_lib.cuda_graphs import WARM_UP, Recorded
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.detectors.ocgan import OCGAN
from ocnd_lib.training import load_optimiser

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
SMALL = {"latent_dim": 8, "width": 16, "batch_size": 32}


def images(count: int = 320) -> np.ndarray:
    """Squares of random place and grey."""
    rng = np.random.default_rng(0)
    x = np.zeros((count, 1, 32, 32), np.uint8)
    for picture, (row, column, grey) in zip(
        x, rng.integers(0, [20, 20, 200], (count, 3)), strict=True
    ):
        picture[0, row : row + 12, column : column + 12] = 55 + grey
    return x


def test_without_an_optimiser_made_for_it_every_step_is_made_as_it_is():
    weight = torch.nn.Parameter(torch.zeros(3))
    called = []

    def step(x, flag):
        called.append(flag)
        return {"loss": x.sum()}

    recorded = Recorded(step, [torch.optim.Adam([weight])])
    for k in range(WARM_UP + 3):
        assert recorded(torch.full((2,), float(k)), flag=k)["loss"] == 2 * k
    assert called == [*range(WARM_UP + 3)]


@pytest.mark.parametrize("capturable", [True, False])
def test_an_optimiser_goes_on_on_another_kind_of_device(capturable):
    """A checkpoint of a GPU holds optimisers that count their steps there, and a CPU's does not."""
    weights = [torch.nn.Parameter(torch.ones(3)) for _ in range(2)]
    here, there = (torch.optim.Adam([weight], lr=0.1) for weight in weights)
    weights[1].grad = torch.ones(3)
    there.step()
    state = there.state_dict()
    state["param_groups"][0]["capturable"] = capturable  # as it comes from the other
    load_optimiser(here, state)
    assert here.param_groups[0]["capturable"] is False
    weights[0].grad = torch.ones(3)
    here.step()
    assert here.state[weights[0]]["step"] == 2


@on_gpu
def test_a_recorded_ocgan_has_the_losses_of_the_plain_loop(monkeypatch):
    curves, counts = {}, {}
    for way in ("plain", "recorded"):
        made: list[Recorded] = []
        begin = Recorded.__init__

        def watched(self, step, optimisers, begin=begin, made=made, way=way):
            begin(self, step, optimisers)
            made.append(self)
            self.on = self.on and way == "recorded"

        with monkeypatch.context() as patched:
            patched.setattr(Recorded, "__init__", watched)
            curves[way] = OCGAN(**SMALL, epochs=6, device="cuda").fit(images()).curves_
        counts[way] = sum(len(recorded.graphs) for recorded in made)
    assert counts == {
        "plain": 0,
        "recorded": 4,
    }  # before mining, with the classifier, watched or not
    for plain, recorded in zip(curves["plain"], curves["recorded"], strict=True):
        assert recorded == pytest.approx(plain, rel=0.1, abs=0.02)


@on_gpu
def test_a_run_that_stopped_on_a_gpu_ends_as_one_that_did_not(tmp_path):
    x = images()
    straight = OCGAN(**SMALL, epochs=6, device="cuda").fit(x)
    path = tmp_path / "half.pt"

    class Stop(Exception):
        pass

    from ocnd_lib.training import Checkpoint

    save, epochs = Checkpoint.save, []

    def stop(self, epoch, curves):
        save(self, epoch, curves)
        epochs.append(epoch)
        if len(epochs) == 4:
            raise Stop

    Checkpoint.save = stop
    try:
        with pytest.raises(Stop):
            OCGAN(**SMALL, epochs=6, device="cuda").fit(x, checkpoint=path)
    finally:
        Checkpoint.save = save
    resumed = OCGAN(**SMALL, epochs=6, device="cuda").fit(x, checkpoint=path)
    for one, other in zip(straight.curves_, resumed.curves_, strict=True):
        assert other == pytest.approx(one, rel=0.1, abs=0.02)


@on_gpu
def test_a_masked_gan_that_starts_afresh_is_recorded_anew():
    settings = {"epochs": 2, "joint_epochs": 2, "masked_epochs": 2, "reinitialise": True}
    curves = AttentionGAN(**SMALL, **settings, device="cuda").fit(images()).curves_
    masked = [point["mse"] for point in curves if point["phase"] == "masked"]
    assert masked[0] > 1.5 * masked[-1] and np.isfinite(masked).all()
