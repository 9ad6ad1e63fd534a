"""What can go wrong with an image or a label.

norms       how large a change may be
gains       what an attacker makes grow
attacks     changes that follow the model's gradient
controls    changes as large that do not look at the model
regions     where an attacker may change pixels
queries     changes found by asking the model alone
pixels      a few pixels, found by asking
decisions   changes found by asking for the class alone
universal   one change for all images
worst_case  the lowest that any of these can push it
kinds       contaminations of a whole split, and the manifest of what they did
noise       what scanners, motion and files do to an image
labels      wrong labels
poison      triggers that a model learns to obey
fakes       images that a generator drew
holes       regions that are cut out and filled
tampering   images that are changed in one region
resizers    the ways to shrink an image, as the matrices that they are
scaling     images that turn into others when they are shrunk
hiding      what is hidden so: other patients, triggers; and against a filter
"""
