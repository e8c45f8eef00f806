"""COCO from the network: the annotation archive, and only those images that are needed.

Everything that has arrived stays, so that a download that was cut off goes on where it stopped.
"""

import shutil
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pooch
import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm

from data_prep.archives import DataError
from data_prep.coco_crops import read_picture
from data_prep.files import replace_file

# plain http, because the server's certificate is not for its own name; the md5 stands for it
ARCHIVE = "http://images.cocodataset.org/annotations/annotations_trainval2017.zip"
ARCHIVE_MD5 = "f4bbac642086de4f52a3fdda2de5fa2c"
MEMBER = "annotations/instances_train2017.json"
TRIES = 5
PATIENCE = 30  # seconds without a byte before a server counts as silent
ENOUGH = 20  # images that failed before the others are not even tried
TEMPORARY = (408, 425, 429, 500, 502, 503, 504)


class Absent(Exception):
    """The server says that there is no such file."""


def open_session(workers: int = 1) -> requests.Session:
    """Make a session for so many threads."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=workers))
    session.headers["Accept-Encoding"] = "identity"  # lengths and ranges are those of the file
    return session


def download(
    url: str,
    path: Path,
    session: requests.Session,
    part: Path | None = None,
    check: Callable[[Path], None] = lambda path: None,
    pause: float = 1.0,
    progress: bool = False,
) -> None:
    """Download one file to `path`; it appears there whole and checked, or not at all.

    What has arrived is kept in `part`, by default `.NAME.part` beside it, and continued, at the
    next try or in the next process. `check(file)` raises ValueError for a wrong file, which is then
    thrown away. Between tries it waits `pause` seconds, twice as long each time. Raises Absent if
    there is no such file, else DataError after the last try.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part or path.with_name(f".{path.name}.part")
    for attempt in range(TRIES):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            _receive(url, part, session, progress)
            check(part)
        except ValueError as error:
            part.unlink(missing_ok=True)
            why = error
        except (requests.RequestException, OSError) as error:
            why = error
        else:
            part.replace(path)
            return
    raise DataError(f"{url} could not be downloaded in {TRIES} tries: {why}")


def _receive(url: str, part: Path, session: requests.Session, progress: bool) -> None:
    """Append what is missing to `part`; returns when that is as long as the server says."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with session.get(url, headers=headers, stream=True, timeout=PATIENCE) as answer:
        if answer.status_code == 416:  # nothing after what is there: it is whole, or too long
            if answer.headers.get("Content-Range") == f"bytes */{have}":
                return
            raise ValueError("the server has a shorter file")
        if 400 <= answer.status_code < 500 and answer.status_code not in TEMPORARY:
            raise Absent(f"{url}: {answer.status_code} {answer.reason}")
        answer.raise_for_status()
        if answer.status_code != 206:
            have = 0  # the server sends the whole file, whatever was asked
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise ValueError("the server sends another part than was asked")
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            open(part, "ab" if have else "wb") as file,
            tqdm(
                desc=part.name[1:-5],
                initial=have,
                total=total,
                unit="B",
                unit_scale=True,
                disable=None if progress else True,
            ) as bar,
        ):
            for block in answer.iter_content(1 << 16):
                file.write(block)
                bar.update(len(block))
    if total is not None and part.stat().st_size != total:
        raise requests.ConnectionError(f"{part.stat().st_size} of {total} bytes arrived")


def fetch_annotations(
    folder: Path, url: str = ARCHIVE, md5: str | None = ARCHIVE_MD5, pause: float = 1.0
) -> Path:
    """Download and unpack the annotations of COCO train2017 (240 MB); return the json's path.

    An archive with another checksum is refused. Raises DataError.
    """
    folder, name = Path(folder), Path(url).name
    target = folder / Path(MEMBER).name

    def resuming(url: str, output_file: str, _) -> None:
        part = folder / f".{name}.part"
        download(url, Path(output_file), open_session(), part, pause=pause, progress=True)

    # the second try is for an archive that changed between two parts, which only the md5 shows
    registry = {name: f"md5:{md5}" if md5 else None}
    store = pooch.create(folder, "", registry=registry, urls={name: url}, retry_if_failed=1)
    try:
        with zipfile.ZipFile(store.fetch(name, downloader=resuming)) as archive:
            size = archive.getinfo(MEMBER).file_size
            if not target.exists() or target.stat().st_size != size:
                with archive.open(MEMBER) as member:
                    replace_file(target, lambda file: shutil.copyfileobj(member, file))
    except (Absent, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"the annotations of COCO could not be fetched: {error}. Run the command again, or "
            "fetch them yourself and name them with --annotations and --images"
        ) from error
    return target


def fetch_images(
    entries: list[dict], folder: Path, workers: int = 16, pause: float = 1.0
) -> list[int]:
    """Download those of the images that the folder lacks; return the ids that do not exist.

    `entries` are images of a COCO file, with id, file_name, coco_url, width and height; an image
    that cannot be decoded to that size counts as not there yet. Raises DataError if some could not
    be fetched that may exist; the others are kept, and the next call fetches only what is missing.
    """
    folder, session = Path(folder), open_session(workers)
    absent, failed = [], []

    def fetch(entry: dict) -> None:
        path = folder / entry["file_name"]
        if path.exists():
            try:
                return check_image(path, entry)
            except ValueError:
                pass
        download(
            entry["coco_url"],
            path,
            session,
            check=lambda file: check_image(file, entry),
            pause=pause,
        )

    with ThreadPoolExecutor(workers) as pool:
        waiting = {pool.submit(fetch, entry): entry for entry in entries}
        try:
            for done in tqdm(as_completed(waiting), "images", len(waiting), disable=None):
                try:
                    done.result()
                except Absent:
                    absent.append(waiting[done]["id"])
                except (DataError, OSError, KeyError) as error:
                    failed.append(str(error))
                    if len(failed) >= ENOUGH:  # the network is down, or the disk is full
                        break
        finally:
            pool.shutdown(cancel_futures=True)
    if failed:
        raise DataError(
            f"{len(failed)} of {len(entries)} images could not be fetched, the first: {failed[0]}. "
            "Run the command again: it goes on with what is missing"
        )
    return absent


def check_image(path: Path, entry: dict) -> None:
    """Raise ValueError unless the file is a whole image of the size that the entry states."""
    if isinstance(found := read_picture(path, entry), str):
        raise ValueError(f"no whole image arrived: {found}")
