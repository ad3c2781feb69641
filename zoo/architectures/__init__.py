"""Networks, one per file. Each builder takes keyword arguments that a card can name."""

BUILDERS: dict[str, str] = {
    "compact": "zoo.architectures.compact:compact",
    "dbcnn": "zoo.quality.dbcnn:dbcnn",
    "hyperiqa": "zoo.quality.hyperiqa:hyperiqa",
    "linearity": "zoo.quality.linearity:linearity",
    "maniqa": "zoo.quality.maniqa:maniqa",
}
