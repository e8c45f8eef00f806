"""Chapter 3 takes the right numbers and pictures from its records, and says what it lacks."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.text import Text
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from ocnd_lib.benchmark import check_cell, run_cell
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detail import nearest_distance
from ocnd_lib.detectors.autoencoder import AutoEncoder
from ocnd_lib.records import read_arrays, read_record, write_record
from report import cli
from report.figures import FIGURES, NoRecords, drawn_or_said, table_or_said
from report.figures import reconstruction as figures
from report.plots import COLOURS

SMALL = "+batch_size=32+epochs=1+{}width=4"
SWEEP = tuple(
    f"digits/ae{SMALL.format(f'latent_dim={k}+')}/8/{seed}" for seed in (0, 1) for k in (2, 6)
)
PICTURES = {
    f"digits/ae{SMALL.format('latent_dim=3+')}/8/0": "autoencoder, 8",
    f"digits/vae{SMALL.format('latent_dim=3+')}/8/0": "VAE, 8",
    f"digits/gan{SMALL.format('candidates=4+latent_dim=3+search_steps=1+')}/8/0": "GAN, 8",
}
MISSING = "no record yet; make one with: ocnd run "


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Records of tiny models on `digits`."""
    folder = tmp_path_factory.mktemp("run") / "records"
    for cell in (*SWEEP, *PICTURES):
        run_cell(cell, folder, "cpu")
    return folder


@pytest.fixture
def folder(made, monkeypatch):
    """The same, where the chapter looks for its own."""
    monkeypatch.setattr(figures, "LATENT_CELLS", SWEEP)
    monkeypatch.setattr(figures, "PICTURES", PICTURES)
    return made


def texts(fig) -> list[str]:
    return [text.get_text() for text in fig.findobj(Text) if text.get_text()]


def test_every_cell_can_be_made_under_the_very_name_that_is_looked_for():
    assert len(figures.LATENT_CELLS) == 24 and len(set(figures.CELLS)) == len(figures.CELLS) == 47
    assert AutoEncoder().latent_dim == figures.USUAL_DIM in figures.LATENT_DIMS
    for cell in figures.CELLS:
        assert str(check_cell(cell)) == cell


def test_the_sweep_is_that_of_the_records(folder):
    table = figures.latent_table(folder).set_index(["seed", "latent_dim"])
    assert sorted(table.index) == [(0, 2), (0, 6), (1, 2), (1, 6)]
    for cell in SWEEP:
        record, arrays = read_record(cell, folder), read_arrays(cell, folder)
        row = table.loc[record["parameters"]["seed"], record["parameters"]["latent_dim"]]
        normal = arrays["score"][arrays["class_test"] == 8]
        novel = arrays["score"][arrays["class_test"] != 8]
        assert row["normal"] == pytest.approx(normal.mean())
        assert row["novel"] == pytest.approx(novel.mean())
        assert row["passed"] == pytest.approx((novel <= np.quantile(normal, 0.95)).mean())
        assert row["auroc"] == record["metrics"]["auroc"]
        assert row["validation"] == record["metrics"]["validation"]["mean"]


def test_cells_that_were_not_run_are_left_out(folder, monkeypatch):
    monkeypatch.setattr(figures, "LATENT_CELLS", (SWEEP[0], SWEEP[0].replace("=2", "=4")))
    assert list(figures.latent_table(folder)["latent_dim"]) == [2]


def test_codes_are_compared_over_the_same_seeds():
    """Seed 0 has all codes and tells 4 best; seed 1, easier for all, was run with 2 and 8 only."""
    rows = [(0, 2, 0.8), (0, 4, 0.9), (0, 8, 0.85), (1, 2, 0.9), (1, 8, 0.97)]
    table = pd.DataFrame(rows, columns=["seed", "latent_dim", "validation"])
    table["auroc"], table["novel"] = table["validation"] - 0.1, 1 - table["validation"]
    assert figures.best_by_validation(table) == 4
    assert figures.best_by_validation(table[table["seed"] == 1]) == 8
    changes = (figures.latent_change(table, c, 4) for c in ("novel", "auroc"))
    said = figures.size_claims(table, *changes, 4)
    assert "error 0.150 to 0.090, code 2 to 8" in said[figures.CLAIMS[0]]
    assert "AUROC 0.700 with a code of 2, 0.800 to 0.750, code 4 to 8" in said[figures.CLAIMS[1]]
    assert "change -0.050" in said[figures.CLAIMS[1]]


def test_what_is_kept_of_a_model_is_enough_to_draw_it(folder):
    images = load_images("digits")
    split = one_class_split(images, 8, 0)
    for cell in PICTURES:
        arrays = read_arrays(cell, folder)
        first_two = [np.flatnonzero(images.y_test == k)[:2] for k in range(10)]
        assert np.array_equal(arrays["picture_given"], images.x_test[np.concatenate(first_two)])
        assert np.allclose(
            arrays["distance_drawn"], nearest_distance(arrays["picture_drawn"], split.x_train)
        )
        held_out = nearest_distance(split.x_validation, split.x_train)
        assert np.allclose(arrays["distance_held_out"], held_out) and held_out.min() > 0.02
    assert "picture_given" not in read_arrays(SWEEP[-1], folder)  # seed 1


def test_normal_pictures_come_first_with_their_own_reconstructions(folder):
    fig = figures.recorded_redrawn("digits", folder)
    images = load_images("digits")
    arrays = [read_arrays(cell, folder) for cell in PICTURES]
    order = [16, 17, *range(0, 16, 2), 18]
    lines = np.array([ax for ax in fig.axes if ax.images]).reshape(4, 11)  # given, AE, VAE, GAN
    shown = [[ax.images[0].get_array() for ax in line] for line in lines]
    assert np.array_equal(shown[0], arrays[0]["picture_given"][order, 0])
    assert np.array_equal(shown[0][0], images.x_test[images.y_test == 8][0, 0])
    for line, stored in zip(shown[1:], arrays, strict=True):
        assert np.array_equal(line, stored["picture_redrawn"][order, 0])
    frames = [ax.spines["left"].get_edgecolor() for ax in lines[0]]
    assert frames == [to_rgba(COLOURS["normal"])] * 2 + [to_rgba(COLOURS["novel"])] * 9
    # the number under a reconstruction is the novelty score of that image
    index = np.flatnonzero(images.y_test == 8)[0]
    assert float(lines[1][0].get_xlabel()) == pytest.approx(arrays[0]["score"][index], abs=2e-3)


def test_every_model_shows_its_random_codes(folder):
    fig = figures.recorded_decodes(folder)
    assert [ax.get_title(loc="left") for ax in fig.axes] == list(PICTURES.values())
    mosaic = fig.axes[2].images[0].get_array()
    drawn = read_arrays(list(PICTURES)[2], folder)["picture_drawn"]
    assert np.array_equal(mosaic[32:64, 64:96], drawn[8, 0])  # second row, third column
    assert list(figures.recorded_distances(folder).index) == list(PICTURES.values())


def test_the_sweep_is_drawn_and_the_claims_are_judged(folder):
    assert "generated novelties" in texts(figures.recorded_latent(folder))
    claims = figures.recorded_claims(folder)
    assert list(claims) == list(figures.CLAIMS)
    assert "code 2 to 6" in claims[figures.CLAIMS[0]]
    assert "code of 3" in claims[figures.CLAIMS[2]]
    table = figures.claims_markdown({"recorded": claims})
    assert len(table.splitlines()) == 5 and table.count("|") == 15


def test_without_records_it_says_how_to_make_them(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    for name, draw in figures.FIGURES.items():
        with pytest.raises(NoRecords, match=MISSING + r"(mnist|cifar10)/\S+/\d$"):
            draw()
        assert MISSING in " ".join(texts(drawn_or_said(draw))).replace("\n", " "), name
    said = table_or_said(figures.recorded_distances)
    assert said.data == MISSING + "mnist/ae/8/0"
    assert figures.recorded_claims() == dict.fromkeys(figures.CLAIMS, "no record yet")


def test_the_command_draws_what_it_can_and_names_the_rest(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path / "none"))
    for name in set(FIGURES) - set(figures.FIGURES):
        monkeypatch.delitem(FIGURES, name)
    monkeypatch.setitem(FIGURES, "last", lambda: drawn_or_said(figures.recorded_decodes))
    done = CliRunner().invoke(cli.app, ["figures", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0 and (tmp_path / "out" / "last.svg").exists()
    assert f"reconstruction-latent: {MISSING}" in done.output
    only = ["figures", "--out", str(tmp_path / "out"), "--only", "reconstruction-latent"]
    done = CliRunner().invoke(cli.app, only)
    assert done.exit_code == 1 and MISSING in done.output


@pytest.mark.parametrize(
    ("low", "high", "wanted", "said"),
    [
        (0.1, 0.2, 1, "confirmed"),
        (0.1, 0.2, -1, "refuted"),
        (-0.2, -0.1, -1, "confirmed"),
        (-0.2, -0.1, 1, "refuted"),
        (-0.1, 0.2, 1, "not shown"),
        (-0.1, 0.2, -1, "not shown"),
        (float("nan"), float("nan"), 1, "one run, not decided"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(low, high, wanted, said):
    assert figures.verdict(low, high, wanted) == said


def test_a_change_is_taken_over_the_seeds_that_have_both_ends():
    rows = [(2, 0, 0.9), (8, 0, 0.8), (2, 1, 0.7), (8, 1, 0.5), (2, 2, 0.1)]
    table = pd.DataFrame(rows, columns=["latent_dim", "seed", "auroc"])
    value, low, high = figures.latent_change(table, "auroc")
    assert value == pytest.approx(-0.15) and low < value < high
    one = figures.latent_change(table[table["seed"] == 0], "auroc")
    assert one[0] == pytest.approx(-0.1) and np.isnan(one[1:]).all()
    assert np.isnan(figures.latent_change(table[table["seed"] != 0].iloc[[1, 2]], "auroc")).all()


def test_decodes_are_judged_against_what_real_images_do():
    held_out = np.linspace(0, 1, 101)
    assert figures.beyond(held_out, held_out) == pytest.approx(5 / 101)
    (far,) = figures.decode_claim(np.full(36, 2.0), held_out, 4).values()
    assert far.startswith("confirmed: 100% of 36") and far.endswith("code of 4")
    (alike,) = figures.decode_claim(held_out[::3], held_out, 4).values()
    assert alike.startswith("not shown")


def test_distances_to_either_kind_are_compared_image_by_image():
    own = {"held-out": np.array([0.1, 0.2]), "decodes": np.array([0.3, 0.15])}
    other = {"held-out": np.array([0.2, 0.3]), "decodes": np.array([0.2, 0.2])}
    table = figures.distance_table(own, other)
    assert list(table["nearest to another class"]) == ["0%", "50%"]
    assert list(table["farther than 95 % of held-out"]) == ["50%", "50%"]


# --- detail alone --------------------------------------------------------------------------------


@pytest.fixture
def scored(tmp_path):
    """Records of MNIST in which OCGAN orders images as detail does, but for the digit 9."""
    labels = np.repeat(np.arange(10, dtype=np.uint8), 20)
    detail = labels + np.random.default_rng(0).random(200)
    for k in range(10):
        for method, score in (("detail", detail), ("ocgan", -detail if k == 9 else detail**3)):
            area = float(roc_auc_score(labels != k, score))
            record = {"cell": f"mnist/{method}/{k}/0", "metrics": {"auroc": area}}
            write_record(record, {"score": score, "class_test": labels}, tmp_path)
    return tmp_path


def test_ocgan_stands_beside_detail_class_by_class(scored):
    table = figures.detail_table("mnist", scored)
    assert list(table.index) == [str(k) for k in range(10)]
    assert table["order"].to_numpy() == pytest.approx([1] * 9 + [-1])
    assert table.loc["0", "detail"] == table.loc["0", "ours"] == 1
    assert table.loc["9", "detail"] == 0 and table.loc["9", "ours"] == 1
    assert table.loc["8", "published"] == 0.939  # as the deck prints it
    r = np.corrcoef(table["detail"], table["ours"])[0, 1]
    words = figures.detail_words("mnist", scored)
    assert f"over 10 classes Pearson's r is {r:.2f} [" in words and "Spearman's is 0.80" in words
    assert f"r = {r:.2f} [" in "".join(texts(figures.recorded_detail(scored)))


def test_detail_needs_both_records_and_says_which_it_lacks(scored):
    (scored / "mnist" / "ocgan" / "3" / "0.json").unlink()
    assert "3" not in figures.detail_table("mnist", scored).index
    assert figures.detail_words("cifar10", scored) == "no record yet"
    for dataset in ("mnist", "cifar10"):
        with pytest.raises(NoRecords, match=f"ocnd run {dataset}/detail/"):
            figures.detail_table(dataset, scored / "nowhere")
    with pytest.raises(NoRecords, match="ocnd run mnist/detail/0/0"):
        figures.recorded_detail(scored / "nowhere")
    for name in "012456":
        (scored / "mnist" / "ocgan" / name / "0.json").unlink()
    assert "unknown" in figures.detail_words("mnist", scored)  # three classes are too few


def test_the_best_code_is_named_where_no_seed_has_every_code(monkeypatch):
    rows = [(2, 0, 0.9), (8, 1, 0.8)]
    table = pd.DataFrame(rows, columns=["latent_dim", "seed", "auroc"])
    monkeypatch.setattr(figures, "latent_table", lambda folder: table)
    assert figures.recorded_peak() == "0.900 with a code of 2, the highest, and 0.800 with one of 8"
