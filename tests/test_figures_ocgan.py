"""Chapter 4: what its tables and figures say of records, and what they say without any."""

import numpy as np
import pandas as pd
import pytest

from ocnd_lib import benchmark, protocol
from ocnd_lib.comparison import Run
from ocnd_lib.records import read_arrays, read_record
from report.figures import NoRecords
from report.figures import ocgan as figures
from report.tables import load_published

TINY = {"epochs": 1, "width": 4, "latent_dim": 2, "batch_size": 64}
# class 8 with two seeds and all variants; class 5 with one seed and two variants
RUN = [(method, 8, seed) for seed in (0, 1) for method in figures.VARIANTS.values()]
RUN += [(method, 5, 0) for method in list(figures.VARIANTS.values())[:2]]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Records of tiny models on digits."""
    path = tmp_path_factory.mktemp("results") / "records"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(protocol.SETTINGS, ("digits", "ocgan"), TINY)
        for method, k, seed in RUN:
            benchmark.run_cell(f"digits/{method}/{k}/{seed}", path, device="cpu")
    return path


@pytest.fixture
def folder(records, monkeypatch):
    """The same, with the chapter looking for them."""
    cells = tuple(cell.replace("mnist", "digits") for cell in figures.ABLATION_CELLS)
    monkeypatch.setattr(figures, "ABLATION_CELLS", cells)
    monkeypatch.setattr(figures, "CLASSES", {"digits": figures.CLASSES["mnist"]})
    monkeypatch.setattr(figures, "TITLES", {"digits": "digits", "mnist": "MNIST"})
    pictures = {t: c.replace("mnist", "digits") for t, c in figures.PICTURE_CELLS.items()}
    monkeypatch.setattr(figures, "PICTURE_CELLS", pictures)
    return records


def test_the_cells_are_those_a_sweep_would_make():
    cells = figures.ABLATION_CELLS
    assert len(set(cells)) == len(cells) == 4 * (3 + 2) * 5
    assert all(str(benchmark.check_cell(cell)) == cell for cell in cells)
    assert set(figures.PICTURE_CELLS.values()) <= set(cells)


def test_each_variant_has_just_the_parts_of_its_name():
    parts = [
        {name: benchmark.check_cell(f"mnist/{method}/8/0").parameters.get(name, True)
         for name in ("latent", "visual", "mining")}
        for method in figures.VARIANTS.values()
    ]  # fmt: skip
    assert [sum(on.values()) for on in parts] == [0, 1, 2, 3]
    assert parts[1]["latent"] and parts[2]["visual"]


def test_the_printed_ablation_ends_at_the_printed_table():
    printed = figures.printed_ablation()
    assert list(printed) == list(figures.VARIANTS)
    assert printed["+ mining"] == float(load_published("mnist").loc["ocgan", "mean"])
    assert "0.5782" in figures.reruns() and "0.9602" in figures.reruns()


def test_the_table_holds_the_recorded_aurocs(folder):
    table = figures.ablation_table("digits", figures.ablation_runs("digits", folder))
    assert len(table) == len(RUN)
    for row in table.itertuples():
        method, k = figures.VARIANTS[row.variant], row._2
        assert isinstance(k, str)  # the name of the class
        record = read_record(f"digits/{method}/{k}/{row.seed}", folder)
        assert row.auroc == pytest.approx(record["metrics"]["auroc"], abs=5e-4)


def test_a_gain_is_the_mean_difference_of_the_runs_that_both_have(folder):
    runs = figures.ablation_runs("digits", folder)
    auroc = {t: {(r.normal_class, r.seed): r.auroc for r in group} for t, group in runs.items()}
    rows = figures.gains(runs).set_index(["part", "class"])
    latent = {key: auroc["+ latent"][key] - auroc["autoencoder"][key] for key in auroc["+ latent"]}
    in_8 = np.mean([latent[8, 0], latent[8, 1]])
    assert rows.loc[("+ latent", 8), "gain"] == pytest.approx(in_8)
    assert rows.loc[("+ latent", "all"), "gain"] == pytest.approx((in_8 + latent[5, 0]) / 2)
    # class 5 has one seed, so that is all that every class has; no later variant was run on it
    assert list(rows.loc["+ latent", "seeds"]) == [1, 1, 2]
    assert rows.loc[("+ visual", "all"), "gain"] == rows.loc[("+ visual", 8), "gain"]
    assert np.isnan(rows.loc[("+ visual", 5), "gain"])
    assert rows.loc[("+ visual", 5), "verdict"] == "no record yet"
    paper = figures.printed_ablation()
    expected = paper["+ visual"] - paper["+ latent"]
    assert rows.loc[("+ visual", "all"), "paper"] == pytest.approx(expected)


def runs_with(shift, seeds=3):
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 1], 200)
    noise = rng.normal(size=(seeds, 400))
    return [Run(0, s, noise[s] + shift * classes, classes) for s in range(seeds)]


@pytest.mark.parametrize(
    ("before", "after", "seeds", "words"),
    [
        (1, 3, 3, "raised"),
        (3, 1, 3, "lowered"),
        (1, 1, 3, "not shown"),
        (1, 3, 1, "one seed, open"),
    ],
)
def test_a_verdict_follows_from_the_interval(before, after, seeds, words):
    runs = {title: runs_with(before, seeds) for title in figures.VARIANTS}
    runs["+ mining"] = runs_with(after, seeds)
    rows = figures.gains(runs).set_index(["part", "class"])
    assert rows.loc[("+ mining", "all"), "verdict"] == words
    assert rows.loc[("+ mining", "all"), "seeds"] == seeds


def test_the_page_shows_numbers_gains_and_verdicts(folder):
    numbers = figures.numbers_table(folder)
    assert list(numbers.columns) == ["digits, 5", "digits, 8"]
    assert "seeds: 2" in numbers.loc["+ mining", "digits, 8"]
    assert numbers.loc["+ mining", "digits, 5"] == numbers.loc["gain of mining", "digits, 5"] == ""
    assert numbers.loc["gain of latent", "digits, 5"].startswith(("+", "-"))
    found = figures.findings(folder).loc["digits"]
    assert set(found["paper, ten digits, one number each"]) == {""}  # it is of MNIST
    steps = ["latent", "visual", "mining", "both discriminators", "all three parts"]
    assert list(found.index) == steps
    assert "no record yet" not in set(found["AUROC"])
    for step in steps:
        row = found.loc[step]
        said = f"{row['AUROC']}, {row['ours, mean gain']}, seeds: {row['seeds']}"
        assert figures.in_words(found, step) == said


def test_parts_together_are_one_gain_and_of_many_single_ones_fewer_are_called():
    runs = {title: runs_with(1) for title in figures.VARIANTS}
    runs["+ latent"] = runs_with(1.02)
    runs["+ visual"] = runs["+ mining"] = runs_with(3)
    rows = figures.gains(runs).set_index(["part", "class"])
    both = rows.loc[("both discriminators", "all")]
    assert both["gain"] == pytest.approx(
        rows.loc[("+ latent", "all"), "gain"] + rows.loc[("+ visual", "all"), "gain"]
    )
    assert (both["verdict"], both["of_many"]) == ("raised", "not shown")  # of three seeds
    parts = ["latent", "visual", "mining", "both discriminators"]
    found = pd.DataFrame(
        {"AUROC": ["raised", "lowered", "not shown", "raised"], "few": ["not shown"] * 4},
        index=pd.MultiIndex.from_product([["MNIST"], parts]),
    )
    assert figures.called(found, "AUROC") == "latent raised (MNIST), visual lowered (MNIST)"
    assert figures.called(found, "few") == "none"


def test_classes_below_chance_are_named(folder, monkeypatch):
    rows = [("autoencoder", "5", 0, 0.4), ("+ latent", "5", 0, 0.45), ("+ latent", "5", 1, 0.54)]
    rows += [("autoencoder", "8", 0, 0.4), ("+ latent", "8", 0, 0.6)]
    table = pd.DataFrame(rows, columns=["variant", "class", "seed", "auroc"])
    monkeypatch.setattr(figures, "ablation_table", lambda *_: table)
    assert figures.below_chance(folder) == "5 (digits)"
    monkeypatch.setattr(figures, "ablation_table", lambda *_: table[:0])
    assert figures.below_chance(folder) == "none"


def images(fig):
    return [np.asarray(ax.images[0].get_array()) for ax in fig.axes if ax.images]


def test_mined_pictures_are_the_same_codes_before_and_after(folder):
    arrays = read_arrays("digits/ocgan/8/0", folder)
    shown = images(figures.recorded_mined(folder))
    expected = [*arrays["picture_drawn"][:12, 0], *arrays["picture_mined"][:12, 0]]
    assert all(map(np.array_equal, shown, expected)) and len(shown) == 24


def test_redrawn_pictures_start_with_the_normal_class(folder):
    arrays = read_arrays("digits/ocgan/8/0", folder)
    shown = images(figures.recorded_redrawn(folder))
    assert len(shown) == 5 * 11  # given and four variants; two normal and nine novel images
    assert np.array_equal(shown[0], arrays["picture_given"][16, 0])
    assert np.array_equal(shown[44], arrays["picture_redrawn"][16, 0])


def test_the_figures_are_drawn_from_records(folder):
    assert len(images(figures.recorded_decodes(folder))) == 4
    titles = [ax.get_title("left") for ax in figures.recorded_ablation(folder).axes]
    assert titles == ["digits, 5", "digits, 8", "mean of 2"]


def test_without_records_nothing_is_found(tmp_path):
    found = figures.findings(tmp_path)
    assert set(found["AUROC"]) == {"no record yet"} and set(found["ours, mean gain"]) == {""}
    assert set(found.index.get_level_values(0)) == {"MNIST", "CIFAR-10"}
    assert figures.in_words(found.loc["CIFAR-10"], "mining") == "no record yet"
    with pytest.raises(NoRecords):
        figures.numbers_table(tmp_path)
    assert isinstance(found, pd.DataFrame)
