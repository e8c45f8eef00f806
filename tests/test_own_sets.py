"""Any folder in COCO's format becomes a set with masks, or one message says why not."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from data_samples import REAL, photographs
from ocnd_lib.data import class_names
from ocnd_lib.experiments import check_cell, run_cell
from ocnd_lib.masked import build_masked, load_masked
from report.runs import library_version

VOC = REAL / "voc_animals"


def write_coco(folder: Path, images: int = 12, change=None) -> list:
    """A folder in COCO's format; returns the command's words."""
    content = photographs(folder / "images", images, ("Cat", "traffic light"))
    if change:
        change(content)
    (folder / "instances.json").write_text(json.dumps(content))
    return ["--annotations", folder / "instances.json", "--images", folder / "images"]


def test_a_set_of_ones_own_is_used_as_every_other(ocnd, tmp_path):
    before = library_version()
    words = write_coco(tmp_path / "files")
    done = ocnd("data", "mine", *words, "--per-class", 10)
    assert done.exit_code == 0, done.output
    assert library_version() != before  # so that notebooks run anew
    for name, what in (("cifar10", "cifar10 takes no options"), ("../a", "small letters")):
        refused = ocnd("data", name, *words)
        assert refused.exit_code == 2 and what in refused.stderr
    assert class_names("mine") == ("cat", "traffic-light")
    images = load_masked("mine")
    assert np.bincount(images.train.y).tolist() == [8, 8]
    assert np.bincount(images.test.y).tolist() == [2, 2]
    assert str(check_cell("mine/kde/Traffic Light/0")) == "mine/kde/traffic-light/0"
    assert check_cell("mine/vgg11-masked/all/0")
    with pytest.raises(ValueError, match=r"there are: .*voc_animals, mine"):
        check_cell("mime/kde/0/0")
    ocnd("data", "other", *words, "--per-class", 10, "--categories", "traffic light,cat")
    assert class_names("other") == ("traffic-light", "cat")


def test_a_cell_of_ones_own_set_runs_and_another_set_under_its_name_is_told(ocnd, tmp_path):
    words = write_coco(tmp_path / "files", images=40)
    ocnd("data", "mine", *words, "--per-class", 30)
    record = run_cell("mine/kde/cat/0")
    assert record["scored"] == 12 and 0 <= record["metrics"]["auroc"] <= 1
    assert "records are of another" not in ocnd("data", "mine").output
    other = ocnd("data", "mine", *words, "--per-class", 30, "--seed", 1)
    assert "1 records are of another mine: remove them" in other.output


def no_masks(content):
    for annotation in content["annotations"]:
        annotation["segmentation"] = []


def few_images(content):
    for annotation in content["annotations"]:
        annotation["image_id"] %= 9


@pytest.mark.parametrize(
    ("change", "words", "what"),
    [
        (no_masks, [], "instances.json has no masks"),
        (None, ["--categories", "cat"], "needs 2 to 256 categories"),
        (None, ["--categories", "cat,trafic light"], "did you mean traffic-light? there are: cat"),
        (few_images, ["--fewer"], "9 photographs in all, of 10 at least"),
        (None, [], "cat 12 of 550, traffic-light 12 of 550"),
        (None, ["--images", "nowhere"], "images that are needed is in the folder nowhere"),
    ],
)
def test_wrong_input_is_one_message(ocnd, tmp_path, change, words, what):
    done = ocnd("data", "mine", *write_coco(tmp_path / "files", change=change), *words)
    assert done.exit_code in (1, 2) and what in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "data/mine/mine.npz").exists()


@pytest.mark.skipif(not (VOC / "originals").is_dir(), reason="no photographs of VOC")
def test_real_photographs_give_the_kept_crops_bit_for_bit(tmp_path):
    files = VOC / "originals"
    options = {"annotations": files / "instances.json", "images": files / "images"}
    made = build_masked("mine", tmp_path, per_class=30, fewer=True, **options)
    with open(tmp_path / "manifest.csv", newline="") as file:
        rows = [int(row["annotation_id"]) - 1 for row in csv.DictReader(file)]
    assert len(rows) == 56 and made.class_names == ("cat", "cow", "dog", "horse", "sheep")
    x, o, m, y = (np.concatenate(pair) for pair in zip(made.train, made.test, strict=True))
    with np.load(VOC / "voc_animals_32.npz") as kept:
        assert np.array_equal(x, kept["picture"][rows].transpose(0, 3, 1, 2))
        assert np.array_equal(o, kept["masked"][rows].transpose(0, 3, 1, 2))
        assert np.array_equal(m[:, 0], kept["mask"][rows])
        assert np.array_equal(y, kept["label"][rows])
