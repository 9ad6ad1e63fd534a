"""The report of an examination: its page, its facts, its rows, and two of them side by side."""
