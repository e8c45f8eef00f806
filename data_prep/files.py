"""Files that are whole or absent, never half-written."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write(file)` fill a new file, then put it in the place of `path` in one step.

    Makes the folder if need be. When anything fails, the old file stays and nothing else does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(unfinished, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        if error.filename is None:  # a full disk does not say of what file
            why = error.strerror or str(error)
            raise OSError(error.errno or errno.EIO, why, str(path)) from error
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def write_json(path: Path, content: object) -> Path:
    """Write a json file whole or not at all; return its path."""
    replace_file(Path(path), lambda file: file.write(json.dumps(content).encode()))
    return Path(path)
