"""Make the book: execute its notebooks, bring the copies and figures into it, render it."""

import html
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

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
    not rendered. Raises BookError for a warning of the renderer, ValueError for an unknown preset.
    """
    check("preset", preset)
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
        cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    if done.returncode != 0:
        lines = plain_text(done.stdout).replace(f"{root}/", "").splitlines()
        warnings = [line for line in lines if re.search("WARNING|ERROR|CRITICAL", line)]
        raise BookError("\n".join(["the book is not rendered:", *(warnings or lines)]))
    stamp.write_text(made_from)
    say(f"book: {time.perf_counter() - started:.1f} s")
    return page


def write_gallery(figures: Path, page: Path, notebooks: Iterable[Path] = ()) -> None:
    """Write a MyST page of the figures of a folder that the site serves as `/figures`.

    They stand in the order of the text, each with links to its svg, pdf and png. Caption and
    description come from the cell of the executed `notebooks` that names the figure.
    """
    cells: dict[str, tuple[dict, str]] = {}  # texts in code → figure and alt text, place
    for notebook in notebooks:
        for cell in nbformat.read(notebook, as_version=4).cells:
            if "figure" in (shown := cell.metadata.get("mystnb", {})):
                anchor = re.sub(r"[^a-z0-9]+", "-", shown["figure"].get("name", "").lower())
                place = f"{notebook.stem}.html#{anchor}"
                cells |= dict.fromkeys(re.findall(r"""["']([\w-]+)["']""", cell.source),
                                       (shown, place))  # fmt: skip
    order = {name: position for position, name in enumerate(cells)}
    lines = ["# All figures", "", "Every figure of this report as svg, pdf and png, to take into a "
             "talk or a paper.", ""]  # fmt: skip
    for svg in sorted(figures.glob("*.svg"), key=lambda f: (order.get(f.stem, len(order)), f.stem)):
        shown, place = cells.get(svg.stem, ({}, ""))
        caption = shown.get("figure", {}).get("caption", "")
        alt = html.escape(shown.get("image", {}).get("alt", caption or svg.stem))
        files = [f for f in (svg, svg.with_suffix(".pdf"), svg.with_suffix(".png")) if f.exists()]
        links = [f'<a href="../figures/{f.name}" download>{f.suffix[1:]}</a>' for f in files]
        links += [f'<a href="{place}">in the text</a>'] if place else []
        picture = f'<img src="../figures/{svg.name}" alt="{alt}" loading="lazy">'
        lines += [f"## {svg.stem}", "", picture, "", caption, "", " · ".join(links), ""]
    write_if_changed(page, "\n".join(lines).encode())


def _publish(runs: dict[Path, Run], root: Path) -> None:
    """Bring the executed copies, their figures and the gallery into the book, and nothing older."""
    chapters, figures = root / "book" / "chapters", root / "book" / "_figures" / "figures"
    pages = {chapters / source.name: run.notebook for source, run in runs.items()}
    pictures: dict[Path, Path] = {}
    for file in (file for run in runs.values() for file in sorted(run.figures.iterdir())):
        if other := pictures.get(figures / file.name):
            raise BookError(
                f"{file.name} is saved twice: {other.parent.name}, {file.parent.name}"
            )
        pictures[figures / file.name] = file
    for folder, pattern, wanted in ((chapters, "*.ipynb", pages), (figures, "*", pictures)):
        folder.mkdir(parents=True, exist_ok=True)
        for old in set(folder.glob(pattern)) - set(wanted):
            old.unlink()
        for target, file in wanted.items():
            write_if_changed(target, file.read_bytes())
    write_gallery(figures, chapters / "gallery.md", pages)
