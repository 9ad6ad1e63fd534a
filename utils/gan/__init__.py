"""A generator of images that never were, class by class, and how it is trained.

networks   the generator and the discriminator
training   the game between the two: resumes, watches for collapse, keeps snapshots
"""
