"""How settings were chosen: by validation alone, over the classes that all variants share."""

import json

import numpy as np
import pytest

from ocnd_lib.records import parse_cell, read_records
from ocnd_lib.registry import DETECTORS
from ocnd_lib.sharing import OF_THE_SPLIT
from report.chapters import all_tables as choices
from report.chapters.all_tables import (
    choices_of_all,
    choices_table,
    render_choices,
    table_settings,
)


def trial(variant, normal_class, mean, seed=0, **settings):
    parameters = {**table_settings("mnist", "vae"), "seed": seed, "device": "cpu", **settings}
    validation = {"erased": mean - 0.1, "mirrored": mean, "turned": mean + 0.1, "mean": mean}
    return {
        "cell": f"mnist/vae{variant}/{normal_class}/{seed}",
        "parameters": parameters,
        "seconds": 1.0,
        "hardware": "cpu",
        "provenance": {},
        "metrics": {"validation": validation},  # no test AUROC: whoever asks for it fails
    }


RECORDS = [
    trial("", "3", 0.80),
    trial("", "8", 0.70),
    trial("", "1", 0.10),
    trial("+latent_dim=8", "3", 0.90, latent_dim=8),
    trial("+latent_dim=8", "8", 0.80, latent_dim=8),
    trial("+latent_dim=8+width=4", "3", 0.60, latent_dim=8, width=4),
    trial("+latent_dim=8+width=4", "8", 0.50, latent_dim=8, width=4),
    trial("+latent_dim=8+width=4", "8", 0.99, seed=1, latent_dim=8, width=4),
]  # of the last seed nothing that is taken is recorded


def test_variants_are_compared_with_what_is_taken_over_the_classes_they_share():
    extra = trial("+latent_dim=8", "5", 0.99, latent_dim=8)  # no such class of what is taken
    other = trial("+contamination=0.1", "3", 0.01)  # learnt from other images
    table = choices_table("mnist", "vae", [*RECORDS, extra, other])
    assert list(table["mean"]) == pytest.approx([1.6 / 3, 0.85, 0.55])
    assert list(table["turned"]) == pytest.approx([1.6 / 3 + 0.1, 0.95, 0.65])
    assert list(table["classes"]) == [("1", "3", "8"), ("3", "8"), ("3", "8")]
    assert list(table["gain"]) == pytest.approx([0, 0.1, -0.2])
    assert list(table["latent_dim"]) == [table_settings("mnist", "vae")["latent_dim"], 8, 8]
    assert set(table) == {"latent_dim", "width", "taken", "classes", *choices.KINDS, "mean", "gain"}
    assert list(table["taken"]) == [True, False, False]


def test_cells_of_one_class_are_compared_seed_by_seed():
    others = [trial("", "8", 0.5, seed=1), trial("", "8", 0.1, seed=2)]
    table = choices_table("mnist", "vae", [*RECORDS, *others]).set_index("width")
    assert table.loc[4, "classes"] == ("3", "8")
    assert table.loc[4, "mean"] == pytest.approx((0.6 + 0.5 + 0.99) / 3)
    assert table.loc[4, "gain"] == pytest.approx((0.6 + 0.5 + 0.99) / 3 - (0.8 + 0.7 + 0.5) / 3)


def test_a_parameter_that_came_later_had_its_default():
    old = trial("", "5", 0.9)
    del old["parameters"]["warm_up"]
    table = choices_table("mnist", "vae", [*RECORDS, old])
    assert len(table) == 3 and table["classes"][0] == ("1", "3", "5", "8")


def test_no_test_auroc_enters():
    rng = np.random.default_rng(0)
    tested = [
        {**r, "metrics": {**r["metrics"], "auroc": float(rng.random())}} for r in reversed(RECORDS)
    ]
    assert choices_table("mnist", "vae", tested).equals(choices_table("mnist", "vae", RECORDS))


def test_other_cells_do_not_enter():
    other = [
        {**trial("", "3", 1.0), "cell": cell} for cell in ("cifar10/vae/cat/0", "mnist/ae/3/0")
    ]
    plain = {"cell": "mnist/vae/3/0", "parameters": {}, "metrics": {"auroc": 0.5}}
    table = choices_table("mnist", "vae", [*RECORDS, *other, plain])
    assert table.equals(choices_table("mnist", "vae", RECORDS))


def test_the_same_settings_under_two_names_are_one_variant(monkeypatch):
    taken = table_settings("mnist", "vae") | {"latent_dim": 8}
    monkeypatch.setattr(choices, "table_settings", lambda dataset, method: taken)
    table = choices_table("mnist", "vae", [*RECORDS, trial("", "5", 0.3, latent_dim=8)])
    assert len(table) == 3 and list(table["taken"]) == [True, False, False]
    assert table["classes"][0] == ("3", "5", "8")


def test_variants_without_a_common_class_are_not_compared():
    table = choices_table("mnist", "vae", [RECORDS[2], RECORDS[3]])
    assert list(table["classes"]) == [("1",), ()] and np.isnan(table.loc[1, ["mean", "gain"]]).all()


def test_without_a_record_of_what_is_taken_each_variant_stands_alone():
    table = choices_table("mnist", "vae", RECORDS[3:])
    assert list(table["mean"]) == pytest.approx([0.85, (0.6 + 0.5 + 0.99) / 3])
    assert table["gain"].isna().all()
    assert not table["taken"].any()


def test_what_is_printed():
    table = choices_table("mnist", "vae", RECORDS)
    assert list(table["classes"]) == [("1", "3", "8"), ("3", "8"), ("3", "8")]
    with pytest.raises(ValueError, match="'vgg11' is no detector; there are: ocsvm"):
        choices_table("mnist", "vgg11", [])


def test_the_page_and_the_command_show_the_variants(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from ocnd_lib.records import write_record
    from report.cli import app

    for record in RECORDS:
        write_record(record, folder=tmp_path)
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    page = choices_of_all()
    assert set(page.index) == {("MNIST", "VAE")}
    assert list(page["settings"])[1] == "latent_dim=8, width=32"
    assert list(page["taken"])[:2] == [True, False] and page["gain"].iloc[1] == pytest.approx(0.1)
    assert "0.850" in render_choices("mnist", "vae")
    assert json.loads(render_choices("mnist", "vae", "json"))[1]["latent_dim"] == 8
    assert render_choices("mnist", "vae", "csv").count("\n") == 4
    assert "no variant of ae on mnist" in render_choices("mnist", "ae")
    assert json.loads(render_choices("mnist", "ae", "json")) == []
    printed = CliRunner().invoke(app, ["table", "mnist", "--choices", "vae"])
    assert printed.exit_code == 0 and "taken" in printed.output and "0.850" in printed.output
    wrong = CliRunner().invoke(app, ["table", "mnist", "--choices", "vea"])
    assert wrong.exit_code == 2


def test_each_recorded_cell_is_named_by_all_that_differs_from_the_settings_of_the_tables():
    for record in read_records():
        cell = parse_cell(record["cell"])
        if cell.method in DETECTORS:
            own = {k: v for k, v in cell.parameters.items() if k not in OF_THE_SPLIT}
            settings = choices.table_settings(cell.dataset, cell.method) | own
            assert choices.recorded_settings(cell.method, record) == settings, cell
