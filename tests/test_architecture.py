"""Three packages, one direction, and no larger than a reader can take in."""

import ast
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
ALLOWED = {"data_prep": set(), "ocnd_lib": {"data_prep"}, "report": {"data_prep", "ocnd_lib"}}
OWN = set(ALLOWED)
DRAWING = {"matplotlib", "matplotlib_inline", "seaborn", "IPython"}
LINES_A_FILE = 400
LINES = {"data_prep": 1800, "ocnd_lib": 6000, "report": 4000, "benchmarks": 500, "tests": 9000}


def modules(package: str) -> dict[str, Path]:
    """Name and path of every module of a package."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: set[str]) -> set[str]:
    """What a module imports, at its top or in a function: of ours as modules, else as packages."""
    wanted = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            wanted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            home = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
            base = ".".join([*home[: len(home) + 1 - node.level], node.module or ""]).strip(".")
            base = base if node.level else node.module
            members = {f"{base}.{alias.name}" for alias in node.names}
            wanted |= {base} if not members <= known else set()
            wanted |= members & known
    return {each if each in known else each.partition(".")[0] for each in wanted}


@pytest.fixture(scope="module")
def known() -> dict[str, Path]:
    return {name: path for package in ALLOWED for name, path in modules(package).items()}


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_those_below_it(package, known):
    wrong = {
        name: sorted(found)
        for name, path in modules(package).items()
        if (found := {
            one for one in imports(name, path, set(known))
            if one.partition(".")[0] in OWN - ALLOWED[package] - {package}
            or (package != "report" and one in DRAWING)
        })
    }  # fmt: skip
    assert not wrong


def test_every_imported_package_is_a_declared_dependency(known):
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    found = {one for name, path in known.items() for one in imports(name, path, set(known))}
    theirs = {one for one in found if one.partition(".")[0] not in OWN | sys.stdlib_module_names}
    installed = packages_distributions()
    assert not {
        one
        for one in theirs
        if declared.isdisjoint(canonicalize_name(name) for name in installed.get(one, [one]))
    }


def test_no_module_imports_itself_in_a_circle(known):
    graph = {name: imports(name, path, set(known)) for name, path in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_an_import_is_seen_wherever_and_however_it_is_written(tmp_path):
    lines = ("def f():", "    from ocnd_lib import data", "import report.cli", "from . import b")
    (tmp_path / "a.py").write_text("\n".join([*lines, "import os.path"]))
    ours = {"ocnd_lib.data", "ocnd_lib.b", "report.cli"}
    assert imports("ocnd_lib.a", tmp_path / "a.py", ours) == {*ours, "os"}


@pytest.mark.parametrize("package", LINES)
def test_no_package_and_no_file_outgrows_its_ceiling(package):
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in (ROOT / package).rglob("*.py")
    }
    assert sum(lines.values()) <= LINES[package]
    assert not {path: n for path, n in lines.items() if n > LINES_A_FILE}
