"""Comparisons: differences with intervals, pairs of models, and claims judged by them."""
