"""What the tests of remedies share: records of scores of a few test images."""

import numpy as np

from ocnd_lib.records import write_record

CLASS_TEST = np.repeat(np.arange(10), 30).astype(np.uint8)
DETAIL = np.random.default_rng(0).uniform(0.01, 1, len(CLASS_TEST)).astype(np.float32)


def write(folder, cell, score, **parts):
    """A record with what a table of remedies reads of it; `parts` of its score by name."""
    record = {
        "cell": cell,
        "parameters": {},
        "metrics": {"auroc": 0.5},
        "seconds": 1.0,
        "hardware": "cpu float32",
        "provenance": {"processor": "A"},
    }
    arrays = {"score": score, "class_test": CLASS_TEST}
    write_record(record, arrays | {f"part_{name}": part for name, part in parts.items()}, folder)
