"""Records are whole, small and never made twice; a damaged one is named, and not believed."""

import json
import multiprocessing
import os
import re
import signal
import time

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from data_samples import record
from ocnd_lib import experiments, records
from ocnd_lib.experiments import ARMS, keeps_pictures
from ocnd_lib.records import (
    coarse,
    pack,
    parse_cell,
    read_arrays,
    read_record,
    read_records,
    table,
    unpack,
    write_record,
)
from ocnd_lib.stats import placements
from report import cli
from report.tables import read_runs, results

LABELS = np.random.default_rng(0).integers(0, 10, 5000, dtype=np.uint8)


def there_and_back(arrays, folder, name="1.npz"):
    pack(folder / name, arrays, folder / "shared")
    return unpack(folder / name, folder / "shared")


def test_a_cell_reads_back_as_it_was_written_with_types_and_one_order_of_its_parameters():
    for text in ("cifar10/ocgan/truck/3", "mnist/ocgan+latent_dim=32+mining=False/8/0"):
        assert str(parse_cell(text)) == text
    cell = parse_cell("d/m+ratio=99+name=balanced+flag=True/c/0")
    assert cell.parameters == {"ratio": 99, "name": "balanced", "flag": True}
    assert cell.variant == "m+flag=True+name=balanced+ratio=99"
    assert parse_cell(str(records.Cell("d", "m", "c", 0, {"r": 1e30}))).parameters["r"] == 1e30


@pytest.mark.parametrize(("offset", "scale"), [(0, 1e-3), (-3000, 40)])
def test_coarse_scores_rank_almost_alike_and_come_back_bit_for_bit(offset, scale, tmp_path):
    rng = np.random.default_rng(0)
    novel = np.arange(10_000) % 10 != 3
    exact = (offset + scale * rng.gamma(2 + novel)).astype(np.float32)
    kept = coarse(exact)
    assert np.abs(kept - exact).max() <= exact.std() / 64
    assert coarse(exact[:4999]).tobytes() == exact[:4999].tobytes()  # where an image counts
    assert abs(roc_auc_score(novel, kept) - roc_auc_score(novel, exact)) < 1e-4
    found = there_and_back({"score": kept}, tmp_path)["score"]
    assert found.dtype == np.float32 and found.tobytes() == kept.tobytes()


def test_a_pattern_takes_one_variant_and_not_its_relatives(tmp_path):
    for cell in ("d/vgg11/c/0", "d/vgg11-bn/c/0", "d/vgg11-bn+ratio=99/c/0", "d/vgg11/c/1"):
        write_record(record(cell), None, tmp_path)
    found = [r["cell"] for r in read_records(tmp_path, "d/vgg11/c")]
    assert found == ["d/vgg11/c/0", "d/vgg11/c/1"]


def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path, monkeypatch):
    def there():
        return {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def full_disk(*_, **__):
        raise OSError("disk full")

    write_record(record("d/m/c/0"), {"score": np.zeros(3)}, tmp_path)
    before = there()
    with pytest.raises(ValueError, match="JSON"):
        write_record(record("d/m/c/0", metrics={"auroc": float("nan")}), None, tmp_path)
    monkeypatch.setattr(np.lib.format, "write_array", full_disk)
    for cell in ("d/m/c/0", "d/m/c/1"):
        with pytest.raises(OSError, match="disk full"):
            write_record(record(cell), {"score": np.ones(3)}, tmp_path)
    assert there() == before and len(before) == 2


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


OWN_PRECISION = {"deep-svdd": "32", "kde": "64", "ocsvm": "64", "pca": "64"}


def test_the_committed_records_are_complete_and_light():
    """All that the plan names must stay under 60 MB: pictures only where a page shows them."""
    for path in records.records_folder().rglob("*.json"):
        kept = json.loads(path.read_text())
        cell = parse_cell(kept["cell"])
        assert cell.path() == path, f"{path} does not lie where its cell says"
        said = {"parameters", "metrics", "hardware", "data_fingerprint"}
        assert said | ({"curves"} if cell.method != "looks" else set()) <= set(kept), path
        if cell.method in OWN_PRECISION:
            assert kept["hardware"].endswith(OWN_PRECISION[cell.method]), path
        with np.load(path.with_suffix(".npz")) as stored:  # their names are read without them
            names = set(stored.files)
        if cell.method == "looks":
            assert kept["tables"]["strength"] and kept["metrics"]["auroc_score"]
        else:  # whatever test images were answered
            assert ("predicted_swapped" if cell.method in ARMS else "score") in names, path
        pictured = any(name.startswith("picture_") for name in names)
        assert not pictured or keeps_pictures(cell), f"{path} has pictures that no page shows"
    size = sum(path.stat().st_size for path in records.records_folder().rglob("*.*"))
    assert size < 60e6


@pytest.mark.parametrize("spread", [0.3, 1.0, 4.0])
def test_kept_scores_order_images_as_the_scores_did(spread):
    rng, y = np.random.default_rng(0), np.repeat([0, 1], [1000, 9000])
    scores = rng.lognormal(2.0 * y, spread)  # as of rotation, some are a thousand times others
    kept = coarse(scores)
    assert placements(y, kept)[0].mean() == pytest.approx(placements(y, scores)[0].mean(), abs=1e-4)
    usual = scores < np.quantile(scores, 0.1)
    np.testing.assert_allclose(kept[usual], scores[usual], atol=scores.std() / 64)
    assert np.isnan(coarse([0.0, np.nan])).any() and np.isnan(coarse([*scores, np.nan])).any()


@pytest.mark.parametrize("dataset", ["mnist", "cifar10", "fashion_mnist", "coil100", "voc_animals"])
def test_committed_scores_give_the_recorded_auroc(dataset):
    found = {each["cell"]: each["metrics"] for each in read_records(pattern=f"{dataset}/*/*")}
    first = [cell for cell in found if cell.endswith("/0") and not re.search("vgg11|looks", cell)]
    assert len(first) > 20
    for cell in first:
        (run,) = read_runs([cell])
        assert run.auroc == pytest.approx(found[cell]["auroc"], abs=0.0025), cell


def test_curves_keep_five_digits_and_no_nan_and_metrics_stay_as_they_are(tmp_path):
    curves = [
        {"epoch": 1, "loss": 0.123456789, "recall": [0.98765432, 1.0], "phase": "joint"},
        {"epoch": 2, "loss": float("nan"), "area": float("inf"), "phase": "masked"},
    ]
    metrics = {"auroc": 0.123456789}
    write_record(record("d/m/c/0", metrics=metrics, curves=curves), None, tmp_path)
    found = read_record("d/m/c/0", tmp_path)
    assert found["curves"] == [
        {"epoch": 1, "loss": 0.12346, "recall": [0.98765, 1.0], "phase": "joint"},
        {"epoch": 2, "phase": "masked"},
    ]
    assert found["metrics"] == metrics
    long = [{"epoch": k, "loss": 1 / k} for k in range(1, 252)]
    write_record(record("d/m/c/1", curves=long), None, tmp_path)
    assert [point["epoch"] for point in read_record("d/m/c/1", tmp_path)["curves"]] == [
        *range(2, 252, 3)
    ]


def test_equal_arrays_make_equal_files_and_a_record_without_any_has_none(tmp_path):
    arrays = {"novel/attention map/auroc/centre": np.array([0.5, np.nan], np.float16)}
    files = [write_record(record(f"d/m/c/{s}"), arrays, tmp_path).with_suffix(".npz") for s in "01"]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert read_arrays("d/m/c/1000", tmp_path) == {}


def test_labels_of_a_whole_test_set_lie_once_however_many_records_have_them(tmp_path):
    few, other = LABELS[:50], LABELS[::-1].copy()
    for name, labels in {"1.npz": LABELS, "2.npz": LABELS, "3.npz": other, "4.npz": few}.items():
        found = there_and_back({"class_test": labels}, tmp_path, name)["class_test"]
        assert found.dtype == np.uint8 and np.array_equal(found, labels), name
    shared = list((tmp_path / "shared").iterdir())
    assert len(shared) == 2  # of few no more are made
    np.save(shared[0], few), shared[1].unlink()
    for name in ("1.npz", "3.npz"):
        with pytest.raises(ValueError, match=f"{name} needs .*, which is missing or changed"):
            unpack(tmp_path / name, tmp_path / "shared")


THREE = [f"digits/ae/{k}/0" for k in range(3)]
BAD = THREE[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three records with their scores."""
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    kept = {"score": np.arange(1000.0), "class_test": np.arange(1000, dtype=np.uint8) % 10}
    for cell in THREE:
        curves = [{"epoch": 1, "loss": 0.1}]
        made = record(cell, metrics={"auroc": 0.5}, parameters={}, curves=curves)
        write_record(made, kept, tmp_path)
    return tmp_path


def changed(**new):
    def change(path):
        path.write_text(json.dumps(json.loads(path.read_text()) | new))

    return change


def unreadable(path):
    path.unlink()
    path.mkdir()


DAMAGE = {
    "empty": lambda path: path.write_text(""),
    "object": lambda path: path.write_text("{}"),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "deep": lambda path: path.write_text("[" * 100_000),
    "unreadable": unreadable,
    "of another cell": changed(cell=THREE[0]),
    "text for a number": changed(metrics={"auroc": "0.5"}),
    "more than 1": changed(metrics={"auroc": 50}),
    "no number": changed(seconds=float("nan")),
    "curves of unequal length": changed(curves={"epoch": [1, 2], "loss": [0.1]}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_record_costs_one_row_and_is_named(folder, damage):
    path = folder / f"{BAD}.json"
    DAMAGE[damage](path)
    with pytest.warns(UserWarning, match=r"ae/1/0\.json is no record \(.+\); remove it"):
        assert list(table(read_records())["class"]) == ["0", "2"]
        assert list(results("digits").cells["normal_class"]) == ["0", "2"]
        done = CliRunner().invoke(cli.app, ["records"])
    assert done.exit_code == 0 and len(done.stdout.splitlines()) == 3
    before = None if path.is_dir() else path.read_bytes()
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="is no record that can be rea"):
        experiments.run_cell(BAD)
    assert path.is_dir() or path.read_bytes() == before


def test_the_copy_of_a_sync_tool_is_no_further_seed(folder):
    path = folder / f"{BAD}.json"
    path.with_name("0 (1).json").write_bytes(path.read_bytes())
    with pytest.warns(UserWarning, match=r"0 \(1\)\.json is no record"):
        assert len(read_records()) == 3


def rewritten(**new):
    def damage(path):
        with np.load(path) as kept:
            np.savez(path, **{**kept, **new})

    return damage


FLIPPED = bytes.maketrans(bytes(range(128, 160)), bytes(range(160, 192)))
ARRAYS = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "bits": lambda path: path.write_bytes(path.read_bytes().translate(FLIPPED)),
    "fewer scores": rewritten(score=np.zeros(7)),
    "nan": rewritten(score=np.full(1000, np.nan)),
    "text": rewritten(score=np.array(["a"] * 1000)),
    "an older form": rewritten(grids=np.zeros((1, 2))),
}


@pytest.mark.parametrize("damage", ARRAYS)
def test_damaged_arrays_are_as_if_there_were_none_and_are_named(folder, damage):
    ARRAYS[damage]((folder / BAD).with_suffix(".npz"))
    with pytest.warns(UserWarning, match=r"ae/1/0\.npz cannot be read \(.+\); remove it"):
        assert read_arrays(BAD) == {}
        assert len(results("digits").cells) == 3 and results("digits").runs == {}
    assert read_record(BAD)["metrics"] == {"auroc": 0.5} and read_arrays(THREE[0])
