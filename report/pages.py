"""Make the book: execute its notebooks, bring the copies and figures into it, render it."""

import ast
import html
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import yaml

from ocnd_lib.records import claim
from report.parameters import check, read_parameters
from report.runs import (
    ROOT,
    NotebookError,
    Run,
    digest,
    execute,
    library_version,
    plain_text,
    tree_hash,
    write_if_changed,
)


class BookError(RuntimeError):
    """The book could not be made from its notebooks and pages; the message says why."""


def build(
    preset: str = "quick",
    jobs: int = 2,
    again: bool = False,
    root: Path = ROOT,
    say: Callable[[str], None] = print,
) -> Path:
    """Execute the book's notebooks, `jobs` at a time, render the book, return its `index.html`.

    Raises NotebookError when notebooks failed: the others have run all the same, and the book is
    not rendered. Raises BookError for a warning of the renderer and while another process makes the
    book, ValueError for an unknown preset.
    """
    check("preset", preset)
    with claim(root / "_build" / "book.lock") as mine:
        if not mine:
            raise BookError("another process is making this book; try again when it has ended")
        return _build(preset, jobs, again, root, say)


def _build(preset: str, jobs: int, again: bool, root: Path, say: Callable[[str], None]) -> Path:
    version = library_version(root)

    def one(source: Path) -> Run | NotebookError:
        default = read_parameters(source).get("preset")
        given = {"preset": preset} if default and default.default != preset else {}
        try:
            run = execute(source, given, jobs=jobs, again=again, root=root, version=version)
        except NotebookError as error:
            say(f"{source.stem}: failed")
            return error
        say(f"{source.stem}: " + (f"{run.seconds:.1f} s" if run.seconds else "unchanged"))
        return run

    sources = book_notebooks(root)
    pool = ThreadPoolExecutor(jobs)
    try:
        outcomes = dict(zip(sources, pool.map(one, sources), strict=True))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # an interrupt does not wait for kernels
    _publish({s: run for s, run in outcomes.items() if isinstance(run, Run)}, root)
    failures = [str(error) for error in outcomes.values() if isinstance(error, NotebookError)]
    if failures:
        raise NotebookError("\n".join([*failures, "The book is not rendered."]))
    return render(root, say)


def book_notebooks(root: Path = ROOT) -> list[Path]:
    """Return the notebooks of the chapters that `book/_toc.yml` lists, in reading order."""
    toc = yaml.safe_load((root / "book" / "_toc.yml").read_text(encoding="utf-8"))

    def files(node: object) -> Iterable[str]:
        if isinstance(node, dict):
            yield from [node["file"]] if "file" in node else []
            node = list(node.values())
        for item in node if isinstance(node, list) else []:
            yield from files(item)

    pages = [toc["root"], *files(toc)]
    names = [name.removeprefix("chapters/") for name in pages if name.startswith("chapters/")]
    return [p for p in (root / "notebooks" / f"{name}.ipynb" for name in names) if p.exists()]


def render(root: Path = ROOT, say: Callable[[str], None] = print) -> Path:
    """Render the book with its warnings as errors, or leave it when nothing in it has changed.

    Always from scratch: an incremental build keeps the pages of removed chapters, and is silent
    about the warnings that an earlier, failed build has given. Raises BookError.
    """
    page = root / "_build" / "html" / "index.html"
    stamp = page.with_name(".made_from")
    inputs = [*root.glob("book/**/*"), root / "_config.yml", root / "README.md"]
    made_from = digest([tree_hash(inputs, root).encode(), library_version(root).encode()])
    if page.exists() and stamp.exists() and stamp.read_text() == made_from:
        say("book: unchanged")
        return page

    shutil.rmtree(page.parent, ignore_errors=True)
    shutil.rmtree(root / "_build" / ".doctrees", ignore_errors=True)
    started = time.perf_counter()
    main = "from jupyter_book.cli.main import main; main()"
    options = ["--config", str(root / "_config.yml"), "-W", "-n", "--keep-going", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", main, "build", str(root / "book"), *options],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    if done.returncode != 0:
        lines = plain_text(done.stdout).replace(f"{root}/", "").splitlines()
        warnings = [line for line in lines if re.search("WARNING|ERROR|CRITICAL", line)]
        raise BookError("\n".join(["the book is not rendered:", *(warnings or lines)]))
    stamp.write_text(made_from)
    say(f"book: {time.perf_counter() - started:.1f} s")
    return page


def write_gallery(figures: Path, page: Path, notebooks: Iterable[Path] = ()) -> None:
    """Write a MyST page of the figures of a folder that the site serves as `/figures`.

    They stand in the order of the text, each with links to its svg, pdf and png. Caption,
    description and the link to the text come from that cell of the executed `notebooks` that names
    the figure; `page` lies beside them.
    """
    cells = {name: cell for notebook in notebooks for name, cell in _figure_cells(notebook).items()}
    lines = ["# All figures", ""]
    lines += [
        "Every figure of this report as svg, pdf and png, to take into a talk or a paper.",
        "",
    ]
    order = {name: position for position, name in enumerate(cells)}
    for svg in sorted(figures.glob("*.svg"), key=lambda f: (order.get(f.stem, len(order)), f.stem)):
        caption, alt, place = cells.get(svg.stem, ("", svg.stem.replace("_", " "), ""))
        files = [f for f in (svg, svg.with_suffix(".pdf"), svg.with_suffix(".png")) if f.exists()]
        links = [f'<a href="../figures/{f.name}" download>{f.suffix[1:]}</a>' for f in files]
        links += [f'<a href="{place}">in the text</a>'] if place else []
        picture = f'<img src="../figures/{svg.name}" alt="{html.escape(alt)}" loading="lazy">'
        lines += [f"## {svg.stem}", "", picture, "", caption, "", " · ".join(links), ""]
    write_if_changed(page, "\n".join(lines).encode())


def _figure_cells(notebook: Path) -> dict[str, tuple[str, str, str]]:
    """Return caption, description and place of the figure cells, by each text in their code."""
    found = {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        shown = cell.metadata.get("mystnb", {})
        if cell.cell_type != "code" or "figure" not in shown:
            continue
        caption = shown["figure"].get("caption", "")
        anchor = re.sub(r"[^a-z0-9]+", "-", shown["figure"].get("name", "").lower())
        place = f"{notebook.stem}.html#{anchor}"
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found[node.value] = (caption, shown.get("image", {}).get("alt", caption), place)
    return found


def _publish(runs: dict[Path, Run], root: Path) -> None:
    """Bring the executed copies, their figures and the gallery into the book, and nothing older."""
    chapters, figures = root / "book" / "chapters", root / "book" / "_figures" / "figures"
    pages = {chapters / source.name: run.notebook for source, run in runs.items()}
    pictures: dict[Path, Path] = {}
    for run in runs.values():
        for file in sorted(run.figures.iterdir()):
            if figures / file.name in pictures:
                other = pictures[figures / file.name].parent.name
                raise BookError(f"{file.name} is saved twice: {other}, {run.figures.name}")
            pictures[figures / file.name] = file
    for folder, pattern, wanted in ((chapters, "*.ipynb", pages), (figures, "*", pictures)):
        folder.mkdir(parents=True, exist_ok=True)
        for old in set(folder.glob(pattern)) - set(wanted):
            old.unlink()
        for target, file in wanted.items():
            write_if_changed(target, file.read_bytes())
    write_gallery(figures, chapters / "gallery.md", pages)
