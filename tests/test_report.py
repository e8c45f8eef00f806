"""Executing notebooks and rendering a book, tried on a small book of its own."""

import json
import shutil
import sys
import threading
from pathlib import Path

import nbformat
import pytest

from ocnd_lib.records import claim
from report import pages as report
from report import runs
from report.pages import build
from report.runs import BookError, execute

FIGURE = "import os, pathlib\npathlib.Path(os.environ['OCND_FIGURES'], f'{name}.svg').touch()"
SECOND_CELL = "pathlib.Path(os.environ['TRACE']).open('a').write(f'{name}\\n')\nnumber"


def write_notebook(path, name, *code, number=1, minor=5):
    """A notebook with two parameters; without ids where `minor` is 4."""
    v4 = nbformat.v4
    cells = [
        v4.new_markdown_cell(f"# {name}"),
        v4.new_code_cell(
            f'name: str = "{name}"  # what it is called\nnumber: int = {number}  # a number',
            metadata={"tags": ["parameters"]},
        ),
        *map(v4.new_code_cell, code or (FIGURE, SECOND_CELL)),
    ]
    for position, cell in enumerate(cells):
        cell["id"] = f"cell-{position}"
        if minor < 5:
            del cell["id"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(v4.new_notebook(cells=cells, nbformat_minor=minor)))
    return path


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with two notebooks, a page, and a trace of which notebooks were executed."""
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path / "results" / "records"))
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
    """Let notebooks only leave their trace, their copy and a figure, and books one page."""

    def pretend(source, out, *_, **__):
        name, notebook = Path(source).stem, nbformat.read(source, as_version=4)
        with (root / "trace").open("a") as trace:
            trace.write(f"{name}\n")
        for kind in ("svg", "pdf", "png"):
            out_of = Path(out).with_name(f"{Path(out).stem}_figures")
            (out_of / f"{name}.{kind}").write_text("<svg/>")
        nbformat.write(notebook, out)
        return notebook

    def rendered(root, options):
        (root / "_build" / "html").mkdir()
        (root / "_build" / "html" / "index.html").touch()

    monkeypatch.setattr(runs.papermill, "execute_notebook", pretend)
    monkeypatch.setattr(report, "jupyter_book", rendered)
    return pretend


def test_a_book_is_built_once_and_what_changed_is_executed_again(root, no_kernel, capsys):
    page = build(root=root)
    assert page == root / "_build" / "html" / "index.html" and page.exists()
    assert executed(root) == ["first", "second"]
    assert (root / "book" / "_figures" / "figures" / "first.svg").exists()
    gallery = (root / "book" / "chapters" / "gallery.md").read_text()
    assert 'href="../figures/second.pdf"' in gallery and 'href="second.html"' in gallery
    assert gallery.index("first.svg") < gallery.index("second.svg")

    before = page.stat().st_mtime_ns
    capsys.readouterr()
    build(root=root)
    assert executed(root) == ["first", "second"]
    assert page.stat().st_mtime_ns == before
    # the notebooks are done side by side, and either may be first to say so
    *said, last = capsys.readouterr().out.splitlines()
    assert sorted(said) == ["first: unchanged", "second: unchanged"] and last == "book: unchanged"
    write_notebook(root / "notebooks" / "second.ipynb", "second", number=2)
    build(root=root)
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


def test_the_same_run_is_the_same_to_the_byte(root):
    source = root / "notebooks" / "first.ipynb"
    other = execute(source, {"number": "7"}, root=root)
    assert nbformat.read(other.notebook, 4).cells[-1].outputs[0].data["text/plain"] == "7"
    once = other.notebook.read_bytes()
    again = execute(source, {"number": 7}, root=root, again=True)
    assert again.seconds > 0 and again.notebook.read_bytes() == once
    assert str(root).encode() not in once


def test_runs_with_other_parameters_lie_side_by_side(root, no_kernel):
    source = root / "notebooks" / "first.ipynb"
    other, default = execute(source, {"number": "7"}, root=root), execute(source, root=root)
    assert default.notebook != other.notebook and default.figures != other.figures
    assert execute(source, {"number": 1}, root=root).notebook == default.notebook
    assert executed(root) == ["first"] * 2


def test_a_failing_notebook_leaves_its_copy_and_the_others_go_on(root, monkeypatch):
    monkeypatch.setattr(report, "render", lambda *_: pytest.fail("rendered from stale copies"))
    bad = root / "notebooks" / "first.ipynb"
    write_notebook(bad, "first", "x = 0", "y = 1\n1 / x", "z = 2")
    (root / "book" / "chapters" / "first.ipynb").write_text("stale")
    with pytest.raises(BookError) as failure:
        build(root=root)
    message = str(failure.value)
    assert "first: In [3]: ZeroDivisionError: division by zero" in message
    copy = next((root / "_build" / "runs").glob("first-*.ipynb"))
    assert str(copy) in message and "ZeroDivisionError" in copy.read_text()
    assert executed(root) == ["second"]
    assert not (root / "book" / "chapters" / "first.ipynb").exists()
    assert (root / "book" / "chapters" / "second.ipynb").exists()
    assert "ocnd" not in nbformat.read(copy, 4).metadata  # what it left does not count as a run


def test_a_killed_kernel_is_reported(root):
    source = root / "notebooks" / "first.ipynb"
    write_notebook(source, "first", "import os, signal", "os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(BookError, match="first: the kernel died"):
        execute(source, root=root)


def test_a_second_book_is_refused_while_the_first_is_made(tmp_path):
    with claim(tmp_path / "_build" / "book.lock"), pytest.raises(BookError, match="another proc"):
        build(root=tmp_path)


def test_two_runs_of_one_notebook_make_it_once(root, no_kernel, monkeypatch):
    source, begun, second = root / "notebooks" / "first.ipynb", threading.Event(), []

    def slow(*given, **options):
        begun.set()
        other.join(0.3)  # the second has every chance to disturb
        return no_kernel(*given, **options)

    monkeypatch.setattr(runs.papermill, "execute_notebook", slow)
    other = threading.Thread(
        target=lambda: begun.wait(60) and second.append(execute(source, root=root))
    )
    other.start()
    first = execute(source, root=root)
    other.join()
    assert executed(root) == ["first"]
    assert second[0].seconds == 0 and second[0].notebook == first.notebook


def test_kernels_are_this_python_whatever_is_installed_and_begun_with(root, monkeypatch):
    """Also for a notebook of before cells had ids, and from any folder."""
    kernel = root / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    foreign = {"argv": ["/bin/false"], "display_name": "foreign", "language": "python"}
    kernel.write_text(json.dumps(foreign))
    startup = root / "ipython" / "profile_default" / "startup" / "a.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("theirs = 1")
    (root / "python.py").write_text("mine = 1")
    monkeypatch.setenv("JUPYTER_PATH", str(root / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(root / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(root / "python.py"))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    asked = "import sys, os\n[sys.executable, os.getcwd(), os.environ['MPLBACKEND']]"
    source = write_notebook(root / "asks.ipynb", "asks", asked, "[*dir(), number]", minor=4)
    monkeypatch.chdir(root / "book")
    copy = json.loads(execute(source, {"number": 7}, root=root).notebook.read_text())
    nbformat.validate(copy)
    python, names = ("".join(c["outputs"][0]["data"]["text/plain"]) for c in copy["cells"][-2:])
    assert sys.executable in python and f"'{root}'" in python and "inline" in python
    assert names.endswith("7]") and "'mine'" not in names and "'theirs'" not in names


def test_a_warning_fails_the_book_every_time(root, monkeypatch):
    shutil.rmtree(root / "notebooks")
    (root / "book" / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n  - file: chapters/gallery\n"
    )
    (root / "book" / "intro.md").write_text("# Intro\n\n{ref}`nowhere`\n")
    with pytest.raises(BookError, match="nowhere"):
        build(root=root)
    monkeypatch.setattr(report, "jupyter_book", lambda *_: pytest.fail("rendered again"))
    with pytest.raises(pytest.fail.Exception, match="rendered again"):
        build(root=root)
