"""Benchmarks compare like with like, and each side of a pair works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import crops, together
from ocnd_lib.training import choose_hardware

ROOT = Path(__file__).parents[1]
KEYS = {"name", "unit", "baseline", "ours", "ratio"}


def test_stacked_models_have_the_losses_of_single_ones():
    hardware = choose_hardware("cpu", "fp32")
    x = together.images(3, 8, hardware)
    found = []
    for make in (together.one_by_one, together.stacked):
        step = make(together.autoencoders(3, hardware), x, hardware)
        found.append([step() for _ in range(3)])
    assert torch.allclose(*map(torch.tensor, found), rtol=1e-3)
    assert len({round(loss, 6) for loss in found[0][0]}) == 3  # they are different models


PLAIN = """
import json
from benchmarks import detectors
detectors.plain()
import torch
from ocnd_lib.detectors import autoencoder
from ocnd_lib.training import to_unit
seen = []
class Encoder(autoencoder.Encoder):
    def forward(self, x):
        seen.append([self.layers[2][0].weight.is_contiguous(), str(self.layers[0](x).dtype)])
        return super().forward(x)
autoencoder.Encoder = Encoder
rate = detectors.step("ae", "plain", small=True)
image = to_unit(torch.zeros(2, 3, 4, 4, dtype=torch.uint8))
print(json.dumps({"rate": rate, "seen": seen, "images": image.is_contiguous()}))
"""


def test_the_plain_side_is_contiguous_and_in_single_precision():
    done = subprocess.run(
        [sys.executable, "-c", PLAIN], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["rate"] > 0 and found["images"]
    assert found["seen"] and set(map(tuple, found["seen"])) == {(True, "torch.float32")}


def test_both_ways_crop_all_objects(tmp_path):
    path = crops.photographs(tmp_path, 20)
    assert crops.plain(path) == 20 * crops.OBJECTS
    report = crops.build(path, tmp_path, tmp_path / "made", per_class=100, test=100, fewer=True)
    taken = len(report.choice.train) + len(report.choice.test)  # photographs stay on one side
    assert not report.dropped and 0.9 * 20 * crops.OBJECTS < taken <= 20 * crops.OBJECTS


@pytest.mark.parametrize("file", ["results.json", "gpu.json"])
def test_a_results_file_has_what_the_chapter_reads(file):
    found = json.loads((ROOT / "benchmarks" / file).read_text())
    assert found["results"] and all(KEYS <= set(row) for row in found["results"])
    for machine in [found["machine"], *(row["machine"] for row in found["results"])]:
        assert machine["processor"] and machine["git_revision"]
        assert machine["hardware"].startswith("cuda") == (file == "gpu.json")
