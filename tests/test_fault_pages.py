"""Notebooks and books as machines and habits of others meet them."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest

from ocnd_lib.records import claim
from report import runs
from report.pages import BookError, build
from report.parameters import read_parameters
from report.runs import NotebookError, execute

ROOT = Path(__file__).parents[1]


def write(path, *code, minor=5):
    """A notebook whose first cell has the parameter `number`; without ids where `minor` is 4."""
    tagged = nbformat.v4.new_code_cell("number: int = 1", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[tagged, *map(nbformat.v4.new_code_cell, code)])
    for cell in notebook.cells if minor < 5 else []:
        del cell["id"]
    path.write_text(json.dumps(notebook | {"nbformat_minor": minor}))
    return path


@pytest.mark.parametrize("old", ["cells", "metadata", "cell_type"])
@pytest.mark.parametrize("new", ["null", "3"])
def test_a_damaged_notebook_is_named(tmp_path, old, new):
    path = write(tmp_path / "n.ipynb", "1")
    path.write_text(path.read_text().replace(f'"{old}":', f'"{old}": {new}, "other":'))
    with pytest.raises(ValueError, match=r"n\.ipynb is not a notebook: \S"):
        read_parameters(path)


@pytest.mark.parametrize("minor", [4, 5])
@pytest.mark.parametrize("given", [{}, {"number": 0}], ids=["default", "given"])
def test_the_cell_that_failed_is_named_with_and_without_ids(tmp_path, minor, given, monkeypatch):
    source = write(tmp_path / "n.ipynb", "1", "1", "number - number", "1 / 0", minor=minor)

    def stopped(source, out, parameters, **_):
        """What papermill leaves of it: times, the parameters, marks before the error."""
        cells = nbformat.read(source, as_version=4).cells
        for cell in cells:
            cell.metadata["papermill"] = {"start_time": "now"}
        new = nbformat.v4.new_code_cell
        if parameters:
            cells.insert(1, new("number = 0", metadata={"tags": ["injected-parameters"]}))
        mark = {"tags": ["papermill-error-cell-tag"]}
        cells = [new("", metadata=mark), *cells[:-1], new("", metadata=mark), cells[-1]]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), out)
        raise runs.PapermillExecutionError(0, 1, "1 / 0", "ZeroDivisionError", "by zero", [])

    monkeypatch.setattr(runs.papermill, "execute_notebook", stopped)
    with pytest.raises(NotebookError, match="n: cell 5: ZeroDivisionError: by zero"):
        execute(source, given, tmp_path / "out.ipynb", root=tmp_path)


def test_an_old_notebook_without_ids_runs_and_is_a_notebook_still(tmp_path, monkeypatch):
    """And nothing that somebody lets every session of theirs begin with is part of it."""
    startup = tmp_path / "ipython" / "profile_default" / "startup" / "a.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("theirs = 1")
    (tmp_path / "python.py").write_text("mine = 1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "python.py"))
    source = write(tmp_path / "n.ipynb", "['mine' in dir(), 'theirs' in dir(), number]", minor=4)
    made = execute(source, {"number": 7}, tmp_path / "out.ipynb", root=tmp_path).notebook
    copy = json.loads(made.read_text())
    assert copy["cells"][-1]["outputs"][0]["data"]["text/plain"] == ["[False, False, 7]"]
    nbformat.validate(copy)


def test_a_second_book_is_refused_while_the_first_is_made(tmp_path):
    with (
        claim(tmp_path / "_build" / "book.lock"),
        pytest.raises(BookError, match="another process is making this book"),
    ):
        build(root=tmp_path)


def test_two_runs_of_one_notebook_make_it_once(tmp_path, monkeypatch):
    source, made, begun = write(tmp_path / "n.ipynb", "1"), [], threading.Event()

    def slow(source, out, *_, **__):
        made.append(out)
        begun.set()
        other.join(0.3)  # the second has every chance to disturb
        nbformat.write(notebook := nbformat.read(source, as_version=4), out)
        return notebook

    monkeypatch.setattr(runs.papermill, "execute_notebook", slow)
    second = []
    other = threading.Thread(
        target=lambda: begun.wait(60) and second.append(execute(source, root=tmp_path))
    )
    other.start()
    first = execute(source, root=tmp_path)
    other.join()
    assert len(made) == 1 and second[0].seconds == 0 and second[0].notebook == first.notebook


def test_a_user_with_settings_of_matplotlib_gets_the_same_figures(tmp_path):
    code = (
        "import sys; from report.drawing import panels, save_figure\n"
        "fig, (ax,) = panels('A title', 2, ['one']); ax.plot([1, 2], label='a'); ax.legend()\n"
        "save_figure(fig, 'f', sys.argv[1])"
    )
    theirs = tmp_path / "matplotlibrc"
    theirs.write_text("text.usetex: True\nfont.size: 30\naxes.grid: True\nlines.linestyle: :\n")
    for name, settings in (("mine", {}), ("theirs", {"MATPLOTLIBRC": str(theirs)})):
        command = [sys.executable, "-c", code, tmp_path / name]
        subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=True)
    for suffix in ("svg", "pdf", "png"):
        assert len({(tmp_path / n / f"f.{suffix}").read_bytes() for n in ("mine", "theirs")}) == 1
