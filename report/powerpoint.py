"""Slides as PowerPoint, in the layouts and the size of a lab's own template."""

import io
from collections.abc import Sequence
from math import ceil
from pathlib import Path

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER as KIND
from pptx.shapes.base import BaseShape
from pptx.util import Emu, Inches, Pt

from report.talk import SLIDE, look

TITLES, TEXTS = {KIND.TITLE, KIND.CENTER_TITLE}, {KIND.BODY, KIND.OBJECT}
NARROWEST = 12.4  # inches in which the letters of a figure do not collide
FOOT = {KIND.DATE, KIND.FOOTER, KIND.SLIDE_NUMBER}


def opened(template: Path | None):
    """An empty presentation of a template's look; without one, python-pptx's own at 16:9.

    Raises ValueError for a file that is no presentation or has no layout with a title.
    """
    try:
        deck = Presentation(template and str(template))
        if not any(TITLES & set(_kinds(layout)) for layout in deck.slide_layouts):
            raise ValueError("no layout has a title")
    except Exception as error:  # python-pptx and lxml raise all kinds for what they cannot read
        message = f"{template} cannot be a template; save it as .pptx, not .potx: {error}"
        raise ValueError(message) from error
    for slide in list(deck.slides._sldIdLst):  # samples, of which python-pptx cannot rid itself
        deck.part.drop_rel(slide.rId)
        deck.slides._sldIdLst.remove(slide)
    if template is None:
        wider, deck.slide_width = Inches(SLIDE[0]) / deck.slide_width, Inches(SLIDE[0])
        for page in (*deck.slide_layouts, deck.slide_master):  # whose places they inherit
            for shape in page.placeholders:
                box = shape.left * wider, shape.top, shape.width * wider, shape.height
                shape.left, shape.top, shape.width, shape.height = map(int, box)
    return deck


def figure_size(deck) -> tuple[float, float]:
    """Inches in which to draw a figure for the place below a title; shrunk if that is narrower."""
    _, _, width, height = _below_title(deck, _layout(deck, 0))
    wide = max(NARROWEST, Emu(width).inches)
    return wide, wide * height / width


def written(deck, slides: Sequence) -> bytes:
    """Put slides into an empty presentation; the bytes of its file."""
    scale = deck.slide_width / Inches(SLIDE[0])
    for slide in slides:
        layout = _layout(deck, len(slide.columns))
        made = deck.slides.add_slide(layout)
        left, top, width, height = _below_title(deck, layout)
        _fill([(made.shapes.title, [slide.title])], int(28 * scale))
        if slide.figure is not None:
            with look("talk"):
                slide.figure.savefig(png := io.BytesIO(), format="png")
            picture = made.shapes.add_picture(png, left, top, width)
            picture._element.nvPicPr.cNvPr.set("descr", slide.title)
        there = [shape for shape in made.placeholders if shape.placeholder_format.type in TEXTS]
        there.sort(key=lambda shape: shape.left)
        each = width // max(1, len(slide.columns))
        for number in range(len(there), len(slide.columns)):
            there.append(made.shapes.add_textbox(left + number * each, top, each, height))
        lines = [[head, *below] if head else below for head, below in slide.columns]
        _fill(list(zip(there, lines, strict=False)), int(20 * scale))
        for box, (head, _) in zip(there, slide.columns, strict=False):
            box.text_frame.paragraphs[0].font.bold = True if head else None
        made.notes_slide.notes_text_frame.text = slide.notes
    deck.save(buffer := io.BytesIO())
    return buffer.getvalue()


def _kinds(layout) -> list:
    return [shape.placeholder_format.type for shape in layout.placeholders]


def _layout(deck, texts: int):
    """The layout with a title that comes nearest to so many places for text, and to no more."""

    def misfit(layout) -> tuple[bool, int, int]:
        there = [kind for kind in _kinds(layout) if kind not in FOOT]
        return TITLES.isdisjoint(there), abs(sum(k in TEXTS for k in there) - texts), len(there)

    return min(deck.slide_layouts, key=misfit)


def _below_title(deck, layout) -> tuple[int, int, int, int]:
    """Left, top, width and height of what lies between a layout's title and its foot."""
    shapes = [(shape, shape.placeholder_format.type) for shape in layout.placeholders]
    title = next(shape for shape, kind in shapes if kind in TITLES)
    top = title.top + title.height
    ends = [shape.top for shape, kind in shapes if kind in FOOT and shape.top > top]
    return title.left, top, title.width, min([*ends, int(0.97 * deck.slide_height)]) - top


def _fill(texts: Sequence[tuple[BaseShape, Sequence[str]]], most: int) -> None:
    """Write lines into shapes in the largest letters, of `most` points or less, that fit in all."""
    size = most
    while size > 9 and any(_too_large(size, *text) for text in texts):
        size -= 1
    for shape, lines in texts:
        shape.text_frame.text, shape.text_frame.word_wrap = "\n".join(lines), True
        for paragraph in shape.text_frame.paragraphs:
            paragraph.font.size, paragraph.space_before = Pt(size), Pt(0.2 * size)


def _too_large(size: int, shape: BaseShape, lines: Sequence[str]) -> bool:
    width, height = Emu(shape.width).pt - 20, Emu(shape.height).pt - 8
    wide = [sum(1.0 if letter > "\u1100" else 0.52 for letter in line) for line in lines]
    return sum(ceil(size * em / width) for em in wide) * 1.35 * size > height
