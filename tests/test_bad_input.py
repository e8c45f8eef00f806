"""Bad input is one clear message before any training, in the library and on the command line."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from data_samples import record
from ocnd_lib import experiments
from ocnd_lib import sweep as sweeps
from ocnd_lib.classifier import Recipe, fit
from ocnd_lib.detectors.autoencoder import AutoEncoder
from ocnd_lib.detectors.kde import KDE
from ocnd_lib.detectors.ocgan import OCGAN
from report import cli

X = np.random.default_rng(0).integers(0, 256, (12, 1, 32, 32), np.uint8)


@pytest.fixture(autouse=True)
def _no_training(monkeypatch, tmp_path):
    """Nothing may be learnt here, and no cluster started."""
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path / "records"))
    for kind in (AutoEncoder, KDE, OCGAN):
        monkeypatch.setattr(kind, "_learn", lambda *_: pytest.fail("training has begun"))
    monkeypatch.setattr("ocnd_lib.classifier.VGG11", lambda *_: pytest.fail("training has begun"))
    monkeypatch.setattr(sweeps, "LocalCluster", lambda **_: pytest.fail("a cluster was started"))


def refused(*words: str, code: int = 2) -> str:
    """What `ocnd` says, in one message, when it ends with this code."""
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == code, done.output
    assert done.stderr.startswith("ocnd: ") and "Traceback" not in done.output
    return done.stderr


@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        (X / 255, np.arange(12), "uint8 0..255, not float64"),
        (X[..., 2:30, 2:30], np.arange(12), r"shape \(N, 1 or 3, 32, 32\), not \(12, 1, 28, 28\)"),
        (X, np.zeros(11, int), "one whole number from 0 an image"),
        (X, np.full(12, -1), "one whole number from 0 an image"),
        (X, np.arange(12) % 2 * 2, "class 1 has no image to learn from"),
    ],
)
def test_a_classifier_refuses_images_and_labels_it_cannot_learn_from(x, labels, message):
    with pytest.raises(ValueError, match=message):
        fit(x, labels, Recipe(), seed=0)


FORM = "a cell is DATASET/METHOD[+NAME=VALUE …]/CLASS/SEED"


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ("digits/ae/11/0", "digits has no class '11'; there are: 0, 1, 2"),
        ("cifar10/ae/zebra/0", "cifar10 has no class 'zebra'; there are: 0 airplane"),
        ("digit/ae/3/0", "there is no data set 'digit'; there are: digits, mnist"),
        ("digits/aee/3/0", "unknown method 'aee'; there are: vgg11"),
        ("digits/ae/3", FORM),
        ("../../etc/0", FORM),
        ("digits/ae/3/-1", "seed '-1'"),
        ("digits/ae/3/4294967296", "from 0 to 4294967295"),
        ("digits/ae+width/3/0", "'width' in"),
        ("digits/ae+width=4+width=5/3/0", "'width' stands twice"),
        ("digits/ae+height=4/3/0", "ae has no parameter 'height'; there are: batch_size"),
        ("digits/ae+width=0/3/0", "width must be a whole number, 1 or more, not 0"),
        ("digits/ae+noise=True/3/0", "noise must be a number, 0 or more, not True"),
        ("digits/ae+learning_rate=0/3/0", "learning_rate must be a number above 0, not 0"),
        ("digits/kde+gcn=1/3/0", "gcn must be True or False, not 1"),
        ("digits/vgg11+class_weight=heavy/3/0", "must be one of none, balanced, not 'heavy'"),
        ("digits/attention-gan+classifier=oracle/3/0", "this one is 'oracle'"),
        ("digits/attention-gan+least_area=0.9/3/0", "least_area must be below most_area"),
        ("digits/attention-gan+temperature=0/3/0", "temperature must be above 0"),
        ("digits/vgg11+ratio=1/3/0", "a ratio of 1.0 is impossible for class 3"),
    ],
)
def test_a_cell_that_cannot_be_run(cell, complaint):
    assert complaint in refused("run", cell)
    with pytest.raises(ValueError) as error:
        experiments.run_cell(cell)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--seeds", "0-", "'0-' is no list of seeds; write one like 0-4 or 0,2,5"),
        *(("--seeds", text, "0-4 or 0,2,5") for text in ("", "-1", "3-1", "1,,2")),
        ("--seeds", "0-1000000", "is out of range or too long"),
        ("--methods", "ae+width=0", "width must be a whole number"),
        ("--methods", "", "no method is given"),
        *(("--datasets", text, "no data set is given; name at least one") for text in ("", ",")),
        ("--classes", "", "no class is given"),
        ("--classes", "eleven", "digits has no class 'eleven'"),
    ],
)
def test_a_sweep_that_cannot_be_run(option, value, complaint):
    words = {"--datasets": "digits", "--methods": "ae", option: value}
    assert complaint in refused("sweep", *(word for pair in words.items() for word in pair))


def test_tables_of_what_does_not_exist(tmp_path):
    assert "there is no data set 'digit'; there are: digits, mnist" in refused("table", "digit")
    path = tmp_path / "records" / "digits" / "ae" / "11" / "0.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record("digits/ae/11/0", metrics={"auroc": 0.5})))
    assert "digits/ae/11/0 names no class of digits: 0, 1" in refused("table", "digits")


def test_an_unwritable_records_folder(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "records"
    monkeypatch.setenv("OCND_RECORDS", str(folder))
    for words in (("run", "digits/ae/3/0"), ("sweep", "--datasets", "digits", "--methods", "ae")):
        said = refused(*words)
        assert f"records cannot be written to {folder}" in said and "set OCND_RECORDS" in said
