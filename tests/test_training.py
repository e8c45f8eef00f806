"""Hardware policy, batches, augmentation, threads."""

import platform
from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch

from ocnd_lib import experiments, training
from ocnd_lib.records import read_arrays
from ocnd_lib.training import Descent, batch_count, batches, choose_hardware, shift_and_flip


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
    # but for a last batch of less than half
    assert len([*batches(x[:220], None, 100, torch.Generator())]) == batch_count(220, 100) == 2


def test_the_rate_of_a_descent_falls_to_nothing():
    descent = Descent(torch.nn.Linear(1, 1), 1.0, 3)
    for _ in range(3):
        descent(descent.weights[0].sum())
    assert descent.optimiser.param_groups[0]["lr"] == 0


def test_shift_and_flip_moves_whole_images_and_nothing_else():
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8, generator=generator)
    found = Counter()
    for before, after in zip(x, shift_and_flip(x, generator, pixels=2), strict=True):
        for flip, dy, dx in product((False, True), range(-2, 3), range(-2, 3)):
            rows, columns = ((torch.arange(32) + step).clamp(0, 31) for step in (dy, dx))
            moved = before[:, rows][:, :, columns]
            found[flip, dy, dx] += torch.equal(moved.flip(-1) if flip else moved, after)
    assert found.total() == 40  # each is exactly one shift of itself or of its mirror image
    found = [key for key, count in found.items() if count]
    assert len(found) > 15 and {flip for flip, *_ in found} == {False, True}


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


def test_after_a_step_of_the_optimiser_the_new_weights_count_in_the_same_autocast():
    layer, x = torch.nn.Linear(8, 1, bias=False), torch.ones(4, 8)
    with choose_hardware("cpu", "bf16").autocast():
        before = layer(x).detach()
        with torch.no_grad():
            layer.weight += 1
        after = layer(x).detach()
    torch.testing.assert_close(after.float(), before.float() + 8, rtol=0.02, atol=0.1)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_a_tensor_takes_the_memory_that_the_one_before_it_freed():
    import resource

    choose_hardware("cpu")
    faults = [resource.getrusage(resource.RUSAGE_SELF).ru_minflt]
    for _ in range(9):
        torch.ones(2**24)  # 64 MiB in pages of 4 KiB
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    assert np.median(np.diff(faults)[1:]) < 2**14 / 4
