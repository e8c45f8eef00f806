"""One module a chapter, named as its notebook: its numbers, its tables, its figures."""
