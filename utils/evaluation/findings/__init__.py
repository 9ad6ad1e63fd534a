"""Several findings per image: scores of each finding, and of all together."""
