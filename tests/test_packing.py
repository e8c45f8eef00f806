"""Arrays of records take little space and come back bit for bit."""

import numpy as np
import pytest

from ocnd_lib.records import coarse, pack, unpack

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 10, 5000, dtype=np.uint8)


def there_and_back(arrays, folder, name="1.npz"):
    pack(folder / name, arrays, folder / "shared")
    return unpack(folder / name, folder / "shared")


def test_scores_come_back_bit_for_bit(tmp_path):
    scores = coarse(RNG.normal(size=5000), 64)
    found = there_and_back({"score": scores}, tmp_path)["score"]
    assert found.dtype == np.float32 and found.tobytes() == scores.tobytes()


def test_scores_that_older_records_keep_as_whole_steps_are_read(tmp_path):
    steps = np.array([[0, 1, 255], [3, 0, 255]], np.uint8)  # high bytes, low bytes
    np.savez(tmp_path / "1.npz", **{"score.on_grid": steps, "grids": np.array([[-2.0, 0.25]])})
    (name, score), = unpack(tmp_path / "1.npz", tmp_path).items()
    assert name == "score" and score.dtype == np.float32
    assert score.tolist() == [-2 + 3 / 4, -2 + 256 / 4, -2 + 65_535 / 4]


def test_labels_of_a_whole_test_set_lie_once_however_many_records_have_them(tmp_path):
    few, other = LABELS[:50], LABELS[::-1].copy()
    for name, labels in {"1.npz": LABELS, "2.npz": LABELS, "3.npz": other, "4.npz": few}.items():
        found = there_and_back({"class_test": labels}, tmp_path, name)["class_test"]
        assert found.dtype == np.uint8 and np.array_equal(found, labels), name
    assert len(list((tmp_path / "shared").iterdir())) == 2  # of few no more are made


def test_a_record_without_the_labels_it_names_says_what_is_missing(tmp_path):
    there_and_back({"class_test": LABELS}, tmp_path)
    (kept,) = (tmp_path / "shared").iterdir()
    kept.unlink()
    with pytest.raises(ValueError, match=f"1.npz needs .*{kept.name}, which is missing"):
        unpack(tmp_path / "1.npz", tmp_path / "shared")
