"""Benchmarks compare like with like, and each side of a pair works."""

import pytest
import torch
from torch import nn

from benchmarks import ablation, detectors
from data_samples import high_bars
from ocnd_lib import training
from ocnd_lib.cuda_graphs import Recorded
from ocnd_lib.detectors import autoencoder


@pytest.mark.bf16
def test_the_plain_side_is_contiguous_and_in_single_precision(monkeypatch):
    changed = {training.Hardware: "place autocast", training.Averaged: "update"}
    for owner, names in (changed | {training: "to_unit", Recorded: "__call__"}).items():
        for name in names.split():  # is as it was after this test
            monkeypatch.setattr(owner, name, getattr(owner, name))
    seen = []

    class Encoder(autoencoder.Encoder):
        def forward(self, x):
            seen.append((self.layers[2][0].weight.is_contiguous(), self.layers[0](x).dtype))
            return super().forward(x)

    monkeypatch.setattr(autoencoder, "Encoder", Encoder)
    assert detectors.step("ae", "plain") > 0
    assert set(seen) == {(True, torch.float32)}
    assert training.to_unit(torch.zeros(2, 3, 4, 4, dtype=torch.uint8)).is_contiguous()


def test_what_is_tried_is_what_its_name_says_at_the_same_work():
    made = {of: ablation.Tried(**ablation.OTHERWISE.get(of, {}), tried=of) for of in ablation.TRIED}
    work = {of: m.epochs * m.width**2 * (1 + (of == "contrast")) for of, m in made.items()}
    assert max(work.values()) < 1.02 * min(work.values())
    batch = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 1, 32, 32)
    copies = made["contrast"]._seen(batch, torch.Generator()).view(4, 2, 6, 1, 32, 32)
    assert torch.equal(copies, batch.expand(4, 2, 6, 1, 32, 32))
    batch = torch.from_numpy(high_bars(6, 0))
    plain, moved = (
        made[of]._seen(batch, torch.Generator().manual_seed(0)) for of in ("plain", "moves")
    )
    for k in range(9):  # as its place in the batch tells
        steps = 8 * (k // 3 - 1), 8 * (k % 3 - 1)
        assert torch.equal(moved[k::9], plain[k::9].roll(steps, (2, 3)))
    small = {"width": 8, "epochs": 8, "batch_size": 16}
    tried = (made[of].set_params(**small).fit(high_bars(80, 0)) for of in ("linear", "plain"))
    heads = [detector.state_["network"].head for detector in tried]
    assert [isinstance(head, nn.Linear) for head in heads] == [True, False]


def test_contrast_rewards_copies_that_look_alike_and_moves_are_told_by_their_place():
    class Seen(nn.Module):  # whose features are what it is given
        def pooled(self, x):
            return x

        def head(self, x):
            return x.new_zeros(len(x), 4)

        def further(self, x):
            return 20 * x

    images = torch.eye(24).repeat_interleave(2, 0).view(4, 6, 2, 24).transpose(1, 2)
    alike, unlike = images.reshape(48, 24), torch.eye(48)
    losses = [ablation.Tried(tried="contrast")._task(Seen(), x)[0] for x in (alike, unlike)]
    assert losses[0] < losses[1] - 1
    places = torch.eye(9).repeat(4, 1)
    told, mixed = (ablation.Tried(tried="moves")._task(Seen(), x)[0] for x in (places, -places))
    assert told < mixed - 2
