"""Helpers the notebooks share. Read the modules in this order.

files          whole files, and reading that runs no code
run            names, seeds, device, folders: where a run keeps its things
splits         data as plain tensors, splits by patient
phantoms       images the course draws by itself
foreign        images of something else entirely
ingest         foreign image files, read safely
similarity     nearest neighbours and duplicates
patients       who belongs together, where nobody wrote it down
sources        where the files of a data set lie
arrays         images that come as arrays in one file
catalogue      the data sets by name, with their facts
downloads      data sets that are not here yet
recipes        from files to splits, one recipe per data set
store          tensors on disk, whole or absent
datasets       load: any data set by its name
predictions    what a model said of a split
intervals      how far a number may be from the truth
metrics        scores of predictions
alarm          the leakage alarm: are test images known from training?
roc            does a suspicion find the guilty?
comparison     is one model better than another?
shortcuts      does something else tell the class?
likeness       how alike two pictures are to the eye
quality        are drawn images good, and are they new?
weights        files of weights, checked by their hash
reading        the reading kit: can a human tell?
backbones      the classifiers
contamination  what can go wrong
newcomers      large images of strangers, and what a pipeline makes of them
leaks          leaks made on purpose
evaluation     one way to ask a model about a split
objectives     what training makes small, what picks its best epoch
battery        the questions put to every model under attack
defences       what can be done about it
probes         small experiments on an attack
flips          does a diagnosis turn into its opposite?
soundness      red flags: is this number worth printing?
printed        red flags of the page itself
checkpoints    what a training leaves on disk
training       one loop for every loss
gan            a generator of images, and its training
folds          what networks say of images they have not learned from
tuning         Optuna over what the loop leaves open
gradcam        where a model looks
figures        pictures of all these numbers
inspection     a data set as it is: which images to look at twice
audit          a stranger's folder: one report, no training
parameters     what was typed for a run
chapters       what the course consists of
handover       the model that a chapter leaves for the next ones
execute        runs one notebook
outcome        what became of a run, in words
lecture        sources and tables for the reader
mistakes       those of the museum, and of nobody else
records        what runs left behind
lineup         which models stand side by side
commandline    what the command line takes
course         runs the notebooks
"""
