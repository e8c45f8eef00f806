"""Arrays of records take little space and come back bit for bit."""

import numpy as np
import pytest

from ocnd_lib.records import coarse, pack, unpack

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 10, 5000, dtype=np.uint8)


def there_and_back(arrays, folder, name="1.npz"):
    pack(folder / name, arrays, folder / "shared")
    return unpack(folder / name, folder / "shared")


def test_scores_on_a_grid_come_back_bit_for_bit_from_less_space(tmp_path):
    scores = coarse(RNG.normal(size=5000), 64)
    found = there_and_back({"score": scores}, tmp_path)["score"]
    assert found.dtype == np.float32 and found.tobytes() == scores.tobytes()
    pack(tmp_path / "plain.npz", {"score": scores.reshape(1, -1)}, tmp_path)
    assert (tmp_path / "1.npz").stat().st_size < 0.95 * (tmp_path / "plain.npz").stat().st_size


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(size=5000),  # on no grid
        np.where(LABELS == 3, np.nan, 1.0),
        np.where(LABELS == 3, -0.0, 0.5),
        np.where(LABELS == 3, 1e-30, 1e30),
        np.zeros(5000),
        np.arange(65_537.0),
    ],
    ids=["noise", "nan", "minus 0", "wide", "zero", "a step too many"],
)
def test_other_scores_come_back_bit_for_bit_too(tmp_path, values):
    values = values.astype(np.float32)
    found = there_and_back({"score": values, "part": coarse(RNG.normal(size=1000))}, tmp_path)
    assert found["score"].dtype == np.float32 and found["score"].tobytes() == values.tobytes()


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
