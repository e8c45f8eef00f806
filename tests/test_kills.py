"""Work that is killed at random moments ends as if nobody had killed it, and nothing is torn."""

import multiprocessing
import random
import time

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
    data: ("scenes.npz", "scenes.npz", lambda path: read_set("scenes", path)),
}


def started(work, folder):
    """`work(folder)`, begun in a process of its own, which need not import anything."""
    process = multiprocessing.get_context("fork").Process(target=work, args=(folder,))
    process.start()
    return process


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_what_is_killed_again_and_again_ends_as_if_it_had_lived(work, tmp_path):
    (made, kept, read), rng, begun = WORK[work], random.Random(0), time.perf_counter()
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    straight.mkdir(), killed.mkdir()
    (whole := started(work, straight)).join()
    seconds = time.perf_counter() - begun
    for _ in range(3):
        process = started(work, killed)
        time.sleep(rng.uniform(0, 0.7 * seconds))
        process.kill()
        process.join()
        assert all([read(path) for path in killed.glob(kept)])
    (last := started(work, killed)).join()
    assert whole.exitcode == last.exitcode == 0
    assert (killed / made).read_bytes() == (straight / made).read_bytes()
