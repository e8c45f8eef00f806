"""Download a data set and keep it as one file."""

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

import numpy as np

from data_prep import archives
from data_prep.archives import DataError, read_npz, read_stored, repair_command, verified

PATIENCE = 60  # seconds without a byte before a server counts as silent


def load(name: str, folder: Path, repair: bool = False) -> dict[str, np.ndarray]:
    """Read and verify a set as `read_stored` does; one that the folder lacks is downloaded first.

    With `repair` a damaged one is, too, and replaced only by a complete one. Raises DataError.
    """
    try:
        arrays = read_stored(name, folder)
    except DataError:
        if not repair:
            raise
        arrays = None
    return arrays or read_npz(name, fetch(name, folder))


def fetch(name: str, folder: Path) -> Path:
    """Download a set and put it into the folder as `NAME.npz`, uncompressed; return that path.

    The file appears whole and verified or not at all, and replaces an older one only then.
    Raises DataError when the download fails or brings something else than the set.
    """
    target = Path(folder) / f"{name}.npz"
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)  # torchvision would wait for ever
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f".{name}-*/"):  # by a download that was killed
            if time.time() - left.stat().st_mtime > 24 * 3600:
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{name}-") as temporary:
            if name == "coil100":
                from data_prep.coil100 import download  # which takes a second to import

                arrays = download(Path(temporary), PATIENCE)
            else:
                arrays = archives.read_torchvision(name, Path(temporary), download=True)
            arrays["md5"] = verified(name, arrays, {})["md5"]
            arrays["class_names"] = np.array(archives.CLASS_NAMES[name].split())
            new = Path(temporary) / target.name
            np.savez(new, **arrays)
            read_npz(name, new)
            os.replace(new, target)
    except Exception as error:  # torchvision, tarfile, requests and sockets each have their own
        state = "is left as it was" if target.exists() else "is missing"
        why = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{target} {state}: the download failed ({why}). With a network, and a folder that "
            f"can be written to, run: {repair_command(name, target.parent)}"
        ) from error
    finally:
        socket.setdefaulttimeout(patience)
    return target
