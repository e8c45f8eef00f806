"""Executing notebooks and rendering a book, tried on a small book of its own."""

import json
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from report import pages as report
from report import runs
from report.pages import BookError, build, write_gallery
from report.runs import NotebookError, execute

FIGURE = """\
import os, pathlib
for kind in ("svg", "pdf", "png"):
    pathlib.Path(os.environ["OCND_FIGURES"], f"{name}.{kind}").write_text("<svg/>")"""
SECOND_CELL = "pathlib.Path(os.environ['TRACE']).open('a').write(f'{name}\\n')\nnumber"


def write_notebook(path, name, *code, number=1):
    v4 = nbformat.v4
    cells = [
        v4.new_markdown_cell(f"# {name}"),
        v4.new_code_cell(
            f'name: str = "{name}"  # what it is called\nnumber: int = {number}  # a number',
            metadata={"tags": ["parameters"]},
        ),
        *map(v4.new_code_cell, code or (FIGURE, SECOND_CELL)),
    ]
    if not code:
        figure = {"name": f"fig-{name}", "caption": f"About {name}."}
        cells[2].metadata["mystnb"] = {"figure": figure, "image": {"alt": f"Seen: {name}"}}
        cells[2].source += f"  # {name}\n'{name}'"
    notebook = v4.new_notebook(cells=cells)
    for position, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{position}"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with two notebooks, a page, and a trace of which notebooks were executed."""
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))
    monkeypatch.delenv("OCND_RECORDS", raising=False)
    (tmp_path / "trace").touch()
    for name in ("first", "second"):
        write_notebook(tmp_path / "notebooks" / f"{name}.ipynb", name)
    library = tmp_path / "ocnd_lib" / "thing.py"
    library.parent.mkdir()
    library.write_text("x = 1\n")
    book = tmp_path / "book"
    (book / "chapters").mkdir(parents=True)
    (book / "intro.md").write_text("# Intro\n")
    (book / "chapters" / "later.md").write_text("# Later\n")
    chapters = "".join(f"  - file: chapters/{n}\n" for n in ("first", "second", "later", "gallery"))
    (book / "_toc.yml").write_text(f"format: jb-book\nroot: intro\nchapters:\n{chapters}")
    (tmp_path / "_config.yml").write_text(
        "title: Small\nonly_build_toc_files: true\nexecute:\n  execute_notebooks: 'off'\n"
        "sphinx:\n  config:\n    html_extra_path: [_figures]\n"
    )
    return tmp_path


def executed(root):
    return sorted((root / "trace").read_text().split())


@pytest.fixture
def no_kernel(root, monkeypatch):
    """Let notebooks only leave their trace and their copy."""

    def pretend(source, out, *_, **__):
        notebook = nbformat.read(source, as_version=4)
        with (root / "trace").open("a") as trace:
            trace.write(f"{Path(source).stem}\n")
        nbformat.write(notebook, out)
        return notebook

    monkeypatch.setattr(runs.papermill, "execute_notebook", pretend)
    return pretend


def test_a_book_is_built_once(root):
    said = []
    page = build(root=root, say=said.append)
    assert page == root / "_build" / "html" / "index.html"
    assert executed(root) == ["first", "second"]
    assert (page.parent / "figures" / "first.svg").exists()
    gallery = (page.parent / "chapters" / "gallery.html").read_text()
    assert 'href="../figures/second.pdf"' in gallery and "About second" in gallery
    assert 'href="second.html#fig-second"' in gallery
    assert 'id="fig-second"' in (page.parent / "chapters" / "second.html").read_text()

    before = page.stat().st_mtime_ns
    build(root=root, say=said.append)
    assert executed(root) == ["first", "second"]
    assert page.stat().st_mtime_ns == before
    # the notebooks are done side by side, and either may be first to say so
    assert sorted(said[-3:-1]) == ["first: unchanged", "second: unchanged"]
    assert said[-1] == "book: unchanged"


def test_only_the_notebook_that_changed_is_executed_again(root, no_kernel, monkeypatch):
    monkeypatch.setattr(report, "render", lambda *_: None)
    build(root=root, say=list)
    write_notebook(root / "notebooks" / "second.ipynb", "second", number=2)
    build(root=root, say=list)
    assert executed(root) == ["first", "second", "second"]


@pytest.mark.parametrize(
    "file", ["ocnd_lib/thing.py", "results/records/a/b/c/0.json", "data/scenes/scenes.npz"]
)
def test_a_change_of_library_records_or_data_executes_again(root, no_kernel, file, monkeypatch):
    monkeypatch.setenv("OCND_DATA", str(root / "data"))
    source = root / "notebooks" / "first.ipynb"
    first = execute(source, root=root)
    assert execute(source, root=root).seconds == 0
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text("{}")
    assert execute(source, root=root).seconds > 0
    assert executed(root) == ["first", "first"]
    assert execute(source, root=root).notebook == first.notebook


def test_a_run_without_its_figures_or_in_other_precision_is_executed_again(
    root, no_kernel, monkeypatch
):
    source = root / "notebooks" / "first.ipynb"
    shutil.rmtree(execute(source, root=root).figures)
    assert execute(source, root=root).seconds > 0
    monkeypatch.setenv("OCND_PRECISION", "bf16")
    assert execute(source, root=root).seconds > 0
    assert execute(source, root=root).seconds == 0


def test_runs_with_other_parameters_lie_side_by_side_and_are_the_same_again(root):
    source = root / "notebooks" / "first.ipynb"
    other = execute(source, {"number": "7"}, root=root)
    assert nbformat.read(other.notebook, 4).cells[-1].outputs[0].data["text/plain"] == "7"
    once = other.notebook.read_bytes()
    again = execute(source, {"number": 7}, root=root, again=True)
    assert again.seconds > 0 and again.notebook.read_bytes() == once
    assert str(root).encode() not in once
    default = execute(source, root=root)
    assert default.notebook != other.notebook and default.figures != other.figures
    assert execute(source, {"number": 1}, root=root).notebook == default.notebook
    assert executed(root) == ["first"] * 3


def test_a_failing_notebook_leaves_its_copy_and_the_others_go_on(root, monkeypatch):
    monkeypatch.setattr(report, "render", lambda *_: pytest.fail("rendered from stale copies"))
    bad = root / "notebooks" / "first.ipynb"
    write_notebook(bad, "first", "x = 0", "y = 1\n1 / x", "z = 2")
    (root / "book" / "chapters" / "first.ipynb").write_text("stale")
    with pytest.raises(NotebookError) as failure:
        build(root=root, say=list)
    message = str(failure.value)
    assert "first: cell 4, line 2, `1 / x`: ZeroDivisionError: division by zero" in message
    copy = next((root / "_build" / "runs").glob("first-*.ipynb"))
    assert str(copy) in message and "ZeroDivisionError" in copy.read_text()
    assert executed(root) == ["second"]
    assert not (root / "book" / "chapters" / "first.ipynb").exists()
    assert (root / "book" / "chapters" / "second.ipynb").exists()
    assert "ocnd" not in nbformat.read(copy, 4).metadata  # what it left does not count as a run


def test_a_killed_kernel_is_reported_with_its_cell(root):
    source = root / "notebooks" / "first.ipynb"
    write_notebook(source, "first", "import os, signal", "os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(NotebookError, match="first: cell 4: the kernel died"):
        execute(source, root=root)


def test_kernels_are_this_python_whatever_kernel_is_installed(root, monkeypatch):
    kernel = root / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    foreign = {"argv": ["/bin/false"], "display_name": "foreign", "language": "python"}
    kernel.write_text(json.dumps(foreign))
    monkeypatch.setenv("JUPYTER_PATH", str(root / "jupyter"))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    asked = "import sys, os\n[sys.executable, os.getcwd(), os.environ['MPLBACKEND']]"
    source = write_notebook(root / "notebooks" / "asks.ipynb", "asks", asked)
    monkeypatch.chdir(root / "book")
    copy = nbformat.read(execute(source, root=root).notebook, 4)
    answer = copy.cells[-1].outputs[0].data["text/plain"]
    assert sys.executable in answer and f"'{root}'" in answer and "inline" in answer


def test_a_warning_fails_the_book_every_time(root):
    shutil.rmtree(root / "notebooks")
    (root / "book" / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n  - file: chapters/gallery\n"
    )
    (root / "book" / "intro.md").write_text("# Intro\n\n{ref}`nowhere`\n")
    for _ in range(2):
        with pytest.raises(BookError, match="nowhere"):
            build(root=root, say=list)


def test_the_gallery_follows_the_order_of_the_text(tmp_path):
    for name in ("alone", "early", "late"):
        (tmp_path / f"{name}.svg").touch()
    copies = [write_notebook(tmp_path / f"{name}.ipynb", name) for name in ("late", "early")]
    write_gallery(tmp_path, tmp_path / "gallery.md", copies)
    page = (tmp_path / "gallery.md").read_text()
    shown = re.findall(r"figures/(\w+)\.svg\" alt", page)
    assert shown == ["late", "early", "alone"]
    assert re.findall("^## (.+)", page, re.MULTILINE) == ["late", "early", "Further figures"]
    assert "`ocnd run late`" in page and "**About early**" in page


def test_a_figure_of_records_has_its_message_and_its_own_command(tmp_path):
    (tmp_path / "a.svg").write_text("<svg><title>Five &lt; six</title></svg>")
    write_gallery(tmp_path, tmp_path / "gallery.md", recorded=["a"])
    page = (tmp_path / "gallery.md").read_text()
    assert "**Five < six**" in page and "`ocnd figures --out figures --only a`" in page
