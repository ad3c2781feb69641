"""Ground floor: how an input is perturbed.

Nothing here knows what a zoo, a data set or a record is. An attack sees an
:class:`~attacks.oracle.Oracle` (the model behind books that count every call),
clean inputs and a :class:`~attacks.threats.threat.Threat`, and returns perturbed inputs.

The catalogues below are data, not code: names to ``"module:attribute"``,
imported only when asked for, so that listing them costs no import of torch.
"""

THREATS: dict[str, str] = {
    "linf": "attacks.threats.linf:Linf",
    "l2": "attacks.threats.l2:L2",
    "flicker": "attacks.threats.flicker:Flicker",
    "events_l0": "attacks.threats.events_l0:EventsL0",
    "event_counts": "attacks.threats.events_l0:EventCounts",
    "spike_flips": "attacks.threats.spike_flips:SpikeFlips",
    "retime": "attacks.threats.retime:Retime",
    "retime_shift": "attacks.threats.retime:RetimeShift",
    "retime_total": "attacks.threats.retime:RetimeTotal",
}

STANDARD = 6
"""The version of the attack sets that ``quick``, ``standard`` and ``thorough`` mean where none is given."""

_SETS: dict[int, str] = {
    3: "attacks.standard_3:{}3",
    4: "attacks.standard_4:{}4",
    5: "attacks.standard_5:{}5",
    6: "attacks.standard:{}",
}


def attack_sets(today: int = STANDARD) -> dict[str, str]:
    """The catalogue's entries of all versions of the attack sets; those of ``today``'s have no version in their names."""
    return {
        name.lower() + (f"@{version}" if version != today else ""): where.format(name)
        for version, where in sorted(_SETS.items(), key=lambda entry: entry[0] != today)
        for name in ("Quick", "Standard", "Thorough")
    }


ATTACKS: dict[str, str] = {
    "uniform": "attacks.noise:UniformNoise",
    "sign": "attacks.noise:SignNoise",
    "gaussian": "attacks.noise:GaussianNoise",
    "fgsm": "attacks.fgsm:FGSM",
    "rfgsm": "attacks.fgsm:RFGSM",
    "pgd": "attacks.pgd:PGD",
    "mifgsm": "attacks.mifgsm:MIFGSM",
    "apgd": "attacks.apgd:APGD",
    "warm_apgd": "attacks.warm_apgd:WarmAPGD",
    "sapgd": "attacks.sapgd:SAPGD",
    "square": "attacks.square:Square",
    "corners": "attacks.corners:Corners",
    "learning_corners": "attacks.learning_corners:LearningCorners",
    "near_corners": "attacks.near_corners:NearCorners",
    "blind_corners": "attacks.corners:BlindCorners",
    **attack_sets(),
    "nes": "attacks.estimated:NES",
    "spsa": "attacks.estimated:SPSA",
    "hopskipjump": "attacks.hopskipjump:HopSkipJump",
    "boundary": "attacks.boundary:ScoreBoundary",
    "korhonen": "attacks.korhonen:Korhonen",
    "perceptual": "attacks.perceptual:Perceptual",
    "madc": "attacks.madc:MADC",
    "universal": "attacks.universal:Universal",
    "fmn": "attacks.fmn:FMN",
    "deepfool": "attacks.adapters.foolbox:DeepFool",
    "cw": "attacks.adapters.foolbox:CarliniWagner",
    "transfer": "attacks.transfer:Transfer",
    "topk": "attacks.events.ascent:TopK",
    "event_ascent": "attacks.events.ascent:EventAscent",
    "swap_search": "attacks.events.swaps:SwapSearch",
    "sda": "attacks.events.sda:SDA",
    "fewest_events": "attacks.events.fewest:FewestEvents",
    "spikefool": "attacks.events.spikefool:SpikeFool",
    "ternary": "attacks.events.ternary:TernarySampling",
    "retiming": "attacks.events.retiming:SoftRetiming",
    "flip_search": "attacks.events.search:FlipSearch",
    "frame": "attacks.events.patterns:Frame",
    "corner": "attacks.events.patterns:Corner",
    "dash": "attacks.events.patterns:Dash",
    "foolbox:FGSM": "attacks.adapters.foolbox:FGSM",
    "foolbox:FGM": "attacks.adapters.foolbox:FGM",
    "foolbox:LinfPGD": "attacks.adapters.foolbox:LinfPGD",
    "foolbox:L2PGD": "attacks.adapters.foolbox:L2PGD",
    "foolbox:LinfAdamPGD": "attacks.adapters.foolbox:LinfAdamPGD",
    "foolbox:L2AdamPGD": "attacks.adapters.foolbox:L2AdamPGD",
    "foolbox:DDNAttack": "attacks.adapters.foolbox:DDN",
    "foolbox:LInfFMNAttack": "attacks.adapters.foolbox:LInfFMN",
    "foolbox:LinfDeepFoolAttack": "attacks.adapters.foolbox:LinfDeepFool",
    "foolbox:L2DeepFoolAttack": "attacks.adapters.foolbox:L2DeepFool",
    "foolbox:L2CarliniWagnerAttack": "attacks.adapters.foolbox:CarliniWagner",
    "torchattacks:FGSM": "attacks.adapters.torchattacks:FGSM",
    "torchattacks:PGD": "attacks.adapters.torchattacks:PGD",
    "torchattacks:PGDL2": "attacks.adapters.torchattacks:PGDL2",
    "torchattacks:EOTPGD": "attacks.adapters.torchattacks:EOTPGD",
    "torchattacks:MIFGSM": "attacks.adapters.torchattacks:MIFGSM",
    "torchattacks:NIFGSM": "attacks.adapters.torchattacks:NIFGSM",
    "torchattacks:VMIFGSM": "attacks.adapters.torchattacks:VMIFGSM",
    "torchattacks:APGD": "attacks.adapters.torchattacks_auto:APGD",
    "torchattacks:APGDT": "attacks.adapters.torchattacks_auto:APGDT",
    "torchattacks:FAB": "attacks.adapters.torchattacks_auto:FAB",
    "torchattacks:Square": "attacks.adapters.torchattacks_auto:Square",
    "torchattacks:AutoAttack": "attacks.adapters.torchattacks_auto:AutoAttack",
}

PATHS: dict[str, str] = {
    "training": "attacks.gradients.base:Training",
    "bptt": "attacks.gradients.bptt:BPTT",
    "bptr": "attacks.gradients.rate:BPTR",
    "rga": "attacks.gradients.rate:RGA",
    "hart": "attacks.gradients.hart:HART",
    "last_step": "attacks.gradients.last_step:LastStep",
    "pdsg": "attacks.gradients.pdsg:PDSG",
    "assg": "attacks.gradients.assg:ASSG",
    "bpda": "attacks.gradients.bpda:BPDA",
    "hart_mix": "attacks.gradients.mix:HARTMix",
}
