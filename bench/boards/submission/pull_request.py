"""A submission that a pull request proposes: what it may change, and how it is taken out of git without checking it out.

    python -m bench.boards.submission.pull_request BASE PROPOSED TARGET

Run by the checker of the base branch. The proposed commit is only read: its one folder is written to ``TARGET/NAME``, as
plain files, and the name is printed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.boards.naming import is_slug
from bench.boards.submission.folder import SIZES
from bench.foundation.errors import BenchError, SubmissionError

HOME = "submissions"
PLAIN = ("100644", "100755")
FIX = f"Change only files of one folder {HOME}/NAME, and make another pull request for the rest."


def only_folder(changed: list[str]) -> str:
    """NAME of the one folder ``submissions/NAME`` that all changed paths lie in.

    Raises ``SubmissionError`` if they do not, or if the name or a file is none a submission has.
    """
    names = set()
    for path in changed:
        home, _, rest = path.partition("/")
        name, _, file = rest.partition("/")
        if home != HOME or not is_slug(name) or file not in SIZES:
            raise SubmissionError(f"The proposal changes {path[:100]!r}.", FIX)
        names.add(name)
    if len(names) != 1:
        raise SubmissionError(f"The proposal changes {len(names)} submissions.", FIX)
    return names.pop()


def extract(repository: Path, base: str, proposed: str, target: Path) -> Path:
    """Write the proposed folder below ``target``; where it is. Links, submodules and too large files are refused."""
    for commit in (base, proposed):
        if not commit or commit.startswith("-"):
            raise SubmissionError(f"{commit[:50]!r} is no commit.", "Name a commit.")
    listed = _git(repository, "diff", "--name-only", "--no-renames", "-z", base, proposed, "--")
    name = only_folder([path.decode(errors="replace") for path in listed.split(b"\0") if path])
    folder = target / name
    folder.mkdir(parents=True)
    for line in _git(repository, "ls-tree", "-r", "-l", "-z", proposed, "--", f"{HOME}/{name}/").split(b"\0"):
        if not line:
            continue
        about, _, path = line.partition(b"\t")
        mode, kind, blob, size = about.decode().split()
        file = path.decode(errors="replace").removeprefix(f"{HOME}/{name}/")
        if mode not in PLAIN or kind != "blob" or file not in SIZES or int(size) > SIZES[file]:
            raise SubmissionError(f"{file[:60]!r} is no plain file of a submission.", f"Only {', '.join(SIZES)} are.")
        (folder / file).write_bytes(_git(repository, "cat-file", "blob", blob))
    return folder


def _git(repository: Path, *words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, check=False)
    if done.returncode:
        why = (done.stderr.decode(errors="replace").strip().splitlines() or ["it failed"])[-1][:200]
        raise SubmissionError(f"git cannot read the proposal: {why}.", "Fetch both commits first.")
    return done.stdout


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{extract(Path.cwd(), sys.argv[1], sys.argv[2], Path(sys.argv[3])).name}\n")
    except BenchError as error:
        sys.exit(f"{error}")
