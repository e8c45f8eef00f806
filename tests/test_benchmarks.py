"""Benchmarks compare like with like, and each side of a pair works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KEYS = {"name", "unit", "baseline", "ours", "ratio"}


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
rate = detectors.step("ae", "plain")
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


@pytest.mark.parametrize("file", ["results.json", "gpu.json"])
def test_a_results_file_has_what_the_chapter_reads(file):
    found = json.loads((ROOT / "benchmarks" / file).read_text())
    assert found["results"] and all(KEYS <= set(row) for row in found["results"])
    for machine in [found["machine"], *(row["machine"] for row in found["results"])]:
        assert machine["processor"] and machine["git_revision"]
        assert machine["hardware"].startswith("cuda") == (file == "gpu.json")
