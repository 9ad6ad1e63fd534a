"""Test-time attacks: (model, images, labels) -> attacked images."""
