"""Two folders of pictures, one of them normal: fit, score, and say on one page what came out.

There are no labels, so there is no AUROC: the page shows which pictures a detector finds unusual,
and where it looked.
"""

import base64
import io
import time
import warnings
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import jinja2
import matplotlib
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from PIL import Image
from tqdm import tqdm

from data_prep.coco_crops import DEEP, LARGE, SIZE, area_weights, read_upright
from data_prep.files import replace_file
from ocnd_lib.detectors.base import Detector
from ocnd_lib.detectors.rotation import Rotation
from ocnd_lib.heatmaps import turned_grad_cam
from ocnd_lib.registry import FEW, WITH_MASKS, detector_class
from ocnd_lib.training import to_unit
from report.drawing import COLOURS, WIDTH

METHODS = (*WITH_MASKS, "ocsvm", "kde")
LEAST = 13  # normal pictures: ten to learn from, and a fifth held back
USUAL = 450  # training pictures that the settings are made for; fewer are seen more often
SHOWN = 12  # pictures at either end of the scores
SIDE = 160  # pixels at which the page shows a picture
PAGE = Path(__file__).with_suffix(".html")


class Pictures(NamedTuple):
    """The pictures of a folder, uint8 (N, 3, 32, 32), and what is wrong with its other files."""

    folder: Path
    names: list[str]
    images: np.ndarray
    unreadable: list[str]


class Trial(NamedTuple):
    """What came out; `known` are test pictures that the detector may have learnt from."""

    normal: Pictures
    test: Pictures
    method: str
    detector: Detector
    learnt: int  # pictures
    validation: np.ndarray  # scores of normal pictures held back
    scores: np.ndarray  # of the test pictures
    novel: np.ndarray  # which of them are above the threshold
    known: np.ndarray
    notes: list[str]  # what to know before believing a number
    seconds: float


def shrink(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) uint8, squeezed to (3, 32, 32), each pixel the mean of its area."""
    down, along = (area_weights(0, n, n).astype(np.float32) for n in picture.shape[:2])
    return np.rint(down @ picture.transpose(2, 0, 1) @ along.T).astype(np.uint8)


def read_folder(folder: Path) -> Pictures:
    """Read every picture of a folder and those in it; hidden files are not looked at."""
    names, images, unreadable = [], [], []
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in tqdm(files, f"reading {folder.name}", disable=None, leave=False):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts):
            continue
        picture = read_upright(path)
        if isinstance(picture, str):
            known = picture if picture in (DEEP, LARGE) else "no picture, or damaged"
            unreadable.append(f"{folder.resolve().name}/{name.as_posix()}: {known}")
        else:
            names.append(name.as_posix())
            images.append(shrink(picture))
    stacked = np.array(images, np.uint8).reshape(-1, 3, SIZE, SIZE)  # also of none
    return Pictures(folder, names, stacked, unreadable)


def check_request(normal: Path, test: Path, method: str, out: Path) -> None:
    """Raise ValueError or OSError, before anything is read, for what cannot be done."""
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}; there are: {', '.join(METHODS)}")
    for folder in (normal, test):
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}")
    one, other = normal.resolve(), test.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise ValueError(
            f"{normal} and {test} share pictures; the normal ones need a folder of their own, "
            "outside that of the test"
        )
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=out):  # fails now if nothing can be written there
        pass


def settings_for(method: str, pictures: int) -> dict:
    """The settings of sets with few images; fewer still are seen up to seven times as often."""
    times = min(FEW["coco10"], max(1, USUAL / pictures))
    settings = WITH_MASKS.get(method, {})
    return {k: round(v * times) if k.endswith("epochs") else v for k, v in settings.items()}


def run_trial(normal: Path, test: Path, method: str = "rotation", seed: int = 0) -> Trial:
    """Fit a method on the pictures of one folder and score those of the other.

    A fifth of the normal ones, drawn by `seed`, sets the threshold. ValueError if one of the
    folders has too few pictures.
    """
    start = time.perf_counter()
    normals, tests = read_folder(normal), read_folder(test)
    # a picture that is there twice would be learnt, and then set the threshold
    own = {image.tobytes(): row for row, image in reversed([*enumerate(normals.images)])}
    for folder, found, least in ((normal, len(own), LEAST), (test, len(tests.names), 1)):
        print(f"{folder.name}: {found} pictures")
        if found < least:
            few = ", better some hundreds" if least > 1 else ""
            raise ValueError(f"{folder} has {found} readable pictures; {least} are needed{few}")
    order = np.random.default_rng(seed).permutation(sorted(own.values()))
    x_validation, x_train = np.split(normals.images[order], [len(order) // 5])
    detector = detector_class(method)(seed=seed, **settings_for(method, len(x_train)))
    print(f"{method} learns from {len(x_train)} pictures; {len(x_validation)} are held back")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=UserWarning, message="the network tells")
        detector.fit(x_train, x_validation=x_validation)
    scores = detector.novelty_score(tests.images)
    known = np.array([image.tobytes() in own for image in tests.images])
    notes = [str(each.message) for each in caught]
    if len(x_validation) < 20:
        notes.append(f"The threshold is rough: it rests on {len(x_validation)} pictures.")
    if twice := len(normals.names) - len(own):
        notes.append(f"{twice} normal pictures are the same as others, and were left out.")
    if known.any():
        notes.append(f"{known.sum()} test pictures are also among the normal ones.")
    return Trial(
        normals, tests, method, detector, len(x_train), detector.novelty_score(x_validation),
        scores, scores > detector.threshold_, known, notes, time.perf_counter() - start,
    )  # fmt: skip


def where_it_looked(detector: Detector, images: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Maps (N, 32, 32) in [0, 1] of uint8 images, and what they show; None if the method has none.

    Grad-CAM of the network that tells turns; of methods that redraw, the squared error.
    """
    if isinstance(detector, Rotation):
        network = detector.state_["network"].cpu().eval()
        heat = turned_grad_cam(network, "features", to_unit(torch.from_numpy(images)))
        return heat, "what the network looks at to tell which way is up (Grad-CAM)"
    redrawn = detector.pictures(images).get("redrawn")
    if redrawn is None:
        return None, "nothing, since this method has no map"
    error = np.square(images / 255 - redrawn / 255).mean(1)
    peaks = np.maximum(error.max((1, 2), keepdims=True), 1e-12)
    return error / peaks, "where the picture differs from what the network redraws"


def histogram(trial: Trial) -> Figure:
    """Scores of the held-back normal pictures and of the test pictures, with the threshold."""
    fig = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    ax = fig.subplots()
    both = np.concatenate([trial.validation, trial.scores])
    bins = np.linspace(both.min(), max(both.max(), both.min() + 1e-9), 31)
    kinds = {"normal, held back": (trial.validation, "normal"), "test": (trial.scores, "novel")}
    for name, (scores, colour) in kinds.items():
        weights = np.full(len(scores), 1 / len(scores))
        label = f"{name} ({len(scores)})"
        ax.hist(scores, bins, weights=weights, color=COLOURS[colour], alpha=0.6, label=label)
    ax.axvline(trial.detector.threshold_, color=COLOURS["ink"], ls="--", label="threshold")
    ax.set(xlabel="novelty score", ylabel="share of pictures")
    ax.legend(frameon=False)
    return fig


# --- the table and the page ----------------------------------------------------------------------


def write_scores(trial: Trial, path: Path) -> None:
    """Write a line for every test picture, the most novel first."""
    table = pd.DataFrame(
        {"file": trial.test.names, "score": trial.scores, "novel": trial.novel}
        | {"also_normal": trial.known}
    ).sort_values("score", ascending=False)
    replace_file(path, lambda file: table.to_csv(file, index=False))


def write_page(trial: Trial, path: Path) -> None:
    """Write the trial as one html file that needs no other."""
    order = np.argsort(-trial.scores, kind="stable")
    rows = [*order[:SHOWN], *order[: -SHOWN - 1 : -1]]
    heat, words = where_it_looked(trial.detector, trial.test.images[rows])
    shown = []
    for k, i in enumerate(rows):
        pictures = [Image.fromarray(read_upright(trial.test.folder / trial.test.names[i]))]
        if heat is not None:
            grey = trial.test.images[i].mean(0)[..., None]
            painted = 0.35 * grey + 0.65 * 255 * matplotlib.colormaps["inferno"](heat[k])[..., :3]
            pictures.append(Image.fromarray(painted.astype(np.uint8)).resize((SIDE, SIDE)))
        shown.append((i, [_jpeg(picture) for picture in pictures]))
    histogram(trial).savefig(chart := io.BytesIO(), format="svg", metadata={"Date": None})
    page = jinja2.Template(PAGE.read_text(encoding="utf-8"), autoescape=True).render(
        trial=trial, map=words, chart=_data("image/svg+xml", chart),
        novel=shown[: len(rows) // 2], usual=shown[len(rows) // 2 :],
        known=[trial.test.names[i] for i in np.flatnonzero(trial.known)],
        unreadable=trial.normal.unreadable + trial.test.unreadable,
    )  # fmt: skip
    replace_file(path, lambda file: file.write(page.encode()))


def _jpeg(picture: Image.Image) -> str:
    picture.thumbnail((SIDE, SIDE))
    picture.save(content := io.BytesIO(), "JPEG", quality=85)
    return _data("image/jpeg", content)


def _data(kind: str, content: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
