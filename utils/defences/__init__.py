"""What can be done about it: losses, modules, suspicions.

adversarial   learning from what an attacker would show
etf           class directions that are fixed beforehand
mutual        peers that learn from each other
collapse      how near features have come to the goal of etf
ensemble      several models that answer as one
rejection     no answer, where the model is not sure enough
"""
