"""The local server: who may ask, how, and for how long."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mintage.studio import local
from mintage.studio.local import HOST, LocalServer
from mintage.studio.turing import Sitting

from .conftest import JSON, Asking
from .sources import made_up


def test_only_with_the_token(asking: Asking) -> None:
    assert asking.ask("")[0] == asking.ask("state")[0] == asking.ask("turing.js")[0] == 200
    token = asking.server.token
    assert len(token) >= 32
    for path in ("/", "/state", f"/{token}", f"/{token[:-1]}/state", f"/{token}x/state", f"/{token.upper()}x/state",
                 f"/x/{token}/state"):
        assert asking.ask("", path=path)[0] == 404, path
    strange = f"GET /\xe9/state HTTP/1.1\r\nHost: {HOST}:{asking.server.port}\r\n\r\n"
    assert b" 404 " in asking.raw(strange.encode("latin-1"))


def test_only_under_its_own_name(asking: Asking) -> None:
    port = asking.server.port
    for host in ("evil.example", f"evil.example:{port}", HOST, f"{HOST}:{port + 1}", f"{HOST}.evil.example:{port}",
                 f"[::1]:{port}", ""):
        assert asking.ask("state", headers={"Host": host})[0] == 403, host
    assert asking.ask("state", headers={"Host": f"localhost:{port}"})[0] == 200
    twice = f"GET /{asking.server.token}/state HTTP/1.1\r\nHost: {HOST}:{port}\r\nHost: evil.example\r\n\r\n"
    none = f"GET /{asking.server.token}/state HTTP/1.0\r\n\r\n"
    assert b" 403 " in asking.raw(twice.encode()) and b" 403 " in asking.raw(none.encode())
    for origin in ("http://evil.example", "null", f"https://{HOST}:{port}", f"http://{HOST}:{port}.evil.example"):
        for method in ("GET", "POST"):
            status, _, _ = asking.ask("state", method, headers={"Origin": origin, **JSON}, body=b"{}")
            assert status == 403, origin
    assert asking.ask("state", headers={"Origin": f"http://{HOST}:{port}"})[0] == 200


def test_only_on_this_machine(asking: Asking) -> None:
    assert asking.server._server.socket.getsockname()[0] == HOST == socket.inet_ntoa(bytes([127, 0, 0, 1]))


def test_every_reply_carries_the_headers(asking: Asking) -> None:
    for route, path in (("", None), ("state", None), ("nothing", None), ("", "/")):
        headers = asking.ask(route, path=path)[1]
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store" and "Python" not in headers["Server"]
    assert "unsafe" not in local.HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("route", ["../", "..%2fturing.py", "turing.py", "turing.html", "image/", "image/../turing.css",
                                   "image/%2e%2e/state", "image/0", "image/" + "a" * 9000, "state?x=1", "state/",
                                   "STATE", "//etc/passwd", "image/\\..\\x", "%00", "image", "result"])
def test_there_are_no_paths(asking: Asking, route: str) -> None:
    assert asking.ask(route)[0] == 404


def test_methods(asking: Asking) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert asking.ask("state", method)[0] == 405
    assert asking.ask("state", "HEAD")[0] == 405 and asking.ask("state", "BREW")[0] == 501
    assert asking.ask("answer")[0] == 405 and asking.ask("state", "POST", body=b"{}", headers=JSON)[0] == 405
    for text in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9.9\r\n\r\n",
                 b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n"):
        assert b" 200 " not in asking.raw(text)
    assert asking.ask("state")[0] == 200


def test_bodies(asking: Asking) -> None:
    answer = f"/{asking.server.token}/answer"
    assert asking.ask("answer", "POST", body=b"{}", headers={"Content-Type": "text/plain"})[0] == 415
    assert asking.ask("answer", "POST", body=b"{}")[0] == 415
    head = f"POST {answer} HTTP/1.1\r\nHost: {HOST}:{asking.server.port}\r\nContent-Type: application/json\r\n"
    for more, status in (("", 411), ("Content-Length: -1\r\n", 411), ("Content-Length: 4097\r\n", 413),
                         (f"Content-Length: {10**30}\r\n", 413), ("Transfer-Encoding: chunked\r\n", 411),
                         ("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", 411),
                         ("Content-Length: 50\r\n", 400), ("Content-Length: ٣\r\n", 411)):
        assert f" {status} ".encode() in asking.raw(f"{head}{more}\r\n{{}}".encode()), more
    name = asking.state()["id"]
    good = {"id": name, "said": "real", "seconds": 1, "visible_ms": 1}
    bad: list[Any] = [[], 3, None, {}, good | {"more": 1}, good | {"said": "maybe"}, good | {"said": ["real"]},
                      good | {"id": 3}, good | {"seconds": -1}, good | {"seconds": "1"}, good | {"seconds": True},
                      good | {"seconds": 1e9}, good | {"visible_ms": None}, good | {"seconds": 10**400}]
    texts = [json.dumps(value).encode() for value in bad]
    texts += [b"", b"{", b"\xff\xfe", b"[" * 4000, b'{"id": NaN}', json.dumps(good).replace("1", "Infinity").encode(),
              b'{"id": 1' + b"0" * 4000 + b"}"]
    for text in texts:
        assert asking.ask("answer", "POST", body=text, headers=JSON)[0] == 400, text[:80]
    assert asking.state()["id"] == name and not asking.sitting.said


def test_the_slow_and_the_many_are_dropped(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local._Handler, "timeout", 0.3)
    monkeypatch.setattr(local, "LIFE", 0.8)
    monkeypatch.setattr(local, "CONNECTIONS", 5)
    began = time.monotonic()
    wires = [socket.create_connection((HOST, asking.server.port), timeout=5) for _ in range(5)]
    try:
        time.sleep(0.1)
        with socket.create_connection((HOST, asking.server.port), timeout=5) as sixth:
            assert sixth.recv(10) == b""  # one too many
        with pytest.raises(OSError):  # a byte each 0.1 s is never silent, and still not for ever
            for _ in range(40):
                wires[0].sendall(b"G")
                time.sleep(0.1)
        assert time.monotonic() - began < 3
        assert all(wire.recv(10) == b"" for wire in wires[1:])
    finally:
        for wire in wires:
            wire.close()
    time.sleep(0.2)
    assert asking.ask("state")[0] == 200


def test_closing_leaves_nothing(loopback: None, tmp_path: Path) -> None:
    before = threading.active_count()
    sources = made_up(tmp_path / "turing")
    with Sitting(sources, n=3) as sitting, LocalServer(sitting.respond) as server:
        idle = socket.create_connection((HOST, server.port))
        time.sleep(0.2)
    assert idle.recv(10) == b""
    idle.close()
    assert threading.active_count() == before and not list(sources.home.iterdir())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, server.port), timeout=2)
