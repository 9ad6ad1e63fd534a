"""The patients of images: recovered where they are unknown, and each on one side of a split."""
