"""Pictures of contaminated images, of their detection and of what repairs them."""
