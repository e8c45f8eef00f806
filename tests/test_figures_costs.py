"""Chapter 11 tells what was measured, on which machine, and what was not."""

import json
import math

import pytest

from benchmarks.__main__ import PAIRS
from ocnd_lib.records import write_record
from report.figures import NoRecords, costs

MACHINE = {
    "processor": "Abacus",
    "cores": 2,
    "hardware": "cpu float32",
    "torch": "2.0",
    "date": "2026-01-02",
}
BF16 = {**MACHINE, "hardware": "cpu bfloat16"}
GPU = {**MACHINE, "processor": "Abacus 9000", "hardware": "cuda bfloat16"}


def row(name, ratios, unit="images/s", **more):
    return {
        "name": name,
        "unit": unit,
        "baseline": "plain",
        "baseline_value": 10.0,
        "ours": "fast",
        "ours_value": 10.0 * ratios[0],
        "ratio": ratios[0],
        "ratios": ratios,
        "baseline_peak_mib": 100.0,
        "ours_peak_mib": 120.4,
        **more,
    }


def measured(tmp_path, *rows):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"machine": MACHINE, "results": list(rows)}))
    return costs.benchmarks(path)


def measured_on_gpu(tmp_path, *rows):
    path = tmp_path / "gpu.json"
    path.write_text(json.dumps({"machine": GPU, "results": list(rows)}))
    return costs.gpu_benchmarks(path)


OLD = [row("VGG11 with batch norm, training", [2.0, 1.9]), row("batches of images", [5.0, 6.0])]
STACKED = row(costs.STACKED, [0.5, 0.45, 0.6], group="together", machine=MACHINE)
SCORED = row("GAN, scoring 10 000 images", [1.0], "s", group="scoring", machine=MACHINE)


def test_a_file_without_groups_and_with_one_machine_is_read(tmp_path):
    table = measured(tmp_path, *OLD)
    assert list(table["group"]) == ["training", "data"]
    assert costs.machines(table) == "Abacus, 2 cores, cpu float32, torch 2.0, 2026-01-02"
    assert costs.benchmarks_page(table).iloc[0]["times as fast [rounds]"] == "2.00 [1.90, 2.00]"
    lacking = "ten models against a loop, scoring 10 000 images, torch.compile against ours"
    assert costs.unmeasured(table) == lacking
    assert len(costs.ratios_figure(table).axes) == 2


def test_rows_of_two_machines_are_told_apart(tmp_path):
    table = measured(tmp_path, OLD[0], {**STACKED, "machine": BF16})
    assert list(costs.benchmarks_page(table)["machine"]) == ["1", "2"]
    assert "(2) Abacus, 2 cores, cpu bfloat16" in costs.machines(table)


def test_what_pays_is_what_is_faster_in_every_round_of_several(tmp_path):
    either = row("KDE, training step", [1.1, 0.9], group="training")
    once = row(costs.OCGANS, [1.5], group="together")
    said = costs.payers(measured(tmp_path, *OLD, STACKED, either, once))
    assert said == {
        "faster": "VGG11 with batch norm, training; batches of images",
        "slower": costs.STACKED,
        "neither": "KDE, training step",
        "once": costs.OCGANS,
    }


def test_stacking_is_told_as_measured_or_as_not_measured(tmp_path):
    assert costs.ratio_of(measured(tmp_path, *OLD), costs.STACKED) == "not measured yet"
    said = costs.ratio_of(measured(tmp_path, STACKED), costs.STACKED)
    assert said == "0.50 times as fast (rounds 0.45 to 0.60)"
    once = row(costs.OCGANS, [1.5], group="together")
    assert (
        costs.ratio_of(measured(tmp_path, once), costs.OCGANS) == "1.50 times as fast (one round)"
    )


def test_an_aim_is_met_missed_or_cannot_be_told(tmp_path):
    ocgan = row("OCGAN, training step", [5.0], group="training", machine=MACHINE)
    gpu = costs.gpu_benchmarks(tmp_path / "none.json")
    assert set(costs.aims(measured(tmp_path, *OLD), gpu)["met"]) == {""}
    scored, step, _ = costs.aims(measured(tmp_path, SCORED, ocgan), gpu).itertuples()
    assert scored.met == "yes" and "10.0 s for the slowest (GAN)" in scored.measured
    assert step.met == "cannot be told here: no CPU with bf16"
    slow = {**SCORED, "ours_value": 16.0}
    table = measured(tmp_path, slow, {**ocgan, "machine": BF16})
    scored, step, _ = costs.aims(table, gpu).itertuples()
    assert (scored.met, step.met) == ("no", "yes")


@pytest.mark.parametrize(("ratio", "met"), [(10.5, "yes"), (9.5, "no")])
def test_ten_models_on_a_gpu_are_told_by_the_file_of_the_gpu(tmp_path, ratio, met):
    together = row(costs.OCGANS_ON_GPU, [ratio], "model images/s", group="together", machine=GPU)
    cpu, gpu = measured(tmp_path, *OLD), measured_on_gpu(tmp_path, together)
    assert costs.aims(cpu, gpu).iloc[2]["met"] == met
    assert costs.aims(gpu, cpu).iloc[2].to_list() == ["not measured yet", ""]


def test_what_a_gpu_lacks_is_said_with_and_without_a_file_of_it(tmp_path):
    slower = row(costs.OCGAN_STEP, [0.5, 0.4], group="training", machine=GPU)
    gpu = measured_on_gpu(tmp_path, slower)
    assert costs.machines(gpu).startswith("Abacus 9000, 2 cores, cuda bfloat16")
    lacking = "data, ten models against a loop, scoring 10 000 images, torch.compile against ours"
    assert costs.unmeasured(gpu) == lacking
    assert costs.payers(gpu)["slower"] == costs.OCGAN_STEP
    nothing = costs.gpu_benchmarks(tmp_path / "none.json")
    assert costs.machines(nothing) == "none yet"
    assert costs.unmeasured(nothing) == ", ".join(title for title, _ in costs.GROUPS.values())
    assert set(costs.payers(nothing).values()) == {"none"}
    assert costs.ratio_of(nothing, costs.OCGAN_STEP) == "not measured yet"


def test_compiled_networks_stand_in_a_panel_of_their_own(tmp_path):
    compiled = row(costs.COMPILED, [0.75, 0.7, 0.8], group="compiled", machine=MACHINE)
    table = measured(tmp_path, *OLD, compiled)
    panel = costs.ratios_figure(table).axes[-1]
    assert panel.get_title(loc="left") == "torch.compile against ours"
    assert [label.get_text() for label in panel.get_yticklabels()] == ["OCGAN"]
    assert costs.payers(table)["slower"] == costs.COMPILED


def test_ten_gans_stand_with_the_other_models_in_their_panel(tmp_path):
    gans = row(costs.OCGANS, [1.5], "model images/s", group="together", machine=MACHINE)
    table = measured(tmp_path, STACKED, gans)
    (panel,) = costs.ratios_figure(table).axes
    assert panel.get_title(loc="left") == "ten models against a loop"
    assert [label.get_text() for label in panel.get_yticklabels()] == [costs.STACKED, costs.OCGANS]


def test_the_names_looked_for_are_those_of_pairs():
    # the number of processes hangs on the machine, so a pair has only one of its names here
    names = {pair.name for pair in PAIRS}
    assert costs.OCGAN_STEP in names and costs.STACKED in names
    assert names & {costs.OCGANS, costs.OCGANS_ON_GPU}


def test_without_a_file_the_command_is_named(tmp_path):
    with pytest.raises(NoRecords, match="make bench"):
        costs.benchmarks(tmp_path / "results.json")


def test_the_table_of_the_profile_is_that_of_the_readme():
    assert "| convolution | decoder |" in costs.profile_page()
    assert "kernels" in costs.profile_page("profile on a GPU")


def test_the_share_of_a_kind_of_work_adds_up_its_networks(tmp_path):
    path = tmp_path / "profile.json"
    assert math.isnan(costs.profile_share("convolution", path))
    rows = [("convolution", 0.2, 0.1), ("batch norm", 0.3, 0.1), ("convolution", 0.3, 0.0)]
    keys = ("work", "forward", "backward")
    path.write_text(json.dumps({"work": [dict(zip(keys, r, strict=True)) for r in rows]}))
    assert costs.profile_share("convolution", path) == pytest.approx(0.6)


def test_a_plan_adds_up_medians_and_says_what_is_unknown(tmp_path):
    taken = {"kde/0": 30, "kde/1": 36, "kde/2": 600, "kde+gcn=True/1": 9, "kde/3": 7}
    for name, seconds in taken.items():
        made = {"processor": "slower" if seconds != 7 else "faster"}
        record = {"cell": f"mnist/{name}/0", "metrics": {}, "seconds": seconds, "provenance": made}
        write_record(record, folder=tmp_path)
    found = costs.cells(tmp_path)
    assert set(found["processor"]) == {"slower"}  # it made the most cells
    assert costs.timed_cells(found) == ["mnist/kde/0/0", "mnist/kde/1/0", "mnist/kde/2/0"]
    plan, hours, unknown = costs.plan_page(found, ["kde", "ocgan"], seeds=10)
    assert hours == pytest.approx(36 * 10 * 10 / 3600) and unknown == 3
    assert plan.loc["KDE", "MNIST, seconds a cell"] == "36.0 (3)"
    assert plan.loc["OCGAN", "MNIST, seconds a cell"] == "none on this processor"
    with pytest.raises(ValueError, match="unknown method 'kdf'"):
        costs.plan_page(found, ["kdf"], seeds=1)


def test_the_processor_that_timed_the_most_methods_is_taken_for_both_data_sets(tmp_path):
    cells = [("A", f"mnist/kde/{k}/0") for k in range(9)]
    cells += [("B", "mnist/ae/0/0"), ("B", "cifar10/ae/cat/0"), ("A", "cifar10/anogan/cat/0")]
    cells += [("B", "cifar10/vae/cat/0")]
    for processor, cell in cells:
        made = {"processor": processor}
        record = {"cell": cell, "metrics": {}, "seconds": 1.0, "provenance": made}
        write_record(record, folder=tmp_path)
    found = costs.cells(tmp_path)
    assert set(found["processor"]) == {"B"} and len(found) == 3
    assert costs.untimed(found, tmp_path) == "KDE (MNIST), AnoGAN (CIFAR-10)"
    nothing = costs.cells(tmp_path / "nothing")
    assert costs.untimed(nothing, tmp_path / "nothing") == "none"


def test_without_records_the_plan_knows_nothing_and_there_is_no_figure(tmp_path):
    found = costs.cells(tmp_path)
    assert costs.plan_page(found, ["kde"], seeds=1)[1:] == (0.0, 2)
    with pytest.raises(NoRecords, match="ocnd run"):
        costs.cells_figure(found)
