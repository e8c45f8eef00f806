"""Fixtures that several test files share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def book() -> Path:
    """The html folder of the report, built once; notebooks without a change are not run again."""
    from ocnd_lib.report import build

    return build().parent
