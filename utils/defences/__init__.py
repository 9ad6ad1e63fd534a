"""What can be done about it: losses, modules, suspicions.

adversarial   learning from what an attacker would show
etf           class directions that are fixed beforehand
mutual        peers that learn from each other
collapse      how near features have come to the goal of etf
ensemble      several models that answer as one
rejection     no answer, where the model is not sure enough
grain         traces that noise leaves
evidence      what networks say that never learned from an image
detection     a suspicion for each image
detective     from suspicions to kinds
forgery       real or drawn?
scaled        does the image turn into another one when it is shrunk?
restoration   an image is repaired before it is shrunk
repair        what is suspicious goes, or gets another label
"""
