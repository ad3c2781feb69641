"""What verdicts and checks mean, for the page of a model."""

from __future__ import annotations

VERDICTS = {
    "reliable": "A full attack set ran, and no check has a remark.",
    "reliable with remarks": "A full attack set ran and no check failed. Some checks have a remark, marked warn.",
    "upper bound": "No check failed, but the attack was weaker than a full set, or something was out of its control. The "
    "true figure may be worse.",
    "unreliable": "A check failed, so the figures must not be used.",
}
"""By the name of the verdict."""

CHECKS = {
    "gradient path": "spiking layers or functions took the derivative that the attacker chose",
    "spike functions": "the functions that make spikes could be looked for",
    "out of control": "no step has a slope that the attacker cannot choose",
    "no gradient": "a gradient reaches the input",
    "derivative": "the gradient of a model without spikes is the derivative of its forward pass",
    "probabilities": "outputs are not probabilities that round to 0 and 1",
    "uphill": "a step along the gradient leads nearer to another class than random steps do",
    "dead entries": "most of the input has a gradient",
    "scale of logits": "logits are small enough for cross-entropy to have a gradient",
    "gradient": "the gradient of the input is finite",
    "zero gradients": "few gradients are zero everywhere",
    "cancelled gradients": "the gradients of picture and scene do not cancel",
    "failure": "no attack raised an error, met NaN, or left the ball",
    "undecided": "no sample stands although an attack failed on it",
    "stability": "decisions or scores are the same in two scorings",
    "against noise": "the attack does at least as much as blind noise",
    "radius": "the attack does more at a larger radius",
    "gradient-free": "searches without gradients find little that gradients missed",
    "convergence": "the end of the attack's budget changed little",
    "attacked samples": "at least ten samples were right without an attack",
    "altered images": "copies of the board's images, shifted, mirrored or noisy, are answered as well as the images",
    "images not on the board": "images that are not on the board are answered about as well",
    "images not on the board, attacked": "images that are not on the board withstand attacks about as often",
}
"""What each check expects, by its name with spaces."""
