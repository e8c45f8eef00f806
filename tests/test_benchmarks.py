"""Benchmarks compare like with like, and each side of a pair works."""

import pytest
import torch

from benchmarks import detectors
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
