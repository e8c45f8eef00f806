"""Objects of PASCAL VOC: as a file in COCO's format, and the kept animals, by whole photographs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from scipy.io import savemat

from data_prep import voc_animals
from data_prep.archives import DataError
from data_prep.voc import CLASSES, write_instances
from data_samples import REAL, rows
from ocnd_lib.data import load_images
from ocnd_lib.experiments import keeps_pictures
from ocnd_lib.looks import true_masks
from ocnd_lib.masked import build_masked, load_masked
from ocnd_lib.records import parse_cell

real = pytest.mark.skipif(not voc_animals.voc_path(REAL).exists(), reason="no VOC animals")
HEIGHT, WIDTH = 150, 220
BOX = (21, 11, 100, 100)  # left, top, right, bottom, from 1: columns 20 to 99, rows 10 to 99
INSIDE = np.s_[10:100, 20:100]


def marked(*areas: tuple) -> np.ndarray:
    """A mask of VOC: each area is a slice and the name of a class, or a number."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for area, name in areas:
        mask[area] = CLASSES.index(name) + 1 if isinstance(name, str) else name
    return mask


class Voc:
    """A folder VOC2012 under construction."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("JPEGImages", "Annotations", "SegmentationClass", "cls"):
            (folder / name).mkdir(parents=True)

    def photograph(self, mask: np.ndarray | None, *objects: tuple, sbd: bool = False) -> str:
        name = f"2008_{len(list((self.folder / 'Annotations').iterdir())):06}"
        pixels = np.random.default_rng(int(name[5:])).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(self.folder / "JPEGImages" / f"{name}.jpg")
        if sbd:
            content = np.empty((1, 1), [("Segmentation", "O")])
            content[0, 0] = (mask,)
            savemat(self.folder / "cls" / f"{name}.mat", {"GTcls": content})
        elif mask is not None:
            picture = Image.fromarray(mask).convert("P")
            picture.putpalette(list(range(256)) * 3)
            picture.save(self.folder / "SegmentationClass" / f"{name}.png")
        sides = ("xmin", "ymin", "xmax", "ymax")
        boxes = [
            f"<object><name>{name}</name><bndbox>"
            + "".join(f"<{side}>{value}</{side}>" for side, value in zip(sides, box, strict=True))
            + "</bndbox></object>"
            for name, box in objects
        ]
        xml = f"<annotation>{''.join(boxes)}</annotation>"
        (self.folder / "Annotations" / f"{name}.xml").write_text(xml)
        return name

    def found(self, tmp_path: Path, *classes: str) -> tuple[list[dict], COCO]:
        index = COCO(write_instances(self.folder, tmp_path / "instances.json", classes or ("dog",)))
        return list(index.anns.values()), index


@pytest.fixture
def voc(tmp_path) -> Voc:
    return Voc(tmp_path / "VOC2012")


@pytest.mark.parametrize("sbd", [False, True])
def test_an_object_keeps_its_box_and_its_mask_but_nothing_void(voc, tmp_path, sbd):
    border, other = (np.s_[10:14, 20:100], 255), (np.s_[14:30, 20:30], "cat")
    name = voc.photograph(marked((INSIDE, "dog"), border, other), ("dog", BOX), sbd=sbd)
    voc.photograph(None, ("dog", BOX))  # nobody marked its pixels
    (found,), index = voc.found(tmp_path)
    assert found["bbox"] == [20, 10, 80, 90] and found["area"] == 80 * 86 - 160
    assert index.imgs[1] == {"id": 1, "file_name": f"{name}.jpg", "height": 150, "width": 220}
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[14:100, 20:100] = 1
    expected[14:30, 20:30] = 0
    assert np.array_equal(index.annToMask(found), expected)


@pytest.mark.parametrize(
    ("areas", "others", "kept"),
    [
        ([(INSIDE, "dog")], [("dog", (100, 11, 180, 100))], True),  # 1 of its 80 columns
        ([(INSIDE, "dog")], [("dog", (99, 11, 180, 100))], False),
        ([(np.s_[10:28, 20:100], "dog"), (np.s_[28:100, 58:60], "dog")], [], True),  # 22 % of it
        ([(np.s_[10:100, 20:88], "dog")], [], True),  # 85 % of its width
        ([(np.s_[10:100, 20:87], "dog")], [], False),
        ([(INSIDE, "dog"), (np.s_[10:99, 100:108], "dog")], [], True),  # 9.9 % as much around it
        ([(INSIDE, "dog"), (np.s_[10:102, 100:108], "dog")], [], False),
    ],
)
def test_only_what_may_be_a_single_object_is_kept(voc, tmp_path, areas, others, kept):
    voc.photograph(marked(*areas), ("dog", BOX), *others)
    found, _ = voc.found(tmp_path)
    assert any(annotation["bbox"] == [20, 10, 80, 90] for annotation in found) == kept


def test_the_path_of_coco_makes_crops_of_it(voc, tmp_path):
    for number in range(12):
        name = ("cat", "horse")[number % 2]
        voc.photograph(marked((INSIDE, name)), (name, BOX), ("person", BOX))
    voc.photograph(marked((np.s_[10:50, 20:60], "cat")), ("cat", (21, 11, 60, 50)))  # too small
    made = build_masked("mine", tmp_path, lambda _: None, voc=voc.folder, per_class=6,
                        categories="horse,cat")  # fmt: skip
    assert made.class_names == ("horse", "cat") and np.bincount(made.train.y).tolist() == [5, 5]
    assert (made.train.m == 255).all() and np.array_equal(made.train.o, made.train.x)


def test_what_is_no_voc_is_said(voc, tmp_path):
    with pytest.raises(DataError, match="is no folder VOC2012"):
        write_instances(tmp_path, tmp_path / "instances.json")
    name = voc.photograph(marked((INSIDE, "dog")), ("dog", BOX))
    (voc.folder / "SegmentationClass" / f"{name}.png").write_bytes(b"")
    with pytest.raises(DataError, match=f"{name} of .*VOC2012 cannot be read"):
        write_instances(voc.folder, tmp_path / "instances.json")
    assert not (tmp_path / "instances.json").exists()


@real
def test_every_animal_is_tested_once_and_all_its_photograph_with_it(tmp_path):
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
    kept["mask"][0, 0, 0] ^= 1
    path = voc_animals.voc_path(tmp_path)
    path.parent.mkdir()
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
