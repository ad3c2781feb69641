"""Networks, one per file. Each builder takes keyword arguments that a card can name."""

BUILDERS: dict[str, str] = {
    "compact": "zoo.architectures.compact:compact",
    "event_frames": "zoo.architectures.event_frames:event_frames",
    "event_network": "zoo.architectures.event_network:event_network",
    "through_pictures": "zoo.cameras.networks:through_pictures",
    "through_spikes": "zoo.cameras.networks:through_spikes",
    "reconstructor": "zoo.cameras.networks:Reconstructor",
    "score_through_pictures": "zoo.cameras.scoring:score_through_pictures",
    "vgg": "zoo.architectures.vgg:vgg",
    "wrn16": "zoo.architectures.residual:wrn16",
    "resnet18": "zoo.architectures.residual:resnet18",
    "resnet20": "zoo.architectures.residual:resnet20",
    "ann_qcfs": "zoo.conversion.qcfs:ann_qcfs",
    "ann_nq": "zoo.conversion.nq:ann_nq",
    "snn_qcfs": "zoo.conversion.convert:snn_qcfs",
    "snn_srp": "zoo.conversion.srp:snn_srp",
    "snn_cos": "zoo.conversion.cos:snn_cos",
    "dbcnn": "zoo.quality.dbcnn:dbcnn",
    "hyperiqa": "zoo.quality.hyperiqa:hyperiqa",
    "linearity": "zoo.quality.linearity:linearity",
    "maniqa": "zoo.quality.maniqa:maniqa",
}
