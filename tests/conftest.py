"""Fixtures that several test files share."""

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
CHROMIUM_OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()

# the networks of the tests are so small that a second thread only costs time
os.environ.setdefault("OMP_NUM_THREADS", "1")
# the same numbers on every processor; tests marked `bf16` ask for the other precision
os.environ["OCND_PRECISION"] = "fp32"


@pytest.fixture(autouse=True)
def _precision(request, monkeypatch):
    if request.node.get_closest_marker("bf16"):
        monkeypatch.setenv("OCND_PRECISION", "bf16")


def pytest_collection_modifyitems(items):
    """The built book comes first: it takes longest, and each file is one processor's."""
    items.sort(key=lambda item: item.path.name != "test_book.py")


@pytest.fixture(scope="session")
def book() -> Path:
    """The html folder of the report, built once; notebooks without a change are not run again."""
    from report.pages import build

    return build().parent


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium with a fresh profile."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium for the browser tests; install it with: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def server(monkeypatch):
    """Files on this machine, to download; see `server_samples`."""
    from server_samples import Server

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    yield server
    server.close()


def _digits(normal_class: int):
    from ocnd_lib.data import load_images, one_class_split

    return one_class_split(load_images("digits"), normal_class, seed=0)


zeros = pytest.fixture(lambda: _digits(0), scope="session", name="zeros")
eights = pytest.fixture(lambda: _digits(8), scope="session", name="eights")


@pytest.fixture
def own_sets(monkeypatch):
    """Let tiny sets pass for the originals."""
    from data_prep import archives

    monkeypatch.setattr(archives, "ORIGINAL_MD5", {name: {} for name in archives.CLASS_NAMES})


@pytest.fixture(scope="module")
def said(request) -> dict:
    """The numbers of the chapter that a file of findings is about."""
    return request.module.chapter.numbers()


@pytest.fixture
def ocnd(monkeypatch, tmp_path):
    """Call the command in this process, with empty folders of data and of records."""
    from typer.testing import CliRunner

    from report import cli

    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("OCND_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path / "records"))
    return lambda *words: CliRunner().invoke(cli.app, [*map(str, words)])
