"""Processes killed at random moments: what is gone on with ends as if nobody had killed it.

python -m tests.kills training 100 data 30 book 30 sweep 20
"""

import os
import random
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from hashlib import md5
from pathlib import Path

import nbformat
import numpy as np
import psutil

os.environ["OMP_NUM_THREADS"] = "1"

from data_prep.masked_files import read_set
from data_prep.scenes import build_scenes
from ocnd_lib import sweep as sweeps
from ocnd_lib.detectors.vae import VAE
from ocnd_lib.experiments import run_cell
from ocnd_lib.records import read_arrays
from ocnd_lib.training import read_checkpoint

X = np.random.default_rng(0).integers(0, 256, (24, 1, 32, 32)).astype(np.uint8)


def training(folder):
    """A VAE with a checkpoint after each epoch."""
    detector = VAE(latent_dim=4, width=4, batch_size=8, epochs=10, device="cpu")
    np.save(folder / "score.npy", detector.fit(X, checkpoint=folder / "c.pt").novelty_score(X))


def data(folder):
    """A small set of scenes."""
    build_scenes(folder, 2, 10, 0, 0.5)


def book(folder):
    """A book of one notebook and one page."""
    from report.pages import build

    for name in ("notebooks", "book/chapters"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    cells = [nbformat.v4.new_markdown_cell("# A", id="a"), nbformat.v4.new_code_cell("1", id="b")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / "a.ipynb")
    (folder / "book" / "intro.md").write_text("# Intro\n")
    toc = "format: jb-book\nroot: intro\nchapters: [{file: chapters/a}]\n"
    (folder / "book" / "_toc.yml").write_text(toc)
    settings = "title: A\nonly_build_toc_files: true\nexecute: {execute_notebooks: 'off'}\n"
    (folder / "_config.yml").write_text(settings)
    build(root=folder)


RESULTS = {training: "score.npy", data: "scenes.npz", book: "_build/html/**/*.html"}


def check_whole(folder):
    """Nothing that has its name is torn."""
    for path in folder.glob("c.pt"):
        read_checkpoint(path)
    for path in folder.glob("scenes.npz"):
        read_set("scenes", path)
    for path in folder.glob("book/chapters/*.ipynb"):
        nbformat.read(path, 4)


def digests(folder, pattern):
    """Digest of every file, so that two folders can be compared."""
    return {p.relative_to(folder): md5(p.read_bytes()).digest() for p in folder.glob(pattern)}


def in_child(work, *given):
    """Start `work(*given)` in a process of its own that need not import anything; its id."""
    if pid := os.fork():
        return pid
    try:
        work(*given)
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def killed(work, kills, place, rng):
    """Kill the work with all that it started, again and again; what ends in time begins anew."""
    for name in ("straight", "killed"):
        (place / name).mkdir()
    started, folder, done = time.perf_counter(), place / "killed", 0
    assert os.waitpid(in_child(work, place / "straight"), 0)[1] == 0
    seconds, expected = time.perf_counter() - started, digests(place / "straight", RESULTS[work])
    assert expected
    while True:
        pid = in_child(work, folder)
        if done < kills:
            time.sleep(rng.uniform(0, 0.7 * seconds))
        ended, status = os.waitpid(pid, os.WNOHANG if done < kills else 0)
        if not ended:
            process = psutil.Process(pid)
            for one in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            os.waitpid(pid, 0)
            done += 1
            check_whole(folder)
            continue
        assert status == 0 and digests(folder, RESULTS[work]) == expected
        if done >= kills:
            return
        shutil.rmtree(folder)
        folder.mkdir()


def sweep(kills, place, rng):
    """Two workers of a sweep, killed now and then; what no worker survives is run here."""
    sweeps.ALONE = 30
    cells = [f"digits/ae+epochs=3+latent_dim=2+width=4/{k}/0" for k in range(10)]
    straight, records, done = place / "straight", place / "killed" / "records", 0
    expected = [run_cell(cell, straight) for cell in cells]
    seconds = sum(record["seconds"] for record in expected)
    while done < kills:
        shutil.rmtree(place / "killed", ignore_errors=True)
        pid, ended = in_child(sweeps.sweep, cells, 2, None, 0, None, records), 0
        while not ended:
            time.sleep(rng.uniform(0, 2 * seconds))
            workers = []
            for process in psutil.Process(pid).children(recursive=True):
                with suppress(psutil.Error):  # it may be gone by now
                    workers += [process] if "spawn_main" in " ".join(process.cmdline()) else []
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended and workers and done < kills and records.with_name("checkpoints").exists():
                rng.choice(workers).kill()
                done += 1
        assert status == 0, "the sweep itself failed"
        found = [run_cell(cell, records)["metrics"] for cell in cells]
        assert found == [record["metrics"] for record in expected]
        for cell in cells:
            scores = (read_arrays(cell, folder)["score"] for folder in (straight, records))
            assert np.array_equal(*scores)


if __name__ == "__main__":
    for name, kills in zip(sys.argv[1::2], map(int, sys.argv[2::2]), strict=True):
        with tempfile.TemporaryDirectory() as place:
            rest = kills, Path(place), random.Random(0)
            sweep(*rest) if name == "sweep" else killed(globals()[name], *rest)
        print(f"{name}: killed {kills} times, nothing torn, the same in the end", flush=True)
