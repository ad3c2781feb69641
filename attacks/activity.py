"""Where an image is busy: changes there are seen least (Korhonen and You, QoEVMA 2022).

    a = dilate(G_x^2 + G_y^2) / max,   G = Sobel / 8 of the luma, 0 on the border

dilated with a 5 x 5 square without its corners. An image without any activity counts as busy everywhere.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SOBEL = ((-1.0, -2.0, -1.0), (0.0, 0.0, 0.0), (1.0, 2.0, 1.0))
_LUMA = (0.299, 0.587, 0.114)


def spatial_activity(x: Tensor) -> Tensor:
    """``(n, 1, H, W)`` in [0, 1], 1 at the busiest place of each of the images ``(n, C, H, W)``.

    Luma of RGB images, the mean of the channels of others. Raises ``ValueError`` for other shapes and below 3 x 3 pixels.
    """
    if x.dim() != 4 or min(x.shape[2:]) < 3:
        raise ValueError(f"spatial activity is of images (n, C, H, W) of at least 3 x 3 pixels, got {tuple(x.shape)}")
    weights = x.new_tensor(_LUMA) if x.shape[1] == 3 else x.new_full((x.shape[1],), 1 / x.shape[1])
    light = torch.einsum("c,nchw->nhw", weights, x)[:, None]
    sobel = x.new_tensor(_SOBEL) / 8
    gradients = F.conv2d(light, torch.stack([sobel, sobel.T])[:, None])
    busy = F.pad(gradients.square().sum(1, keepdim=True), (1, 1, 1, 1))
    most = busy.amax((2, 3), keepdim=True)
    busy = torch.where(most > 0, busy / most.clamp_min(torch.finfo(x.dtype).tiny), 1.0)
    # A square without its corners is the union of two bars.
    return torch.maximum(F.max_pool2d(busy, (5, 3), 1, (2, 1)), F.max_pool2d(busy, (3, 5), 1, (1, 2)))
