"""What attacks do to images, to scores, and to where a model looks.

attacked_images  images beside their change, and what the model predicts
curves           a score against the size of an attack, its queries, its parts
matrices         attacks in rows, models, classes or findings in columns
two_scores       a score as claimed or under a weak attack, beside the true one
gradients        heat maps, sensitivities, the loss around an image
"""
