"""The machine a run is on: device, precision, threads, memory; and what can be set in this process to go faster."""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
import shutil
import sys
import tempfile
from typing import Literal

import torch

from mintage.runs.errors import RunError

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "fp32", "bf16"]
KERNELS = "TORCHINDUCTOR_CACHE_DIR"


def pick_device(asked: str) -> torch.device:
    """The device asked for, or the best there is.

    Raises:
        RunError: a device this machine or this build of torch does not have.
    """
    kind = asked.partition(":")[0]
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if asked == "auto":
        return torch.device("cuda" if there["cuda"] else "mps" if there["mps"] else "cpu")
    if kind not in there:
        raise RunError(f"--device {asked!r} is not one of auto, cpu, cuda, mps")
    if not there[kind]:
        found = ", ".join(name for name, found in there.items() if found)
        raise RunError(f"--device {asked} is not available here (torch {torch.__version__} finds: {found}); "
                       "use --device auto")
    return torch.device(asked)


def precisions(device: torch.device) -> list[str]:
    """The precisions that can pay on this device; which does is found by trying."""
    if device.type == "cuda":
        return ["bf16", "fp32"] if torch.cuda.is_bf16_supported(including_emulation=False) else ["fp32"]
    if device.type == "cpu" and _cpu_has_bf16():
        return ["bf16", "fp32"]
    return ["fp32"]


def settle() -> str | None:
    """Keep glibc from returning large tensors' memory to the system after every use; a sentence where it was done.

    glibc maps and unmaps every block over 32 MB, and the page faults cost up to half of a training on a CPU. The two
    thresholds are set for this process only. MINTAGE_MALLOC=default leaves them alone.
    """
    if os.environ.get("MINTAGE_MALLOC") == "default" or platform.libc_ver()[0] != "glibc":
        return None
    trim, mmap_max = -1, -4  # M_TRIM_THRESHOLD, M_MMAP_MAX of malloc.h
    libc = ctypes.CDLL(None)
    libc.mallopt(mmap_max, 0)
    libc.mallopt(trim, 2**31 - 1)
    return "memory allocator: freed memory is kept for reuse (MINTAGE_MALLOC=default to leave it alone)"


def keep_kernels() -> None:
    """Let torch's compiler keep its files in a folder of this process, which goes with it, unless the user named one
    (TORCHINDUCTOR_CACHE_DIR)."""
    if KERNELS not in os.environ:
        os.environ[KERNELS] = tempfile.mkdtemp(prefix="mintage-kernels-")
        atexit.register(shutil.rmtree, os.environ[KERNELS], ignore_errors=True)


def describe(device: torch.device) -> dict[str, str | int]:
    """What to write down about the machine beside a figure."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    return {"device": str(device), "name": name, "threads": torch.get_num_threads(), "system": platform.system(),
            "python": platform.python_version(), "torch": torch.__version__}


def memory_peak() -> int:
    """The largest resident memory of this process so far, in bytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _cpu_has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware; without it bf16 is slower than float32."""
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags or " bf16" in flags


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            line = next((line for line in file if line.startswith("model name")), "")
        return line.partition(":")[2].strip() or platform.machine()
    except OSError:
        return platform.processor() or platform.machine()
