"""Real animals with masks: the kept file as it is or not at all, and folds of whole photographs."""

import os
from pathlib import Path

import numpy as np
import pytest

from data_prep import voc_animals
from data_prep.archives import DataError
from data_samples import rows
from ocnd_lib.data import load_images
from ocnd_lib.experiments import keeps_pictures
from ocnd_lib.looks import true_masks
from ocnd_lib.masked import load_masked
from ocnd_lib.records import parse_cell

REAL = Path(os.environ.get("OCND_DATA") or "data")
real = pytest.mark.skipif(not voc_animals.voc_path(REAL).exists(), reason="no VOC animals")


@real
def test_every_animal_is_tested_once_and_all_its_photograph_with_it():
    with np.load(voc_animals.voc_path(REAL)) as file:
        kept = {key: file[key] for key in file.files}
    pictures, masks = kept["picture"].transpose(0, 3, 1, 2), kept["mask"][:, None]
    row_of = {pixels.tobytes(): row for row, pixels in enumerate(pictures)}
    assert len(row_of) == 2858  # so that pixels name the animal
    tested, fingerprints = [], set()
    for fold in range(5):
        images = load_masked("voc_animals", REAL, fold=fold)
        sides = (images.train, images.test)
        train, test = ([row_of[x.tobytes()] for x in side.x] for side in sides)
        assert not {*kept["image"][train]} & {*kept["image"][test]}
        assert len(train) + len(test) == 2858
        tested += test
        fingerprints.add(images.fingerprint)
        _, o, m, y = images.test
        assert np.array_equal(m, masks[test]) and np.array_equal(y, kept["label"][test])
        assert (o <= pictures[test].astype(int) + 1).all()
        assert not o[np.broadcast_to(m == 0, o.shape)].any()
    assert sorted(tested) == list(range(2858)) and len(fingerprints) == 5
    images = load_images("voc_animals", REAL)  # a data set too, of which fold 0 is the test
    assert rows(images.x_test) == rows(load_masked("voc_animals", REAL).test.x)
    with pytest.raises(ValueError, match="not those that `load_masked` has by default"):
        true_masks(load_masked("voc_animals", REAL, fold=1).without_masks())


@real
def test_another_file_is_refused(tmp_path):
    path = voc_animals.voc_path(tmp_path)
    path.parent.mkdir()
    with np.load(voc_animals.voc_path(REAL)) as file:
        kept = {key: file[key] for key in file.files}
    kept["mask"][0, 0, 0] ^= 1
    np.savez(path, **kept)
    with pytest.raises(DataError, match=r"mask has been changed.*ocnd data NAME --voc"):
        load_masked("voc_animals", tmp_path)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match=r"voc_animals_32.npz .* missing.*cannot be downloaded"):
        load_masked("voc_animals", tmp_path)
    with pytest.raises(ValueError, match="fold must be a whole number from 0 to 4, not 5"):
        load_masked("voc_animals", tmp_path, fold=5)
    with pytest.raises(ValueError, match="scenes has no fold 1; only voc_animals has folds"):
        load_masked("scenes", tmp_path, fold=1)


def test_no_record_keeps_a_photograph():
    assert not keeps_pictures(parse_cell("voc_animals/ae/dog/0"))
