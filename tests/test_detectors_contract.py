"""What every detector in ocnd_lib/detectors promises, whatever its method."""

import importlib
import pkgutil
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from data_samples import bars
from ocnd_lib import detectors, training
from ocnd_lib.detectors.base import DeepDetector, Detector

# A further detector is one line here: arguments with which it learns in a second and does most.
SMALL = {
    "AND": dict(
        latent_dim=6, width=4, estimator_channels=3, bins=10,
        epochs=2, batch_size=16, learning_rate=1e-2,
    ),
    "AnoGAN": dict(
        latent_dim=4, width=4, epochs=2, batch_size=16, candidates=8, restarts=1, search_steps=4
    ),
    "AttentionGAN": dict(
        classifier="generated", temperature=0.5, reinitialise=True, pretrain_mask=True, cbam=True,
        joint_discriminator=True, mining=True, mask_epochs=1,
        latent_dim=4, width=4, epochs=2, joint_epochs=1, masked_epochs=1,
        batch_size=16, learning_rate=1e-2,
    ),
    "AutoEncoder": dict(
        latent_dim=4, width=4, epochs=3, batch_size=16, learning_rate=1e-2, noise=0.2
    ),
    "DeepSVDD": dict(pretrain_epochs=2, epochs=2, batch_size=16, learning_rate=1e-3),
    "FAnoGAN": dict(
        latent_dim=4, width=4, epochs=2, encoder_epochs=2, critic_steps=1, batch_size=16
    ),
    "GAN": dict(latent_dim=4, width=4, epochs=2, batch_size=16, candidates=8, search_steps=4),
    "KDE": dict(),
    "OCGAN": dict(latent_dim=4, width=4, epochs=2, batch_size=16, learning_rate=1e-2),
    "OCSVM": dict(gcn=True, gamma="median"),
    "PCA": dict(components=8),
    "PixelCNN": dict(width=8, blocks=1, epochs=2, batch_size=16, learning_rate=1e-2),
    "Rotation": dict(width=8, epochs=4, batch_size=8),
    "VAE": dict(latent_dim=4, width=4, epochs=2, batch_size=16, learning_rate=1e-2),
}  # fmt: skip


def found() -> dict[str, type[Detector]]:
    """Every class of detector that a module of the package defines."""
    names = [module.name for module in pkgutil.iter_modules(detectors.__path__)]
    modules = [importlib.import_module(f"ocnd_lib.detectors.{name}") for name in names]
    return {
        name: thing
        for module in modules
        for name, thing in vars(module).items()
        if isinstance(thing, type)
        and issubclass(thing, Detector)
        and thing.__module__ == module.__name__ != Detector.__module__
    }


CLASSES = found()
DEEP = [name for name in SMALL if issubclass(CLASSES[name], DeepDetector)]
every = pytest.mark.parametrize("name", SMALL)


def small(name: str, **more) -> Detector:
    return CLASSES[name](**SMALL[name] | more)


def networks(detector: Detector) -> list[torch.nn.Module]:
    return [part for part in detector.state_.values() if isinstance(part, torch.nn.Module)]


X, X_VALIDATION, X_TEST = bars(40, 0), bars(10, 1), bars(12, 2)


@cache
def fitted(name: str) -> Detector:
    return small(name).fit(X, x_validation=X_VALIDATION)


@cache
def scores(name: str) -> np.ndarray:
    return fitted(name).novelty_score(X_TEST)


def test_every_detector_is_tested():
    assert set(SMALL) == set(CLASSES)


@every
def test_parameters_are_kept_untouched_and_cloned(name):
    detector = fitted(name)
    copy = clone(detector)
    assert copy.get_params() == detector.get_params() == small(name).get_params()
    assert not hasattr(copy, "state_")


def fit_in_pieces(detector: Detector, path, monkeypatch) -> int:
    """Fit, stopped after each checkpoint and taken up again; how often it was started."""

    class Stopped(Exception):
        pass

    save = training.Checkpoint.save

    def save_and_stop(self, *arguments):
        save(self, *arguments)
        raise Stopped

    monkeypatch.setattr(training.Checkpoint, "save", save_and_stop)
    for starts in range(1, 30):
        torch.manual_seed(starts)
        np.random.seed(starts)
        try:
            detector.fit(X, x_validation=X_VALIDATION, checkpoint=path)
            break
        except Stopped:
            pass
    return starts


@every
def test_a_fit_rests_on_its_images_parameters_and_seed_alone(name, tmp_path, monkeypatch):
    expected, given = scores(name), [array.copy() for array in (X, X_VALIDATION, X_TEST)]
    ten = X[:10, :, ::-1]  # images are enough
    detector, other = (small(name, seed=k).fit(ten, x_validation=X_VALIDATION) for k in (0, 1))
    brief = [each.novelty_score(X_TEST) for each in (detector, other)]
    assert np.isfinite(brief).all() and np.array_equal(*brief) == (name not in DEEP)
    # it begins anew, and ends the same however often it is stopped
    starts = fit_in_pieces(detector, tmp_path / "checkpoint.pt", monkeypatch)
    assert starts > 2 or name not in DEEP
    for _ in range(2):
        np.testing.assert_array_equal(detector.novelty_score(X_TEST), expected)
    assert detector.threshold_ == fitted(name).threshold_
    assert detector.curves_ == fitted(name).curves_
    for kept, array in zip(given, (X, X_VALIDATION, X_TEST), strict=True):
        np.testing.assert_array_equal(array, kept)


def test_without_validation_images_a_tenth_is_held_out_by_seed():
    first, second, other = (small("KDE", seed=seed).fit(X) for seed in (0, 0, 1))
    assert first.threshold_ == second.threshold_ != other.threshold_
    assert len(first.state_["centres"]) == 36


@pytest.mark.parametrize(("name", "setting", "value"), [
    ("AND", "surprise", 0.1), ("AutoEncoder", "noise", 0.0), ("FAnoGAN", "gradient_penalty", 1.0),
    ("GAN", "candidates", 1), ("GAN", "smoothing", 0.5), ("OCGAN", "detail_power", 1.0),
    ("OCGAN", "reconstruction_weight", 1.0), ("VAE", "warm_up", 1.0),
])  # fmt: skip
def test_a_setting_changes_the_score(name, setting, value):
    other = small(name, **{setting: value}).fit(X, x_validation=X_VALIDATION)
    assert not np.array_equal(other.novelty_score(X_TEST), scores(name))


@pytest.mark.parametrize("name", ["AutoEncoder", "OCGAN", "Rotation"])
def test_averaged_weights_are_what_scores(name, monkeypatch):
    monkeypatch.setattr(training.Averaged, "update", lambda *_: None)
    other = small(name).fit(X, x_validation=X_VALIDATION)
    assert not np.array_equal(other.novelty_score(X_TEST), scores(name))


@every
def test_orientation_and_threshold(name):
    detector = fitted(name)
    validation = detector.novelty_score(X_VALIDATION)
    assert detector.threshold_ == pytest.approx(np.quantile(validation, 0.95))
    novel = scores(name) > detector.threshold_
    np.testing.assert_array_equal(detector.predict(X_TEST), np.where(novel, -1, 1))
    np.testing.assert_array_equal(detector.decision_function(X_TEST) < 0, novel)


# a generator trained for seconds draws neither; the tests of these three train longer
@pytest.mark.parametrize("name", sorted({*SMALL} - {"AnoGAN", "AttentionGAN", "FAnoGAN"}))
def test_negatives_are_more_novel_than_unseen_normal_images(name):
    both = np.concatenate([scores(name), fitted(name).novelty_score(255 - X_TEST)])
    assert roc_auc_score(np.repeat([0, 1], len(X_TEST)), both) > 0.9


@every
def test_a_score_does_not_depend_on_its_batch_mates(name):
    noise = np.random.default_rng(0).integers(0, 256, (30, 1, 32, 32), dtype=np.uint8)
    crowd = fitted(name).novelty_score(np.concatenate([noise, X_TEST]))[30:]
    alone = [fitted(name).novelty_score(image[None])[0] for image in X_TEST[:4]]
    spread = np.ptp(crowd)
    np.testing.assert_allclose(alone, crowd[:4], rtol=1e-5, atol=1e-4 * spread)
    np.testing.assert_allclose(scores(name), crowd, rtol=1e-5, atol=1e-4 * spread)


@pytest.mark.bf16
def test_in_half_precision_it_learns_and_goes_on_bit_for_bit(tmp_path, monkeypatch):
    straight = small("OCGAN").fit(X, x_validation=X_VALIDATION)
    both = straight.novelty_score(np.concatenate([X_TEST, 255 - X_TEST]))
    assert roc_auc_score(np.repeat([0, 1], len(X_TEST)), both) > 0.9
    resumed = small("OCGAN")
    assert fit_in_pieces(resumed, tmp_path / "checkpoint.pt", monkeypatch) > 2
    np.testing.assert_array_equal(resumed.novelty_score(X_TEST), both[: len(X_TEST)])


@pytest.mark.parametrize("name", DEEP)
@pytest.mark.bf16
def test_colour_images_in_half_precision(name):
    scored = small(name).fit(bars(20, 0, channels=3)).novelty_score(bars(5, 1, channels=3))
    assert np.isfinite(scored).all() and np.ptp(scored) > 0


@every
def test_pictures_are_images_and_change_nothing(name):
    detector, x = fitted(name), X_TEST.copy()
    for part in networks(detector):
        part.train()  # whoever shows pictures must not rely on what ran before
    shown = detector.pictures(x)
    for kind, images in shown.items():
        assert images.dtype == np.uint8 and images.ndim == 4, kind
    torch.manual_seed(99)
    again = detector.pictures(x)
    for kind, images in shown.items():
        np.testing.assert_array_equal(again[kind], images)
    assert not any(module.training for part in networks(detector) for module in part.modules())
    np.testing.assert_array_equal(detector.novelty_score(X_TEST), scores(name))
    np.testing.assert_array_equal(x, X_TEST)


@pytest.mark.parametrize("name", ["AutoEncoder", "OCGAN"])
def test_what_is_redrawn_is_what_was_scored(name):
    # both score by the mean squared error in [-1, 1]; rounding to 8 bits moves it a little
    redrawn = fitted(name).pictures(X_TEST)["redrawn"]
    error = np.square((redrawn - X_TEST.astype(float)) / 127.5).mean((1, 2, 3))
    np.testing.assert_allclose(error, scores(name), rtol=0.01)


BAD = [
    (X / 255, "must be uint8"),
    *((x, "shape") for x in (X[:, :, :28, :28], X.transpose(0, 2, 3, 1))),
    (X[:0], "too few"),
]


@every
def test_bad_images_are_refused_before_anything_is_learnt_and_use_before_a_fit(name, monkeypatch):
    detector = small(name)
    monkeypatch.setattr(detector, "_learn", lambda *_: pytest.fail("learning has begun"))
    for x, message in BAD:
        with pytest.raises(ValueError, match=message):
            fitted(name).novelty_score(x)
        with pytest.raises(ValueError, match=message):
            detector.fit(x)
        with pytest.raises(ValueError, match=message):
            detector.fit(X, x_validation=x)
    with pytest.raises(ValueError, match="9 images are too few"):
        detector.fit(X[:9])
    colour = bars(12, 0, channels=3)
    with pytest.raises(ValueError, match="fitted on 1 channels, not 3"):
        fitted(name).novelty_score(colour)
    with pytest.raises(ValueError, match="channels"):
        detector.fit(X, x_validation=colour)
    for use in ("novelty_score", "predict"):
        with pytest.raises(NotFittedError):
            getattr(detector, use)(X_TEST)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("AttentionGAN", dict(mask="left"), "learned, random, centre, ones"),
        ("AttentionGAN", dict(least_area=0.7), "below most_area"),
        ("AttentionGAN", dict(temperature=0.0), "temperature"),
        ("AttentionGAN", dict(mask="ones", classifier="generated"), "learns nothing"),
        ("AttentionGAN", dict(mask="ones", base_first=False), "trains all at once"),
        ("OCGAN", dict(variant="official"), "variant must be one of ours, official61"),
        ("OCGAN", dict(dropout=1.0), "must be below 1"),
        ("OCGAN", dict(variant="official61", joint_discriminator=True), "for 32 pixels"),
    ],
)
def test_impossible_settings_are_refused_before_training(name, settings, message):
    with pytest.raises(ValueError, match=message):
        CLASSES[name](epochs=10**6, **settings).fit(X)


def test_a_training_that_diverges_is_no_fit():
    with pytest.raises(training.Diverged, match="try a lower rate"):
        small("AutoEncoder").set_params(learning_rate=1e30).fit(X)
