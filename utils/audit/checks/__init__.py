"""The checks: each a function from the folder to a finding; `utils.audit.registry` lists them.

files       are the files readable and alike, is every class there?
duplicates  duplicates, within the folder and between training and test
patients    which images belong to one patient?
labels      does a fact without medical meaning predict the class, do neighbours differ?
images      which single images are unlike the others?
triggers    is the same small pattern at the same place in one class?
"""
