"""Two folders of pictures, one of them normal: fit, score, and say on one page what came out.

There are no labels, so there is no AUROC: the page shows which pictures a detector finds unusual,
and where it looked.
"""

import base64
import io
import warnings
from glob import glob
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import jinja2
import matplotlib
import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps
from tqdm import tqdm

from data_prep.coco_crops import DEEP, LARGE, SIZE, read_upright
from data_prep.files import replace_file
from ocnd_lib.detectors.base import Detector
from ocnd_lib.detectors.rotation import Rotation
from ocnd_lib.heatmaps import turned_grad_cam
from ocnd_lib.registry import WITH_MASKS, detector_class
from ocnd_lib.training import to_unit
from report.drawing import COLOURS, titled
from report.parameters import check

LEAST = 13  # normal pictures: ten to learn from, and a fifth held back
USUAL = 450  # training pictures that the settings are made for; fewer are seen more often
SHOWN = 12  # pictures at either end of the scores
SIDE = 160  # pixels at which the page shows a picture
PAGE = Path(__file__).with_suffix(".html")


class Trial(NamedTuple):
    """What came out; `table` has a line for each test picture, the most novel first."""

    normal: Path
    test: Path
    method: str
    detector: Detector
    learnt: int  # pictures
    validation: np.ndarray  # scores of normal pictures held back
    images: dict[str, np.ndarray]  # the test pictures as the detector sees them
    table: pd.DataFrame  # file, score, novel (above the threshold), also_normal (was learnt, too)
    notes: list[str]  # what to know before believing a number
    unreadable: list[str]  # files, and what is wrong with them


def read_folder(folder: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Every picture of a folder and those in it, uint8 (3, 32, 32), and what cannot be read."""
    pictures, unreadable = {}, []
    names = glob("**/*", root_dir=folder, recursive=True)  # of linked folders too; nothing hidden
    files = sorted(filter(Path.is_file, map(folder.joinpath, names)))
    for path in tqdm(files, f"reading {folder.name}", disable=None, leave=False):
        name, picture = path.relative_to(folder).as_posix(), read_upright(path)
        if isinstance(picture, str):
            why = picture if picture in (DEEP, LARGE) else "no picture, or damaged"
            unreadable.append(f"{folder.resolve().name}/{name}: {why}")
        else:
            small = Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.BOX)
            pictures[name] = np.moveaxis(np.asarray(small), -1, 0)
    return pictures, unreadable


def check_request(normal: Path, test: Path, method: str, out: Path) -> None:
    """Raise ValueError or OSError, before anything is read, for what cannot be done."""
    check("method", method, "str")
    one, other = normal.resolve(), test.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise ValueError(f"{normal} and {test} share pictures; give each a folder of its own")
    out.mkdir(parents=True, exist_ok=True)
    TemporaryFile(dir=out).close()  # fails now if nothing can be written there


def run_trial(normal: Path, test: Path, method: str = "rotation", seed: int = 0) -> Trial:
    """Fit a method on the pictures of one folder and score those of the other.

    A fifth of the normal ones, drawn by `seed`, sets the threshold. ValueError if one of the
    folders has too few pictures.
    """
    (normals, bad), (tests, more) = map(read_folder, (normal, test))
    # by its bytes, since a picture that is there twice would be learnt, and then set the threshold
    own = {image.tobytes(): image for image in normals.values()}
    for folder, found, least in ((normal, len(own), LEAST), (test, len(tests), 1)):
        if found < least:
            raise ValueError(f"{folder} has {found} readable pictures; {least} are needed")
    shuffled = np.random.default_rng(seed).permutation(list(own.values()))
    x_validation, x_train = np.split(shuffled, [len(own) // 5])
    usual, times = WITH_MASKS.get(method, {}), np.clip(USUAL / len(x_train), 1, 3)
    settings = {k: round(v * times) if k.endswith("epochs") else v for k, v in usual.items()}
    detector = detector_class(method)(seed=seed, **settings)
    print(f"{method} learns from {len(x_train)} pictures; {len(x_validation)} are held back")
    with warnings.catch_warnings(record=True, action="ignore") as caught:
        warnings.filterwarnings("always", category=UserWarning, message="the network tells")
        detector.fit(x_train, x_validation=x_validation)
    scores = detector.novelty_score(np.array([*tests.values()]))
    table = pd.DataFrame({
        "file": list(tests), "score": scores, "novel": scores > detector.threshold_,
        "also_normal": [image.tobytes() in own for image in tests.values()],
    })  # fmt: skip
    notes = [str(each.message) for each in caught]
    if len(x_validation) < 20:
        notes.append(f"The threshold is rough: it rests on {len(x_validation)} pictures.")
    if known := table["also_normal"].sum():
        notes.append(f"{known} test pictures are also among the normal ones: not honest scores.")
    return Trial(
        normal, test, method, detector, len(x_train), detector.novelty_score(x_validation), tests,
        table.sort_values("score", ascending=False, kind="stable"), notes, bad + more,
    )  # fmt: skip


def where_it_looked(detector: Detector, images: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Maps (N, 32, 32) in [0, 1] of uint8 images, and what they show; None if the method has none.

    Grad-CAM of the network that tells turns; of methods that redraw, the squared error.
    """
    if isinstance(detector, Rotation):
        network = detector.state_["network"].cpu().eval()
        heat = turned_grad_cam(network, "features", to_unit(torch.from_numpy(images)))
        return heat, "what the network looks at to tell which way is up (Grad-CAM)"
    if (redrawn := detector.pictures(images).get("redrawn")) is None:
        return None, "nothing, since this method has no map"
    error = np.square(images / 255 - redrawn / 255).mean(1)
    return error / np.maximum(error.max((1, 2), keepdims=True), 1e-12), "the error of redrawing"


def write_page(trial: Trial, path: Path) -> None:
    """Write the trial as one html file that needs no other."""
    fig = titled("", 2.6)
    ax = fig.subplots()
    ax.hist(
        [trial.validation, trial.table["score"]], bins=20, density=True,
        color=[COLOURS["normal"], COLOURS["novel"]], label=["normal, held back", "test"],
    )  # fmt: skip
    ax.axvline(trial.detector.threshold_, color=COLOURS["ink"], ls="--", label="threshold")
    ax.set(xlabel="novelty score", yticks=[])
    ax.legend()
    fig.savefig(chart := io.BytesIO(), format="svg", metadata={"Date": None})
    ends = pd.concat([trial.table[:SHOWN], trial.table[::-1][:SHOWN]])
    heat, words = where_it_looked(trial.detector, np.array([*map(trial.images.get, ends["file"])]))
    maps = [] if heat is None else matplotlib.colormaps["inferno"](heat, bytes=True)[..., :3]
    pictures = [read_upright(trial.test / name) for name in ends["file"]]
    page = jinja2.Template(PAGE.read_text(encoding="utf-8"), autoescape=True).render(
        trial=trial, words=words, chart=_data("image/svg+xml", chart),
        shown=list(zip_longest(ends.itertuples(), map(_small, pictures), map(_small, maps))),
    )  # fmt: skip
    replace_file(path, lambda file: file.write(page.encode()))


def _small(picture: np.ndarray) -> str:
    shown = ImageOps.contain(Image.fromarray(picture), (SIDE, SIDE))
    shown.save(content := io.BytesIO(), "JPEG", quality=85)
    return _data("image/jpeg", content)


def _data(kind: str, content: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
