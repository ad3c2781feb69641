"""Claims of papers, checked on the models of the zoo.

``leaderboards/claims.yaml`` holds one check per claim (:mod:`.claim`): the models, the protocol, the statistic, and the
bound with the side on which the statistic lies if the claim is true. Statistics are listed here. Each is a strict schema of
its protocol plus one method that measures per-sample values and passes them to pure functions. A new kind of claim needs a
new file and a line below.
"""

STATISTICS: dict[str, str] = {
    "robust_difference": "bench.studies.claims.accuracy:RobustDifference",
    "gap_difference": "bench.studies.claims.accuracy:GapDifference",
    "robust": "bench.studies.claims.accuracy:Robust",
    "gap": "bench.studies.claims.accuracy:Gap",
    "attack_difference": "bench.studies.claims.accuracy:AttackDifference",
    "accuracy_by_step": "bench.studies.claims.steps:AccuracyByStep",
    "membrane_perturbation": "bench.studies.claims.membranes:MembranePerturbation",
    "gradient_sparsity": "bench.studies.claims.slopes:GradientSparsity",
    "slope_error": "bench.studies.claims.slopes:SlopeError",
    "shift_difference": "bench.studies.claims.shifts:ShiftDifference",
    "clipped_shift_difference": "bench.studies.claims.shifts:ClippedShiftDifference",
    "shift_prediction": "bench.studies.claims.shifts:ShiftPrediction",
}
"""Key of ``statistic`` in a claim to the class that measures it."""
