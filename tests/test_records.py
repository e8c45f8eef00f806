"""Records are whole, found again, and never made twice."""

import json
import multiprocessing
import os
import signal
import subprocess
import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ocnd_lib import experiments, records
from ocnd_lib.experiments import ARMS, keeps_pictures
from ocnd_lib.records import (
    ON_GRID,
    coarse,
    parse_cell,
    read_arrays,
    read_record,
    read_records,
    write_record,
)


def record(cell: str, **metrics) -> dict:
    made_by = {"date": "2026-01-01T00:00:00+00:00", "git_revision": "0123456789"}
    about = {"seconds": 1.5, "hardware": "cpu float32", "provenance": made_by}
    return {"cell": cell, "metrics": {"auroc": 0.5, **metrics}, **about}


def test_a_cell_reads_back_as_it_was_written_with_types_and_one_order_of_its_parameters():
    for text in ("cifar10/ocgan/truck/3", "mnist/ocgan+latent_dim=32+mining=False/8/0"):
        assert str(parse_cell(text)) == text
    cell = parse_cell("d/m+ratio=99+name=balanced+flag=True/c/0")
    assert cell.parameters == {"ratio": 99, "name": "balanced", "flag": True}
    assert cell.variant == "m+flag=True+name=balanced+ratio=99"


@pytest.mark.parametrize(("offset", "scale"), [(0, 1e-3), (-3000, 40)])
def test_coarse_scores_rank_almost_alike(offset, scale):
    rng = np.random.default_rng(0)
    novel = np.arange(10_000) % 10 != 3
    exact = (offset + scale * rng.gamma(2 + novel)).astype(np.float32)
    kept = coarse(exact)
    assert np.abs(kept - exact).max() <= exact.std() / 256
    assert abs(roc_auc_score(novel, kept) - roc_auc_score(novel, exact)) < 1e-4


def test_a_pattern_takes_one_variant_and_not_its_relatives(tmp_path):
    for cell in ("d/vgg11/c/0", "d/vgg11-bn/c/0", "d/vgg11-bn+ratio=99/c/0", "d/vgg11/c/1"):
        write_record(record(cell), None, tmp_path)
    found = [r["cell"] for r in read_records(tmp_path, "d/vgg11/c")]
    assert found == ["d/vgg11/c/0", "d/vgg11/c/1"]


def test_what_cannot_be_written_whole_leaves_nothing_behind(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="JSON"):
        write_record(record("d/m/c/0", auroc=float("nan")), None, tmp_path)

    def full_disk(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(np.lib.format, "write_array", full_disk)
    with pytest.raises(OSError, match="disk full"):
        write_record(record("d/m/c/0"), {"score": np.zeros(3)}, tmp_path)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def _hold(path, held):
    with records.claim(path) as mine:
        held.put(mine)
        time.sleep(60)


def test_a_claim_shuts_others_out_until_its_holder_dies(tmp_path):
    context = multiprocessing.get_context("fork")
    held = context.Queue()
    holder = context.Process(target=_hold, args=(tmp_path / "lock", held))
    holder.start()
    assert held.get(timeout=20) is True
    with records.claim(tmp_path / "lock") as mine:
        assert not mine
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with records.claim(tmp_path / "lock") as mine:
        assert mine


def test_a_commit_while_a_cell_is_run_is_not_the_code_that_ran(tmp_path, monkeypatch):
    def git(*words):
        command = ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commits(*given):
        git("commit", "-q", "--allow-empty", "-m", "two")
        return method.run(*given)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "one")
    first, method = git("rev-parse", "HEAD"), experiments.METHODS["kde"]
    monkeypatch.setitem(experiments.METHODS, "kde", replace(method, run=commits))
    monkeypatch.setattr(records, "REPOSITORY", tmp_path)
    records.code_revision.cache_clear()
    try:
        made = experiments.run_cell("digits/kde/8/0", tmp_path / "results" / "records")
    finally:
        records.code_revision.cache_clear()
    assert git("rev-parse", "HEAD") != first == made["provenance"]["git_revision"]


def test_the_committed_records_are_complete_and_light():
    """All that the plan names must stay under 50 MB: pictures only where a page shows them."""
    for path in records.records_folder().rglob("*.json"):
        kept = json.loads(path.read_text())
        cell = parse_cell(kept["cell"])
        assert cell.path() == path, f"{path} does not lie where its cell says"
        said = {"parameters", "metrics", "curves", "hardware", "data_fingerprint"}
        assert said <= set(kept), path
        with np.load(path.with_suffix(".npz")) as stored:  # their names are read without them
            names = {name.removesuffix(ON_GRID) for name in stored.files}
        if cell.method == "looks":
            assert kept["tables"]["strength"] and kept["metrics"]["auroc_score"]
        else:  # whatever test images were answered
            assert ("predicted_swapped" if cell.method in ARMS else "score") in names, path
        pictured = any(name.startswith("picture_") for name in names)
        assert not pictured or keeps_pictures(cell), f"{path} has pictures that no page shows"
    size = sum(path.stat().st_size for path in records.records_folder().rglob("*.*"))
    assert size < 50e6


def test_curves_keep_five_digits_and_no_nan_and_metrics_stay_as_they_are(tmp_path):
    curves = [
        {"epoch": 1, "loss": 0.123456789, "recall": [0.98765432, 1.0], "phase": "joint"},
        {"epoch": 2, "loss": float("nan"), "area": float("inf"), "phase": "masked"},
    ]
    write_record({**record("d/m/c/0", auroc=0.123456789), "curves": curves}, None, tmp_path)
    found = read_record("d/m/c/0", tmp_path)
    assert found["curves"] == [
        {"epoch": 1, "loss": 0.12346, "recall": [0.98765, 1.0], "phase": "joint"},
        {"epoch": 2, "phase": "masked"},
    ]
    assert found["metrics"]["auroc"] == 0.123456789


def test_equal_arrays_make_equal_files_and_come_back_as_they_were(tmp_path):
    arrays = {
        "picture_map": np.random.default_rng(0).integers(0, 256, (3, 1, 32, 32), dtype=np.uint8),
        "novel/attention map/auroc/centre": np.array([0.5, np.nan], np.float16),
    }
    files = [write_record(record(f"d/m/c/{s}"), arrays, tmp_path).with_suffix(".npz") for s in "01"]
    assert files[0].read_bytes() == files[1].read_bytes()
    found = read_arrays("d/m/c/0", tmp_path)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and found[name].tobytes() == array.tobytes()
    assert found.keys() == arrays.keys() and read_arrays("d/m/c/1000", tmp_path) == {}
