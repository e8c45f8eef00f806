"""The three files that say what to install agree, and what they install works."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DEPENDENCIES = [
    Requirement(line) for line in PROJECT["dependencies"] + EXTRAS["test"] + EXTRAS["cluster"]
]
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


def pinned(name, environment=None):
    """The exact version that constraints.txt gives for a package in an environment, or None."""
    for pin in PINS:
        if canonicalize_name(pin.name) == canonicalize_name(name):
            if pin.marker is None or pin.marker.evaluate(environment):
                return Version(str(pin.specifier).removeprefix("=="))
    return None


def test_constraints_are_exact_and_name_no_index():
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) for pin in PINS)
    assert not any(pin.url for pin in PINS)
    assert not re.search(r"^\s*-", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    here = [canonicalize_name(p.name) for p in PINS if p.marker is None or p.marker.evaluate()]
    assert len(here) == len(set(here))


@pytest.mark.parametrize("python", ["3.11.7", "3.12.1", "3.13.0"])
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_every_dependency_is_pinned_within_its_range(python, system):
    environment = {
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "sys_platform": system,
    }
    for dependency in DEPENDENCIES:
        version = pinned(dependency.name, environment)
        assert version is not None, f"constraints.txt lacks {dependency.name}"
        assert version in dependency.specifier


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def test_every_imported_package_is_a_declared_dependency():
    packages = ("data_prep", "ocnd_lib", "report")
    files = [p for folder in packages for p in (ROOT / folder).rglob("*.py")]
    own = {*packages, *sys.stdlib_module_names}
    modules = {module for path in files for module in imported_modules(path)} - own
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    installed = packages_distributions()
    missing = {
        module
        for module in modules
        if not declared & {canonicalize_name(name) for name in installed.get(module, [module])}
    }
    assert not missing


def test_torch_and_torchvision_are_a_matching_pair():
    import torch
    from torchvision.ops import nms

    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]])
    kept = nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5)
    assert kept.tolist() == [0, 2]


def test_importing_the_library_is_instant():
    code = "import ocnd_lib, sys; print(sorted({'numpy', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_make_refuses_an_old_or_missing_python(tmp_path):
    for file in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / file, tmp_path)
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1\nexit 1\n')
    old.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    for python, words in (("no-such-python", "no no-such-python here"), (old, "3.11 or newer is")):
        given = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
        done = subprocess.run(["make", "test", f"PYTHON={python}"], **given)
        assert done.returncode != 0 and words in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_no_tracked_file_names_a_place_of_one_machine():
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode != 0:
        pytest.skip("this is no git working tree")
    suffixes = {".py", ".md", ".ipynb", ".toml", ".yml", ".txt", ".cff", ".csv", ".json", ""}
    place = re.compile(r"/(?:home|Users|root|work|mnt)/\w|shared/data|--(?:extra-)?index-url")
    found = {
        name: match[0]
        for name in tracked.stdout.splitlines()
        if "_vendor" not in name and Path(name).suffix in suffixes and name != ".ci/run"
        if Path(name).name != Path(__file__).name and (ROOT / name).is_file()
        if (match := place.search((ROOT / name).read_text(encoding="utf-8")))
    }
    assert not found
