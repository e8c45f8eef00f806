"""OC-SVM and KDE against scikit-learn, and the features they share."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA as Components
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.svm import OneClassSVM

from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detectors.features import contrast_normalised, features, fit_features
from ocnd_lib.detectors.kde import KDE
from ocnd_lib.detectors.ocsvm import OCSVM
from ocnd_lib.detectors.pca import PCA

DIGITS = load_images("digits")
SPLIT = one_class_split(DIGITS, 3, seed=0)


def reference_features(x: np.ndarray, x_test: np.ndarray, gcn: bool) -> tuple:
    """The same features, image by image and by scikit-learn's singular value decomposition."""
    x, x_test = [[image.ravel() / 255 for image in images] for images in (x, x_test)]
    if gcn:
        x, x_test = [
            [(i - i.mean()) / np.abs(i - i.mean()).mean() for i in images] for images in (x, x_test)
        ]
        low, high = np.min(x), np.max(x)
        x, x_test = [(np.array(images) - low) / (high - low) for images in (x, x_test)]
    pca = Components(0.95, svd_solver="full").fit(x)
    return pca.transform(x), pca.transform(x_test)


@pytest.mark.parametrize(("gcn", "gamma"), [(False, "scale"), (True, "scale"), (False, "median")])
def test_ocsvm_equals_scikit_learn(gcn, gamma):
    z, z_test = reference_features(SPLIT.x_train, SPLIT.x_test, gcn)
    number = 1 / (2 * np.median(pdist(z)) ** 2) if gamma == "median" else gamma
    svm = OneClassSVM(kernel="rbf", gamma=number, nu=0.1).fit(z)
    expected = -svm.decision_function(z_test)
    fitted = OCSVM(gcn=gcn, gamma=gamma).fit(SPLIT.x_train, x_validation=SPLIT.x_validation)
    scores = fitted.novelty_score(SPLIT.x_test)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert roc_auc_score(SPLIT.y_test, scores) > 0.9


@pytest.mark.parametrize("gcn", [False, True])
def test_kde_equals_scikit_learn(gcn):
    z, z_test = reference_features(SPLIT.x_train, SPLIT.x_test, gcn)
    # one leaf, because trees with more lose digits (see `log_density`)
    density = KernelDensity(kernel="gaussian", leaf_size=len(z))
    grid = GridSearchCV(density, {"bandwidth": np.logspace(-4.5, 5, 20, base=2)}, cv=5)
    expected = -grid.fit(z).best_estimator_.score_samples(z_test)
    fitted = KDE(gcn=gcn).fit(SPLIT.x_train, x_validation=SPLIT.x_validation)
    scores = fitted.novelty_score(SPLIT.x_test)
    assert fitted.state_["bandwidth"] == pytest.approx(grid.best_params_["bandwidth"])
    np.testing.assert_allclose(scores, expected, rtol=1e-9)
    # the curve holds the mean over images, the grid the mean over folds of sums
    likelihood = [point["log_likelihood"] for point in fitted.curves_]
    np.testing.assert_allclose(likelihood, grid.cv_results_["mean_test_score"] * 5 / len(z))


def test_scale_comes_from_the_training_images_alone():
    learned = fit_features(SPLIT.x_train, gcn=True)
    normal = contrast_normalised(SPLIT.x_train)
    np.testing.assert_array_equal(learned["range"], [normal.min(), normal.max()])
    dot = np.zeros((1, 1, 32, 32), np.uint8)
    dot[..., 16, 16] = 255  # far outside that range, and it must not be clipped to it
    faint = dot // 255 * 128 + 64
    assert contrast_normalised(dot).max() > 5 * normal.max()
    np.testing.assert_allclose(
        features(dot, learned, gcn=True), features(faint, learned, gcn=True), rtol=1e-6
    )


@pytest.mark.parametrize("gcn", [False, True])
@pytest.mark.parametrize("detector", [OCSVM, KDE])
def test_images_that_are_all_alike_are_refused(detector, gcn):
    alike = np.repeat(SPLIT.x_train[:1], 20, axis=0)
    if gcn:  # alike but for their brightness
        alike = alike // 2 + np.arange(20, dtype=np.uint8)[:, None, None, None]
    with pytest.raises(ValueError, match="all alike"):
        detector(gcn=gcn).fit(alike)


def test_pca_redraws_what_its_directions_span_and_without_any_the_mean_image():
    x = np.random.default_rng(0).integers(0, 256, (12, 1, 32, 32), np.uint8)
    exact, mean = (PCA(components=c).fit(x, x_validation=x) for c in (11, 0))
    assert exact.novelty_score(x).max() < 1e-20
    flat = x.reshape(12, -1) / 127.5 - 1
    expected = np.square(flat - flat.mean(axis=0)).mean(axis=1)
    np.testing.assert_allclose(mean.novelty_score(x), expected)
