"""The questions about a model, one file for each."""
