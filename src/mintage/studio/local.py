"""A server that only this machine, and only the page it was made for, can talk to.

Any web page a browser has open can send requests to a local port, so being local protects nothing. This server listens
on the loopback address alone, its paths begin with a random token, the Host and Origin headers must be its own (a
foreign name that was rebound to this machine is turned away), and its pages may load nothing from elsewhere nor stand
in another page's frame. A request that is slow, large or malformed is dropped before `respond` sees it.
"""

from __future__ import annotations

import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, NamedTuple

HOST = "127.0.0.1"
LARGEST_BODY = 4096
CONNECTIONS = 64
SILENCE = 10.0  # seconds without a byte
LIFE = 30.0  # seconds a connection may take in all
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
                               "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Reply(NamedTuple):
    """What is sent back."""

    status: int
    kind: str
    body: bytes


Respond = Callable[[str, str, bytes], Reply]
"""(method, route below the token, body) -> reply."""


def refuse(status: HTTPStatus, sentence: str) -> Reply:
    """A reply that says no."""
    return Reply(status, "text/plain; charset=utf-8", f"{sentence}\n".encode())


class LocalServer:
    """Serves `respond` on a free port while entered; `url` is the address to open, token included."""

    def __init__(self, respond: Respond) -> None:
        self.token = secrets.token_urlsafe(24)
        self._server = _Server(self.token, respond)
        self.port = int(self._server.server_address[1])
        self.url = f"http://{HOST}:{self.port}/{self.token}/"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    def __enter__(self) -> LocalServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.drop(older_than=0.0)
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them
    allow_reuse_address = False

    def __init__(self, token: str, respond: Respond) -> None:
        self.token, self.respond = token, respond
        self._open: dict[Any, float] = {}
        self._lock = threading.Lock()
        super().__init__((HOST, 0), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service who we are, as HTTPServer would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            full = len(self._open) >= CONNECTIONS
            if not full:
                self._open[request] = time.monotonic()
        if full:
            super().shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Between requests: end what takes too long, however it does it."""
        self.drop(older_than=LIFE)

    def drop(self, older_than: float) -> None:
        """End the connections that are older than so many seconds."""
        with self._lock:
            for request, began in self._open.items():
                if time.monotonic() - began >= older_than:
                    try:
                        request.shutdown(socket.SHUT_RDWR)
                    except OSError:  # ended already
                        continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # who hangs up is no defect of ours
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    timeout = SILENCE
    server: _Server
    server_version, sys_version = "mintage", ""

    def do_GET(self) -> None:
        self._send(self._checked("GET"))

    def do_POST(self) -> None:
        self._send(self._checked("POST"))

    def do_HEAD(self) -> None:
        self._send(refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and POST"))

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = do_HEAD

    def _checked(self, method: str) -> Reply:
        own = [f"{name}:{self.server.server_port}" for name in (HOST, "localhost")]
        if (self.headers.get_all("Host") or []) not in [[host] for host in own]:
            return refuse(HTTPStatus.FORBIDDEN, "a foreign Host")
        if any(origin not in [f"http://{host}" for host in own] for origin in self.headers.get_all("Origin") or []):
            return refuse(HTTPStatus.FORBIDDEN, "a foreign Origin")
        token, slash, route = self.path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            return refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
        if method == "GET":
            return self.server.respond(method, route, b"")
        return self._posted(route)

    def _posted(self, route: str) -> Reply:
        if self.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            return refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            return refuse(HTTPStatus.LENGTH_REQUIRED, "send a Content-Length")
        if len(length) > 9 or int(length) > LARGEST_BODY:
            return refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"send at most {LARGEST_BODY} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return refuse(HTTPStatus.BAD_REQUEST, "the body is cut short")
        return self.server.respond("POST", route, body)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The standard library's refusals of malformed requests, in our form."""
        self.close_connection = True
        self._send(Reply(code, "text/plain; charset=utf-8", f"{HTTPStatus(code).phrase}\n".encode()))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal belongs to the verb."""
