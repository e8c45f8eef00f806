"""Cells of Attention-GAN: they share a base GAN, trained once, and record each part of a score."""

import threading
import time

import numpy as np
import pytest

from attention_samples import TINY
from ocnd_lib import benchmark, records
from ocnd_lib import looks as where_it_looks
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.detectors.ocgan import OCGAN


@pytest.fixture(scope="module")
def x():
    return one_class_split(load_images("digits"), 8, seed=0).x_train[:32]


def test_variants_share_one_base_gan_trained_once_which_is_the_ocgan(x, tmp_path, monkeypatch):
    shared = tmp_path / "base.pt"
    alone = AttentionGAN(**TINY, mask="centre").fit(x)
    first = AttentionGAN(**TINY, classifier="generated").fit(x, base_checkpoint=shared)
    steps = OCGAN._step
    codes = []
    monkeypatch.setattr(
        OCGAN, "_step", lambda gan, *a, **k: (codes.append(gan.latent_dim), steps(gan, *a, **k))[1]
    )
    second = AttentionGAN(**TINY, mask="centre").fit(x, base_checkpoint=shared)
    assert set(codes) == {TINY["latent_dim"] // 2}  # of the masked GAN alone
    np.testing.assert_array_equal(second.novelty_score(x), alone.novelty_score(x))
    base = first.score_parts(x)["base"]
    np.testing.assert_array_equal(second.score_parts(x)["base"], base)
    plain = AttentionGAN(**TINY).base_gan().fit(x)
    assert type(plain) is OCGAN
    np.testing.assert_allclose(plain.novelty_score(x), base, rtol=1e-6)
    assert second.curves_[:2] == alone.curves_[:2] == first.curves_[:2]


def test_a_record_keeps_the_parts_of_the_score(tmp_path):
    cell = "digits/attention-gan+epochs=1+joint_epochs=1+masked_epochs=1+width=4/8/0"
    record = benchmark.run_cell(cell, tmp_path, device="cpu")
    assert record["parameters"]["classifier"] == "none" and record["train_counts"][1] == 0
    with np.load(next(tmp_path.rglob("*.npz"))) as arrays:
        assert {"part_base", "part_masked", "part_area"} <= set(arrays.files)
        assert not any(name.startswith("picture") for name in arrays.files)  # no page shows them
        assert arrays["part_base"].shape == arrays["score"].shape
    assert 0 < record["shared_seconds"] < record["fit_seconds"]


def test_variants_of_a_cell_train_their_base_once(tmp_path, monkeypatch):
    cell = "digits/attention-gan+epochs=1+joint_epochs=1+masked_epochs=1+width=4{}/8/0"
    looks = cell.replace("attention-gan", "looks").format("")
    first = benchmark.run_cell(cell.format(""), tmp_path / "records", device="cpu")
    (shared,) = (tmp_path / "checkpoints").rglob("shared.pt")
    assert not list((tmp_path / "checkpoints").rglob("*base.pt"))
    monkeypatch.setattr(where_it_looks, "look", lambda *_: {})
    mining, step = [], OCGAN._step
    monkeypatch.setattr(
        OCGAN, "_step", lambda gan, *a, **k: mining.append(gan.mining) or step(gan, *a, **k)
    )
    other = cell.format("").replace("masked_epochs=1", "mask=ones+masked_epochs=1")
    second = benchmark.run_cell(other, tmp_path / "records", device="cpu")
    with_looks = benchmark.run_cell(looks, tmp_path / "records", device="cpu")
    assert shared.exists() and first["shared_seconds"] == second["shared_seconds"]
    assert with_looks["shared_seconds"] == first["shared_seconds"]
    bases = [[c for c in r["curves"] if c["phase"] == "base"] for r in (first, second, with_looks)]
    assert bases[0] == bases[1] == bases[2]
    assert mining and not any(mining)  # only masked GANs, which never mine, were trained again


def test_who_comes_second_waits_for_the_base(tmp_path):
    lock, order = tmp_path / "shared.lock", []

    def late():
        with records.claim(lock, wait=True) as mine:
            order.append(("second", mine))

    with records.claim(lock):
        waiting = threading.Thread(target=late)
        waiting.start()
        time.sleep(0.1)
        order.append("first")
    waiting.join(5)
    assert order == ["first", ("second", True)]
