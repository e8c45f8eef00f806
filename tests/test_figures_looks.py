"""Chapter 8: what its figures and tables say of records, of some of them, and without any."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from ocnd_lib import benchmark, looks, protocol
from ocnd_lib.comparison import mean_over_runs
from ocnd_lib.records import read_arrays, read_record
from report.figures import NoRecords
from report.figures import looks as figures

TINY = {"epochs": 1, "joint_epochs": 1, "masked_epochs": 1, "width": 4, "latent_dim": 4}
RUN = ["digits/looks/8/0", "digits/looks/8/1", "digits/looks+classifier=generated/8/0"]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Records of tiny models on digits."""
    path = tmp_path_factory.mktemp("results") / "records"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looks, "LOOKED_AT", 6)
        patch.setattr(looks.look, "__defaults__", (looks.LAYER, 1))
        patch.setitem(protocol.LOOKS_SETTINGS, "digits", TINY)
        for cell in RUN:
            benchmark.run_cell(cell, path, device="cpu")
    return path


@pytest.fixture
def folder(records, monkeypatch):
    """The same, with the chapter looking for them; of MNIST it finds none."""
    monkeypatch.setitem(figures.SETS, "digits", ("Digits", "8", 2))
    monkeypatch.setattr(figures, "CELLS", (*figures.CELLS, *RUN))
    return records


def test_the_cells_are_those_a_sweep_would_make():
    assert len(set(figures.CELLS)) == len(figures.CELLS) == 34
    assert all(str(benchmark.check_cell(cell)) == cell for cell in figures.CELLS)
    for dataset in figures.SETS:
        assert f"{dataset}/looks/{figures.SETS[dataset][1]}/0" in figures.CELLS


def test_means_are_over_seeds_and_the_interval_of_one_seed_is_that_over_images(folder):
    table = figures.over_seeds("finds", figures.recorded("finds", folder), folder)
    keys = ["variant", "map", "images", "measure", "baseline"]
    row = ("masked critic", "normal", "auroc", "centre")
    rows = table.set_index(keys)
    of_seeds = [
        next(
            r
            for r in read_record(cell, folder)["tables"]["finds"]
            if (r["map"], r["images"], r["measure"], r["baseline"]) == row
        )
        for cell in RUN
    ]
    several = rows.loc[("looks", *row)]
    mean = np.mean([r["lift"] for r in of_seeds[:2]])
    assert several["lift"] == pytest.approx(mean) and several["seeds"] == 2
    name = "normal/masked critic/auroc/centre"
    lifts = np.stack([read_arrays(cell, folder)[name] for cell in RUN[:2]]).astype(float)
    _, *over_both = mean_over_runs(lifts[:, np.isfinite(lifts).all(0)])
    assert [several["low"], several["high"]] == pytest.approx(over_both)
    assert several["value"] == pytest.approx(np.mean([r["value"] for r in of_seeds[:2]]))
    single = rows.loc[("looks+classifier=generated", *row)]
    assert single["seeds"] == 1
    assert (single["low"], single["high"]) == pytest.approx(
        (of_seeds[2]["low"], of_seeds[2]["high"])
    )


def test_the_page_has_a_row_for_each_recorded_map(folder):
    numbers = figures.recorded_numbers(folder)
    assert len(numbers) == 4 + 5  # the second variant has a classifier
    row = numbers.loc[("Digits", "no classifier", "base critic")]
    assert row["seeds"] == 2 and row["AUROC over base critic"] == ""
    assert row["AUROC over centre"].startswith(("+", "-")) and row["IoU over centre"]
    assert list(numbers.columns) == [
        "seeds", "pixel AUROC", "AUROC over uniform", "AUROC over centre", "AUROC over random",
        "AUROC over base critic", "energy inside over centre", "IoU over centre",
    ]  # fmt: skip
    page = figures.for_page(pd.DataFrame(read_record(RUN[0], folder)["tables"]["finds"]))
    assert len(page) == 3 * 2 * 4
    assert [measure for measure, *_ in page.index[::8]] == list(figures.MEASURES.values())


def images(fig):
    return [np.asarray(ax.images[0].get_array()) for ax in fig.axes if ax.images]


def test_the_figures_are_drawn_from_records(folder):
    arrays = read_arrays(RUN[0], folder)
    shown = images(figures.recorded_maps("digits", folder=folder))
    assert len(shown) == 8 * (1 + 4)
    np.testing.assert_array_equal(shown[0], arrays["look_given"][0, 0])
    np.testing.assert_array_equal(shown[-1], arrays["look_attention map"][-1])
    assert len(images(figures.recorded_maps("digits", RUN[2].split("/")[1], folder))) == 8 * 6
    lifts = figures.recorded_lifts(folder)
    assert [ax.get_title("left") for ax in lifts.axes] == ["Digits"]
    assert [ax.get_title("left") for ax in figures.recorded_strengths(folder).axes] == ["Digits"]
    for bars in figures.recorded_strengths(folder).axes[0].collections:
        ends = np.concatenate([segment[:, 0] for segment in bars.get_segments()])
        assert 0 <= ends.min() and ends.max() <= 1  # a chance


def test_checks_show_what_was_recorded(folder):
    road, randomised = figures.recorded_checks(folder).axes
    rows = figures.panels("road", "looks", folder)["Digits"]
    assert {line.get_xdata()[0] for line in road.lines} >= set(rows["lift"])
    assert [t.get_text() for t in randomised.get_xticklabels()][::5] == ["head", "body.0"]


def finds_with(lift, low, high):
    return pd.DataFrame(
        [
            {"map": name, "images": "normal", "measure": "auroc", "baseline": baseline,
             "value": 0.7, "lift": lift, "low": low, "high": high}
            for name, baseline, _ in figures.FINDS_CLAIMS.values()
        ]
    )  # fmt: skip


def strength_with(weaker, low, high):
    names = {name for name, _ in figures.STRENGTH_CLAIMS.values()}
    return pd.DataFrame([{"map": n, "weaker": weaker, "low": low, "high": high} for n in names])


@pytest.mark.parametrize(
    ("lift", "chance", "verdicts"),
    [
        ((0.1, 0.05, 0.2), (0.7, 0.6, 0.8), "-+++" "-++"),
        ((-0.1, -0.2, -0.05), (0.3, 0.2, 0.4), "+---" "+--"),
        ((0.1, -0.1, 0.3), (0.5, 0.4, 0.6), "0000" "000"),
        ((0.1, np.nan, np.nan), (0.5, 0.4, 0.6), "????" "000"),
    ],
)  # fmt: skip
def test_a_verdict_follows_from_the_interval(lift, chance, verdicts):
    words = {"+": "confirmed", "-": "refuted", "0": "not shown", "?": "not decided"}
    tables = finds_with(*lift), strength_with(*chance)
    expected = [words[mark] for mark in verdicts]

    def said(found):
        return [text.split(":")[0] for text in found.values()]

    assert said(figures.claims(*tables)) == [f"{word} in this run" for word in expected]
    two, one = ([table.assign(seeds=seeds) for table in tables] for seeds in (2, 1))
    assert said(figures.claims(*two)) == expected
    assert all(text.endswith(" (seeds: 2)") for text in figures.claims(*two).values())
    assert said(figures.claims(*one)) == ["one seed, open"] * 7
    assert all(text.endswith(" (seeds: 1)") for text in figures.claims(*one).values())


@pytest.mark.parametrize(
    ("kind", "values", "interval"),
    [
        ("strength", (0.1, 0.9), (0, 1)),
        ("randomised", (0.8, 0.9), (0.85 - np.hypot(12.706 * 0.05, 0.1), 1)),
        ("road", (-1.0, 1.0), (-12.7064, 12.7064)),
    ],
)
def test_an_interval_over_seeds_ends_where_the_number_does(kind, values, interval, tmp_path):
    """Student's interval of two seeds knows nothing of what a probability may be."""
    row = {"dataset": "mnist", "variant": "looks", **dict.fromkeys(figures.GROUPS[kind], "normal")}
    table = pd.DataFrame(
        [
            {**row, "seed": seed, figures.VALUE[kind]: v, "low": v - 0.1, "high": v + 0.1}
            for seed, v in enumerate(values)
        ]
    )
    found = figures.over_seeds(kind, table, tmp_path).iloc[0]
    assert (found["low"], found["high"]) == pytest.approx(interval, abs=1e-3)


@pytest.mark.parametrize("kind", ["strength", "road", "randomised"])
def test_equal_seeds_leave_the_chance_of_the_images(kind, tmp_path):
    """All seeds look at the same images: three that agree know no more of others than one does."""
    row = {"dataset": "coco10", "variant": "looks", **dict.fromkeys(figures.GROUPS[kind], "a")}
    row |= {figures.VALUE[kind]: 0.66, "low": 0.44, "high": 0.88}
    rows = [{**row, "seed": seed} for seed in range(3)]
    found = figures.over_seeds(kind, pd.DataFrame(rows), tmp_path).iloc[0]
    assert found["seeds"] == 3
    assert (found["low"], found["high"]) == pytest.approx((0.44, 0.88))


def test_without_masks_only_strengths_are_compared():
    said = figures.claims(pd.DataFrame(), strength_with(0.7, 0.6, 0.8))
    assert list(said.values())[:4] == [figures.NOTHING] * 4
    assert list(said.values())[5].startswith("confirmed in this run: weaker with chance 0.70")


def test_recorded_claims_stand_in_a_column_a_data_set(folder):
    found = figures.recorded_claims(folder)
    assert list(found) == ["Digits, recorded"]
    lines = figures.claims_markdown(found).splitlines()
    assert lines[0] == "| claim | Digits, recorded |" and len(lines) == 2 + 7
    assert figures.recorded_claims(folder.parent) == {}
    assert all(text.endswith(" (seeds: 2)") for text in found["Digits, recorded"].values())


def test_a_bullet_names_the_data_sets_of_each_verdict():
    found = {
        "MNIST, recorded": {"a": "one seed, open: 0.65 (seeds: 1)"},
        "scenes, recorded": {"a": "refuted: 0.30 (seeds: 3)"},
        "CIFAR-10, recorded": {"a": "one seed, open: 0.41 (seeds: 1)"},
        "COCO, recorded": {"a": figures.NOTHING},
    }
    assert figures.by_verdict("a", found) == (
        "one seed, open: MNIST, CIFAR-10; refuted: scenes; nothing to compare: COCO"
    )
    assert figures.by_verdict("a", {}) == "no record yet"


def test_only_of_data_sets_without_a_record_nothing_is_said():
    titles = [title for title, *_ in figures.SETS.values()]
    assert figures.unrecorded({f"{title}, recorded": {} for title in titles}) == (
        "Every data set of this chapter has a record."
    )
    some = figures.unrecorded({f"{title}, recorded": {} for title in titles[1:]})
    assert some.startswith("Without a record: MNIST. ") and "CIFAR-10" not in some


def test_the_number_of_test_images_is_that_of_the_records(folder):
    said = figures.looked_at(folder)
    assert said.startswith("MNIST no record yet, ") and said.endswith(", Digits 6")


def test_variants_stand_together_that_share_machine_and_base_gans(folder, monkeypatch):
    both = "cpu float32: “no classifier”, “generated negatives”"
    assert figures.trained_alike("digits", folder) == both
    assert figures.trained_alike("mnist", folder) == "no record yet"

    def changed(change, cell, folder):
        record = read_record(cell, folder)
        return record and (change(record) if "generated" in str(cell) else record)

    def elsewhere(record):
        return record | {"hardware": "cuda bfloat16"}

    def base_of_its_own(record):
        rows = [row | {"normal": row["normal"] + 1} for row in record["tables"]["strength"]]
        return record | {"tables": {"strength": rows}}

    for change, machine in ((elsewhere, "cuda bfloat16"), (base_of_its_own, "cpu float32")):
        monkeypatch.setattr(figures, "read_record", partial(changed, change))
        assert figures.trained_alike("digits", folder) == (
            f"cpu float32: “no classifier”; {machine}: “generated negatives”"
        )


@pytest.mark.parametrize(
    ("value", "spread", "seeds", "answer"),
    [
        (0.9, 0.001, 2, "yes"),
        (0.9, 0.02, 2, "no"),  # of two seeds the interval is 12.7 such spreads to either side
        (0.84, 0.001, 2, "no"),
        (0.9, 0.001, 1, "one seed, open"),
    ],
)
def test_a_digit_is_found_only_above_the_value_and_the_centre(
    value, spread, seeds, answer, monkeypatch, tmp_path
):
    row = {
        "dataset": "mnist_on_cifar", "variant": "looks", "map": "attention map",
        "measure": "auroc", "baseline": "centre", "count": 50, "baseline_value": 0.8,
        "low": 0.01, "high": 0.2,
    }  # fmt: skip
    rows, kept = [], {f"mnist_on_cifar/looks/8/{seed}": {} for seed in range(seeds)}
    for kind, more in (("normal", -0.01), ("novel", 0.01)):
        for seed, lift in enumerate(value + more - 0.8 + spread * np.array([-1, 1])[:seeds]):
            rows.append({**row, "seed": seed, "images": kind, "value": value + more, "lift": lift})
            lifts = np.full(50, lift)
            kept[f"mnist_on_cifar/looks/8/{seed}"][f"{kind}/attention map/auroc/centre"] = lifts
    monkeypatch.setattr(figures, "recorded", lambda kind, folder: pd.DataFrame(rows))
    monkeypatch.setattr(figures, "read_arrays", lambda cell, folder: kept[cell])
    said = figures.digit_finding(tmp_path)
    assert said.startswith(f"no classifier: {answer}, {value:.3f} (normal {value - 0.01:.3f}, ")


def test_a_digit_is_found_on_normal_and_novel_images_alike(monkeypatch, tmp_path):
    """The interval is over seeds and the images of both kinds."""
    rng = np.random.default_rng(0)
    lifts = {
        kind: rng.normal(mean, 0.1, (2, 30)) for kind, mean in (("normal", 0.1), ("novel", 0.2))
    }
    rows = [
        {"dataset": "mnist_on_cifar", "variant": "looks", "seed": seed, "map": "attention map",
         "images": kind, "measure": "auroc", "baseline": "centre", "count": 30, "value": 0.9,
         "baseline_value": 0.8, "lift": float(of[seed].mean()), "low": -1.0, "high": 1.0}
        for kind, of in lifts.items() for seed in (0, 1)
    ]  # fmt: skip
    monkeypatch.setattr(figures, "recorded", lambda kind, folder: pd.DataFrame(rows))
    kept = {
        f"mnist_on_cifar/looks/8/{seed}": {
            f"{kind}/attention map/auroc/centre": of[seed] for kind, of in lifts.items()
        }
        for seed in (0, 1)
    }
    monkeypatch.setattr(figures, "read_arrays", lambda cell, folder: kept[cell])
    mean, low, high = mean_over_runs(np.concatenate(list(lifts.values()), axis=1))
    said = figures.digit_finding(tmp_path)
    assert f"{mean:+.3f} [{low:+.3f}, {high:+.3f}] over a centred Gaussian" in said
    assert said.startswith("no classifier: yes, 0.900")


def test_without_records_nothing_is_found(tmp_path):
    assert figures.digit_finding(tmp_path) == "no record yet"
    with pytest.raises(NoRecords):
        figures.recorded_numbers(tmp_path)
