"""CONTRIBUTING.md: its example is a detector, and the way it tells is the way a cell goes."""

import re
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

import test_detectors_contract as contract
from ocnd_lib import experiments, registry
from report import tables

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PROMISES = (
    contract.test_parameters_are_kept_untouched_and_cloned,
    contract.test_orientation_and_threshold,
    contract.test_negatives_are_more_novel_than_unseen_normal_images,
    contract.test_a_score_does_not_depend_on_its_batch_mates,
)


@pytest.fixture
def nearest(monkeypatch):
    """The example, entered where the text says."""
    (source,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(source.splitlines()) <= 30
    module = ModuleType("ocnd_lib.detectors.nearest")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(source, vars(module))
    monkeypatch.setitem(registry.DETECTORS, "nearest", ("nearest", "Nearest", {}))
    parameters = partial(experiments._detector_parameters, "nearest")
    # as for all of DETECTORS at import
    method = experiments.Method(experiments._detector, parameters)
    monkeypatch.setitem(experiments.METHODS, "nearest", method)
    monkeypatch.setitem(tables.METHODS, "nearest", "Nearest image")
    monkeypatch.setitem(contract.SMALL, "Nearest", {})
    monkeypatch.setitem(contract.CLASSES, "Nearest", module.Nearest)
    yield
    contract.fitted.cache_clear()
    contract.scores.cache_clear()


def test_the_example_runs_as_a_cell_and_joins_the_table(nearest, tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path / "records"))
    record = experiments.run_cell("digits/nearest+most=100/8/0")
    assert record["metrics"]["auroc"] > 0.9
    experiments.run_cell("digits/nearest/8/0")
    found = tables.results("digits", tables.METHODS)
    assert "nearest" in set(tables.listed({"digits": found})["method"])


def test_the_example_keeps_what_every_detector_promises(nearest, tmp_path, monkeypatch):
    for promise in PROMISES:
        promise("Nearest")
    fixtures = tmp_path, monkeypatch
    contract.test_a_fit_rests_on_its_images_parameters_and_seed_alone("Nearest", *fixtures)


def test_every_place_on_the_way_exists_and_the_way_is_short():
    way = TEXT.partition("## A detector")[0]
    hops = re.findall(r"`([\w/]+\.py): (\w+)`", way)
    assert hops and len(way.split("1. ")[1].splitlines()) <= 12
    for file, name in hops:
        assert f"def {name}(" in (ROOT / file).read_text(), (file, name)
    assert len(hops) <= 20 and len({file for file, _ in hops}) <= 10
    for file in set(re.findall(r"`([\w/]+\.py)`", TEXT)) - {"nearest.py"}:
        if file.endswith("X.py"):  # of any chapter
            continue
        known = (ROOT / file, ROOT / "ocnd_lib/detectors" / file)
        assert any(path.exists() for path in known), file
