"""A fit leaves no trace, goes on from its own checkpoint alone, and takes arrays as they are."""

import os
import random
import subprocess
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from data_prep import archives
from ocnd_lib import classifier, experiments, records
from ocnd_lib.detectors.autoencoder import AutoEncoder
from ocnd_lib.detectors.gan import GAN
from ocnd_lib.detectors.vae import VAE

X = np.random.default_rng(0).integers(0, 256, (40, 1, 32, 32)).astype(np.uint8)
OTHER = 255 - X
TINY = {"latent_dim": 4, "width": 4, "epochs": 2, "batch_size": 16, "device": "cpu"}


def fit(kind=AutoEncoder, x=X, **settings):
    checkpoint = settings.pop("checkpoint", None)
    return kind(**TINY | settings).fit(x, checkpoint=checkpoint)


@pytest.mark.parametrize("kind", [VAE, GAN])
def test_fits_in_threads_of_one_process_are_the_same_as_alone(kind):
    alone = [fit(kind, seed=seed).novelty_score(X[:8]) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        beside = list(pool.map(lambda seed: fit(kind, seed=seed).novelty_score(X[:8]), range(4)))
    np.testing.assert_array_equal(beside, alone)


def test_a_fit_leaves_random_numbers_threads_environment_and_settings_alone():
    def state():
        drawn = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
        numeric = torch.get_default_dtype(), torch.is_grad_enabled(), np.geterr()
        return drawn, dict(os.environ), torch.get_num_threads(), numeric, list(warnings.filters)

    recipe = classifier.Recipe(epochs=1, width=2)
    for learn in (fit, lambda: classifier.fit(X, np.arange(40) % 2, recipe, 0)):
        before = state()
        learn()
        assert state() == before


def test_labels_and_places_are_taken_as_people_have_them(tmp_path):
    recipe, y = classifier.Recipe(epochs=1, width=2), np.arange(40) % 2
    turned = y[::-1].astype(np.uint8)[::-1]  # small, and with a negative stride
    models = [classifier.fit(X, labels, recipe, 0)[0] for labels in (y, turned)]
    scores = [classifier.logits(model, X[..., ::-1]) for model in models]
    np.testing.assert_array_equal(*scores)
    made = experiments.run_cell("digits/kde/3/0", str(tmp_path / "records"))
    assert records.read_record("digits/kde/3/0", tmp_path / "records") == made


@pytest.mark.parametrize(
    "other", [{"x": OTHER}, {"seed": 1}, {"learning_rate": 1e-4}, {"kind": VAE}], ids=str
)
def test_a_checkpoint_of_something_else_is_refused(other, tmp_path):
    path = tmp_path / "c.pt"
    fit(checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"c\.pt was begun with other images, settings or another"):
        fit(checkpoint=path, **other)
    assert path.read_bytes() == before
    fit(checkpoint=str(path))  # its own, as text


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_checkpoint_is_named(content, tmp_path):
    path = tmp_path / "c.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"c\.pt is no checkpoint that can be read"):
        fit(checkpoint=path)


@pytest.mark.parametrize(
    "view",
    [lambda x: x[..., ::-1], lambda x: np.broadcast_to(x[:1], x.shape)],
    ids=["mirrored", "read-only"],
)
def test_views_and_read_only_arrays_are_images_like_others(view):
    shown, copied = view(X), np.array(view(X))
    detector = fit()
    np.testing.assert_array_equal(detector.novelty_score(shown), detector.novelty_score(copied))
    turned = [fit(x=x).novelty_score(X) for x in (X[::-1], X[::-1].copy())]
    np.testing.assert_array_equal(*turned)


def commit(folder):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    one = ["commit", "-q", "--allow-empty", "-m", "one"]
    subprocess.run(["git", "-C", folder, *who, *one], check=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of one commit in the place of ours; returns its folder."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    commit(tmp_path)
    monkeypatch.setattr(records, "REPOSITORY", tmp_path)
    records.code_revision.cache_clear()
    yield tmp_path
    records.code_revision.cache_clear()


def test_the_revision_is_that_of_this_repository_whatever_the_environment(
    repository, monkeypatch, tmp_path_factory
):
    own = records.code_revision()
    assert len(own[0]) == 40 and own[1] is False
    other = tmp_path_factory.mktemp("other")
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    records.code_revision.cache_clear()
    assert records.code_revision() == own
    (repository / "ocnd_lib").mkdir()
    (repository / "ocnd_lib" / "new.py").touch()
    records.code_revision.cache_clear()
    assert records.code_revision() == (own[0], True)


def test_a_repository_around_this_one_or_no_git_gives_no_revision(repository, monkeypatch):
    inner = repository / "inner"
    inner.mkdir()
    monkeypatch.setattr(records, "REPOSITORY", inner)
    assert records.code_revision() == (None, False)
    monkeypatch.setattr(records, "REPOSITORY", repository)
    records.code_revision.cache_clear()
    monkeypatch.setenv("PATH", str(inner))
    assert records.code_revision() == (None, False)


def test_a_commit_while_a_cell_is_run_is_not_the_code_that_ran(repository, monkeypatch):
    (before, _), method = records.code_revision(), experiments.METHODS["kde"]
    records.code_revision.cache_clear()

    def run(*given):
        commit(repository)
        return method.run(*given)

    monkeypatch.setitem(experiments.METHODS, "kde", replace(method, run=run))
    made = experiments.run_cell("digits/kde/8/0", repository / "results" / "records")
    assert made["provenance"]["git_revision"] == before
    records.code_revision.cache_clear()
    assert records.code_revision()[0] != before


def test_a_tilde_is_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OCND_DATA", "~/data")
    monkeypatch.setenv("OCND_RECORDS", "~/kept")
    assert archives.data_folder() == tmp_path / "data"
    assert records.records_folder() == tmp_path / "kept"
