"""The last step before foreign code starts: a session keyring of its own, and a filter of the kernel on system calls.

Namespaces do not separate everything. The session keyring crosses them, so one process could read the caller's keys, or
leave a note for a later process; memory of nameless files is counted for nobody; sockets of virtual machines know no
network namespace. None of this is needed to run a network, so it is refused for good: what is started from here cannot
take the filter off again.

This is a program of its own, run as ``python confined.py COMMAND...``, and uses nothing but the standard library. Offsets
and numbers are those of Linux: ``linux/seccomp.h``, ``linux/filter.h``, ``linux/audit.h``, ``asm/unistd_64.h`` and
``asm-generic/unistd.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import sys

Numbers = tuple[int, int | None]
"""Of one system call on x86-64 and on ARM; None where a machine has no such call."""
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""What the kernel calls an architecture."""
REFUSED: dict[str, Numbers] = {
    # keys: they cross namespaces
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # memory that is in no process's count
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "mq_open": (240, 180),
    # other processes, and what goes past this filter
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # parts of the kernel in which most holes were found
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    # which pages of shared files are in memory: what an earlier process read
    "mincore": (27, 232),
    "cachestat": (451, 451),
    "preadv2": (327, 286),
    # times of /dev/null and of other devices, which are those of the machine: a note for a later process
    "utimensat": (280, 88),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
}
"""System calls that fail with ``EPERM``, with their numbers on x86-64 and on ARM."""
CLONE, CLONE3 = (56, 220), 435
SOCKETS = ((41, 198), (53, 199))
"""``socket`` and ``socketpair``: for ``AF_UNIX`` alone, which ends at the network namespace."""
NEW_NAMESPACES = 0x7E020000
"""Flags of ``clone``: new mount, cgroup, UTS, IPC, user, process and network namespaces."""
X32 = 0x40000000
"""The first number of a second set of system calls of x86-64, which would go past a list of the first."""
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_AF_UNIX = 1
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_JOIN_SESSION_KEYRING = 1

Instruction = tuple[int, int, int, int]
"""Of the kernel's packet filter: code, jump if true, jump if false, constant."""


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("true", ctypes.c_uint8), ("false", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def number_of(call: Numbers, machine: str) -> int | None:
    """The number of a system call. Raises ``KeyError`` for a machine that is not in :data:`AUDIT`."""
    return dict(zip(AUDIT, call, strict=True))[machine]


def filter_of(machine: str) -> list[Instruction]:
    """The filter. Raises ``KeyError`` for a machine whose numbers are not known."""
    missing, forbidden = (_RETURN, 0, 0, _FAIL | errno.ENOSYS), (_RETURN, 0, 0, _FAIL | errno.EPERM)
    allowed = (_RETURN, 0, 0, _ALLOW)
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, AUDIT[machine]), missing, (_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, X32), missing]
    # The C library falls back to clone, whose flags can be looked at; those of clone3 lie behind a pointer.
    steps += [(_EQUAL, 0, 1, CLONE3), missing]
    for call in REFUSED.values():
        if (number := number_of(call, machine)) is not None:
            steps += [(_EQUAL, 0, 1, number), forbidden]
    argument = (_LOAD, 0, 0, _FIRST_ARGUMENT)
    clone, *sockets = (dict(zip(AUDIT, call, strict=True))[machine] for call in (CLONE, *SOCKETS))
    steps += [(_EQUAL, 0, 4, clone), argument, (_ANY_BIT, 0, 1, NEW_NAMESPACES), forbidden, allowed]
    for socket in sockets:
        steps += [(_EQUAL, 0, 4, socket), argument, (_EQUAL, 1, 0, _AF_UNIX), forbidden, allowed]
    return [*steps, allowed]


def join_new_session_keyring() -> None:
    """Leave the caller's session keyring for a new, empty one.

    Raises ``OSError`` if that fails. A kernel that has no keys, or forbids to ask for them, has nothing to leave.
    """
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.argtypes, syscall.restype = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p), ctypes.c_long
    number = number_of(REFUSED["keyctl"], platform.machine())
    if syscall(number, _JOIN_SESSION_KEYRING, None) < 0 and ctypes.get_errno() not in (errno.ENOSYS, errno.EPERM):
        raise OSError(ctypes.get_errno(), "no session keyring")


def refuse_system_calls() -> None:
    """Set the filter on this process and on everything that it starts. Raises ``OSError`` if the kernel has no filters."""
    steps = filter_of(platform.machine())
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)
    program = _Program(len(steps), (_Instruction * len(steps))(*(_Instruction(*step) for step in steps)))
    for words in ((_NO_NEW_PRIVILEGES, 1, None, 0, 0), (_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)):
        if prctl(*words) != 0:
            raise OSError(ctypes.get_errno(), "no filter on system calls")


def main(command: list[str]) -> None:
    """Confine this process and become ``command``; exits with a sentence where that cannot be had."""
    if platform.machine() not in AUDIT:
        sys.exit(f"system calls of {platform.machine()} are not known")
    try:
        join_new_session_keyring()
        refuse_system_calls()
    except OSError as error:
        sys.exit(f"{error.strerror}: {os.strerror(error.errno or 0)}")
    # 1, not 0: a crash is then not handed to a program of the machine either, which would keep the memory of this process.
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
