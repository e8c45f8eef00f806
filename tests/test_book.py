"""The rendered report as its reader meets it: in a browser, offline, on a desk and on a phone."""

import re
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[1]
LOADING_TAGS = {"script", "link", "img", "iframe", "source", "video", "audio", "object", "embed"}
WIDTHS = (1440, 390)  # pixels: a desk, a phone
BUDGET = {"words": 1200, "figures": 7, "tables": 2, "height": 9000}  # of a chapter, on a desk
TOC = yaml.safe_load((ROOT / "book/_toc.yml").read_text())
NUMBERED = [page["file"] for part in TOC["parts"][:-1] for page in part["chapters"]]
FILES = [TOC["root"], *NUMBERED, *(page["file"] for page in TOC["parts"][-1]["chapters"])]


def test_every_page_is_in_the_contents_and_has_one_source():
    pages = {p.relative_to(ROOT / "book").with_suffix("") for p in ROOT.glob("book/**/*.md")}
    assert {page.as_posix() for page in pages} <= set(FILES)
    for file in set(FILES) - {"chapters/gallery"}:
        prose = ROOT / "book" / f"{file}.md"
        notebook = ROOT / "notebooks" / f"{Path(file).name}.ipynb"
        assert prose.exists() != notebook.exists(), f"{file}: either {prose} or {notebook}"


def test_the_front_page_leads_to_every_chapter():
    front = (ROOT / "notebooks/front.ipynb").read_text()
    links = dict(re.findall(r"\{doc\}`chapter (\d+) <(\w+)>`", front))
    for number, file in enumerate(NUMBERED, 1):
        name = Path(file).name
        assert f"<{name}>" in front, file
        assert links.get(str(number), name) == name  # the numbers of chapters are those of the book


class Page(HTMLParser):
    """Start tags, and the names that a link may point at, of one html file."""

    def __init__(self, path: Path):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.anchors = {"", "top"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.anchors |= {attributes.get("id"), attributes.get("name")}


@pytest.fixture(scope="session")
def pages(book) -> dict[Path, Page]:
    """Every html page of the report: path and parsed content."""
    paths = [path for path in sorted(book.rglob("*.html")) if "_static" not in path.parts]
    return {path: Page(path) for path in paths}


def test_no_tag_loads_from_elsewhere(pages):
    external = [
        (path.name, tag, value)
        for path, page in pages.items()
        for tag, attributes in page.tags
        if tag in LOADING_TAGS
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "data", "poster")
        and re.match(r"\s*(\w+:)?//", value or "")
    ]
    assert not external


def test_every_internal_link_and_anchor_resolves(pages):
    dead = []
    for path, page in pages.items():
        for tag, attributes in page.tags:
            address = attributes.get("href") or attributes.get("src") or ""
            url = urlsplit(address)
            if url.scheme or url.netloc or (tag == "form"):
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not target.is_file():
                dead.append((path.name, address))
            elif target in pages and unquote(url.fragment) not in pages[target].anchors:
                dead.append((path.name, address))
    assert not dead


@pytest.fixture(scope="session")
def site(book):
    """The address under which a local server shows the report."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(book)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


# what stands in the margin, such as a wide table, is no fault where nothing scrolls
SIDEWAYS = """() => Math.max(...[document.documentElement,
    ...document.querySelectorAll('.bd-main, .bd-content, .bd-article-container')
].filter(box => box == document.documentElement || getComputedStyle(box).overflowX != 'visible')
.map(box => box.scrollWidth - box.clientWidth))"""
LOOK = """async () => {
    for (const image of document.images) image.loading = 'eager';
    await Promise.allSettled([...document.images].map(image => image.decode()));
    const formulas = [...document.querySelectorAll('.math.notranslate')];
    const images = [...document.images].filter(image => image.checkVisibility());
    return {
        formulas: formulas.length,
        bare: formulas.filter(f => !f.querySelector('mjx-container')).map(f => f.textContent),
        wrong: [...document.querySelectorAll('mjx-merror')].map(e => e.textContent),
        broken: images.filter(i => !i.complete || !i.naturalWidth).map(i => i.src),
        unnamed: images.filter(i => !(i.getAttribute('alt') || '').trim()).map(i => i.src),
    }
}"""


# what a reader sees without unfolding anything: prose beside code, tables, figures and formulas
SIZE = """() => {
    const article = document.querySelector('article.bd-article');
    if (!article) return null;  // the page of the search
    const shown = (what) =>
        [...article.querySelectorAll(what)].filter(it => it.checkVisibility()).length;
    const prose = article.cloneNode(true);
    prose.querySelectorAll(
        'details, .toggle, table, figure, pre, .cell_input, .math, .headerlink, ' +
        'script, style'
    ).forEach(it => it.remove());
    return {
        words: prose.textContent.split(/\\s+/).filter(Boolean).length,
        figures: shown('figure'),
        tables: shown('table'),
        height: article.scrollHeight,
    }
}"""


@pytest.fixture(scope="session")
def visits(browser, site, pages, book) -> dict[str, dict]:
    """What Chromium saw on every page: complaints, hidden pixels, formulas, images."""
    seen, heard = {}, []
    page = browser.new_page()

    def on(event, is_bad, words):
        page.on(event, lambda it: heard.append(words(it)) if is_bad(it) else None)

    on("console", lambda it: it.type in ("error", "warning"), lambda it: f"console: {it.text}")
    on("pageerror", lambda it: True, lambda it: f"uncaught: {it}")
    on("request", lambda it: not it.url.startswith((site, "data:")), lambda it: f"away: {it.url}")
    on("requestfailed", lambda it: True, lambda it: f"failed: {it.url}")
    on("response", lambda it: it.status >= 400, lambda it: f"{it.status}: {it.url}")

    for name in (path.relative_to(book).as_posix() for path in pages):
        if name == "index.html":  # goes on to the landing page
            continue
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        page.goto(f"{site}/{name}", wait_until="networkidle")
        page.evaluate("window.MathJax?.startup?.promise")
        seen[name] = page.evaluate(LOOK) | {"size": page.evaluate(SIZE), "sideways": {}}
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            seen[name]["sideways"][width] = page.evaluate(SIDEWAYS)
        seen[name]["complaints"] = heard.copy()
        heard.clear()
    page.close()
    return seen


def among(visits, key) -> dict[str, list]:
    """The pages where a list of findings is not empty."""
    return {name: visit[key] for name, visit in visits.items() if visit[key]}


def test_no_page_complains_or_asks_the_network(visits):
    assert not among(visits, "complaints")


def test_every_formula_is_rendered(visits):
    assert visits["notation.html"]["formulas"] > 10
    assert not among(visits, "bare")
    assert not among(visits, "wrong")


def test_every_image_is_shown_and_described(visits):
    assert not among(visits, "broken")
    assert not among(visits, "unnamed")


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_scrolls_sideways(visits, width):
    hidden = {name: visit["sideways"][width] for name, visit in visits.items()}
    assert not {name: pixels for name, pixels in hidden.items() if pixels > 0}


def test_a_chapter_is_read_in_one_sitting(visits):
    chapters = [f"{file}.html" for file in NUMBERED]
    sizes = pd.DataFrame({name: visits[name]["size"] for name in chapters}).T
    print(f"\n{sizes}\nat most {BUDGET}")
    assert (sizes.words > 100).all()  # the prose was found
    too_long = sizes[sizes.gt(pd.Series(BUDGET)).any(axis=1)]
    assert too_long.empty, f"too long, beside {BUDGET}:\n{too_long}"


def test_search_finds_the_chapter_on_imbalance(browser, site):
    page = browser.new_page()
    page.goto(f"{site}/search.html?q=imbalance")
    page.wait_for_selector("#search-results a[href*='class_imbalance']", timeout=10_000)
    page.close()


def test_every_figure_of_a_notebook_is_a_picture(book):
    for path in (ROOT / "book" / "chapters").glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if "figure" in cell.metadata.get("mystnb", {}):
                kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
                assert "image/svg+xml" in kinds, (path.name, cell.source)
