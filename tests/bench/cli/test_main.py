"""The command line: fast to ask, one line when it is wrong, quiet on stdout when it is right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from support.leaderboard import kept_records
from support.tiny import Linear

from bench.cli import main as module
from bench.cli.evaluate import _count
from bench.cli.quiet import printing_to_stderr
from bench.cli.summary import advice, summarise
from bench.data.base import Samples
from bench.foundation import registry
from bench.foundation.errors import SpecError
from bench.tasks.checks import concluded
from bench.tasks.results import Check
from zoo import card as cards

ROOT = Path(__file__).parents[3]

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Linear(9, 3)
        self.read.weight.data = torch.linspace(-1, 1, 27).view(3, 9)
        self.read.bias.data.zero_()

    def forward(self, x):
        return self.read(x.flatten(1))

class Moody(Net):
    def forward(self, x):
        return super().forward(x) + 100 * torch.randn(len(x), 3)

class Broken(Net):
    def forward(self, x):
        return super().forward(x) * float("nan")

class Prints(Net):
    def __init__(self):
        super().__init__()
        print("loading")

    def forward(self, x):
        print("input", tuple(x.shape))
        return super().forward(x)

class Picky(Net):
    def forward(self, x):
        return self.read(x.view(-1, 7))
"""


class Said(NamedTuple):
    code: int
    out: str
    err: str


Bench = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """``bench ARGUMENTS`` in this process."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            module.main()
        out, err = capsys.readouterr()
        return Said(int(caught.value.code or 0), out, err)

    return call


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's file with models, and a data set named ``own``."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (12, 1, 3, 3), dtype=torch.uint8, generator=generator)

    def load(name: str, *, split: str = "test", n: int | None = None) -> Samples:
        assert (name, split) == ("own", "test")
        samples = Samples(pixels, torch.arange(12) % 3, torch.arange(12), name, split)
        return samples if n is None else samples.take(n)

    monkeypatch.setattr("bench.evaluation.request.resolve.load_samples", load)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    return "net.py::Net"


def refused(said: Said, *words: str) -> None:
    """One line on stderr, nothing on stdout, exit 2."""
    assert said.code == 2, said
    lines = [line for line in said.err.splitlines() if line.strip()]
    assert len(lines) == 1, said.err
    assert lines[0].startswith("bench: ")
    assert not said.out.strip()
    for word in words:
        assert word in lines[0]


# --- no torch ---


@pytest.mark.parametrize(
    ("line", "status"),
    [
        *((line, "0") for line in ("--help", "--version", "ls models", "ls attacks", "ls paths", "ls datasets --json")),
        ("ls records --out none", "2"),
    ],
)
def test_asking_imports_no_torch(line: str, status: str) -> None:
    code = (
        "import sys\n"
        "from bench.cli.main import main\n"
        f"sys.argv = ['bench', *{line.split()!r}]\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as stop:\n"
        "    print('code', stop.code)\n"
        "print('torch' in sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split()[-3:] == ["code", status, "False"]


def test_as_a_program() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "bench.cli.main", "evalute"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 2
    assert found.stderr == "bench: Unknown command 'evalute'. Did you mean: evaluate, measure?\n"
    assert not found.stdout


# --- what there is ---


@pytest.mark.parametrize(
    ("words", "listing"),
    [
        (["board", "show"], "bench board ls"),
        (["board", "run"], "bench board ls"),
        (["show"], "bench ls models"),
        (["evaluate"], "bench ls models"),
    ],
)
def test_what_is_missing_is_listed_somewhere(run: Bench, words: list[str], listing: str) -> None:
    refusal = run(*words)
    assert refusal.code == 2
    assert f"{listing} lists what there is. See bench {' '.join(words)} --help." in refusal.err


@pytest.mark.parametrize("verb", ["show", "measure", "train"])
@pytest.mark.parametrize("model", ["net.py::Net", "cnn.onnx"])
def test_a_model_of_ones_own_is_not_looked_for_in_the_zoo(run: Bench, verb: str, model: str) -> None:
    refusal = run(verb, model)
    assert refusal.code == 2
    assert "a model of your own" in refusal.err and "bench evaluate" in refusal.err


def test_help_names_every_verb(run: Bench) -> None:
    said = run("--help")
    assert said.code == 0
    for verb in module.VERBS:
        assert f"  {verb} " in said.out


@pytest.mark.parametrize("verb", module.VERBS)
def test_every_verb_has_help(run: Bench, verb: str) -> None:
    said = run(verb, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: bench {verb} ")


@pytest.mark.parametrize("kind", ["models", "attacks", "paths", "datasets"])
def test_lists(run: Bench, kind: str) -> None:
    rows = json.loads(run("ls", kind, "--json").out)
    assert rows
    assert all(value for row in rows for value in row.values())
    shown = run("ls", kind).out
    assert all(next(iter(row.values())) in shown for row in rows)


@pytest.mark.parametrize("kind", ["attacks", "paths", "datasets"])
def test_what_is_listed_is_described_in_whole_sentences(run: Bench, kind: str) -> None:
    rows = json.loads(run("ls", kind, "--json").out)
    lines = [row["what"] for row in rows]
    assert [line for line in lines if not line.endswith(".") or "`" in line] == []


def test_a_model_without_parameters_is_listed_as_ready_and_cannot_be_trained(run: Bench) -> None:
    rows = {row["model"]: row["weights"] for row in json.loads(run("ls", "models", "--json").out)}
    assert rows["zoo:cam_tfp_reconstruction"] == "none needed" and rows["zoo:cam_tfp_snn"].endswith(" MB")
    refused(run("train", "zoo:cam_tfp_reconstruction"), "has no parameters that could be trained")


def test_a_reconstruction_is_evaluated_and_printed(run: Bench, tmp_path: Path) -> None:
    line = ("evaluate", "--model", "zoo:cam_tfp_reconstruction", "--attack", "pgd:steps=1", "--eps", "2/255", "--n", "2")
    said = run(*line, "--scorings", "2", "--eot", "2", "--out", str(tmp_path))
    assert said.code == 0
    for text in (
        "PSNR (dB): clean",
        "drop by the attack (dB)",
        "SSIM: attacked",
        "a lower bound on how far the PSNR can drop",
    ):
        assert text in said.out


def test_plug_ins_are_listed_whole_or_broken(run: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("mine", "support.tiny:Linear", "bench.attacks"),
        EntryPoint("gone", "no_such_package_at_all:Attack", "bench.attacks"),
        EntryPoint("torn", "no_such_package_at_all.inside:Attack", "bench.attacks"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [p for p in points if p.group == group])
    rows = {row["attack"]: row["what"] for row in json.loads(run("ls", "attacks", "--json").out)}
    assert list(rows)[-3:] == ["mine", "gone", "torn"]
    assert rows["mine"] == (Linear.__doc__ or "").partition("\n")[0].replace("``", "") != ""
    assert rows["gone"] == "(not importable)"
    assert rows["torn"].startswith("(broken: ModuleNotFoundError")
    assert {"pgd", "foolbox:LinfPGD", "torchattacks:PGD"} <= set(rows)


def test_show(run: Bench) -> None:
    assert json.loads(run("show", "zoo:snn_vanilla", "--json").out)["name"] == "snn_vanilla"
    assert "name: snn_vanilla" in run("show", "snn_vanilla").out
    assert "Özdenizci" in run("show", "zoo:snn_robust_conversion").out
    refused(run("show", "zoo:snn_vanila"), "Unknown model", "Did you mean", "zoo:snn_vanilla")


@pytest.fixture
def misspelt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A zoo with two cards, one of which has a key misspelt; the name of that."""
    for name in ("snn_vanilla", "snn_gn"):
        text = (cards.CARDS / f"{name}.yaml").read_text()
        (tmp_path / f"{name}.yaml").write_text(text.replace("summary:", "sumary:") if name == "snn_gn" else text)
    monkeypatch.setattr(cards, "CARDS", tmp_path)
    for cached in (cards.names, cards.card):
        cached.cache_clear()
    yield "snn_gn"
    for cached in (cards.names, cards.card):
        cached.cache_clear()


def test_a_broken_card_is_named_and_hides_no_other(run: Bench, misspelt: str, tmp_path: Path) -> None:
    good, bad = (next(r for r in json.loads(run("ls", "models", "--json").out) if r["model"] == f"zoo:{name}")
                 for name in ("snn_vanilla", misspelt))  # fmt: skip
    assert good["dataset"] == "cifar10"
    assert bad["summary"].startswith(f"(broken: The card of zoo:{misspelt} cannot be read ({misspelt}.yaml: su")
    assert good.keys() == bad.keys() and all(bad.values())
    assert run("ls", "models").code == 0
    for arguments in (["show", misspelt], ["train", f"zoo:{misspelt}"], ["train", "--all"], ["evaluate", "--model"]):
        arguments += [f"zoo:{misspelt}"] if arguments[0] == "evaluate" else []
        refused(run(*arguments), f"The card of zoo:{misspelt} cannot be read", f"{misspelt}.yaml")


# --- the main job ---


def test_evaluate_as_json(run: Bench, net: str, tmp_path: Path) -> None:
    arguments = ["evaluate", "--model", net, "--data", "own", "--n", 8, "--attack", "pgd:steps=2", "--attack", "fgsm"]
    said = run(*arguments, "--json")
    assert said.code == 0
    assert not said.err.strip()
    record = json.loads(said.out)
    assert record["data"]["n"] == 8
    assert [cell["attack"] for cell in record["results"]] == ["pgd:steps=2", "fgsm", "worst case"]
    (folder,) = (tmp_path / "records").glob("[!.]*")
    assert json.loads((folder / "record.json").read_text())["identity"] == record["identity"]
    again = run(*arguments, "--json")
    assert again.err == f"already done on {record['created'][:10]} (--fresh to run it again)\n"
    assert json.loads(again.out) == record | {"rows_sha256": json.loads(again.out)["rows_sha256"]}
    compared = json.loads(run("compare", folder, folder, "--json").out)
    assert [one["difference"]["value"] for one in compared] == [0.0] * len(compared)
    compared_text = run("compare", folder, folder).out
    assert "fgsm" in compared_text and "-0.0" not in compared_text


def test_evaluate_as_a_table(run: Bench, net: str, tmp_path: Path) -> None:
    said = run("evaluate", "--model", net, "--data", "own", "--n", "all", "--eps", "2/255,8/255", "--attack", "fgsm")
    assert said.code == 0
    for words in ("clean", "random noise", "gap", "eps 2/255", "eps 8/255", "12 test images of own", "verdict:"):
        assert words in said.out
    assert "at most" in said.err
    assert "already done" not in said.err
    folder = Path(said.out.rpartition("record: ")[2].split("  (")[0])
    assert (tmp_path / folder / "record.json").exists()


def test_a_verdict_is_printed_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    record = kept_records()[0]
    reason = "a step along the best of 4 gradient paths (Training(coding=None)) leads nearer to another class"
    told = record.reliability.model_copy(update={"status": "reliable_with_remarks", "reasons": [reason]})
    summarise(record.model_copy(update={"reliability": told}).with_rows(record.rows), Path("records"))
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("verdict: "))
    assert line.endswith("the best of 4 gradient paths (the model's own gradient) leads nearer to another class")


def test_advice_follows_from_what_bounds_the_number() -> None:
    few = Check(name="attacked samples", status="bound", value=5, says="only 5 samples were attacked")
    full_set = advice(concluded([few], decisive=True, why="a short attack set"))
    assert "--n" in full_set and "--attack standard" not in full_set
    short_set = advice(concluded([few], decisive=False, why="a short attack set"))
    assert "--n" in short_set and "--attack standard" in short_set
    uncontrolled = few.model_copy(update={"name": "out of control", "says": "a step is out of control"})
    assert advice(concluded([uncontrolled], decisive=True, why="a short attack set")) == "bench doctor looks closer"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--attack", "pdg"], ["Unknown attack 'pdg'", "Did you mean", "pgd"]),
        (["--attack", "PGD"], ["Unknown attack 'PGD'", "Did you mean: pgd"]),
        (["--attack", "pgd:stepz=3"], ["stepz", "Did you mean: steps"]),
        (["--attack", "pgd:steps=x"], ["steps takes a whole number"]),
        (["--attack", "pgd:"], ["ends after its colon"]),
        (["--path", "bppt"], ["Unknown gradient path", "bptt"]),
        (["--eps", "abc"], ["not a number"]),
        (["--eps", "-8/255"], ["negative"]),
        (["--eps", "8"], ["exceeds 1", "8/255"]),
        (["--norm", "l2"], ["no default radius in l2", "--eps"]),
        (["--n", "0"], ["--n"]),
        (["--n", "-3"], ["--n"]),
        (["--n", "many"], ["--n", "'many'"]),
        (["--n", "1.5"], ["--n"]),
        (["--n", "13"], ["13", "12"]),
        (["--device", "gpu"], ["There is no device 'gpu'"]),
        (["--out", "net.py"], ["net.py", "is a file, not a folder"]),
        (["--model", "net"], ["does not name a model"]),
        (["--model", "zoo:snn_vanila"], ["Unknown model", "zoo:snn_vanilla"]),
        (["--model", "none.py::Net"], ["There is no file none.py"]),
        (["--model", "net.py::Nat"], ["no function 'Nat'"]),
        (["--model", "net.py::Moody"], ["changed its decision", "--stochastic"]),
        (["--model", "net.py::Broken"], ["NaN"]),
        (["--model", "net.py::Picky"], ["failed on images of shape 1 x 3 x 3"]),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_one_line_and_exit_2(run: Bench, net: str, options: list[str], words: list[str], as_json: bool) -> None:
    arguments = {"--model": net, "--data": "own", "--n": "12", "--attack": "fgsm"} | dict([options])
    flags = ["--json"] if as_json else []
    said = run("evaluate", *(word for pair in arguments.items() for word in pair), *flags)
    if not as_json:  # the price comes before the first mistake that only running can find
        lines = [line for line in said.err.splitlines() if not line.startswith(("at most", "less"))]
        said = said._replace(err="\n".join(lines))
    refused(said, *words)


def test_usage_errors_exit_2(run: Bench) -> None:
    for arguments in (["evaluate"], ["evaluate", "--modle", "x"], ["ls", "models", "more"], ["ls", "modls"], ["--nonsense"]):
        said = run(*arguments)
        assert said.code == 2
        refused(said, "See bench", "--help")


def test_comparing_nothing(run: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(run("compare", tmp_path, tmp_path), "no readable record")
    refused(run("compare", tmp_path / "file", tmp_path), "no readable record")
    for names in (["a"], ["a", "b", "c"]):  # as a shell makes them of records/zoo-snn_at-*
        refused(run("compare", *names), f"and {len(names)} were named (a", "bench ls records")
    refused(run("compare"), "--help")


def test_records_are_listed_in_the_order_in_which_they_were_made(run: Bench, net: str, tmp_path: Path) -> None:
    refused(run("ls", "records"), "no records in records", "--out")
    words = ("evaluate", "--model", net, "--data", "own", "--n", 4)
    made = [
        json.loads(run(*words, *more, "--json").out)
        for more in (("--attack", "fgsm"), ("--attack", "pgd:steps=2", "--attack", "fgsm", "--eps", "1/255,2/255"))
    ]
    for number, record in enumerate(made):
        (path,) = Path("records").glob(f"*{record['identity'][:12]}/record.json")
        path.write_text(path.read_text().replace(record["created"], f"2026-01-02T03:04:0{number}"))
    rows = json.loads(run("ls", "records", "--json").out)
    assert [row["attacks"] for row in rows] == ["fgsm", "pgd:steps=2; fgsm"]
    assert [row["threat"] for row in rows] == ["linf 8/255", "linf 1/255, 2/255"]
    assert all(
        record["identity"].startswith(row["record"].rpartition("-")[2]) for record, row in zip(made, rows, strict=True)
    )
    assert {(row["model"], row["samples"], row["verdict"]) for row in rows} == {
        (made[0]["model"]["ref"], "4 test of own", made[0]["reliability"]["status"])
    }
    weights = made[0]["model"]["fingerprint"]["parameters_sha256"]
    assert {row["weights"] for row in rows} == {weights[:12]}
    assert all(row["record"] in run("ls", "records", "--out", "records").out for row in rows)
    Path(rows[0]["record"], "record.json").write_text('{"model": 3}')
    damaged = next(row for row in json.loads(run("ls", "records", "--json").out) if row["record"] == rows[0]["record"])
    assert damaged["verdict"] == "(not readable)"


def test_without_a_count_a_small_set_is_taken_whole(run: Bench, net: str) -> None:
    arguments = ("evaluate", "--model", net, "--data", "own", "--attack", "fgsm", "--json")
    assert json.loads(run(*arguments).out)["data"]["n"] == 12
    refused(run(*arguments, "--n", 1000), "1,000 samples were asked for, but own (test) has 12")


def test_pictures_only(run: Bench, net: str) -> None:
    arguments = ("evaluate", "--model", net, "--data", "own", "--attack", "fgsm", "--eps", "0.9/255", "--json")
    record, pictures = (json.loads(run(*arguments, *more).out) for more in ([], ["--eight-bit"]))
    assert pictures["settings"] == record["settings"] | {"eight_bit": True}
    assert "linf, images of 8 bits" in run(*arguments[:-1], "--eight-bit").out
    assert pictures["results"][0]["robust"]["value"] == record["results"][0]["clean"]["value"]


def test_the_doctor_takes_the_samples_there_are(run: Bench, net: str) -> None:
    found = json.loads(run("doctor", net, "--data", "own", "--json").out)
    assert 0 < found["samples"] <= 12
    said = run("doctor", net, "--data", "own", "--n", 2)
    assert "examined on" in said.out
    assert "passed" in said.out
    assert "samples say little; examine at least 10 (--n)" in " ".join(said.out.split())


def test_the_doctor_refuses_a_network_without_the_neurons_that_are_meant(run: Bench, net: str) -> None:
    refused(run("doctor", net, "--data", "own", "--neurons", "norse", "--quiet"), "No neuron of norse fires")


def test_the_doctor_says_how_far_it_is_and_what_it_could_not_look_at(run: Bench, net: str) -> None:
    """Images of 3 x 3 are too small for Square; nobody shall take that for a search that passed."""
    said = run("doctor", net, "--data", "own", "--n", 2)
    assert said.err.splitlines()[0].startswith("1/13  decisions")
    assert "not everything was looked at: Square (500 queries)" in " ".join(said.out.split())
    answer = json.loads(run("doctor", net, "--data", "own", "--n", 2, "--json").out)
    assert "Square (500 queries)" in answer["not_looked_at"]


@pytest.mark.parametrize("model", ["net.py::Nat", "zoo:snn_vanila", "none.yaml", "broken.yaml"])
def test_the_doctor_refuses_in_one_line(run: Bench, net: str, model: str) -> None:
    Path("broken.yaml").write_text("name: [")
    refused(run("doctor", model, "--data", "own"))


def test_counts() -> None:
    assert _count(None) == 1000
    assert _count("all") is None
    assert _count("12") == 12
    for text in ("", "0", "-1", "x", "1e3", "²", " 3"):
        with pytest.raises(SpecError):
            _count(text)


# --- being stopped ---


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def test_ctrl_c(run: Bench, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.tasks.classification.judge.Decisions.clean", raising(KeyboardInterrupt()))
    said = run("evaluate", "--model", net, "--data", "own", "--n", "12", "--json")
    assert said.code == 130
    again = f"bench evaluate --model {net} --data own --n 12 --json"
    assert said.err.strip() == f"bench: interrupted. What is finished is kept; go on with: {again}"
    assert not said.out


def test_a_full_disk(run: Bench, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", raising(OSError(28, "No space left on device")))
    refused(run("evaluate", "--model", net, "--data", "own", "--n", "12", "--json"), "is full", "run the same command again")


def test_a_programmer_s_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, net: str) -> None:
    monkeypatch.setattr("bench.tasks.classification.judge.Decisions.clean", raising(ZeroDivisionError()))
    monkeypatch.setattr(sys, "argv", ["bench", "evaluate", "--model", net, "--data", "own", "--n", "12", "--json"])
    with pytest.raises(ZeroDivisionError):
        module.main()


def test_what_a_model_prints_goes_to_standard_error(run: Bench, net: str) -> None:
    said = run("evaluate", "--model", "net.py::Prints", "--data", "own", "--n", 12, "--attack", "fgsm", "--json")
    assert json.loads(said.out)["data"]["n"] == 12
    assert "loading" in said.err
    assert "input (50, 1, 3, 3)" in said.err
    said = run("doctor", "net.py::Prints", "--data", "own", "--n", 4, "--source", "net.py::Net", "--json")
    assert json.loads(said.out)["samples"] > 0
    assert "loading" in said.err


def test_so_does_what_libraries_print(capfd: pytest.CaptureFixture[str]) -> None:
    with printing_to_stderr():
        os.write(1, b"from C")
        print("from Python")  # noqa: T201
    os.write(1, b"result")
    out, err = capfd.readouterr()
    assert out == "result"
    assert "from C" in err
    assert "from Python" in err


def test_options_for_networks_of_the_users_own(run: Bench, net: str, tmp_path: Path) -> None:
    torch.save({"net": {"module.read.weight": torch.ones(3, 9), "module.read.bias": torch.zeros(3)}}, tmp_path / "w.pth")
    arguments = ("evaluate", "--model", net, "--data", "own", "--n", 12, "--attack", "fgsm")
    said = run(*arguments, "--weights", "w.pth", "--mean", "0.5", "--std", "0.5", "--batch", 6, "--expect", 99)
    assert said.code == 0
    for words in ("remark: w.pth: the tensors lay under 'net'.", "'module.' was taken off", "99% were expected"):
        assert words in said.out
    refused(run("evaluate", "--model", "zoo:snn_vanilla", "--n", 2, "--preprocess", "255"), "Leave --preprocess out")
    refused(run(*arguments, "--weights", "none.pth"), "There is no file none.pth")
    refused(run(*arguments, "--readout", "sum"), "Leave --readout out")
    refused(run("evaluate", "--model", "w.pth", "--data", "own"), "my_model.py::build --weights w.pth")
