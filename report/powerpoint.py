"""Slides as PowerPoint, in the layouts and the size of a lab's own template."""

import io
from collections.abc import Sequence
from pathlib import Path

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER as KIND
from pptx.shapes.base import BaseShape
from pptx.util import Inches, Pt

from report.talk import SLIDE

TITLES = {KIND.TITLE, KIND.CENTER_TITLE}
FOOT = {KIND.DATE, KIND.FOOTER, KIND.SLIDE_NUMBER}
WIDE = 12.6  # inches at which letters of a figure do not collide; it is shrunk to a narrower slide


def opened(template: Path | None):
    """An empty presentation of a template's look; without one, python-pptx's own at 16:9.

    Raises ValueError for a file that is no presentation or has no layout with a title.
    """
    try:
        deck = Presentation(template and str(template))
        if not any(_places(layout, TITLES) for layout in deck.slide_layouts):
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
    """Inches in which to draw a figure for the place below a title."""
    _, _, width, height = _below_title(deck)
    return WIDE, WIDE * height / width


def written(deck, slides: Sequence) -> bytes:
    """Put slides into an empty presentation; the bytes of its file."""
    left, top, width, height = _below_title(deck)
    scale = deck.slide_width / Inches(SLIDE[0])
    for slide in slides:
        made = deck.slides.add_slide(_layout(deck))
        _fill(made.shapes.title, [slide.title], 28 * scale)
        if slide.picture:
            picture = made.shapes.add_picture(io.BytesIO(slide.picture), left, top, width)
            picture._element.nvPicPr.cNvPr.set("descr", slide.title)
        each = width // max(1, len(slide.columns))
        many = max((len(lines) for _, lines in slide.columns), default=0) > 7
        for number, (head, lines) in enumerate(slide.columns):
            box = made.shapes.add_textbox(left + number * each, top, each, height)
            _fill(box, [head, *lines] if head else lines, (16 if many else 20) * scale)
            box.text_frame.paragraphs[0].font.bold = bool(head)
        made.notes_slide.notes_text_frame.text = slide.notes
    deck.save(buffer := io.BytesIO())
    return buffer.getvalue()


def _layout(deck):
    """The layout with a title and the fewest other places."""
    return min(deck.slide_layouts, key=lambda of: (not _places(of, TITLES), len(of.placeholders)))


def _places(layout, kinds: set) -> list:
    return [shape for shape in layout.placeholders if shape.placeholder_format.type in kinds]


def _below_title(deck) -> tuple[int, int, int, int]:
    """Left, top, width and height of what lies between the title and the foot of a slide."""
    (title, *_), foot = (_places(_layout(deck), kinds) for kinds in (TITLES, FOOT))
    top = title.top + title.height
    ends = [shape.top for shape in foot if shape.top > top]
    return title.left, top, title.width, min([*ends, int(0.97 * deck.slide_height)]) - top


def _fill(shape: BaseShape, lines: Sequence[str], size: float) -> None:
    """Write lines into a shape in letters of so many points."""
    shape.text_frame.text, shape.text_frame.word_wrap = "\n".join(lines), True
    for paragraph in shape.text_frame.paragraphs:
        paragraph.font.size, paragraph.space_before = Pt(size), Pt(0.2 * size)
