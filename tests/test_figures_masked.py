"""Chapter 6 takes the right numbers from its records, and says what it lacks."""

import numpy as np
import pytest
from matplotlib.text import Text

from ocnd_lib.background import SHOWN, VERSIONS
from ocnd_lib.benchmark import check_cell
from ocnd_lib.masked import ROUNDED
from ocnd_lib.records import write_record
from report.figures import NoRecords, drawn_or_said, masked_answer, table_or_said
from report.figures import masked as figures
from report.figures.masked import Trained, cell
from report.figures.masked_answer import CLAIMS

Y = np.repeat(np.arange(10), 20).astype(np.uint8)
RIGHT = {"original": 0.6, "masked": 0.9, "mean-fill": 0.85, "centre": 0.75, "background": 0.4}
MISSING = "no record yet; make one with: ocnd run "
COCO = "COCO, 197 objects, largest class 11%"


def trained(accuracy: float, seed: int = 0, epochs: int | None = 3, **shown: float) -> Trained:
    """A network that is right on this share of the test crops, whichever these are."""
    rng, arrays = np.random.default_rng(seed), {"y_test": Y}
    for version in SHOWN:
        right = rng.permutation(len(Y)) < shown.get(version, accuracy) * len(Y)
        arrays[f"predicted_{version}"] = np.where(right, Y, (Y + 1) % 10).astype(np.uint8)
    curve = [
        {"epoch": e, "train_accuracy": e / 4, "test_accuracy": accuracy * e / 3} for e in (1, 2, 3)
    ]
    metrics = {
        "accuracy": accuracy,
        "train_accuracy": 1.0,
        "epochs_to_80_train": epochs,
        "epochs_to_80_test": None,
    }
    record = {"metrics": metrics, "curves": curve, "data_fingerprint": "f", "seconds": 1.0}
    counts = {"train_counts": [16] * 10, "test_counts": [4] * 9 + [1]}
    return Trained({**record, **counts}, arrays)


def arms(*names: str, seeds: int = 3, slow: int = 2) -> dict[str, dict[int, Trained]]:
    """Arms as right as RIGHT says; the original needs `slow` and its seed more epochs."""
    return {
        name: {
            seed: trained(RIGHT.get(name, 0.8), seed, 3 + (slow + seed) * (name == "original"))
            for seed in range(seeds)
        }
        for name in names or VERSIONS
    }


def write(folder, dataset, found, correlation=0.5):
    for arm, seeds in found.items():
        for seed, run in seeds.items():
            name = cell(dataset, arm, seed, correlation)
            write_record({"cell": name, **run.record}, run.arrays, folder)


@pytest.fixture
def all_records(tmp_path):
    for dataset in ("scenes", "mnist_on_cifar"):
        write(tmp_path, dataset, arms(seeds=5))
    write(tmp_path, "coco10", arms("original", "masked"))
    for correlation, more in ((0, 0.0), (1, 0.3)):
        write(tmp_path, "scenes", {"original": {0: trained(0.5 + more)}}, correlation)
    return tmp_path


def texts(fig) -> str:
    return " ".join(text.get_text() for text in fig.findobj(Text)).replace("\n", " ")


def test_every_cell_can_be_made_under_the_very_name_that_is_looked_for():
    assert len(figures.CELLS) == len(set(figures.CELLS)) == 64
    for name in figures.CELLS:
        assert str(check_cell(name)) == name
    # what the notebook runs itself needs no files of COCO
    assert not any("coco" in name for name in (*figures.PAIR_CELLS, *figures.CONTROL_CELLS))
    first = [name.split("/")[:2] for name in figures.CELLS[:4]]
    assert first == [
        [d, f"vgg11-{arm}"] for d in figures.DATASETS for arm in ("masked", "original")
    ]


def test_without_records_it_says_how_to_make_them(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    for name, draw in figures.FIGURES.items():
        with pytest.raises(NoRecords, match=MISSING + r"scenes/vgg11-\w+/all/0$"):
            draw()
        assert MISSING in texts(drawn_or_said(draw)), name
    assert "ocnd run scenes/vgg11-masked/all/0" in table_or_said(figures.recorded_pairs).data
    assert list(figures.learnt_table().index) == ["deck"]
    for claims in masked_answer.recorded_claims().values():
        assert claims == dict.fromkeys(CLAIMS, "no record yet")
    assert MISSING + "mnist_on_cifar/" in masked_answer.recorded_answer("mnist_on_cifar")


def test_a_part_of_the_records_is_shown_as_what_it_is(tmp_path):
    found = arms("masked", seeds=2) | arms("original", seeds=1)
    write(tmp_path, "scenes", found)
    for draw in figures.FIGURES.values():
        assert texts(draw(tmp_path))
    assert "no record yet" in texts(figures.recorded_arms(tmp_path))
    said = masked_answer.recorded_answer("scenes", tmp_path)
    assert "one pair of networks" in said and "controls that part them: no record yet" in said
    claims = masked_answer.recorded_claims(tmp_path)
    assert claims["digits on CIFAR-10"] == dict.fromkeys(CLAIMS, "no record yet")
    assert claims["generated scenes"][CLAIMS[0]].startswith("one run, not decided")
    assert claims["generated scenes"][CLAIMS[1]].startswith("confirmed for this one pair")
    table = figures.learnt_table(tmp_path)
    assert list(table["seeds"]) == ["1", "1", "1"]  # the second masked one has no partner
    write(tmp_path, "mnist_on_cifar", arms("original"))  # an arm alone is no comparison
    assert len(figures.learnt_table(tmp_path)) == 3
    assert "no pair of networks" in masked_answer.recorded_answer("mnist_on_cifar", tmp_path)


def test_with_all_records_everything_is_drawn_and_judged(all_records):
    for draw in figures.FIGURES.values():
        assert "no record" not in texts(draw(all_records))
    claims = masked_answer.recorded_claims(all_records)
    assert list(claims) == [
        "generated scenes",
        "digits on CIFAR-10",
        COCO,
    ]
    scenes = claims["generated scenes"]
    assert [text.split(":")[0] for text in scenes.values()] == [
        *["confirmed"] * 3,
        "refuted",
        "not shown",
    ]
    assert "masked minus original +30.0 [" in scenes[CLAIMS[1]]
    assert "background minus silhouette -40.0 [" in scenes[CLAIMS[3]]
    assert claims[COCO][CLAIMS[2]] == "no record yet"
    said = masked_answer.recorded_answer("scenes", all_records)
    assert "5 pairs of networks" in said and "outline alone gives 80.0%" in said
    assert "helps even without showing the outline (centre minus original +15.0" in said
    assert len(figures.recorded_pairs(all_records)) == 6 + 6 + 4
    assert len(masked_answer.claims_markdown(claims).splitlines()) == 2 + len(CLAIMS)


def test_accuracies_are_those_of_the_answers():
    found = arms()
    table = figures.arm_table(found)
    assert table["mean"].to_dict() == pytest.approx({arm: RIGHT.get(arm, 0.8) for arm in VERSIONS})
    assert (table["low"] < table["mean"]).all() and (table["mean"] < table["high"]).all()
    found["masked"] = {0: trained(0.9, original=0.2)}
    crossed = figures.crossed_table(found)
    assert crossed.loc["masked", "original"] == 0.2 and crossed.loc["masked", "masked"] == 0.9
    assert crossed.loc["original", "masked"] == pytest.approx(0.6)
    assert list(crossed.index) == list(VERSIONS) and list(crossed.columns) == list(SHOWN)


def test_a_gain_is_taken_over_common_seeds_on_the_version_shown():
    a, b = {0: trained(0.9), 1: trained(0.7, 1)}, {1: trained(0.5, 2, masked=0.2)}
    value, low, high = figures.accuracy_gain((a, "original"), (b, "masked"))
    assert value == pytest.approx(0.5) and low < value < high
    assert np.isnan(figures.accuracy_gain((a, "original"), ({2: b[1]}, "masked"))).all()


def test_whoever_relies_on_backgrounds_is_misled_by_another():
    found = {"original": {0: trained(0.9, swapped=0.4), 1: trained(0.9, 1, swapped=0.4)}}
    said = masked_answer.claims(found)[CLAIMS[4]]
    assert said.startswith("confirmed: original minus swapped +50.0 [")
    assert masked_answer.claims({"original": {0: trained(0.9, swapped=0.9)}})[CLAIMS[4]].startswith(
        "not shown for this one network"
    )


def test_epochs_saved_are_counted_and_never_is_after_the_last():
    found = arms("original", "masked")
    assert figures.epochs_saved(found).tolist() == [2, 3, 4]
    assert masked_answer.claims(found)[CLAIMS[0]] == (
        "confirmed: original minus masked +3.0 [+0.5, +5.5] epochs"
    )
    found["original"][1] = trained(0.6, 1, None)
    found["masked"][1] = trained(0.9, 1, 2)
    assert figures.epochs_saved(found).tolist() == [2, 2, 4]  # the curves end after 3 epochs
    said = masked_answer.claims(found)[CLAIMS[0]]
    assert said.startswith("not shown: original minus masked +2.7 [-0.2, +5.5] epochs")
    assert said.endswith(", where 1 of 6 networks never came to 80 %")
    none = {arm: {0: trained(0.1, epochs=None)} for arm in ("original", "masked")}
    assert masked_answer.claims(none)[CLAIMS[0]] == "not decided: no network came to 80 %"
    rows = figures.learnt_rows(found)
    assert rows[0]["epochs to 80 %, original"].endswith(", 1 never")
    assert rows[1]["epochs to 80 %, masked"] == "never"


def test_both_arms_are_paired_crop_by_crop():
    found = {"masked": {0: trained(0.9)}, "original": {0: trained(0.9)}}
    table = figures.paired_table(found)
    assert list(table.index) == ["seed 0"] and table.loc["seed 0", "p"] == "1.000 (McNemar)"
    found = arms("masked", "original")
    table = figures.paired_table(found)
    masked, original = (found[arm][0].right(arm) for arm in ("masked", "original"))
    assert table.loc["seed 0", "only masked right"] == str((masked & ~original).sum())
    assert table.loc["seed 0", "only original right"] == str((original & ~masked).sum())
    assert table.loc["mean", "masked"] == "90.0%" and "paired t" in table.loc["mean", "p"]


def test_the_paired_test_over_seeds_is_the_t_test():
    assert figures.paired_p(np.array([0.01, 0.02, 0.03])) == pytest.approx(0.0741799, abs=1e-6)
    assert figures.paired_p(np.zeros(3)) == 1 and figures.paired_p(np.full(3, 0.1)) == 0


def test_crops_that_two_processors_rounded_are_compared(tmp_path):
    found = arms("masked", "original", seeds=1)
    old = list(ROUNDED)
    found["original"][0].record["data_fingerprint"] = old[0]
    found["masked"][0].record["data_fingerprint"] = old[1]
    write(tmp_path, "mnist_on_cifar", found)
    assert figures.recorded("mnist_on_cifar", folder=tmp_path).keys() == {"masked", "original"}
    found["masked"][0].record["data_fingerprint"] = "other"
    write(tmp_path, "mnist_on_cifar", found)
    with pytest.raises(NoRecords, match="different crops"):
        figures.recorded("mnist_on_cifar", folder=tmp_path)


def test_records_of_different_crops_are_not_compared(tmp_path):
    found = arms("masked", "original", seeds=1)
    found["original"][0].record["data_fingerprint"] = "other"
    write(tmp_path, "scenes", found)
    with pytest.raises(NoRecords, match="records of scenes are of different crops"):
        figures.recorded("scenes", folder=tmp_path)
    write(tmp_path, "mnist_on_cifar", arms("masked", "original", seeds=1))
    assert "records of different crops" in texts(figures.recorded_arms(tmp_path))
    claims = masked_answer.recorded_claims(tmp_path)["generated scenes"]
    assert set(claims.values()) == {"records of different crops"}


def test_the_gap_is_read_at_every_correlation(all_records):
    table = figures.correlation_table(all_records).set_index(["correlation", "arm", "seed"])
    assert table.loc[(0, "original", 0), "accuracy"] == 0.5
    assert table.loc[(0.5, "original", 4), "accuracy"] == 0.6
    assert table.loc[(1, "original", 0), "accuracy"] == pytest.approx(0.8)
    masked = table.xs("masked", level="arm")["accuracy"].unstack("seed")
    assert list(masked.index) == [0, 0.5, 1] and (masked == 0.9).all(axis=None)
    assert len(table) == 15 + 2 * (5 + 2)


def test_neither_printed_accuracy_is_a_share_of_the_test_crops_or_of_the_training_crops():
    table = figures.deck_counts()
    for arm, nearest in (("masked", "96.6000"), ("original", "95.2000")):
        assert table.loc["500 test crops", f"{arm}, nearest"] == f"{nearest}: not it"
        assert table.loc["5000 training crops", f"{arm}, nearest"].endswith(": not it")


def test_a_share_that_can_be_is_not_called_impossible(monkeypatch):
    monkeypatch.setattr(figures, "published_claim", lambda name: 96.6 if "mask" in name else 33.345)
    table = figures.deck_counts()
    assert table.loc["500 test crops", "masked, nearest"] == "96.6000"
    # 1834 of 5500 are 33.34545 %: printed 33.345
    assert table.loc["5500 all crops", "original, nearest"] == "33.3455"
    assert table.loc["5000 training crops", "original, nearest"] == "33.3400: not it"
