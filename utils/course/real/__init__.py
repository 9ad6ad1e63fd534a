"""The questions of the course on real images: one resumable command, numbers alone."""
