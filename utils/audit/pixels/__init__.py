"""What the pixels of a file tell: brightness and sharpness, percentiles, rows of characters."""
