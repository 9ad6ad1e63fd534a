"""Chapters with material of their own, on a real set: fakes, rare classes, tampering."""
