"""The checks: each a function from the folder to a finding; `utils.audit.registry` lists them.

files       are the files readable and alike, is every class there?
duplicates  the same image more than once
leakage     test images that are known from training
patients    which images belong to one patient?
shortcuts   do facts without medical meaning tell the classes apart, or training from test?
order       do images or classes change from the first file to the last?
labels      how many labels are wrong, and which ones look so?
quality     dark, bright, blurred, empty, odd in shape, or written on
images      unusual noise, and single images unlike all others
foreign     masks, and groups of images of another kind
triggers    is the same small pattern at the same place in one class?
"""
