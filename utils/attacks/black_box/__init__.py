"""Attacks that query a model: they see its outputs, but neither weights nor gradients."""
