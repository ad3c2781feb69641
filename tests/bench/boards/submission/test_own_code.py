"""Own code through the very commands: honest code enters, hostile code is contained and the board stays as it was."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file
from support.submissions import LINEAR, own_code, small_board, state

import bench
from bench.boards.running import folder_of
from bench.boards.store import Board
from bench.boards.submission import namespaces
from bench.boards.submission.checking import Checked, check
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.running import run
from bench.boards.verify import verify
from bench.data import load_samples
from bench.foundation.errors import BenchError, IsolationError
from reports.site.gallery import draw_gallery


def _place() -> bool:
    try:
        namespaces.choose()
    except IsolationError:
        return False
    return True


pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not _place(), reason="this machine allows no namespaces, so own code is refused (tested elsewhere)"),
]
LIMITS = Limits(seconds=300)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return small_board(tmp_path / "boards", n=4)


def checked(folder: Path, limits: Limits = LIMITS) -> Checked:
    return check(folder, n=4, trust_code=True, limits=limits)


@pytest.mark.slow
def test_honest_code_enters_with_the_numbers_of_the_same_network_unisolated(tmp_path: Path) -> None:
    """Judged by answers alone, a linear model has the rows that the ordinary evaluator gives it."""
    board = small_board(tmp_path / "boards", n=30)  # it gets some right
    folder = own_code(tmp_path / "mine")
    _, entry = run(folder, board, out=tmp_path / "records", trust_code=True, limits=LIMITS)
    assert entry.card.kind == "own_code"
    assert verify(board) == []
    protocol = board.protocol()
    scope: dict[str, object] = {}
    exec(compile(LINEAR, "model", "exec"), scope)
    model = scope["build"]()  # type: ignore[operator]
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    direct = bench.evaluate(
        model.eval(), attack=protocol.specs, eps=",".join(protocol.eps), n=30, data="cifar10", seed=protocol.seed
    )
    columns = [
        "sample",
        "eps",
        "label",
        "clean_pred",
        "clean_correct",
        "noise_1",
        "noise_k",
        "robust",
        "verdict",
        "adv_sha256",
    ]
    assert entry.record.rows[columns].equals(direct.rows[columns])
    assert draw_gallery(board, entry, folder_of(entry.record, tmp_path / "records")) is not None
    assert verify(board) == []


SPY = """
import os, pathlib, socket
got = []
if "hunter2" in str(dict(os.environ)): got.append("environment")
for place in (%(secret)r, "/etc/passwd", os.path.expanduser("~/.ssh/id_rsa")):
    try: got.append(open(place).read()[:10])
    except OSError: pass
got += [path for path in pathlib.Path.home().rglob("*") if ".cache" not in path.parts]  # of numba, made here
for place in ("/input", "/project/bench", "/usr", %(outside)r):
    try: (pathlib.Path(place) / "written").write_text("x"); got.append(place)
    except OSError: pass
try:
    with socket.socket() as one: one.settimeout(2); one.connect(("127.0.0.1", %(port)d)); got.append("socket")
except OSError: pass
raise RuntimeError(f"got {got}")
"""


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.mark.slow
def test_it_learns_and_changes_nothing(board: Board, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    spy = SPY % {"secret": str(secret), "outside": str(tmp_path), "port": port}
    folder = own_code(tmp_path / "mine", spy)
    before = state(tmp_path)
    with pytest.raises(IsolationError, match=r"got \[\]") as caught:
        run(folder, board, out=tmp_path / "records", trust_code=True, limits=LIMITS)
    assert "\n" not in str(caught.value)
    assert state(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "limits", "said"),
    [
        ("while True:\n  try: os.fork()\n  except OSError: pass", Limits(seconds=300, processes=16), "processes"),
        (
            "x = bytearray(2**31)\nfor i in range(0, 2**31, 4096): x[i] = 1",
            Limits(seconds=300, memory=2**30),
            "memory|Memory",
        ),
        ("import time\ntime.sleep(10**6)", Limits(seconds=5), "took more than 5 s"),
        ("os.kill(os.getppid() or 1, 9); os.kill(1, 9); raise RuntimeError('alone')", LIMITS, "alone"),
    ],
    ids=["forks", "eats", "sleeps", "kills"],
)
def test_it_is_stopped(board: Board, tmp_path: Path, code: str, limits: Limits, said: str) -> None:
    folder = own_code(tmp_path / "mine", f"import os\n{code}\n{LINEAR}")
    before = state(board.folder)
    with pytest.raises(BenchError, match=said) as caught:
        run(folder, board, out=tmp_path / "records", trust_code=True, limits=limits)
    assert "\n" not in str(caught.value)
    assert state(board.folder) == before


PATCHED = f"""{LINEAR}
import bench.models.scorer, bench.tasks.feasibility
torch.Tensor.argmax = lambda self, *a, **k: torch.full((len(self),), 3)  # whoever counts here counts these as right
torch.equal = lambda *a: True
torch.Tensor.__eq__ = lambda self, other: torch.ones(self.shape, dtype=torch.bool)
bench.tasks.feasibility.statuses = lambda adv, *a: ["ok"] * len(adv)
"""


def test_patches_of_torch_stay_in_its_process(tmp_path: Path) -> None:
    """Logits are what it answers; decisions, and what is right, are counted where it cannot reach."""
    folder = own_code(tmp_path / "mine", PATCHED)
    samples = load_samples("cifar10", n=4)
    weights = load_file(folder / "weights.safetensors")
    right = (samples.images.flatten(1) @ weights["read.weight"].T).argmax(1) == samples.labels
    found = checked(folder)
    assert next(one.value for one in found.checks if one.name == "clean accuracy") == float(right.float().mean())


RETURN = "return self.read(x.flatten(1))"
STATEFUL = LINEAR.replace(RETURN, f"self.n = getattr(self, 'n', 0) + 1; {RETURN}.roll(self.n, 1)")
COMPANY = LINEAR.replace(RETURN, "return self.read((x - x.mean(0, keepdim=True)).flatten(1))")
NAN = LINEAR.replace(RETURN, f"{RETURN} / 0")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "failing"),
    [
        (STATEFUL, {"asked again", "after other images"}),
        (COMPANY, {"one by one"}),
        (NAN, {"isolation"}),
    ],
    ids=["keeps a state", "looks at the batch", "nan"],
)
def test_what_is_no_classifier_is_refused(tmp_path: Path, code: str, failing: set[str]) -> None:
    found = checked(own_code(tmp_path / "mine", code))
    assert failing <= {one.name for one in found.checks if one.status == "fail"}, found.checks
    assert all("\n" not in one.says for one in found.checks)
