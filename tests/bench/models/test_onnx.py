"""ONNX files as models: the answers of the network, no gradients, and whatever can be wrong with a file."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import torch
from support.onnx_files import message, tensor, write_linear

import bench
from bench.foundation.errors import BenchError, ModelError, SpecError, UnknownNameError
from bench.models.opening import open_subject
from bench.models.preparation import Preparation
from zoo.adapters.onnx import OnnxNetwork, external_files

SHAPE = (3, 4, 4)
draw = torch.Generator().manual_seed(0)
WEIGHT = torch.randint(-3, 4, (5, 48), generator=draw).float()
X = torch.randint(0, 256, (13, *SHAPE), generator=draw) / 255
LOGITS = X.flatten(1) @ WEIGHT.T


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pytest.importorskip("onnxruntime")
    return write_linear(tmp_path / "net.onnx", WEIGHT, SHAPE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", ["N", 1, 4, 13, 50])
def test_any_number_of_images_gets_its_logits(path: Path, batch: int | str, dtype: torch.dtype) -> None:
    write_linear(path, WEIGHT, SHAPE, batch=batch, dtype=dtype)
    subject = open_subject(str(path))
    answers = subject.module(X)
    assert answers.dtype == torch.float32 and not answers.requires_grad
    torch.testing.assert_close(answers, LOGITS)
    torch.testing.assert_close(subject.module(X[:1]), LOGITS[:1])
    assert any(f"for {batch} images at a time" in remark for remark in subject.remarks) == (batch != "N")


def test_channels_may_come_last(path: Path) -> None:
    write_linear(path, WEIGHT, (4, 4, 3))
    expected = X.permute(0, 2, 3, 1).flatten(1) @ WEIGHT.T
    torch.testing.assert_close(open_subject(f"onnx:{path},layout=nhwc").module(X), expected)


def test_its_inputs_may_be_normalised(path: Path) -> None:
    subject = open_subject(str(path), prepare=Preparation(mean="0.5", std="0.5"))
    torch.testing.assert_close(subject.module(X), (2 * X - 1).flatten(1) @ WEIGHT.T)


def test_an_output_can_be_chosen(path: Path) -> None:
    write_linear(path, WEIGHT, SHAPE, outputs=("features", "logits"))
    with pytest.raises(ModelError, match="it has the outputs features, logits; say which"):
        open_subject(str(path))
    torch.testing.assert_close(open_subject(f"onnx:{path},output=logits").module(X), LOGITS)
    with pytest.raises(ModelError, match="it has no output 'score', but features, logits"):
        open_subject(f"onnx:{path},output=score")


def test_the_identity_is_that_of_the_files_content(path: Path, tmp_path: Path) -> None:
    first = open_subject(str(path)).fingerprint
    moved = write_linear(tmp_path / "other.onnx", WEIGHT, SHAPE)
    assert open_subject(f"onnx:{moved}").fingerprint == first
    write_linear(path, WEIGHT + 1, SHAPE)
    assert open_subject(str(path)).fingerprint != first


def test_weights_beside_the_file_are_part_of_it(path: Path) -> None:
    fingerprints = []
    for weight in (WEIGHT, WEIGHT + 1):
        write_linear(path, weight, SHAPE, external="net.onnx.data")
        subject = open_subject(str(path))
        torch.testing.assert_close(subject.module(X), X.flatten(1) @ weight.T)
        fingerprints.append(subject.fingerprint)
    assert external_files(path) == [path.parent / "net.onnx.data"]
    assert fingerprints[0]["onnx_sha256"] == fingerprints[1]["onnx_sha256"] and fingerprints[0] != fingerprints[1]
    (path.parent / "net.onnx.data").unlink()
    with pytest.raises(ModelError, match=r"net.onnx cannot be used: .*net\.onnx\.data"):
        open_subject(str(path))


@pytest.mark.parametrize("name", ["/dev/zero", "../weights", "a/../../weights", "absent"])
def test_weights_elsewhere_are_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "weights").write_bytes(b"")
    field = tensor("weight", WEIGHT, external=name)
    (tmp_path / "inner" / "net.onnx").write_bytes(message((7, message((5, field)))))
    with pytest.raises(ValueError, match="no file of its folder"):
        external_files(tmp_path / "inner" / "net.onnx")


def test_copies_share_the_session_and_other_processes_open_their_own(path: Path) -> None:
    module = open_subject(str(path)).module
    assert isinstance(module, OnnxNetwork)
    assert copy.deepcopy(module).session is module.session
    kind, arguments = module.session.__reduce__()
    assert kind(*arguments).opened() is not module.session.opened()


def test_it_uses_no_more_threads_than_torch(path: Path) -> None:
    module = open_subject(str(path)).module
    assert isinstance(module, OnnxNetwork)
    options = module.session.opened().get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (torch.get_num_threads(), 1)


@pytest.mark.slow
def test_standard_searches_without_gradients_and_gives_an_upper_bound(path: Path) -> None:
    labels = LOGITS.argmax(1)
    record = bench.evaluate(str(path), data=(X, labels), attack="standard", eps="16/255")
    ran = {stage.name for stage in record.attacks[0].stages}
    assert ran == {"Square", "Square, longer", "boundary", "HopSkipJump", "blind corners"}
    assert any(text.startswith("PGD-10: PGD follows gradients") for text in record.attacks[0].left_out)
    assert record.reliability.status == "upper_bound"
    assert "no gradient reaches the input (numpy() at onnx.py:" in record.reliability.reasons[0]
    assert record.results[0].clean.value == 1
    assert record.results[0].robust.value < 1 and record.results[0].backwards == 0
    assert any("run by onnxruntime and has no gradient" in remark for remark in record.remarks)


def test_an_attack_along_gradients_is_refused(path: Path) -> None:
    with pytest.raises(SpecError, match="PGD follows gradients, and this model has none"):
        bench.evaluate(str(path), data=(X, LOGITS.argmax(1)), attack="pgd")


@pytest.mark.slow
def test_a_model_that_scores(path: Path) -> None:
    write_linear(path, WEIGHT[:1], SHAPE)
    text = f"onnx:{path},task=quality,low=-50,high=50,lower_is_better=yes"
    subject = open_subject(text)
    assert (subject.task, subject.score_range, subject.higher_is_better) == ("quality", (-50.0, 50.0), False)
    torch.testing.assert_close(subject.module(X), X.flatten(1) @ WEIGHT[0])
    record = bench.evaluate(text, data=(X[:3], torch.linspace(0, 1, 3)), attack="standard", eps="8/255")
    assert {stage.attack.partition("(")[0] for stage in record.attacks[0].stages} == {"Square", "ScoreBoundary"}
    assert float(record.rows["shift_up"].min()) > 0 and float(record.rows["shift_down"].max()) < 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"nonsense", "onnxruntime does not read it"),
        (b"", "cannot be used"),
        (b"\x08", "cannot be used"),
    ],
)
def test_damaged_files(path: Path, content: bytes, sentence: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ModelError, match=sentence):
        open_subject(str(path))


def test_a_file_that_was_cut(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"net\.onnx cannot be used"):
        open_subject(str(path))


def test_inputs_that_are_no_images_in_floating_point(path: Path) -> None:
    write_linear(path, WEIGHT, SHAPE, inputs=2)
    with pytest.raises(ModelError, match=r"it takes 2 inputs \(image, other0\)"):
        open_subject(str(path))


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        (",layout=chwn", SpecError, "nchw or nhwc"),
        (",task=quality,low=1,high=1", SpecError, "low 1 is not below high 1"),
        (",ouput=logits", UnknownNameError, "Did you mean: output"),
    ],
)
def test_options_that_do_not_fit(path: Path, options: str, kind: type[BenchError], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        open_subject(f"onnx:{path}{options}")


def test_images_of_another_shape(path: Path) -> None:
    with pytest.raises(ModelError, match="failed on images of shape 3 x 5 x 5"):
        bench.evaluate(
            str(path), data=(torch.rand(9, 3, 5, 5), torch.zeros(9, dtype=torch.int64)), attack="square:queries=5"
        )


def test_weights_are_in_the_file(path: Path) -> None:
    with pytest.raises(SpecError, match="--weights is not for an ONNX file, which holds its weights"):
        open_subject(str(path), prepare=Preparation(weights="w.pth"))


def test_a_file_that_is_missing() -> None:
    with pytest.raises(ModelError, match=r"There is no file absent\.onnx"):
        open_subject("absent.onnx")


def test_without_the_library_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    path = write_linear(tmp_path / "net.onnx", WEIGHT, SHAPE)
    with pytest.raises(ModelError, match=r"needs onnxruntime, which is not installed. Run: .*spikebench\[onnx\]"):
        open_subject(str(path))
