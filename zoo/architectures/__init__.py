"""Networks, one per file. Each builder takes keyword arguments that a card can name."""

BUILDERS: dict[str, str] = {
    "compact": "zoo.architectures.compact:compact",
}
