"""Files that are damaged at random: a clean message or a right result, soon and in little memory.

In the suite a few; `OCND_FUZZ=300` tries 300 annotation files and 300 records.
"""

import copy
import json
import os
import random
import resource
import time

import numpy as np
import pytest

from data_prep.archives import DataError
from data_prep.coco import build
from data_prep.masked_files import npz_path, read_set
from data_samples import photographs
from ocnd_lib.records import coarse, read_arrays, read_records, table, write_record
from report.provenance import sources
from report.tables import listed, results, written

pytestmark = pytest.mark.filterwarnings("ignore")
MOST = int(os.environ.get("OCND_FUZZ", 20))
SECONDS, BYTES = 10, 2**30
NUMBERS = [-1, 0, 1e9, 1e400, float("nan"), 10**400]
ODD = [None, True, *NUMBERS, "", "x", "1", "..", [], {}, [[]], {"a": 1}]


def places(node):
    """Every (container, key) below a JSON value."""
    for key in [*node] if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


def mutate(rng, content):
    """A copy of a JSON value with one to three places replaced, deleted, doubled or retyped."""
    content = copy.deepcopy(content)
    for _ in range(rng.randint(1, 3)):
        node, key = rng.choice(list(places(content)) or [({0: 0}, 0)])
        what = rng.choice(("replace", "delete", "double", "retype"))
        if what == "delete":
            del node[key]
        elif what == "double" and isinstance(node, list):
            node.insert(key, copy.deepcopy(node[key]))
        elif what == "retype":
            node[key] = str(node[key]) if rng.random() < 0.5 else [node[key]]
        else:
            node[key] = copy.deepcopy(rng.choice(ODD))
    return content


def damaged(rng, content, data=None):
    """The bytes of a file: JSON with places changed, or what was there, cut off or overwritten."""
    if data is None or rng.random() < 0.1:
        data = json.dumps(content if data else mutate(rng, content)).encode()
        if rng.random() < 0.9:
            return data
    at = rng.randrange(len(data))
    if rng.random() < 0.5:
        return data[:at]
    return data[:at] + rng.randbytes(rng.randint(1, 9)) + data[at + rng.randint(0, 9) :]


@pytest.fixture(autouse=True)
def _limits():
    """One GiB more than there is now, and each case is timed."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def tried(seeds, case):
    """Run a case with every seed, and list all that ended otherwise than it should."""
    wrong = []
    for seed in seeds:
        started = time.process_time()
        try:
            case(random.Random(seed))
        except (DataError, ValueError) as error:
            if not str(error).strip():
                wrong.append(f"{seed}: no word")
        except Exception as error:  # what no reader may let through
            wrong.append(f"{seed}: {type(error).__name__}: {error}"[:300])
        if time.process_time() - started > SECONDS:
            wrong.append(f"{seed}: slow")
    assert not wrong, "\n".join(wrong)


def test_damaged_annotations_are_a_message_or_a_set(tmp_path):
    images = tmp_path / "images"
    content = photographs(images, 24, ("cat", "dog"))

    def case(rng):
        path = tmp_path / "instances.json"
        path.write_bytes(damaged(rng, content))
        build(path, images, tmp_path, "mine", 10, None, 0, True, None, None, whole=True)
        made = read_set("mine", npz_path("mine", tmp_path))
        assert len(made["x_train"]) and not (made["o_train"] > made["x_train"]).any()

    tried(range(MOST), case)


def test_damaged_records_are_left_out_or_right(tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    by = {"date": "2026-01-01", "git_revision": "0" * 40, "git_changed": False, "processor": "A"}
    cells = ["digits/ae/0/0", "digits/ae/1/0"]
    for k, cell in enumerate(cells):
        record = {"cell": cell, "metrics": {"auroc": 0.5, "validation": {"a": 0.5}}}
        record |= {"curves": [{"epoch": 1, "loss": 0.1}] * 3, "parameters": {"width": 4}}
        record |= {"seconds": 1.5, "hardware": "cpu float32", "provenance": by | {"threads": 1}}
        scores = coarse(np.random.default_rng(k).random(1000))
        labels = np.arange(1000, dtype=np.uint8) % 10
        path = write_record(record, {"score": scores, "class_test": labels}, tmp_path)
    content, kept = json.loads(path.read_text()), path.with_suffix(".npz").read_bytes()

    def case(rng):
        if rng.random() < 0.5:
            path.write_bytes(damaged(rng, content))
            path.with_suffix(".npz").write_bytes(kept)
        else:
            path.write_text(json.dumps(content))
            path.with_suffix(".npz").write_bytes(damaged(rng, content, kept))
        found = read_records()
        assert found and [record["cell"] for record in found] == cells[: len(found)]
        assert len(table(found)) == len(found) and "digits/ae" in sources(["digits/*/*/*"]).data
        assert len(read_arrays(cells[0])["score"]) == 1000
        assert read_arrays(cells[1]).get("score", np.zeros(1)).dtype.kind == "f"
        form = rng.choice(("text", "csv", "json"))
        assert "ae" in written(listed({"digits": results("digits")}), form)

    tried(range(MOST), case)
