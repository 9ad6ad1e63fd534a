"""Every kind of noise for images in memory, found by itself: a new one goes through all tests."""

from utils.contamination import noise

NOISES = [kind for kind in noise.Noise.__subclasses__() if kind.__module__ == noise.__name__]
