"""What processes have used, by /proc."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    below = [int(child) for t in threads for child in (t / "children").read_text().split()]
    return [pid, *(each for child in below for each in tree(child))]


def processor_seconds(pid: int) -> float:
    """Processor time of a process, of its threads, ended ones too, and of all processes below."""
    return sum(map(_processor_seconds, tree(pid)))


def resident_mib(pid: int) -> float:
    """Resident memory of a process and of all below it; a page that two share counts twice."""
    return sum(map(_resident_mib, tree(pid)))


def resident_kib(pid: int) -> float:
    """Resident memory of one process. The peak is that of now afterwards."""
    now = _status(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return now


def peak_kib(pid: int) -> float:
    """The most that one process held since `resident_kib` was asked."""
    return _status(pid, "VmHWM")


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("Rss:"))


def _status(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
