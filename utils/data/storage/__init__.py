"""What is read, on its way to the disk and on it."""
