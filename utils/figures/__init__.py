"""Every picture: arrays in, Figure out. Nothing is shown, saved or trained here.

style         colours and habits that all pictures share
data          what a data set looks like
learning      how a model was found
attack        what an attack does to verdicts, pictures and heat maps
attackers     many attackers beside each other
contaminated  data with noise, wrong labels, poison
disguised     pictures that turn into others when they are shrunk
suspects      how well they are found, and what they look like
leakage       what leaks, and who belongs together
reading       what a human reader is shown
overview      all runs side by side

A new picture is a function in one of these files, named in its __all__.
"""

from utils.figures.attack import *
from utils.figures.attackers import *
from utils.figures.contaminated import *
from utils.figures.data import *
from utils.figures.disguised import *
from utils.figures.leakage import *
from utils.figures.learning import *
from utils.figures.overview import *
from utils.figures.reading import *
from utils.figures.style import *
from utils.figures.suspects import *
