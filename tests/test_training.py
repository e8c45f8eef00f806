"""Hardware policy, batches, augmentation, checkpoints."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ocnd_lib import experiments, training
from ocnd_lib.data import load_images
from ocnd_lib.records import read_arrays
from ocnd_lib.training import (
    batches,
    choose_hardware,
    shift_and_flip,
)


def test_auto_precision_follows_the_environment_then_the_processor(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = {}
    for native in (True, False):
        monkeypatch.setattr(training, "cpu_has_bf16", lambda native=native: native)
        for asked in ("auto", "fp32", "bf16"):
            monkeypatch.setenv("OCND_PRECISION", asked)
            found[native, asked] = str(choose_hardware())
            assert str(choose_hardware(precision="fp32")) == "cpu float32"
            assert str(choose_hardware(precision="bf16")) == "cpu bfloat16"
    assert [key for key, chosen in found.items() if chosen == "cpu bfloat16"] == [
        (True, "auto"), (True, "bf16"), (False, "bf16")
    ]  # fmt: skip


def test_bad_hardware_is_refused_with_the_choices_before_data_are_loaded(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="auto, cpu, cuda"):
        choose_hardware("tpu")
    with pytest.raises(ValueError, match="torch sees none"):
        choose_hardware("cuda")
    monkeypatch.setenv("OCND_PRECISION", "fp64")
    monkeypatch.setattr(experiments, "load_images", lambda _: pytest.fail("data are loaded"))
    with pytest.raises(ValueError, match="OCND_PRECISION 'fp64' is not one of auto, fp32, bf16"):
        experiments.run_cell("digits/vgg11/8/0", tmp_path / "records")


def test_an_epoch_shows_each_image_once_with_its_own_label():
    x = torch.arange(250, dtype=torch.uint8).view(250, 1, 1, 1).expand(250, 1, 32, 32)
    y = torch.arange(250)
    seen = Counter()
    for images, labels in batches(x, y, 100, torch.Generator().manual_seed(3)):
        value = ((images[:, 0, 0, 0] + 1) * 127.5).round().long()
        assert torch.equal(value, labels)
        seen.update(labels.tolist())
    assert seen == Counter(range(250))


def test_shift_and_flip_moves_whole_images_and_nothing_else():
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8, generator=generator)
    moved = shift_and_flip(x, generator, pixels=2)
    found = Counter()
    for before, after in zip(x, moved, strict=True):
        for flip in (False, True):
            source = before.flip(-1) if flip else before
            for dy in range(-2, 3):
                for dx in range(-2, 3):
                    rows = (torch.arange(32) + dy).clamp(0, 31)
                    columns = (torch.arange(32) + (-dx if flip else dx)).clamp(0, 31)
                    if torch.equal(source[:, rows][:, :, columns], after):
                        found[flip, dy, dx] += 1
    assert sum(found.values()) == 40  # each is exactly one shift of itself or of its mirror image
    assert len(found) > 15 and {flip for flip, *_ in found} == {False, True}


def test_a_failed_save_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    model = torch.nn.Linear(2, 2)
    state = training.Checkpoint(tmp_path / "c.pt", torch.Generator(), model=model)
    state.epoch = 1
    state.save()

    def broken(_, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        state.save()
    assert training.Checkpoint(tmp_path / "c.pt", torch.Generator(), model=model).epoch == 1
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


# an epoch has two steps, so that it dies in the middle of the third
RUN = """
import os, signal, sys
from pathlib import Path
import torch
from test_training import CELL, few_digits
from ocnd_lib import experiments
step, made = torch.optim.SGD.step, []
def last(*arguments, **more):
    made.append(step(*arguments, **more))
    if len(made) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
torch.optim.SGD.step = last
experiments.load_images = lambda name: few_digits()
experiments.run_cell(CELL, Path(sys.argv[1]))
"""
CELL = "digits/vgg11-bn+batch_size=50+epochs=4+ratio=30+width=16/8/0"


def few_digits():
    digits = load_images("digits")
    parts = ("x_train", "y_train", "x_test", "y_test")
    return replace(digits, **{name: getattr(digits, name)[:100] for name in parts})


def test_a_cell_is_the_same_whatever_the_number_of_threads(tmp_path):
    cell, before = "digits/ocgan+epochs=1+width=16/8/0", torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            experiments.run_cell(cell, tmp_path / str(threads))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(*(read_arrays(cell, tmp_path / n)["score"] for n in ("1", "2")))


def test_killed_and_resumed_gives_the_same_record_as_never_stopped(tmp_path, monkeypatch):
    straight, stopped = tmp_path / "straight" / "records", tmp_path / "stopped" / "records"
    here = Path(__file__).parent
    path = os.pathsep.join(map(str, (here, here.parent)))
    died = subprocess.run(
        [sys.executable, "-c", RUN, stopped], env={**os.environ, "PYTHONPATH": path}
    )
    assert died.returncode == -signal.SIGKILL
    checkpoint = stopped.parent / "checkpoints"
    (kept,) = checkpoint.rglob("checkpoint.pt")
    assert torch.load(kept, weights_only=True)["epoch"] == 2
    monkeypatch.setattr(experiments, "load_images", lambda _: few_digits())
    for folder in (straight, stopped):
        experiments.run_cell(CELL, folder)

    a, b = (json.loads(next(f.rglob("*.json")).read_text()) for f in (straight, stopped))
    for record in (a, b):
        del record["seconds"], record["provenance"], record["curves"]["seconds"]
    assert a == b
    x, y = (read_arrays(CELL, folder) for folder in (straight, stopped))
    assert x.keys() == y.keys() and all(np.array_equal(x[name], y[name]) for name in x)
    assert not list(checkpoint.rglob("checkpoint.pt")), "a finished run leaves no checkpoint"


def test_after_a_step_of_the_optimiser_the_new_weights_count_in_the_same_autocast():
    layer, x = torch.nn.Linear(8, 1, bias=False), torch.ones(4, 8)
    with choose_hardware("cpu", "bf16").autocast():
        before = layer(x).detach()
        with torch.no_grad():
            layer.weight += 1
        after = layer(x).detach()
    torch.testing.assert_close(after.float(), before.float() + 8, rtol=0.02, atol=0.1)
