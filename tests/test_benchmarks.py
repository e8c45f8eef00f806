"""Benchmarks compare like with like, and each side of a pair works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import __main__ as bench
from benchmarks import crops, detectors, profile, profile_gpu, together
from ocnd_lib.training import Hardware, choose_hardware
from report.chapters import costs

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


def test_both_sides_of_every_pair_are_arms_that_exist():
    for pair in bench.PAIRS:
        for _, arguments in (pair.baseline, pair.ours):
            assert arguments.split()[0] in bench.arms.ARMS
    assert len({pair.name for pair in bench.PAIRS}) == len(bench.PAIRS)
    assert {pair.group for pair in bench.PAIRS} == set(costs.GROUPS)


@pytest.mark.parametrize("method", ["ae", "f-anogan", "deep-svdd", "ocgan", "attention-gan"])
def test_a_training_step_is_timed(method):
    assert 0 < detectors.step(method, "ours", small=True) < 1e6


def test_every_network_of_the_compiled_side_is_compiled(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network: asked.append(type(network)))
    assert 0 < detectors.step("ocgan", "compiled", small=True) < 1e6
    names = {kind.__name__ for kind in asked}
    assert names == {"Encoder", "Decoder", "LatentDiscriminator", "Critic"} and len(asked) == 5
    asked.clear()
    detectors.step("ocgan", "ours", small=True)
    assert not asked


def test_without_a_compiler_the_rest_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "networks compiled", "--small"])
    monkeypatch.setenv("CXX", "no-such-compiler")
    bench.main()
    told = capsys.readouterr().out
    assert "nothing is measured of torch.compile" in told and "0 pairs" in told


def test_the_mining_epochs_of_one_of_ten_ocgans_are_timed():
    assert 0 < together._mining_seconds(0, 2, small=True) < 1e3


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


@pytest.mark.parametrize("side", ["plain", "ours"])
def test_both_ways_crop_all_objects(side, tmp_path, capsys):
    path = crops.photographs(tmp_path, 20)
    assert crops.plain(path) == 20 * crops.OBJECTS
    report = crops.build(path, tmp_path, tmp_path / "made", per_class=100, test=100, fewer=True)
    taken = len(report.choice.train) + len(report.choice.test)  # photographs stay on one side
    assert not report.dropped and 0.9 * 20 * crops.OBJECTS < taken <= 20 * crops.OBJECTS
    assert 0 < crops.crops(side, small=True) < 1e6


def test_a_time_is_better_when_lower_and_a_rate_when_higher():
    pair = bench.Pair("a", "scoring", "s", ("plain", "x"), ("ours", "y"))
    assert pair.gain(10.0, 5.0) == 2
    pair = bench.Pair("a", "training", "images/s", ("plain", "x"), ("ours", "y"))
    assert pair.gain(10.0, 5.0) == 0.5


def test_a_pair_is_told_by_the_median_of_its_rounds(monkeypatch):
    values = iter([(10, 20), (10, 40), (10, 30)])
    turns = iter([value for sides in values for value in sides])
    monkeypatch.setattr(
        bench, "arm", lambda arguments, small: {"value": next(turns), "peak_mib": len(arguments)}
    )
    pair = bench.Pair("a", "training", "images/s", ("plain", "x"), ("fast", "yy"))
    row = bench.measure(pair, {"processor": "Abacus"})
    assert row["ratios"] == [2, 4, 3] and row["ratio"] == 3 and row["ours_value"] == 30
    assert (row["baseline_peak_mib"], row["ours_peak_mib"]) == (1, 2)
    assert row["machine"] == {"processor": "Abacus"} and KEYS <= set(row)


def test_a_part_that_is_measured_again_takes_its_place_and_leaves_the_others():
    old_machine, new_machine = {"processor": "old"}, {"processor": "new"}
    first, second, third = (pair.name for pair in bench.PAIRS[:3])
    old = {"machine": old_machine, "results": [{"name": third}, {"name": second, "ratio": 1}]}
    rows = [{"name": second, "ratio": 2, "machine": new_machine}]
    found = bench.merged(old, rows, new_machine)
    assert found["results"] == [
        {"name": second, "ratio": 2, "machine": new_machine},
        {"name": third, "machine": old_machine},
    ]
    assert bench.merged({}, [{"name": first}], new_machine)["results"] == [{"name": first}]


def test_a_name_that_no_pair_has_is_refused_with_those_that_there_are():
    assert [pair.name for pair in bench.chosen("ocgan, train")] == ["OCGAN, training step"]
    with pytest.raises(ValueError, match="OCGAN, training step"):
        bench.chosen("ocgam")


@pytest.mark.parametrize("file", ["results.json", "gpu.json"])
def test_a_results_file_has_what_the_chapter_reads(file):
    found = json.loads((ROOT / "benchmarks" / file).read_text())
    assert found["results"] and all(KEYS <= set(row) for row in found["results"])
    for machine in [found["machine"], *(row["machine"] for row in found["results"])]:
        assert machine["processor"] and machine["git_revision"]
        assert machine["hardware"].startswith("cuda") == (file == "gpu.json")


def test_the_gpu_is_named_where_there_is_one(monkeypatch):
    gpu = Hardware(torch.device("cuda"), torch.bfloat16)
    monkeypatch.setattr(bench, "choose_hardware", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Abacus 9000")
    machine = bench.this_machine()
    assert (machine["processor"], machine["hardware"]) == ("Abacus 9000", "cuda bfloat16")


def test_every_operation_of_a_step_has_its_place_in_the_profile():
    found = profile.shares(profile.watch(1, 8, width=8), 1)
    assert sum(r["forward"] + r["backward"] for r in found["work"]) == pytest.approx(1)
    work = {(row["work"], row["network"]): row for row in found["work"]}
    for network in ("encoder", "decoder", "classifier", "visual_discriminator"):
        row = work["convolution", network]
        assert row["forward"] > 0 and row["backward"] > 0
        assert (row["mining"] > 0) == (network in ("decoder", "classifier"))
    assert ("convolution", None) not in work and ("batch norm", None) not in work
    assert work["optimiser (Adam)", None]["backward"] == 0
    assert {line["layer"] for line in found["layers"]} >= {"decoder.to32.0", "encoder.layers.0"}


@pytest.mark.parametrize("made_by", [profile, profile_gpu], ids=["cpu", "gpu"])
def test_the_readme_shows_the_profile_that_was_measured(made_by):
    found = json.loads((ROOT / "benchmarks" / f"{made_by.__name__.split('.')[1]}.json").read_text())
    assert made_by.markdown(found) in (ROOT / "benchmarks" / "README.md").read_text()


def test_a_step_is_profiled_by_kind_of_work():
    """On a CPU operations stand in the place of kernels, and no step is recorded."""
    found = profile_gpu.measure(1, 8, "cpu", width=8)
    assert sum(found["work"].values()) == pytest.approx(1)
    assert found["work"]["convolution"] > found["work"]["linear layer"] > 0
    assert found["kernels"] > 500 and found["seconds"] > 0
