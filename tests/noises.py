"""Every kind of noise for images in memory, found by itself: a new one goes through all tests."""

from utils.contamination.corruptions.planted_noise import Noise

NOISES = [kind for kind in Noise.__subclasses__() if kind.__module__ == Noise.__module__]
