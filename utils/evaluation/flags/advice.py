"""What to do about a red flag: one sentence for each."""

from utils.evaluation.flags.model_flags import ENOUGH_DRAWS

ADVICE = {
    # an attack
    "iterated attack weaker than a single step": (
        "Check the sign of the step, the labels and the model that the gradient comes from."
    ),
    "steps too short to reach epsilon": "Take longer steps, or more of them.",
    "accuracy rises with epsilon": "Give larger attacks more steps, and start each at random.",
    "accuracy better than clean": "Check the sign of the loss and the order of the labels.",
    "random noise does as well": (
        "Check that the gradient comes from this model, with these labels, through every layer."
    ),
    "random noise of this size destroys the score": (
        "Give epsilon as a share of the pixel range: 4 grey levels are 4 / 255."
    ),
    "images survive a change of any size": (
        "Look for what keeps the attack from the image: a clamp, a projection, a cut gradient."
    ),
    "accuracy still falls with more steps": "Publish the attack with as many steps as it takes.",
    "accuracy falls further on rescaled logits": (
        "Attack the margin, or divide the logits by a temperature: the softmax is saturated."
    ),
    "accuracy falls further to APGD towards every class": (
        "Publish the worst of both: APGD finds its own steps, towards each class in turn."
    ),
    "accuracy falls further to an attack that knows the model": (
        "Attack with `model.adaptive(attack)`, which knows where the model hides its gradient."
    ),
    "success vanishes when saved": "Measure the saved images, or attack on the grid of the file.",
    "black box beats white box on an image": (
        "Publish the worst of both, and look for what the gradient does not see."
    ),
    "leaves the ball or the pixel range": (
        "Project after every step, in pixels from 0 to 1, before any normalisation."
    ),
    # the model under attack
    "model in training mode": "Call eval() on every layer, also on those inside a wrapper.",
    "ensemble members fed different images": "Attack the ensemble as one model.",
    "gradients left in the weights": (
        "Take the gradient of the image alone, with torch.autograd.grad."
    ),
    "zero or undefined gradients": (
        "Attack with the margin loss, and pass rounding straight through in the backward pass."
    ),
    "masked gradients": (
        "Put a differentiable stand-in for rounding or JPEG into the backward pass (BPDA)."
    ),
    "the same image gets different predictions": (
        f"Attack in expectation: average the gradient over at least {ENOUGH_DRAWS} draws (EOT)."
    ),
    "early stop on a random model": (
        "Attack without early stop, and count an image as broken by the mean of many draws."
    ),
    "the prediction depends on the batch": (
        "Use the running statistics of batch norm, and no random numbers by place in the batch."
    ),
    "probabilities instead of logits": (
        "Return the logits: losses and `predict` apply the softmax themselves."
    ),
    # published predictions
    "conditions about different images": "Predict the same images under every condition.",
    "published predictions of another model": (
        "Predict again with the model that is attacked, in evaluation mode, without averaging."
    ),
    "published predictions of another attack": (
        "Publish what the attack with the printed steps and epsilon leaves."
    ),
    "only images that were right are attacked": (
        "Attack all test images or a random part; those that were wrong before count as wrong."
    ),
    # a clean score
    "no better than the majority class": (
        "Train longer, balance the classes, or say that the model has learned nothing."
    ),
    "no better than a nearest-neighbour look-up": (
        "Show the look-up beside the model: the task may be easy, or the images may be known."
    ),
    "one prediction for every image": "Check that the model uses its input.",
    "scored images are not those of the test split": (
        "Score the test split that the leakage check has seen."
    ),
    "test images are repeated": (
        "Score each image once; balance classes by weights or by the balanced accuracy."
    ),
    "duplicates across splits": "Keep all copies of an image in one split.",
    "siblings across splits": "Split by patient, and look at the pairs that remain.",
    "a known patient in two splits": "Split by patient.",
    # a measure of fakes
    "the real control lies beyond chance": (
        "Take the real control from the same part of the data as the reference."
    ),
    # a report
    "accuracy is not hits over images": "Divide the hits by the images, not by full batches.",
    "class names not those of the data": "Take the class names from the data object.",
    "PSNR not that of the pictures": (
        "Use the square of the peak, and the range in which the pixels are stored."
    ),
    "detector needs the original": "Compute the score from the image under test alone.",
}
