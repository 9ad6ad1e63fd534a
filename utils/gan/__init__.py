"""A generator of images that never were, class by class, and how it is trained.

networks   the generator and the discriminator
game       two networks with two goals: resumes, watches, keeps snapshots
training   a generator of images, class by class
"""
