"""The patients of a folder: proposed from names, known from headers or pixels, as a table."""
