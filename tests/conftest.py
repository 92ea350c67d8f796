"""What all tests share: one thread a worker, and where the shared data lie."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Workers of pytest-xdist share the cores: one thread each, or they wait for one another.

    And a shell starts jobs in the background with Ctrl-C ignored, which their children inherit; tests that interrupt a
    child need it heard.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput") or os.environ.get("PYTEST_XDIST_WORKER"):
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared example data: $MINTAGE_DATA, or ../shared/data beside the repository."""
    named = os.environ.get("MINTAGE_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"there is no shared data at {folder}; set MINTAGE_DATA to the folder that holds it")
    return folder


@pytest.fixture(scope="session")
def loopback() -> None:
    """A machine that can call itself at 127.0.0.1: one whose network is cut to the last interface cannot."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        try:
            socket.create_connection(server.getsockname(), timeout=5).close()
        except OSError as error:
            pytest.skip(f"this machine cannot reach itself at 127.0.0.1 ({error}); bring its loopback interface up")
