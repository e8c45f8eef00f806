"""A sweep makes what is missing, once, and stops when it is told to."""

import pytest

from ocnd_lib import sweep as sweeps
from ocnd_lib.records import read_records
from ocnd_lib.sweep import cells, parse_seeds, sweep

TINY = "digits/ae+epochs=1+latent_dim=2+width=4/{}/{}"


@pytest.mark.parametrize(
    ("text", "seeds"), [("0", [0]), ("0-2", [0, 1, 2]), ("5,1-2", [5, 1, 2]), ("1,1", [1])]
)
def test_seeds_are_read(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "0-", "-1", "a", "3-1", "1,,2", "1.5"])
def test_bad_seeds_are_refused_with_an_example(text):
    with pytest.raises(ValueError, match="0-4 or 0,2,5"):
        parse_seeds(text)


def test_all_classes_of_one_seed_come_before_the_next_seed():
    wanted = cells(["digits"], ["ae", "ocgan"], [0, 1])
    assert len(wanted) == 40
    assert wanted[0] == "digits/ae/0/0" and wanted[10] == "digits/ocgan/0/0"
    assert all(cell.endswith("/0") for cell in wanted[:20])


@pytest.mark.parametrize(
    ("datasets", "methods", "message"),
    [(["digit"], ["ae"], "there is no data set"), (["digits"], ["aee"], "unknown method")],
)
def test_unknown_names_are_refused_with_the_list(datasets, methods, message):
    with pytest.raises(ValueError, match=message):
        cells(datasets, methods, [0])


def test_a_sweep_makes_what_is_missing_and_names_what_failed(tmp_path):
    folder = tmp_path / "records"
    wanted = [TINY.format(digit, 0) for digit in (0, 1)]
    first = sweep(wanted[:1], workers=1, folder=folder)
    assert first["done"] == wanted[:1]
    date = read_records(folder)[0]["provenance"]["date"]
    bad = "digits/vgg11+ratio=1/0/0"
    outcome = sweep([bad, *wanted], workers=2, folder=folder)
    assert outcome["present"] == wanted[:1] and outcome["done"] == wanted[1:]
    (failed,) = outcome["failed"]
    assert failed.startswith(f"{bad}: ValueError: a ratio of 1.0 is impossible")
    records = read_records(folder)
    assert [record["cell"] for record in records] == wanted
    assert records[0]["provenance"]["date"] == date


def test_a_failed_cell_is_tried_once_and_one_whose_worker_died_again(tmp_path, monkeypatch):
    wanted = [TINY.format(digit, 0) for digit in range(3)]
    tried = tmp_path / "tried"
    tried.touch()

    def task(cell, folder, niceness):
        import os
        import signal

        before = tried.read_text()
        with tried.open("a") as file:
            file.write(f"{cell}\n")
        if cell == wanted[0]:
            raise RuntimeError("it always\nends like this")
        if cell == wanted[1] and cell not in before:
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"

    monkeypatch.setattr(sweeps, "_task", task)
    outcome = sweep(wanted, workers=1, folder=tmp_path / "records")
    assert outcome["failed"] == [f"{wanted[0]}: RuntimeError: it always ends like this"]
    assert sorted(outcome["done"]) == wanted[1:]
    times = [tried.read_text().splitlines().count(cell) for cell in wanted]
    assert times[:2] == [1, 2], times


def test_a_cell_under_two_names_is_run_once(tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "read_record", lambda cell, folder: {})
    outcome = sweep(["cifar10/ae/car/0", "cifar10/ae/1/0"], folder=tmp_path)
    assert outcome["present"] == ["cifar10/ae/automobile/0"]


def test_time_running_out_leaves_the_rest(tmp_path):
    wanted = [TINY.format(digit, 0) for digit in range(3)]
    outcome = sweep(wanted, workers=1, max_minutes=1e-4, folder=tmp_path / "records")
    assert outcome["left"] and not outcome["failed"]
    assert set(outcome["left"]) | set(outcome["done"]) == set(wanted)
