"""Ground floor: how an input is perturbed.

Nothing here knows what a zoo, a data set or a record is. An attack sees an
:class:`~attacks.oracle.Oracle` (the model behind books that count every call),
clean inputs and a :class:`~attacks.threat.Threat`, and returns perturbed inputs.

The two catalogues below are data, not code: names to ``"module:attribute"``,
imported only when asked for, so that listing them costs no import of torch.
"""

ATTACKS: dict[str, str] = {
    "uniform": "attacks.noise:UniformNoise",
    "sign": "attacks.noise:SignNoise",
    "gaussian": "attacks.noise:GaussianNoise",
    "fgsm": "attacks.fgsm:FGSM",
    "rfgsm": "attacks.fgsm:RFGSM",
    "pgd": "attacks.pgd:PGD",
    "mifgsm": "attacks.mifgsm:MIFGSM",
    "apgd": "attacks.apgd:APGD",
    "sapgd": "attacks.sapgd:SAPGD",
    "square": "attacks.square:Square",
    "quick": "attacks.standard:Quick",
    "standard": "attacks.standard:Standard",
    "thorough": "attacks.standard:Thorough",
}

PATHS: dict[str, str] = {
    "training": "attacks.gradients.base:Training",
    "bptt": "attacks.gradients.bptt:BPTT",
    "bptr": "attacks.gradients.rate:BPTR",
    "rga": "attacks.gradients.rate:RGA",
    "hart": "attacks.gradients.hart:HART",
    "pdsg": "attacks.gradients.pdsg:PDSG",
    "assg": "attacks.gradients.assg:ASSG",
    "hart_mix": "attacks.gradients.mix:HARTMix",
}
