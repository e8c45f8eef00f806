"""Every committed notebook keeps the rules of the report, and one runs with plain papermill."""

import ast
import json
import re
from pathlib import Path

import nbformat
import papermill
import pytest

from report.parameters import RULES, check, read_parameters, validate

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PLAIN = "audit"  # the one that takes least time

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind=None):
    return [c for c in nbformat.read(path, as_version=4).cells if kind in (None, c.cell_type)]


@every_notebook
def test_is_committed_as_source_only(path):
    raw = json.loads(path.read_text())
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    nbformat.validate(nbformat.from_dict(raw))
    assert raw["metadata"]["kernelspec"]["name"] == "python3"
    for cell in cells(path, "code"):
        assert cell.outputs == [] and cell.execution_count is None


@every_notebook
def test_is_short_and_framed_by_prose(path):
    assert len(cells(path)) <= 25
    assert max(len(cell.source.splitlines()) for cell in cells(path, "code")) <= 15
    first, last = cells(path)[0], cells(path)[-1]
    assert first.cell_type == last.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert re.search(rf"ocnd run {path.stem}|papermill notebooks/{path.name}", last.source)


@every_notebook
def test_depends_on_nothing_outside(path):
    for cell in cells(path, "code"):
        assert not re.search(r"^\s*[!%]", cell.source, re.MULTILINE), cell.source
        tree = ast.parse(cell.source)
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        modules = {alias.name for node in imports for alias in node.names}
        modules |= {node.module for node in imports if isinstance(node, ast.ImportFrom)}
        assert not {"ipywidgets", "tqdm.auto", "tqdm.notebook"} & modules
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
        for text in filter(lambda value: isinstance(value, str), texts):
            assert not re.match(r"/\w|~|[A-Za-z]:\\|https?://", text), text


@every_notebook
def test_parameters_are_those_the_library_accepts(path):
    code = cells(path, "code")
    tagged = [k for k, c in enumerate(code) if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) <= 1
    parameters = read_parameters(path)
    # papermill passes over a line that it cannot read
    assert len(parameters) == sum(len(code[k].source.splitlines()) for k in tagged)
    above = ast.parse("\n".join(cell.source for cell in code[: sum(tagged)]))
    used = {node.id for node in ast.walk(above) if isinstance(node, ast.Name)}
    assert not used & set(parameters), "a cell above the parameters uses one"
    for name, parameter in parameters.items():
        assert check(name, parameter.default, parameter.inferred_type_name) == parameter.default
        assert parameter.help, f"{name} has no explanation"


def test_there_is_no_rule_for_a_name_that_no_notebook_has():
    assert set(RULES) <= {name for path in NOTEBOOKS for name in read_parameters(path)}


def test_no_two_figures_of_the_book_share_a_file():
    sources = [cell.source for path in NOTEBOOKS for cell in cells(path, "code")]
    names = re.findall(r'save_figure\(.*"([\w-]+)"\)', "\n".join(sources))
    assert len(names) > 20 and len(set(names)) == len(names)


def test_plain_papermill_runs_a_notebook_from_the_root(tmp_path, monkeypatch):
    """One for all: that the others run, too, is seen in the built book."""
    monkeypatch.setenv("OCND_FIGURES", str(tmp_path))
    source, out = ROOT / "notebooks" / f"{PLAIN}.ipynb", tmp_path / "out.ipynb"
    papermill.execute_notebook(source, out, {"gain": 0.01}, cwd=ROOT, progress_bar=False)
    assert all(cell.execution_count for cell in cells(out, "code"))


SAMPLE = """\
epochs: int = 2  # rounds
ratio: float = 9.0
batch_norm: bool = True
dataset: str = 'mnist'
normal_class: int = 3
seed: int = 0
"""


def notebook_with(tmp_path, source):
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})
    path = tmp_path / "sample.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_given_text_becomes_the_declared_type(tmp_path):
    given = {"epochs": "3", "ratio": "1e2", "batch_norm": "false", "dataset": "digits"}
    expected = {"epochs": 3, "ratio": 100.0, "batch_norm": False, "dataset": "digits"}
    assert validate(notebook_with(tmp_path, SAMPLE), given) == expected


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("epoch", 1, "there is no parameter 'epoch'"),
        ("epochs", "0", "epochs: 0 is not in the range x>=1"),
        ("epochs", "three", "'three' is not a valid integer"),
        ("epochs", 2.0, "'2.0' is not a valid integer"),
        ("ratio", "-1", "-1.0 is not in the range x>0"),
        ("ratio", "nan", "not finite"),
        ("normal_class", "-1", "-1 is not in the range x>=0"),
        ("normal_class", 10, "mnist has no class 10; there are: 0"),
        ("seed", 2**32, "4294967296 is not in the range 0<=x<=4294967295"),
        ("batch_norm", "maybe", "'maybe' is not a valid boolean"),
        ("dataset", "imagenet", "one of 'digits', 'mnist'"),
    ],
)
def test_what_a_notebook_cannot_take_is_refused(tmp_path, name, value, complaint):
    with pytest.raises(ValueError, match=complaint) as refusal:
        validate(notebook_with(tmp_path, SAMPLE), {name: value})
    epochs = "epochs = 2  (<IntRange x>=1>)  rounds"
    for accepted in (epochs, "ratio = 9.0", "dataset = 'mnist'", "normal_class = 3"):
        assert accepted in str(refusal.value)


@pytest.mark.parametrize(
    "line", ["epochs = 3", "epochs: int = 'three'", "epochs: int = 1 + n", "ratio: float = 9"]
)
def test_a_default_of_another_type_is_an_error(tmp_path, line):
    with pytest.raises(ValueError, match=r"parameter \w+: .*name: type = literal"):
        read_parameters(notebook_with(tmp_path, f"dataset: str = 'mnist'\n{line}"))


@pytest.mark.parametrize("old", ["cells", "metadata", "cell_type"])
def test_a_damaged_notebook_is_named(tmp_path, old):
    path = notebook_with(tmp_path, SAMPLE)
    path.write_text(path.read_text().replace(f'"{old}":', f'"{old}": 3, "other":'))
    for _ in ("damaged", "no notebook"):
        with pytest.raises(ValueError, match=r"sample\.ipynb is not a notebook: \S"):
            read_parameters(path)
        path.write_text("hello")
