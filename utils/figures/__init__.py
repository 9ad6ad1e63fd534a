"""Every picture: arrays in, Figure out. Nothing is shown, saved or trained here.

style      colours and habits that all pictures share
data       what a data set looks like
learning   how a model was found
attack     what an attack does to verdicts, pictures and heat maps
"""

from utils.figures.attack import accuracy_by_epsilon, confusions, drops, looks, perturbations
from utils.figures.data import class_balance, examples, nearest_neighbours, nearness
from utils.figures.learning import curves, tuning
from utils.figures.style import ATTACKED, CLEAN, DEFENDED

__all__ = [
    "ATTACKED",
    "CLEAN",
    "DEFENDED",
    "accuracy_by_epsilon",
    "class_balance",
    "confusions",
    "curves",
    "drops",
    "examples",
    "looks",
    "nearest_neighbours",
    "nearness",
    "perturbations",
    "tuning",
]
