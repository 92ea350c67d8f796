"""A sitting of the human test, its server, and a plain client to ask it with."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mintage.studio.local import HOST, LocalServer
from mintage.studio.turing import Sitting

from .sources import made_up

JSON = {"Content-Type": "application/json"}


class Asking:
    """A sitting, its server, and a plain client."""

    def __init__(self, sitting: Sitting, server: LocalServer) -> None:
        self.sitting, self.server = sitting, server

    def ask(self, route: str, method: str = "GET", *, body: bytes | None = None, headers: dict[str, str] | None = None,
            path: str | None = None) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(HOST, self.server.port, timeout=10)
        try:
            connection.request(method, path or f"/{self.server.token}/{route}", body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def state(self) -> dict[str, Any]:
        return json.loads(self.ask("state")[2])

    def say(self, name: str, said: str = "real", **more: Any) -> tuple[int, dict[str, Any]]:
        body = {"id": name, "said": said, "seconds": 0.5, "visible_ms": 400.0} | more
        status, _, text = self.ask("answer", "POST", body=json.dumps(body).encode(), headers=JSON)
        return status, json.loads(text) if status == 200 else {}

    def raw(self, text: bytes) -> bytes:
        with socket.create_connection((HOST, self.server.port), timeout=10) as wire:
            wire.sendall(text)
            wire.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: wire.recv(4096), b""))


@pytest.fixture
def asking(loopback: None, tmp_path: Path) -> Iterator[Asking]:
    with Sitting(made_up(tmp_path / "turing"), n=6, practice=2, person="Ada") as sitting, \
            LocalServer(sitting.respond) as server:
        yield Asking(sitting, server)
