"""What can be done about it: losses, modules, suspicions.

adversarial   learning from what an attacker would show
ensemble      several models that answer as one
rejection     no answer, where the model is not sure enough
"""
