"""Every figure that rests on records; `ocnd figures` draws them all again, without training."""

from importlib import import_module

# the chapters in the order of the book; each maps the names of its figures to what draws them
CHAPTERS = (
    "front", "what_is_a_novelty", "class_imbalance", "reconstruction", "ocgan", "benchmark",
    "class_or_detail", "masked_vs_original", "attention_gan", "where_it_looks", "beyond",
    "audit", "objections", "all_tables",
)  # fmt: skip
OF_CHAPTER = {name: import_module(f"report.chapters.{name}").FIGURES for name in CHAPTERS}
FIGURES = {name: draw for figures in OF_CHAPTER.values() for name, draw in figures.items()}
