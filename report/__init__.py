"""The report: pages, figures, tables and the `ocnd` command; `ocnd_lib` holds the science."""
