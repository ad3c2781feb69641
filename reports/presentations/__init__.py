"""The presentation of the boards of each task: words, columns, curves and outcomes, one file per task."""

PRESENTATIONS: dict[str, str] = {
    "classification": "reports.presentations.classification:PRESENTATION",
    "quality": "reports.presentations.quality:PRESENTATION",
    "reconstruction": "reports.presentations.reconstruction:PRESENTATION",
}
