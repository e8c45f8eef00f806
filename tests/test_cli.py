"""The `ocnd` command: what it prints, how it ends, what it does not import."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import nbformat
import pytest

from data_samples import record
from ocnd_lib import experiments
from ocnd_lib.records import write_record
from report import runs

ROOT = Path(__file__).parents[1]


@pytest.fixture
def notebook(tmp_path):
    v4 = nbformat.v4
    tagged = v4.new_code_cell("epochs: int = 2  # rounds", metadata={"tags": ["parameters"]})
    cells = [tagged, v4.new_code_cell("10 // (epochs - 4)")]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "small.ipynb")
    return tmp_path / "small.ipynb"


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from report.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'papermill', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr


def test_a_notebook_runs_with_other_parameters(ocnd, notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "execute", partial(runs.execute, root=tmp_path))
    done = ocnd("run", notebook, "-p", "epochs", 6)
    assert done.exit_code == 0, done.output
    changed, copy, page = done.stdout.splitlines()
    assert changed == "changed: epochs is 6, by default 2" and "<h1>" in Path(page).read_text()
    executed = nbformat.read(copy, as_version=4)
    assert executed.cells[-1].outputs[0].data["text/plain"] == "5"
    assert executed.metadata.ocnd.parameters == {"epochs": 6}
    assert "(unchanged)" in ocnd("run", notebook, "-p", "epochs", 6).stdout


def test_a_notebook_tells_what_it_takes(ocnd):
    told = ocnd("run", "ocgan", "--help").stdout
    assert "epochs = " in told and "(<IntRange x>=1>)" in told


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["run", "no_such_chapter"], "there is no notebook 'no_such_chapter'"),
        (["run", "SMALL", "-p", "epoch", "3"], "It accepts:\n  epochs = 2  (<IntRange x>=1>)"),
        (["run", "SMALL", "-p", "epochs", "-3"], "epochs: -3 is not in the range x>=1"),
        (["run", "SMALL", "-p", "epochs"], "-p needs a name and a value"),
        (["run", "digits/vgg11/3/0", "-p", "epochs", "3"], "a cell takes no -p"),
        (["sweep", "--seeds", "0-4"], "no data set is given; name at least one"),
        (["table", ""], "no data set ''"),
        (["data", "no_such_set"], "digits, mnist"),
        (["figures", "--out", "x", "--only", "no_such_figure"], "no figure 'no_such_figure'"),
        (["book", "--jobs", "0"], "--jobs"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_message_and_code_2(ocnd, notebook, monkeypatch, words, complaint):
    monkeypatch.setattr(runs.papermill, "execute_notebook", lambda *_, **__: pytest.fail("ran"))
    done = ocnd(*[notebook if word == "SMALL" else word for word in words])
    assert done.exit_code == 2, done.output
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_cannot_be_written_to_is_one_message(ocnd, tmp_path):
    (tmp_path / "file").write_text("")
    done = ocnd("figures", "--only", "audit-differences", "--out", tmp_path / "file")
    assert done.exit_code == 1 and "file" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("method", ["ocgan", "vgg11"])
def test_a_training_that_diverges_is_said_and_leaves_nothing(ocnd, tmp_path, method):
    done = ocnd("run", f"digits/{method}+epochs=2+learning_rate=1e12+width=4/8/0")
    assert done.exit_code == 1 and "training diverged; try a lower rate" in done.output
    assert not list(tmp_path.rglob("*.json")) and not list(tmp_path.rglob("checkpoint*.pt"))


def test_a_cell_is_recorded_and_listed(ocnd, monkeypatch):
    made = record("digits/vgg11/3/0", metrics={"auroc": 0.5}, seconds=1.5)
    assert "no record yet" in ocnd("records").stdout
    monkeypatch.setattr(experiments, "run_cell", lambda cell: write_record(made) and made)
    done = ocnd("run", "digits/vgg11/3/0")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1].endswith("digits/vgg11/3/0.json")
    assert json.loads(ocnd("records", "--format", "json").stdout)[0]["seconds"] == 1.5
    header, row = ocnd("records", "--format", "csv").stdout.splitlines()
    assert header.startswith("dataset,method,class,seed,auroc") and row.startswith("digits,vgg11,3")
    assert "0.5" in ocnd("records").stdout
