"""Helpers the notebooks share. Read the modules in this order.

files          whole files, and reading that runs no code
run            names, seeds, device, folders: where a run keeps its things
splits         data as plain tensors, splits by patient
phantoms       images the course draws by itself
ingest         foreign image files, read safely
similarity     nearest neighbours, duplicates, the leakage alarm
datasets       every data set by its name
metrics        numbers with intervals
backbones      the classifiers
contamination  what can go wrong
evaluation     one way to ask a model about a split
defences       what can be done about it
probes         small experiments on an attack
soundness      red flags: is this number worth printing?
checkpoints    what a training leaves on disk
training       one loop for every loss
tuning         Optuna over what the loop leaves open
gradcam        where a model looks
figures        pictures of all these numbers
chapters       what the course consists of
execute        runs one notebook
course         runs the notebooks
"""
