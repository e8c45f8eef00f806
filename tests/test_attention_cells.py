"""Cells of Attention-GAN: they share a base GAN, trained once, and record each part of a score."""


import numpy as np
import pytest

from attention_samples import TINY
from ocnd_lib import experiments, records
from ocnd_lib import looks as where_it_looks
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.detectors.ocgan import OCGAN

SHORT = TINY | {"epochs": 1, "joint_epochs": 1, "masked_epochs": 1}


@pytest.fixture(scope="module")
def x():
    return one_class_split(load_images("digits"), 8, seed=0).x_train[:32]


def test_variants_share_one_base_gan_trained_once_which_is_the_ocgan(x, tmp_path, monkeypatch):
    shared = tmp_path / "base.pt"
    alone = AttentionGAN(**SHORT, mask="centre").fit(x)
    first = AttentionGAN(**SHORT, classifier="generated").fit(x, base_checkpoint=shared)
    steps = OCGAN._step
    codes = []
    monkeypatch.setattr(
        OCGAN, "_step", lambda gan, *a, **k: (codes.append(gan.latent_dim), steps(gan, *a, **k))[1]
    )
    second = AttentionGAN(**SHORT, mask="centre").fit(x, base_checkpoint=shared)
    assert set(codes) == {TINY["latent_dim"] // 2}  # of the masked GAN alone
    np.testing.assert_array_equal(second.novelty_score(x), alone.novelty_score(x))
    base = first.score_parts(x)["base"]
    np.testing.assert_array_equal(second.score_parts(x)["base"], base)
    plain = AttentionGAN(**SHORT).base_gan().fit(x)
    assert type(plain) is OCGAN
    np.testing.assert_allclose(plain.novelty_score(x), base, rtol=1e-6)
    assert second.curves_[:1] == alone.curves_[:1] == first.curves_[:1]


@pytest.mark.parametrize(
    ("cell", "same"),
    [
        ("attention-gan+mask=centre+masked_epochs=9/8/0", True),
        ("attention-gan-oracle/8/0", True),
        ("attention-gan+epochs=2/8/0", False),
        ("attention-gan/8/1", False),
    ],
)
def test_cells_of_one_class_seed_and_base_share_their_base_gan(cell, same, tmp_path, monkeypatch):
    class Begun(Exception):
        pass

    def fit(gan, x, **more):
        raise Begun(more["checkpoint"])

    monkeypatch.setattr(OCGAN, "fit", fit)
    places = []
    for each in ("attention-gan/8/0", cell):
        with pytest.raises(Begun) as begun:
            experiments.run_cell(f"digits/{each}", tmp_path / "records", "cpu")
        places += begun.value.args
    assert (places[0] == places[1]) is same
    assert all(path.is_relative_to(tmp_path / "checkpoints") for path in places)


def test_variants_of_a_cell_train_their_base_once_and_keep_parts(tmp_path, monkeypatch):
    cell = "digits/attention-gan+epochs=1+joint_epochs=1+masked_epochs=1+width=4{}/8/0"
    looks = cell.replace("attention-gan", "looks").format("")
    first = experiments.run_cell(cell.format(""), tmp_path / "records", device="cpu")
    monkeypatch.setattr(where_it_looks, "look", lambda *_: {})
    mining, step = [], OCGAN._step
    monkeypatch.setattr(
        OCGAN, "_step", lambda gan, *a, **k: mining.append(gan.mining) or step(gan, *a, **k)
    )
    other = cell.format("").replace("masked_epochs=1", "mask=ones+masked_epochs=1")
    second = experiments.run_cell(other, tmp_path / "records", device="cpu")
    with_looks = experiments.run_cell(looks, tmp_path / "records", device="cpu")
    assert first["shared_seconds"] == second["shared_seconds"] == with_looks["shared_seconds"]
    bases = [[c for c in r["curves"] if c["phase"] == "base"] for r in (first, second, with_looks)]
    assert bases[0] == bases[1] == bases[2]
    assert mining and not any(mining)  # only masked GANs, which never mine, were trained again
    assert 0 < first["shared_seconds"] < first["seconds"]
    arrays = records.read_arrays(first["cell"], tmp_path / "records")
    assert {"part_base", "part_masked", "part_area"} <= set(arrays)
    assert not any(name.startswith("picture") for name in arrays)  # no page shows them
