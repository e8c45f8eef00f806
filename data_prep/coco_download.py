"""COCO from the network: the annotation archive, and only those images that are needed.

Everything that has arrived stays, so that a download that was cut off goes on where it stopped.
"""

import shutil
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
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
    url: str, path: Path, session: requests.Session, check: Callable[[Path], None],
    pause: float = 1.0, progress: bool = False,
) -> None:  # fmt: skip
    """Download one file to `path`; it appears there whole and checked, or not at all.

    What has arrived is kept in `.NAME.part`, and continued at the next try or in the next process.
    `check(file)` raises ValueError for a wrong file, which is thrown away. Between tries it waits
    `pause` seconds, twice as long each time. Raises Absent if there is none, else DataError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    for attempt in range(TRIES):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            _receive(url, part, session, progress)
            check(part)
            part.replace(path)
            return
        except ValueError as error:
            part.unlink(missing_ok=True)
            why = error
        except OSError as error:  # as those of requests are
            why = error
    raise DataError(f"{url} could not be downloaded in {TRIES} tries: {why}")


def _receive(url: str, part: Path, session: requests.Session, progress: bool) -> None:
    """Append what is missing to `part`; returns when that is as long as the server says."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with session.get(url, headers=headers, stream=True, timeout=PATIENCE) as answer:
        code, sent = answer.status_code, answer.headers.get("Content-Range", "")
        if code == 416 and sent == f"bytes */{have}":  # nothing after what is there: it is whole
            return
        if code == 416 or (code == 206 and not sent.startswith(f"bytes {have}-")):
            raise ValueError("the server has another file, or sends another part than was asked")
        if 400 <= code < 500 and code not in TEMPORARY:
            raise Absent(f"{url}: {code} {answer.reason}")
        answer.raise_for_status()
        have = have if code == 206 else 0  # else it sends the whole file, whatever was asked
        total = have + int(answer.headers.get("Content-Length", 0)) or None
        shown = {"desc": part.name[1:-5], "initial": have, "disable": None if progress else True}
        with open(part, "ab" if have else "wb") as file:
            with tqdm.wrapattr(file, "write", total, **shown) as out:
                for block in answer.iter_content(1 << 16):
                    out.write(block)


def fetch_annotations(folder: Path, url=ARCHIVE, md5: str = ARCHIVE_MD5, pause=1.0) -> Path:
    """Download and unpack the annotations of COCO train2017 (240 MB); return the json's path.

    An archive with another checksum is refused. Raises DataError.
    """
    archive, target = (Path(folder) / Path(name).name for name in (url, MEMBER))

    def check(file: Path) -> None:
        if pooch.file_hash(file, "md5") != md5:
            raise ValueError("its checksum does not match")

    try:
        if not archive.exists() or pooch.file_hash(archive, "md5") != md5:
            download(url, archive, open_session(), check, pause, progress=True)
        with zipfile.ZipFile(archive) as file, file.open(MEMBER) as member:
            if not target.exists() or target.stat().st_size != file.getinfo(MEMBER).file_size:
                replace_file(target, lambda file: shutil.copyfileobj(member, file))
    except (Absent, DataError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"the annotations of COCO could not be fetched: {error}. Run the command again, or "
            "fetch them yourself and name them with --annotations and --images"
        ) from error
    return target


def fetch_images(entries: list[dict], folder: Path, workers=16, pause=1.0) -> list[int]:
    """Download those of the images that the folder lacks; return the ids that do not exist.

    `entries` are images of a COCO file, with id, file_name, coco_url, width and height; an image
    that cannot be decoded to that size counts as not there yet. Raises DataError if some could not
    be fetched that may exist; the others are kept, and the next call fetches only what is missing.
    """
    folder, session, absent, failed = Path(folder), open_session(workers), [], []

    def check(path: Path, entry: dict) -> None:
        if isinstance(found := read_picture(path, entry), str):
            raise ValueError(f"no whole image arrived: {found}")

    def fetch(entry: dict) -> None:
        path = folder / entry["file_name"]
        if isinstance(read_picture(path, entry), str):
            download(entry["coco_url"], path, session, partial(check, entry=entry), pause)

    with ThreadPoolExecutor(workers) as pool:
        waiting = {pool.submit(fetch, entry): entry["id"] for entry in entries}
        try:
            for done in tqdm(as_completed(waiting), "images", len(waiting), disable=None):
                if isinstance(error := done.exception(), Absent):
                    absent.append(waiting[done])
                elif error:
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
