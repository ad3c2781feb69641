"""Everything that only a GPU can show, in one command: ``python tests/gpu/run.py``. It takes at most 8 minutes on an H100.

Figures are printed as they come, and all of them as JSON in the last line. The exit code is 1 if something failed or missed
its bar, and 2 without a GPU. Nothing is read from a network; what is not installed is skipped, and said to be. ``--dry``
does the same with tiny sizes on a CPU, through Triton's interpreter; only its figures of correctness mean something.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

SECONDS = 470.0


def main() -> int:
    """Run all sections. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="tiny sizes on a CPU")
    dry = parser.parse_args().dry
    if dry:
        os.environ["TRITON_INTERPRET"] = "1"
    for operator in ("LIF", "IF"):
        os.environ.setdefault(f"SJ_{operator}_CUDA_IMPLEMENTATION", "triton")
    # Triton and SpikingJelly read these when they are imported.
    import torch
    from figures import Report
    from sections import machine, run

    if not dry and not torch.cuda.is_available():
        sys.stderr.write("There is no GPU; --dry runs everything in small on a CPU.\n")
        return 2
    report = Report(torch.device("cpu" if dry else "cuda"), dry, SECONDS)
    report.say(", ".join(f"{name} {value}" for name, value in machine().items()))
    run(report)
    sys.stdout.write(json.dumps(machine() | report.summary()) + "\n")
    return 0 if report.good else 1


if __name__ == "__main__":
    raise SystemExit(main())
