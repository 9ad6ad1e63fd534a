"""Losses and modules that make a model harder to fool, and cleaning of training data."""
