"""Predictions, metrics, intervals, comparisons, the attack suite, red flags, saliency."""
