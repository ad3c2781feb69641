"""Pull requests: one submission's folder may change, it is read and never checked out, and workflows give no rights."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from support.submissions import state, zoo_built

from bench.boards.submission.pull_request import extract, only_folder
from bench.foundation.errors import SubmissionError

WORKFLOWS = sorted((Path(__file__).parents[4] / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize(
    "changed",
    [
        [],
        ["README.md"],
        ["submissions/mine/submission.yaml", "README.md"],
        ["submissions/mine/submission.yaml", "submissions/other/submission.yaml"],
        ["submissions/mine/submission.yaml", ".github/workflows/ci.yml"],
        ["submissions/mine/sub/submission.yaml"],
        ["submissions/../bench/boards/submission.yaml"],
        ["submissions/Mine/submission.yaml"],
        ["submissions/mine/setup.py"],
        ["submissions/submission.yaml"],
        ["leaderboards/snn-cifar10-linf/v1/records.jsonl"],
    ],
)
def test_anything_else_is_refused(changed: list[str]) -> None:
    with pytest.raises(SubmissionError):
        only_folder(changed)


def git(repository: Path, *words: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(repository), *who, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose commit ``base`` holds a file, and in whose tree a submission lies."""
    found = tmp_path / "repository"
    (found / "submissions").mkdir(parents=True)
    (found / "README.md").write_text("base\n")
    git(found, "init", "-q")
    git(found, "add", ".")
    git(found, "commit", "-qm", "base")
    git(found, "tag", "base")
    zoo_built(found / "submissions" / "mine")
    return found


def propose(repository: Path) -> None:
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "proposed")
    git(repository, "tag", "proposed")


def test_the_folder_is_taken_as_it_is(repository: Path, tmp_path: Path) -> None:
    propose(repository)
    git(repository, "checkout", "-q", "base")
    folder = extract(repository, "base", "proposed", tmp_path / "out")
    assert folder.name == "mine"
    git(repository, "checkout", "-q", "proposed")
    assert state(folder) == state(repository / "submissions" / "mine")


def link(folder: Path) -> None:
    (folder / "LICENSE").symlink_to("/etc/passwd")


def edited(folder: Path) -> None:
    (folder.parents[1] / "README.md").write_text("changed\n")


def removed(folder: Path) -> None:
    (folder.parents[1] / "README.md").unlink()


@pytest.mark.parametrize("change", [link, edited, removed])
def test_links_and_changes_elsewhere_are_refused(repository: Path, tmp_path: Path, change: Callable[[Path], None]) -> None:
    change(repository / "submissions" / "mine")
    propose(repository)
    with pytest.raises(SubmissionError):
        extract(repository, "base", "proposed", tmp_path / "out")
    assert not list((tmp_path / "out").rglob("LICENSE"))


@pytest.mark.parametrize("commit", ["", "--output=x", "no-such-commit"])
def test_only_commits_are_read(repository: Path, tmp_path: Path, commit: str) -> None:
    with pytest.raises(SubmissionError):
        extract(repository, "base", commit, tmp_path / "out")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_give_no_rights_away(path: Path) -> None:
    text = path.read_text()
    content = yaml.safe_load(text)
    events = content[True]  # YAML reads the key "on" as a truth value
    assert "pull_request_target" not in events and "workflow_run" not in events
    assert "secrets." not in text
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        writes = {right for right, what in job.get("permissions", {}).items() if what == "write"}
        assert writes <= ({"pages", "id-token"} if "pull_request" not in events else set())
        for step in job["steps"]:
            assert re.search(r"@[0-9a-f]{40}$", step.get("uses", f"@{'0' * 40}")), step
            assert "${{" not in step.get("run", ""), "values of a pull request come by the environment, never as code"


def test_there_is_a_workflow_for_submissions() -> None:
    (text,) = [path.read_text() for path in WORKFLOWS if path.stem == "submission"]
    assert "bench submit check" in text
    assert "git checkout -q base" in text
