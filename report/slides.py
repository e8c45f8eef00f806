"""Slides of the recorded figures: one html file, or PowerPoint in a lab's own template."""

import base64
import io
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import jinja2
import nbformat
import yaml
from matplotlib import rc_context

from data_prep.files import replace_file
from report import powerpoint
from report.figures import CHAPTERS, FIGURES, OF_CHAPTER
from report.runs import ROOT
from report.source import NoRecords
from report.talk import drawn, look

HERE = Path(__file__).parent
DECK = yaml.safe_load((HERE / "deck.yaml").read_text(encoding="utf-8"))
A_MINUTE = 0.8  # slides
ON_A_PAGE = (12.6, 6.2)  # inches of a figure below its title
# a row of the front page's table: slide, claim, verdict, notebook
CLAIM = re.compile(r"\| (\d+) \| (.+?) \| \{bdg-\w+\}`(.+?)` \| \{doc\}`.+?<(\w+)>`")
INTERVAL = re.compile(r" \[[^][]*\]")


class Numbers(dict):
    """The numbers of the sentences of each chapter, by its name; slow the first time."""

    def __missing__(self, chapter: str) -> dict[str, object]:
        return self.setdefault(chapter, import_module(f"report.chapters.{chapter}").numbers())


NUMBERS = Numbers()


class Slide(NamedTuple):
    """A title, what the speaker says, and a picture or columns of lines, each with its heading."""

    title: str
    notes: str
    picture: bytes | None = None
    columns: Sequence[tuple[str, Sequence[str]]] = ()


def make_slides(
    out: Path, form: str, template: Path | None, chapters: Sequence[str], lang: str, minutes: int
) -> int:
    """Write a talk of so many minutes as html or pptx and return how many slides it has.

    Of all chapters if none is named. Raises, before anything is drawn, ValueError for what cannot
    be meant, OSError for a folder that cannot be written to.
    """
    if out.suffix != f".{form}":
        raise ValueError(f"--out must end in .{form}, or --format be another: {out.name}")
    if out.exists():
        raise ValueError(f"{out} exists; remove it or name another file")
    if unknown := ", ".join(name for name in chapters if name not in CHAPTERS):
        raise ValueError(f"there is no chapter {unknown}; there are: {', '.join(CHAPTERS)}")
    if template and form != "pptx":
        raise ValueError("--template is for --format pptx")
    out.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(out.parent, os.W_OK):
        raise PermissionError(f"{out.parent} cannot be written to")
    deck = powerpoint.opened(template) if form == "pptx" else None
    made = slides(chapters or CHAPTERS, lang, minutes, deck)
    content = powerpoint.written(deck, made) if deck else page(made, lang).encode()
    replace_file(out, lambda file: file.write(content))
    return len(made)


def slides(chapters: Sequence[str], lang: str, minutes: int, deck=None) -> list[Slide]:
    """The slides of a talk in its order; of too many, the last of DECK's `order` are left out."""
    figures = {name for chapter in chapters for name in OF_CHAPTER[chapter]}
    order = [name for name in DECK["order"] if name in figures or name not in FIGURES]
    kept = order[: max(2, int(A_MINUTE * minutes))]
    made = []
    for name in ("title", *DECK["notes"], "decided", "open", "limits"):
        if name in kept:
            try:
                figure = name in FIGURES
                made.append(_figure(name, lang, deck) if figure else _words(name, lang, chapters))
            except NoRecords as missing:
                print(f"{name}: {missing}", file=sys.stderr)
    return made


def _figure(name: str, lang: str, deck) -> Slide:
    size, kind = (powerpoint.figure_size(deck), "png") if deck else (ON_A_PAGE, "svg")
    fig = drawn(FIGURES[name], "talk", lang, size)
    message = " ".join(fig.get_suptitle().split())
    fig.suptitle("")  # the slide has it
    said = DECK["notes"][name][lang].format_map(NUMBERS)
    command = f"ocnd figures --style talk --lang {lang} --only {name} --out figures"
    # in one page, parts of equal name in a hidden slide would hide those of another
    with look("talk"), rc_context({"svg.hashsalt": name}):
        fig.savefig(picture := io.BytesIO(), format=kind, metadata={"Date": None})
    return Slide(message, f"{said}\n\n{command}", picture.getvalue())


def _words(name: str, lang: str, chapters: Sequence[str]) -> Slide:
    words = {key: of[lang] for key, of in DECK["words"][name].items()}
    notes, columns = words["notes"], [("", words.get("lines", []))]
    if name == "title":
        answers = [answer for answer in DECK["answers"] if {*answer["chapters"]} & {*chapters}]
        said = [answer[lang].format_map(NUMBERS) for answer in answers]
        notes = "\n".join([notes, *said])
        columns = [("", [INTERVAL.sub("", answer) for answer in said])]
    if "columns" in words:
        rows, columns = [row for row in claims() if row[3] in chapters], []
        for head, verdict in words["columns"].items():
            lines = [f"{slide} · {claim}" for slide, claim, of, _ in rows if of == verdict]
            columns.append((f"{head} ({len(lines)})", lines))
    return Slide(words["title"], notes, columns=columns)


def claims() -> list[tuple[str, str, str, str]]:
    """Slide, claim, verdict, chapter: the rows of the front pages' tables, in both languages."""
    cells = nbformat.read(ROOT / "notebooks" / "front.ipynb", as_version=4).cells
    korean = (ROOT / "book" / "chapters" / "korean.md").read_text(encoding="utf-8")
    return CLAIM.findall("\n".join([*(cell.source for cell in cells), korean]))


def page(made: Sequence[Slide], lang: str) -> str:
    """One html page of reveal.js that needs no other file; S opens the speaker's notes."""
    vendored = {
        name: (HERE / "reveal" / name).read_text(encoding="utf-8").replace("</script", r"<\/script")
        for name in ("reveal.css", "reveal.js", "notes.js")
    }
    font = base64.b64encode((HERE / "fonts" / "NotoSansKR.ttf").read_bytes()).decode()
    layout = jinja2.Template((HERE / "slides.html").read_text(encoding="utf-8"), autoescape=True)
    return layout.render(slides=made, lang=lang, vendored=vendored, font=font)
