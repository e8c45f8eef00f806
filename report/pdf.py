"""The whole book as one file to print: `python -m report.pdf`, after `ocnd book`."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from report.pages import jupyter_book
from report.runs import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def print_book() -> Path:
    """Print the book to `_build/book.pdf` by a headless Chromium, and return that path."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"error: printing needs a browser; install one of: {', '.join(BROWSERS)}")
    out = ROOT / "_build" / "book.pdf"
    with TemporaryDirectory(dir=out.parent) as folder:
        jupyter_book(ROOT, ["--builder", "singlehtml", "--path-output", folder, "--quiet", "--all"])
        site = Path(folder) / "_build" / "singlehtml"
        # written into a folder of chapters, though what it points at is beside that folder
        page = (site / "chapters" / "front.html").read_text(encoding="utf-8")
        page = re.sub(r'(["(])\.\./(figures|_images|_static)/', r"\1\2/", page)
        page = page.replace('loading="lazy"', "")  # what nobody scrolls to would stay blank
        (site / "book.html").write_text(page, encoding="utf-8")
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        waits = "--virtual-time-budget=60000"  # milliseconds of the page's clock, for its formulas
        printed = f"--print-to-pdf={site / 'book.pdf'}"
        command = [browser, *quiet, waits, printed, (site / "book.html").as_uri()]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode or not (site / "book.pdf").exists():
            sys.exit(f"error: {browser} printed nothing:\n{done.stderr[-500:]}")
        return (site / "book.pdf").replace(out)


if __name__ == "__main__":
    print(print_book())
