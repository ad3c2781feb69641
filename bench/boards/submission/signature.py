"""Signatures of submissions: whoever holds the owner's key has signed the manifest, which names the hashes of what is run.

They are optional. An owner that is a public key of OpenSSH is proved by a file that ``ssh-keygen -Y sign`` writes:

    ssh-keygen -Y sign -n spikebench -f ~/.ssh/id_ed25519 submission.yaml
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bench.foundation.errors import SubmissionError

if TYPE_CHECKING:
    from bench.boards.submission.schema import Submission

SIGNATURE = "submission.yaml.sig"
MOST_SIGNATURE = 8 * 1024
NAMESPACE = "spikebench"
"""What a signature is for; one that was made for another purpose proves nothing here."""
WHO = "owner"
SECONDS = 30
_KEY = re.compile(r"(?:sk-)?(?:ssh-ed25519|ecdsa-sha2-nistp256)(?:@openssh\.com)? [A-Za-z0-9+/]+={0,3}(?: .*)?")

Signed = Literal["valid", "none", "unchecked"]
"""``unchecked``: there is a signature, and no ``ssh-keygen`` on this machine."""
SAYS: dict[Signed, str] = {
    "valid": "the manifest is signed with the owner's key",
    "none": "the manifest is not signed, so its owner is a word",
    "unchecked": "the signature was not checked, because this machine has no ssh-keygen",
}


def is_key(owner: str | None) -> bool:
    """Whether an owner is a public key, as it stands in ``id_ed25519.pub``."""
    return owner is not None and _KEY.fullmatch(owner) is not None


def check_signature(folder: Path, submission: Submission, manifest: str) -> Signed:
    """Whether the file ``manifest`` in ``folder`` is signed by the submission's owner.

    Raises ``SubmissionError`` for a signature that is not the owner's, or does not cover the code.
    """
    signature = folder / SIGNATURE
    if not signature.is_file():
        return "none"
    if submission.owner is None or not is_key(submission.owner):
        raise SubmissionError(
            f"There is a {SIGNATURE}, and owner is no key.", "Put the line of id_ed25519.pub there, or ecdsa-sha2-nistp256."
        )
    if submission.code is not None and submission.code.sha256 is None:
        raise SubmissionError(
            f"The signature does not cover {submission.code.file}.", "Run bench submit hash, and sign the manifest again."
        )
    program = shutil.which("ssh-keygen")
    if program is None:
        return "unchecked"
    if not _verifies(program, signature, folder / manifest, submission.owner):
        raise SubmissionError(
            f"{SIGNATURE} is no signature of {manifest} by its owner.",
            f"Sign it as it is now: ssh-keygen -Y sign -n {NAMESPACE} -f KEY {manifest}",
        )
    return "valid"


def _verifies(program: str, signature: Path, signed: Path, key: str) -> bool:
    kind, blob = key.split()[:2]
    with tempfile.TemporaryDirectory(prefix="signers-") as place, signed.open("rb") as content:
        signers = Path(place) / "allowed"
        signers.write_text(f'{WHO} namespaces="{NAMESPACE}" {kind} {blob}\n')
        words = [program, "-Y", "verify", "-f", str(signers), "-I", WHO, "-n", NAMESPACE, "-s", str(signature)]
        try:
            done = subprocess.run(words, stdin=content, capture_output=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0
