"""How a model is trained to resist, one defense per file.

A defense is a training loss: given a model in train mode and a batch, it returns the
scalar to descend. ``after_step`` does what a paper prescribes after each step. How inputs
are made adversarial is an object of its own, which defenses share.
"""

DEFENSES: dict[str, str] = {
    "none": "zoo.defenses.plain:Plain",
    "adversarial_training": "zoo.defenses.adversarial:AdversarialTraining",
    "event_adversarial_training": "zoo.defenses.event_adversarial:EventAdversarialTraining",
    "gradient_sparsity": "zoo.defenses.gradient_sparsity:GradientSparsity",
    "gaussian_noise": "zoo.defenses.gaussian_noise:GaussianNoise",
    "trades": "zoo.defenses.trades:Trades",
    "regularised_adversarial_training": "zoo.defenses.regularised:RegularisedAdversarialTraining",
    "membrane_stability": "zoo.defenses.membrane_stability:MembraneStability",
    "surrogate_window": "zoo.defenses.surrogate_window:SurrogateWindow",
    "threshold_guard": "zoo.defenses.threshold_guard:ThresholdGuard",
    "gate_prior": "zoo.defenses.gate_prior:GatePrior",
    "homeostasis": "zoo.defenses.homeostasis:Homeostasis",
    "robust_conversion": "zoo.defenses.robust_conversion:RobustConversion",
    "residual_noise": "zoo.conversion.nq:ResidualNoise",
    "regression": "zoo.defenses.regression:Regression",
    "norm_in_norm": "zoo.defenses.norm_in_norm:NormInNorm",
    "norm_regularisation": "zoo.defenses.norm_regularisation:NormRegularisation",
    "score_adversarial_training": "zoo.defenses.score_adversarial:ScoreAdversarialTraining",
}

EXAMPLES: dict[str, str] = {
    "linf": "zoo.defenses.adversarial:LinfExamples",
    "flipped_events": "zoo.defenses.event_adversarial:FlippedEvents",
}
"""Ways to make inputs adversarial, which a card gives to a defense as ``examples``."""
