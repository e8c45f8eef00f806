"""Make the book: execute its notebooks, bring the copies and figures into it, render it."""

import filecmp
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import jinja2
import nbformat
import yaml

from data_prep.files import replace_file
from ocnd_lib.records import claim
from report.parameters import check, read_parameters
from report.runs import ROOT, NotebookError, Run, execute, library_version, tree_hash

GALLERY = Path(__file__).with_name("gallery.md")
KINDS = ("svg", "pdf", "png", "csv")


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

    toc = (root / "book" / "_toc.yml").read_text(encoding="utf-8")
    names = re.findall(r"\bchapters/(\w+)", toc)  # in reading order
    sources = [root / "notebooks" / f"{name}.ipynb" for name in names]
    sources = [source for source in sources if source.exists()]
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


def render(root: Path = ROOT, say: Callable[[str], None] = print) -> Path:
    """Render the book with its warnings as errors, or leave it when nothing in it has changed.

    Always from scratch: an incremental build keeps the pages of removed chapters, and is silent
    about the warnings that an earlier, failed build has given. Raises BookError.
    """
    page = root / "_build" / "html" / "index.html"
    stamp = page.with_name(".made_from")
    inputs = [*root.glob("book/**/*"), root / "_config.yml", root / "README.md"]
    made_from = tree_hash(inputs, root) + library_version(root)
    if page.exists() and stamp.exists() and stamp.read_text() == made_from:
        say("book: unchanged")
        return page

    shutil.rmtree(page.parent, ignore_errors=True)
    shutil.rmtree(root / "_build" / ".doctrees", ignore_errors=True)
    started = time.perf_counter()
    jupyter_book(root, ["-W", "-n", "--keep-going", "--quiet"])
    stamp.write_text(made_from)
    say(f"book: {time.perf_counter() - started:.1f} s")
    return page


def render_alone(run: Run, root: Path = ROOT) -> Path:
    """Render one executed notebook as a page beside it, and return its path. Raises BookError.

    Its links to other chapters lead nowhere, since they are not there.
    """
    site = run.notebook.with_name(f"{run.notebook.stem}_page")
    page = site / "page.html"
    if run.seconds == 0 and page.exists():
        return page
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "book"
        others = shutil.ignore_patterns("chapters", "*.md", "_figures", "_demo")
        shutil.copytree(root / "book", book, ignore=others)
        shutil.copy(run.notebook, book / "page.ipynb")
        (book / "_toc.yml").write_text("format: jb-book\nroot: page\n")
        config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
        config["sphinx"]["config"]["html_extra_path"] = ["_vendor"]
        config["sphinx"]["config"]["mathjax_path"] = "mathjax/tex-chtml-full.js"
        (Path(folder) / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        jupyter_book(Path(folder), ["--quiet"])
        shutil.rmtree(site, ignore_errors=True)
        shutil.move(Path(folder) / "_build" / "html", site)
    return page


def jupyter_book(root: Path, options: list[str]) -> None:
    """Build the book in `root`; BookError with what went wrong."""
    main = "from jupyter_book.cli.main import main; main()"
    options = ["--config", str(root / "_config.yml"), *options]
    done = subprocess.run(
        [sys.executable, "-c", main, "build", str(root / "book"), *options],
        cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace", env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    if done.returncode != 0:
        lines = click.unstyle(done.stdout).replace(f"{root}/", "").splitlines()
        warnings = [line for line in lines if re.search("WARNING|ERROR|CRITICAL", line)]
        raise BookError("\n".join(["the book is not rendered:", *(warnings or lines)]))


def figure_cells(notebooks: Iterable[Path]) -> dict[str, tuple[dict, str, str]]:
    """Each text in the code of a figure's cell → figure and alt text, chapter's title, place."""
    cells: dict[str, tuple[dict, str, str]] = {}
    for notebook in notebooks:
        title = notebook.stem
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.source.startswith("# ") and cell.cell_type == "markdown":
                title = cell.source.partition("\n")[0][2:]
            if "figure" in (shown := cell.metadata.get("mystnb", {})):
                anchor = re.sub(r"[^a-z0-9]+", "-", shown["figure"].get("name", "").lower())
                about = shown, title, f"{notebook.stem}.html#{anchor}"
                cells |= dict.fromkeys(re.findall(r"""["']([\w-]+)["']""", cell.source), about)
    return cells


def write_gallery(
    figures: Path, page: Path, notebooks: Iterable[Path] = (), recorded: Iterable[str] = ()
) -> None:
    """Write a MyST page of the figures of a folder that the site serves as `/figures`.

    A card a figure in the order of the text: its message, the command that draws it again (for
    figures not in `recorded` that of the notebook), its files, its place. The message is the title
    in the file, else how the caption in the executed `notebooks` begins.
    """
    cells = figure_cells(notebooks)
    order, cards = {name: position for position, name in enumerate(cells)}, []
    for svg in sorted(figures.glob("*.svg"), key=lambda f: (order.get(f.stem, len(order)), f.stem)):
        shown, chapter, place = cells.get(svg.stem, ({}, "Further figures", ""))
        said = re.search(r"<title>(.*?)</title>", svg.read_text(encoding="utf-8"), re.DOTALL)
        caption = shown.get("figure", {}).get("caption", svg.stem)
        message = html.unescape(said[1]) if said else caption.partition(". ")[0].rstrip(".")
        command = f"run {place.partition('.')[0]}"
        if svg.stem in recorded:
            command = f"figures --out figures --only {svg.stem}"
        kinds = [kind for kind in KINDS if svg.with_suffix(f".{kind}").exists()]
        cards.append({
            "name": svg.stem, "chapter": chapter, "place": place, "message": message,
            "alt": shown.get("image", {}).get("alt", message), "kinds": kinds, "command": command,
        })  # fmt: skip
    layout = GALLERY.read_text(encoding="utf-8")
    text = jinja2.Template(layout, trim_blocks=True, lstrip_blocks=True).render(cards=cards)
    replace_file(page, lambda file: file.write(text.encode()))


def _publish(runs: dict[Path, Run], root: Path) -> None:
    """Bring the executed copies, their figures and the gallery into the book, and nothing older."""
    chapters, figures = root / "book" / "chapters", root / "book" / "_figures" / "figures"
    pages = {chapters / source.name: run.notebook for source, run in runs.items()}
    made = dict(pages)
    figures.mkdir(parents=True, exist_ok=True)
    for run in runs.values():
        for file in sorted(run.figures.iterdir()):
            if other := made.get(figures / file.name):
                places = f"{other.parent.name}, {file.parent.name}"
                raise BookError(f"{file.name} is saved twice: {places}")
            made[figures / file.name] = file
    for old in {*chapters.glob("*.ipynb"), *figures.glob("*")} - set(made):
        old.unlink()
    for target, file in made.items():
        if not (target.exists() and filecmp.cmp(target, file, shallow=False)):
            replace_file(target, lambda out, file=file: out.write(file.read_bytes()))
    from report.figures import FIGURES  # every chapter, which only a gallery needs

    write_gallery(figures, chapters / "gallery.md", pages, FIGURES)
