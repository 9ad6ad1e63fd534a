"""Corruptions: what scanners, cameras, storage and a moving patient do to images.

Of the file, at its own size, by modality, at severities that look alike: chapters, `examine` and
`make real` show these. Of the images of a Split, at theirs: planted for a detector or an audit.

planted_noise  of a Split: noise, blur, JPEG, uneven light, motion, at five severities
base           of a file: one modality, with a calibrated level for each severity
common         of every modality: optics, storage, grey levels, burnt-in text
film           of X-rays: photons, exposure, scatter, grid, collimator
mri            of k-space
photograph     of cameras and microscopes
registry       every family, by modality
levels         the calibrated levels
calibration    how they were found
augmentation   training images with corruptions: a defence
matrix         kinds x severities x networks, as one table
"""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    augmentation="with_corrupted_copies",
    calibration="calibrate drawn_levels similarity_table",
    film="OPACITY QuantumNoise",
    levels="LEVELS SIMILARITY",
    matrix="contamination_matrix",
    registry="CORRUPTIONS corruptions",
)
