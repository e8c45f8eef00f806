"""One-class novelty detection: the models, training loops, metrics and figures behind the report."""

__version__ = "0.1.0"
