"""Make the book: execute its notebooks, bring the copies and figures into it, render it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from multiprocessing.pool import ThreadPool
from pathlib import Path

import click
import jinja2
import nbformat

from data_prep.files import replace_file
from ocnd_lib.records import claim
from report.runs import ROOT, BookError, Run, execute, library_version, tree_hash


def build(jobs: int = 2, again: bool = False, root: Path = ROOT) -> Path:
    """Execute the book's notebooks, `jobs` at a time, render the book, return its `index.html`.

    Raises BookError when notebooks failed (the others have run all the same, and the book is not
    rendered), for a warning of the renderer, and while another process makes the book.
    """
    with claim(root / "_build" / "book.lock") as mine:
        if not mine:
            raise BookError("another process is making this book; try again when it has ended")
        runs, failures = _execute_all(jobs, again, root)
        _publish(runs, root)
        if failures:
            raise BookError("\n".join([*failures, "The book is not rendered."]))
        return render(root)


def _execute_all(jobs: int, again: bool, root: Path) -> tuple[dict[Path, Run], list[str]]:
    """The runs of the notebooks that did not fail, in reading order, and what the others said."""
    version, runs, failures = library_version(root), {}, []

    def one(source: Path) -> None:
        try:
            runs[source] = run = execute(source, jobs=jobs, again=again, root=root, version=version)
            said = f"{run.seconds:.1f} s" if run.seconds else "unchanged"
        except BookError as error:
            failures.append(str(error))
            said = "failed"
        print(f"{source.stem}: {said}", flush=True)

    toc = (root / "book" / "_toc.yml").read_text(encoding="utf-8")
    sources = [root / "notebooks" / f"{name}.ipynb" for name in re.findall(r"chapters/(\w+)", toc)]
    sources = [source for source in sources if source.exists()]
    with ThreadPool(jobs) as pool:  # which, when interrupted, does not wait for kernels
        list(pool.imap(one, sources))
    return {source: runs[source] for source in sources if source in runs}, failures


def render(root: Path) -> Path:
    """Render the book with its warnings as errors, or leave it when nothing in it has changed.

    Always from scratch: an incremental build keeps the pages of removed chapters, and is silent
    about the warnings that an earlier, failed build has given. Raises BookError.
    """
    page = root / "_build" / "html" / "index.html"
    stamp = page.with_name(".made_from")
    inputs = [*root.glob("book/**/*"), root / "_config.yml", root / "README.md"]
    made_from = tree_hash(inputs, root) + library_version(root)
    if page.exists() and stamp.exists() and stamp.read_text() == made_from:
        print("book: unchanged")
        return page

    shutil.rmtree(page.parent, ignore_errors=True)
    shutil.rmtree(root / "_build" / ".doctrees", ignore_errors=True)
    jupyter_book(root, ["-W", "-n", "--keep-going", "--quiet"])
    stamp.write_text(made_from)
    print("book: rendered")
    return page


def render_alone(run: Run) -> Path:
    """Render one executed notebook as a page beside it, whose links to chapters lead nowhere."""
    site = run.notebook.with_name(f"{run.notebook.stem}_page")
    if run.seconds or not site.exists():
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            others = shutil.ignore_patterns("*.ipynb", "*.md", "_figures", "_demo")
            shutil.copytree(ROOT / "book", here / "book", ignore=others)
            shutil.copy(ROOT / "_config.yml", here)
            (here / "book" / "_toc.yml").write_text("format: jb-book\nroot: chapters/page\n")
            shutil.copy(run.notebook, here / "book" / "chapters" / "page.ipynb")
            jupyter_book(here, ["--quiet"])
            shutil.rmtree(site, ignore_errors=True)
            shutil.move(here / "_build" / "html", site)
    return site / "chapters" / "page.html"


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


def write_gallery(page: Path, runs: dict[Path, Run]) -> None:
    """Write a MyST page of all figures, chapter by chapter, which the site serves as `/figures`."""
    from report.figures import FIGURES  # every chapter, which only a gallery needs

    chapters = []
    for source, run in runs.items():
        first = nbformat.read(source, as_version=4).cells[0].source
        title = first.partition("\n")[0].removeprefix("# ")
        figures = {file.stem: file.read_text() for file in sorted(run.figures.glob("*.svg"))}
        said = {name: re.search(r"<title>(.*?)</title>", svg) for name, svg in figures.items()}
        words = {name: found[1] if found else name for name, found in said.items()}
        chapters.append({"file": source.stem, "title": title, "at": run.figures, "figures": words})
    layout = Path(__file__).with_name("gallery.md").read_text(encoding="utf-8")
    text = jinja2.Template(layout, trim_blocks=True).render(chapters=chapters, recorded=FIGURES)
    replace_file(page, lambda file: file.write(text.encode()))


def _publish(runs: dict[Path, Run], root: Path) -> None:
    """Bring the executed copies, their figures and the gallery into the book, and nothing older."""
    chapters, figures = root / "book" / "chapters", root / "book" / "_figures" / "figures"
    made = {chapters / source.name: run.notebook.read_bytes() for source, run in runs.items()}
    for run in runs.values():
        made |= {figures / file.name: file.read_bytes() for file in run.figures.iterdir()}
    there = {file: file.read_bytes() for file in [*chapters.glob("*.ipynb"), *figures.glob("*")]}
    gallery = chapters / "gallery.md"
    if made != there or not gallery.exists():
        write_gallery(gallery, runs)  # first: what is interrupted after it is done once more
    for file in there.keys() - made.keys():
        file.unlink()
    for file, content in made.items() - there.items():
        replace_file(file, lambda out, content=content: out.write(content))
