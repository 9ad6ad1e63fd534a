"""A generator of images that never were, class by class, and how it is trained.

networks    the generator and the discriminator
game        two networks with two goals: resumes, watches, keeps snapshots
training    a generator of images, class by class
painter     a painter that fills a hole with a finding, or with none, and its judge
inpainting  how it learns that
"""
