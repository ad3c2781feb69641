"""The network without spikes for event frames: what it takes, and that the order of frames counts."""

from __future__ import annotations

import pytest
import torch

from zoo.architectures.event_frames import event_frames


def test_frames_are_channels_of_one_picture() -> None:
    torch.manual_seed(0)
    model = event_frames(frames=3, classes=4, side=9, widths=(4, 6, 8)).eval()
    x = (torch.rand(5, 3, 2, 9, 9) < 0.3).float()
    logits = model(x)
    assert logits.shape == (5, 4)
    assert not torch.equal(model(x.flip(1)), logits)
    torch.testing.assert_close(torch.cat([model(row) for row in x.split(1)]), logits)


@pytest.mark.parametrize("shape", [(5, 4, 2, 9, 9), (5, 2, 9, 9)])
def test_another_number_of_frames_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="takes 3 frames"):
        event_frames(frames=3, side=9)(torch.zeros(shape))
