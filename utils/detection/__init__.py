"""A score per image: which one is wrong?"""
