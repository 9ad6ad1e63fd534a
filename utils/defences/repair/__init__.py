"""Repair: of a network with a backdoor, and of the labels it would learn from."""
