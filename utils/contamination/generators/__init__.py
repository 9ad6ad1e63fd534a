"""Networks that draw images: how they are trained, how good the images are, are they copies?"""
