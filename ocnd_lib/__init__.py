"""One-class novelty detection: models, training loops, metrics and figures of the report."""

__version__ = "0.1.0"
