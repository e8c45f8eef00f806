"""Chapter 7: what its tables and figures say of records, and what they say without any."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ocnd_lib import benchmark, protocol
from ocnd_lib.attention import control_map
from ocnd_lib.comparison import Run
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.records import read_arrays, read_record
from report.figures import NoRecords, attention_gains
from report.figures import attention as figures
from report.tables import class_names, printed_means

TINY = {"epochs": 1, "width": 4, "latent_dim": 2, "batch_size": 64}
TINY_GAN = TINY | {"joint_epochs": 1, "masked_epochs": 1}
SOME = ("OCGAN", "centre map", "learned map", "+ generated negatives")
# two seeds of class 8 and one of class 5, for some variants
RUN = [(title, k, s) for title in SOME for k, s in ((8, 0), (8, 1), (5, 0))]
REAL = ["digits/attention-gan-oracle/8/0"]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Records of tiny models on digits."""
    path = tmp_path_factory.mktemp("results") / "records"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(protocol.SETTINGS, ("digits", "ocgan"), TINY)
        for method in ("attention-gan", "attention-gan-oracle"):
            patch.setitem(protocol.SETTINGS, ("digits", method), TINY_GAN)
        for cell in [f"digits/{figures.VARIANTS[t]}/{k}/{s}" for t, k, s in RUN] + REAL:
            benchmark.run_cell(cell, path, device="cpu")
    return path


@pytest.fixture
def folder(records, monkeypatch):
    """The same, with the chapter looking for them."""
    monkeypatch.setattr(figures, "CLASSES", {"digits": ("8", "5")})
    monkeypatch.setattr(figures, "REAL_CELLS", tuple(REAL))
    return records


def the_cell(title, k, seed):
    return f"digits/{figures.VARIANTS[title]}/{k}/{seed}"


# --- the cells -----------------------------------------------------------------------------------


def test_the_cells_are_those_a_sweep_would_make():
    cells = figures.CELLS
    assert len(set(cells)) == len(cells)
    assert all(str(benchmark.check_cell(cell)) == cell for cell in cells)
    assert list(cells[:10]) == [
        f"cifar10/attention-gan/{name}/0" for name in class_names("cifar10")
    ]
    assert set(figures.PICTURES) <= set(cells)
    seeds = [int(cell[-1]) for cell in cells]
    assert seeds == sorted(seeds) and set(seeds) == set(range(5))
    for dataset in figures.ROW_DATASETS:
        assert set(figures.row_cells(dataset, "Attention-GAN")) <= set(cells)
        assert set(figures.row_cells(dataset, "+ generated negatives", (0,))) <= set(cells)


def test_the_ablation_has_five_seeds_on_three_classes_and_only_known_cells_see_novel_images():
    assert sum(map(len, figures.CLASSES.values())) == 3
    for title, method in figures.VARIANTS.items():
        seeds = figures.ASIDE if title in figures.FURTHER else range(5)
        wanted = {
            f"{dataset}/{method}/{name}/{seed}"
            for dataset, names in figures.CLASSES.items()
            for name in names
            for seed in seeds
        }
        assert wanted <= {*figures.ABLATION_CELLS, *figures.FURTHER_CELLS}
        for dataset, names in figures.CLASSES.items():
            for name in names:
                column = f"{figures.TITLES[dataset]}, {name}"
                assert set(figures.behind(title, column)) <= wanted
    real = {cell for cell in figures.CELLS if cell.split("/")[1] in protocol.NEGATIVES}
    assert real == set(figures.REAL_CELLS) and not real & set(figures.ABLATION_CELLS)
    assert not set(figures.VARIANTS.values()) & set(protocol.NEGATIVES)


def test_each_variant_differs_from_the_learned_map_in_what_its_title_says():
    given = {t: benchmark.check_cell(the_cell(t, 8, 0)).parameters for t in figures.VARIANTS}
    assert given["learned map"] == given["OCGAN"] == {}
    assert all(len(given[t]) == 1 for t in figures.VARIANTS if t not in ("learned map", "OCGAN"))
    assert [given[title]["mask"] for title in figures.CONTROLS] == ["ones", "random", "centre"]


def test_progress_counts_what_is_recorded(tmp_path, monkeypatch):
    planned, recorded, hours = figures.progress(tmp_path)
    assert (planned, recorded) == (len(figures.CELLS), 0) and np.isnan(hours)
    monkeypatch.setattr(figures, "read_record", lambda *_: {"seconds": 36.0})
    assert figures.progress(tmp_path) == (planned, planned, pytest.approx(planned / 100))
    base = {"seconds": 536.0, "shared_seconds": 500.0}  # which the base GAN's own cell counts
    monkeypatch.setattr(figures, "read_record", lambda *_: base)
    assert figures.progress(tmp_path) == (planned, planned, pytest.approx(planned / 100))


# --- gains ---------------------------------------------------------------------------------------


def runs_with(shift, seeds=3, normal=0):
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 1], 200)
    noise = rng.normal(size=(seeds, 400))
    y = classes != normal
    return [Run(normal, s, noise[s] + shift * y, classes) for s in range(seeds)]


@pytest.mark.parametrize(
    ("after", "before", "seeds", "words"),
    [
        (3, 1, 3, "raised"),
        (1, 3, 3, "lowered"),
        (1, 1, 3, "not shown"),
        (3, 1, 1, "one seed, open"),
        (3, 1, 0, "no record yet"),
    ],
)
def test_a_verdict_follows_from_the_interval(after, before, seeds, words):
    found = attention_gains.gain(runs_with(after, seeds), runs_with(before, seeds))
    assert found["verdict"] == words and found["seeds"] == seeds


def test_a_gain_takes_only_the_runs_that_both_have():
    after = runs_with(2) + runs_with(2, 1, normal=1)
    found = attention_gains.gain(after, runs_with(1, 2))
    expected = np.mean([r.auroc for r in runs_with(2)[:2]])
    expected -= np.mean([r.auroc for r in runs_with(1, 2)])
    assert found["seeds"] == 2 and found["low"] < found["gain"] < found["high"]
    assert found["gain"] == pytest.approx(expected)


def test_gains_are_over_the_base_part_of_the_same_runs_and_over_the_centre_map(folder):
    table = attention_gains.gains(figures.every_run(folder))
    said = attention_gains.over_own_base(table, "learned map")
    own = table[(table["variant"] == "learned map") & (table["against"] == "its own base GAN")]
    assert f"{own['gain'].iloc[0]:+.4f} [" in said and said.count("seeds: ") == len(own)
    assert attention_gains.over_own_base(table, "no such map") == "no record yet"
    table = table.set_index(["variant", "against"])["gain"]

    def mean(title, name):
        values = {8: [], 5: []}
        for k, seed in ((8, 0), (8, 1), (5, 0)):
            arrays = read_arrays(the_cell(title, k, seed), folder)
            auroc = roc_auc_score(arrays["class_test"] != k, arrays[name])
            values[k].append(max(auroc, 1 - auroc) if name == "part_area" else auroc)
        return np.mean([np.mean(v) for v in values.values()])

    own = mean("learned map", "score") - mean("learned map", "part_base")
    assert table["learned map", "its own base GAN"] == pytest.approx(own)
    centre = mean("learned map", "score") - mean("centre map", "score")
    assert table["learned map", "centre map"] == pytest.approx(centre)
    added = mean("+ generated negatives", "score") - mean("learned map", "score")
    assert table["+ generated negatives", "learned map"] == pytest.approx(added)
    assert np.isnan(table["centre map", "centre map"]) and np.isnan(table["+ CBAM", "centre map"])
    answered = attention_gains.answers(figures.every_run(folder)).droplevel(0)
    area = mean("learned map", "score") - mean("learned map", "part_area")
    assert answered.loc["more than the map's area", "gain"].startswith(f"{area:+.4f}")
    assert answered.loc["above its own base GAN", "gain"].startswith(f"{own:+.4f}")
    assert attention_gains.alike(figures.every_run(folder)) == (3, 3)
    other = figures.every_run(folder)
    other["digits"]["learned map"][0].parts["base"].score[0] += 1  # as if trained elsewhere
    assert attention_gains.alike(other) == (2, 3)
    assert answered.loc["more than a random map", "AUROC"] == "no record yet"
    assert set(answered["seeds"]) == {"1", ""}  # class 5 has one seed


def test_the_conclusion_says_only_what_is_known(folder, tmp_path):
    some = attention_gains.conclusion(attention_gains.answers(figures.every_run(folder)))
    assert "above its own base GAN (one seed, open)" in some and "random map" not in some
    assert some.endswith("the rest not yet known.")
    none = attention_gains.conclusion(attention_gains.answers(figures.every_run(tmp_path)))
    assert none == "digits (8, 5), learned map: not yet known."
    found = {"digits": {title: [] for title in figures.VARIANTS}}
    for title in figures.VARIANTS:
        shift = 3 if title == "learned map" else 1
        runs = zip(runs_with(shift), runs_with(1), strict=True)
        found["digits"][title] = [figures.Found(a, {"base": b, "area": b}) for a, b in runs]
    every = attention_gains.conclusion(attention_gains.answers(found))
    assert every.count("raised") == len(attention_gains.QUESTIONS) and "not yet known" not in every
    assert every.startswith("Yes, on every count. digits (8, 5), learned map: ")
    found["digits"]["random map"] = found["digits"]["learned map"]
    equal = attention_gains.conclusion(attention_gains.answers(found))
    assert equal.startswith("No, not on all counts. ") and "random map (not shown)" in equal


# --- tables --------------------------------------------------------------------------------------


def test_the_page_shows_aurocs_of_scores_and_parts(folder):
    every = figures.every_run(folder)
    numbers = figures.numbers_page(every)
    assert set(numbers.columns) == {"digits, 8", "digits, 5"}
    cell = the_cell("learned map", 5, 0)
    arrays = read_arrays(cell, folder)
    auroc = roc_auc_score(arrays["class_test"] != 5, arrays["score"])  # of scores as they are kept
    assert read_record(cell, folder)["metrics"]["auroc"] == pytest.approx(auroc, abs=1e-3)
    assert numbers.loc["learned map", "digits, 5"] == f"{auroc:.4f}, seeds: 1"
    assert "seeds: 2" in numbers.loc["learned map", "digits, 8"]
    assert numbers.loc["+ CBAM", "digits, 8"] == ""
    parts = figures.recorded_parts(every)
    area = roc_auc_score(arrays["class_test"] != 5, arrays["part_area"])
    assert parts.loc[("digits, learned map", "5"), "area"].startswith(f"{area:.4f}")
    assert not any("OCGAN" in title for title, _ in parts.index)
    assert parts.loc[("digits, learned map", "5"), "classifier"] == ""
    assert parts.loc[("digits, + generated negatives", "5"), "classifier"] != ""
    gains = attention_gains.gains_page(attention_gains.gains(every))
    assert list(gains.columns) == ["its own base GAN", "centre map", "learned map"]
    assert "seeds: 1" in gains.loc[("digits", "learned map"), "centre map"]
    two = attention_gains.gains({name: every["digits"] for name in ("cifar10", "digits")})
    stand = [name for name, _ in attention_gains.gains_page(two).index]
    assert stand == sorted(stand, key=["digits", "CIFAR-10"].index)  # one set after the other


def test_real_negatives_stand_in_a_table_of_their_own(folder):
    real = figures.real_page(folder)
    assert list(real.index) == [("digits, oracle: the novel classes themselves", "8")]
    assert {"score", "base", "masked", "area", "classifier"} == set(real.columns)
    every = figures.every_run(folder)
    pages = (
        figures.numbers_page(every),
        figures.recorded_parts(every),
        attention_gains.gains(every),
    )
    assert not any("oracle" in page.to_string() for page in pages)


@pytest.fixture
def row(monkeypatch, records):
    """The row of a table, of digits with as many classes as are recorded, printed as CIFAR-10's."""
    names = class_names("digits")
    printed = figures.load_published("cifar10")
    printed = printed.set_axis([*names, "mean"], axis=1)
    monkeypatch.setattr(figures, "load_published", lambda _: printed)
    return records


def test_a_row_has_no_mean_before_all_ten_classes_are_run(row):
    deck, ours = figures.row_tables("digits", row)
    assert deck.loc["Attention-GAN", "mean"] == 0.673
    assert deck.loc["+ generated negatives"].isna().all()
    aurocs = [read_record(the_cell("learned map", 8, s), row)["metrics"]["auroc"] for s in (0, 1)]
    assert ours.loc["Attention-GAN", "8"] == pytest.approx(np.mean(aurocs), abs=5e-4)
    assert ours["mean"].isna().all() and ours.loc["Attention-GAN"].notna().sum() == 2
    assert figures.row_verdict("digits", row) == "not known yet: 2 of 10 classes are recorded"
    texts = [t.get_text() for t in figures.recorded_row("digits", row).axes[0].texts]
    assert f"{0.801:.3f}\n{np.mean(aurocs):.3f}" in texts


def test_a_whole_row_is_compared_with_the_mean_of_the_printed_one(row, monkeypatch):
    found = [
        figures.Found(run, {"base": Run(k, run.seed, run.score.round(), run.class_test)})
        for k in range(10)
        for run in ten_classes(k)
    ]
    monkeypatch.setattr(figures, "read_cells", lambda *_: found)
    said = figures.row_verdict("digits", row)
    mean = np.mean([f.run.auroc for f in found])
    assert said.startswith(f"{mean:.4f} [") and "seeds: 2" in said
    gain = mean - np.mean([f.parts["base"].auroc for f in found])
    assert gain > 0 and f"; {gain:+.3f} [" in said and "] over the base GANs of the same" in said
    assert said.endswith("the mean of the deck's row lies outside the interval")
    assert "vary by test images only" not in said
    page = figures.rows_page(row)
    monkeypatch.setattr(figures, "read_cells", lambda *_: [f for f in found if f.run.seed == 0])
    for dataset in ("digits", "cifar10"):
        words = figures.row_verdict(dataset, row)
        assert "base GANs of the same runs (classes with one seed vary by test images" in words
    shown = page.loc[("CIFAR-10", "Attention-GAN")]
    assert shown["ours"].startswith(f"{mean:.4f} [") and shown["seeds"] == "2"
    assert shown["minus the base GANs of the same runs"].startswith(f"{gain:+.3f} [")
    assert shown["deck"] == "0.6730"
    line = printed_means().loc["cifar10", "attention-gan"]
    assert (line["printed"], line["recomputed"]) == (0.673, 0.6763)


def test_classes_below_chance_are_named():
    every = {"cifar10": {title: [] for title in figures.VARIANTS}}
    assert attention_gains.below_chance(every) == "none"
    for title, shift in {"OCGAN": -2, "learned map": -1}.items():
        every["cifar10"][title] = [figures.Found(run, {}) for run in runs_with(shift, normal=1)]
        every["cifar10"][title] += [figures.Found(run, {}) for run in runs_with(shift + 2)]
    assert attention_gains.below_chance(every) == "CIFAR-10, automobile"


def test_a_variant_with_another_base_gan_is_compared_with_its_own_alone():
    runs = [figures.Found(run, {"base": run}) for run in runs_with(1)]
    table = attention_gains.gains({"digits": dict.fromkeys(figures.VARIANTS, runs)})
    joint = table[table["variant"] == attention_gains.OTHER_BASE]
    assert list(joint["against"]) == ["its own base GAN"]
    assert len(table[table["variant"] == "+ CBAM"]) == 3


def ten_classes(k):
    classes = np.repeat(np.arange(10), 20)
    rng = np.random.default_rng(k)
    return [Run(k, s, rng.normal(size=200) + 2 * (classes != k), classes) for s in (0, 1)]


# --- a live run ----------------------------------------------------------------------------------


def test_a_map_that_is_the_ink_finds_it_and_a_constant_one_does_not():
    x = np.zeros((2, 1, 32, 32), np.uint8)
    x[:, :, 10:20, 5:9] = 200
    assert figures.ink_auroc(x, x / 255) == 1
    assert figures.ink_auroc(x, 1 - x / 255) == 0
    ones = np.broadcast_to(control_map("ones", 0.3).numpy(), x.shape)
    assert figures.ink_auroc(x, ones) == 0.5
    assert np.isnan(figures.ink_auroc(np.zeros((2, 3, 32, 32), np.uint8), ones))


def test_the_live_table_compares_each_score_with_its_own_base():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 50)
    base = rng.normal(size=100) + y
    scores = {
        "learned": {"score": base + y, "base": base, "area": rng.normal(size=100)},
        "control": {"score": base, "base": base, "area": np.ones(100)},
    }
    page = figures.live_page(y, scores, {"learned": 0.7, "control": float("nan")})
    gain = roc_auc_score(y, base + y) - roc_auc_score(y, base)
    assert page.loc["learned", "minus its base GAN"].startswith(f"{gain:+.3f} [+")
    assert page.loc["control", "minus its base GAN"].startswith("+0.000")
    assert page.loc["control", "area alone"] == "0.500"
    assert list(page["map finds ink"]) == ["0.700", ""]


# --- figures -------------------------------------------------------------------------------------


def test_the_figures_are_drawn_from_records(folder):
    titles = [ax.get_title("left") for ax in figures.recorded_ablation(folder).axes]
    assert titles == ["digits\n8", "digits\n5"]
    titles = [ax.get_title("left") for ax in attention_gains.recorded_gains(folder).axes]
    assert titles == [
        f"digits: minus\n{name}" for name in ("its own base GAN", "centre map", "learned map")
    ]


def test_recorded_maps_start_with_the_normal_class(folder):
    cell = the_cell("learned map", 8, 0)
    arrays = read_arrays(cell, folder)
    fig = figures.recorded_maps(cell, folder)
    shown = [np.asarray(ax.images[0].get_array()) for ax in fig.axes if ax.images]
    assert len(shown) >= 3 * 11  # given, map, masked; two normal and nine novel images
    assert np.array_equal(shown[0], arrays["picture_given"][16, 0])
    assert np.array_equal(shown[11], arrays["picture_map"][16, 0] / 255)


def test_the_recorded_film_shows_training_images_and_their_maps(folder):
    cell = the_cell("learned map", 8, 0)
    arrays = read_arrays(cell, folder)
    fig = figures.recorded_film(cell, folder)
    shown = [np.asarray(ax.images[0].get_array()) for ax in fig.axes if ax.images]
    split = one_class_split(load_images("digits"), 8, 0)
    assert np.array_equal(shown[0], split.x_train[0, 0])
    assert np.array_equal(shown[1], arrays["picture_film"][0, 0] / 255)  # before the first step


def test_without_records_nothing_is_found(tmp_path):
    every = figures.every_run(tmp_path)
    assert attention_gains.gains(every)["gain"].isna().all()
    assert set(attention_gains.answers(every)["AUROC"]) == {"no record yet"}
    assert "no record yet" in figures.row_verdict("cifar10", tmp_path)
    for page in (figures.numbers_page, figures.recorded_parts):
        with pytest.raises(NoRecords):
            page(every)
    with pytest.raises(NoRecords):
        attention_gains.gains_page(attention_gains.gains(every))
    with pytest.raises(NoRecords, match="attention-gan-auxiliary"):
        figures.real_page(tmp_path)
    assert isinstance(attention_gains.gains(every), pd.DataFrame)
