"""Work that is killed at random moments ends as if nobody had killed it, and nothing is torn."""

import os
import random
import signal
import time
from functools import partial

import numpy as np
import pytest

from data_prep.masked_files import read_set
from data_prep.scenes import build_scenes
from ocnd_lib.detectors.vae import VAE
from ocnd_lib.training import read_checkpoint

X = np.random.default_rng(0).integers(0, 256, (24, 1, 32, 32)).astype(np.uint8)


def training(folder):
    """A VAE with a checkpoint after each epoch."""
    detector = VAE(latent_dim=4, width=4, batch_size=8, epochs=10, device="cpu")
    np.save(folder / "score.npy", detector.fit(X, checkpoint=folder / "c.pt").novelty_score(X))


def data(folder):
    """A small set of scenes."""
    build_scenes(folder, 2, 10, 0, 0.5)


WORK = {  # what it makes, what it replaces while it works, and who reads that
    training: ("score.npy", "c.pt", read_checkpoint),
    data: ("scenes.npz", "scenes.npz", partial(read_set, "scenes")),
}


def in_child(work, folder) -> int:
    """Start `work(folder)` in a process of its own, which need not import anything; its id."""
    if pid := os.fork():
        return pid
    try:
        work(folder)
        os._exit(0)
    finally:
        os._exit(1)


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_what_is_killed_again_and_again_ends_as_if_it_had_lived(work, tmp_path):
    (made, kept, read), rng, started = WORK[work], random.Random(0), time.perf_counter()
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    straight.mkdir(), killed.mkdir()
    assert os.waitpid(in_child(work, straight), 0)[1] == 0
    seconds = time.perf_counter() - started
    for _ in range(3):
        pid = in_child(work, killed)
        time.sleep(rng.uniform(0, 0.7 * seconds))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        for path in killed.glob(kept):
            read(path)
    assert os.waitpid(in_child(work, killed), 0)[1] == 0
    assert (killed / made).read_bytes() == (straight / made).read_bytes()
