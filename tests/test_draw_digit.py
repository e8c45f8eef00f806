"""A digit to draw: the page scores as Python does, and mouse, finger and keys reach it."""

import json
import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ocnd_lib.data import load_images
from ocnd_lib.registry import detector_class
from report import draw_digit

SOURCE = Path(__file__).parents[1] / "book" / "chapters" / "draw_a_digit.md"
SHOWN = re.findall(r'name="draw-normal" value="(\d)"', SOURCE.read_text())


def content(path: Path) -> dict:
    """What a script of the page hands over."""
    return json.loads(path.read_text().removeprefix("drawDigit.loaded(").removesuffix(");\n"))


def models(digit: str) -> dict:
    return content(draw_digit.FOLDER / f"digit-{digit}.js")["models"]


@pytest.mark.parametrize("method", draw_digit.METHODS)
def test_small_weights_score_as_the_detector_does(method):
    x = load_images("digits").x_train[:96]
    detector = detector_class(method)(width=8, epochs=2, latent_dim=8, batch_size=32).fit(x)
    network = partial(draw_digit.redraw, draw_digit.packed(detector))
    mine, exact = (draw_digit.scores(f, x) for f in (network, detector.reconstruct))
    assert np.abs(mine / exact - 1).max() < 0.01
    np.testing.assert_allclose(exact, detector.novelty_score(x), rtol=1e-4)


def test_files_are_small_and_a_threshold_leaves_a_twentieth():
    assert sum(path.stat().st_size for path in draw_digit.FOLDER.iterdir()) < 2_500_000
    for model in [model for digit in SHOWN for model in models(digit).values()]:
        assert len(json.dumps(model)) < 400_000 and sum(model["counts"]) > 500
        bins = int(model["threshold"] / model["highest"] * len(model["counts"]))
        below = sum(model["counts"][:bins]) / sum(model["counts"])
        assert below == pytest.approx(0.94, abs=0.03)


@pytest.fixture
def page(browser, tmp_path):
    """The page without the book around it, opened as a file, on a screen that can be touched."""
    raw = re.search(r"```\{raw\} html\n(.*?)```", SOURCE.read_text(), re.DOTALL)[1]
    shutil.copytree(draw_digit.FOLDER, tmp_path / "draw")
    (tmp_path / "chapters").mkdir()
    html = tmp_path / "chapters" / "page.html"
    html.write_text(f'<!doctype html><meta charset="utf-8"><body>{raw}</body>')
    context = browser.new_context(has_touch=True, viewport={"width": 1000, "height": 900})
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(html.as_uri())
    page.locator("#draw-presets button").first.wait_for()
    page.wait_for_function("document.querySelector('#draw-ae-about').textContent")
    yield page
    assert not wrong
    context.close()


T = np.linspace(0, 2 * np.pi, 40)
EIGHT = [[(0.5 + 0.16 * np.sin(2 * t), 0.5 - 0.3 * np.cos(t)) for t in T]]
SEVEN = [[(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)], [(0.4, 0.5), (0.65, 0.5)]]


def draw(page, strokes, finger=False):
    """Draw into the emptied pad, with the mouse or a finger."""
    page.locator("#draw-clear").click()
    box = page.locator("#draw-pad").bounding_box()
    screen = page.context.new_cdp_session(page)

    def touch(kind, *places):
        points = [{"x": x, "y": y} for x, y in places]
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for stroke in strokes:
        places = (np.array(stroke) * box["width"] + [box["x"], box["y"]]).tolist()
        if finger:
            touch("touchStart", places[0])
            [touch("touchMove", place) for place in places[1:]]
            touch("touchEnd")
        else:
            page.mouse.move(*places[0])
            page.mouse.down()
            [page.mouse.move(*place) for place in places[1:]]
            page.mouse.up()


def seen(page) -> np.ndarray:
    return np.array(page.evaluate("[...(drawDigit.seen() ?? [])]"))


def check(page, digit, verdict=None):
    """The page says of what it shows what Python says of it, by both models."""
    image = np.array(seen(page), np.uint8).reshape(1, 1, 32, 32)
    for method, model in models(digit).items():
        expected = draw_digit.scores(partial(draw_digit.redraw, model["layers"]), image)[0]
        shown = page.locator(f"#draw-{method}-score")
        assert float(shown.get_attribute("data-score")) == pytest.approx(expected, rel=1e-2)
        novel = "novel" if expected > model["threshold"] else "normal"
        assert shown.inner_text().endswith(f": {novel}") and verdict in (None, novel)


@pytest.mark.parametrize("finger", [False, True])
def test_a_drawing_is_scored_as_python_scores_it(page, finger):
    page.set_viewport_size({"width": 390, "height": 500})  # so small that it could scroll
    for strokes, verdict in ((EIGHT, "normal"), (SEVEN, "novel")):
        draw(page, strokes, finger)
        assert seen(page).any()
        check(page, "8", verdict)
    assert page.evaluate("[scrollX, scrollY]") == [0, 0]  # a finger on the pad draws


def test_a_drawing_is_brought_into_the_form_of_mnist(page):
    draw(page, EIGHT)
    image = seen(page).reshape(32, 32)
    rows, columns = np.nonzero(image)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(20, abs=1)
    for axis in (0, 1):
        mass = image.sum(1 - axis)
        assert np.average(np.arange(32), weights=mass) == pytest.approx(16, abs=0.6)
    draw(page, [0.1 + 0.4 * np.array(EIGHT[0])])  # written small, no thicker
    small = seen(page).reshape(32, 32)
    assert np.abs(small.astype(int) - image).mean() < 0.05 * image.mean() + 3


def test_it_is_used_by_keys_alone(page):
    page.locator('input[value="8"]').focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        f"document.querySelector('#draw-ae-about').textContent.includes('digit {SHOWN[1]}')"
    )
    page.locator("#draw-presets button").nth(6).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.ariaLabel") == "Test image 7, a 3"
    check(page, SHOWN[1])


def test_a_missing_file_says_what_makes_it(page, tmp_path):
    (tmp_path / "draw" / f"digit-{SHOWN[-1]}.js").unlink()
    page.locator(f'input[value="{SHOWN[-1]}"]').check()
    page.get_by_text("make it with: ocnd demo").wait_for()
