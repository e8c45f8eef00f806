"""The three files that say what to install agree, and what they install works."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
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


def test_constraints_are_exact_and_name_no_index():
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) for pin in PINS)
    assert not any(pin.url for pin in PINS)
    assert not re.search(r"^\s*-", (ROOT / "constraints.txt").read_text(), re.MULTILINE)


@pytest.mark.parametrize("python", ["3.11.7", "3.13.0"])
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_every_dependency_is_pinned_within_its_range(python, system):
    environment = {
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "sys_platform": system,
    }
    pinned = {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in PINS
        if pin.marker is None or pin.marker.evaluate(environment)
    }
    for dependency in DEPENDENCIES:
        assert Version(pinned[canonicalize_name(dependency.name)]) in dependency.specifier


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
