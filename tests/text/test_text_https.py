"""A server behind TLS, with a certificate of our own."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from shoal.errors import RunError
from shoal.modalities.text import ChatShoal


class Small(BaseHTTPRequestHandler):
    """Lists one model, and answers any chat with "hi"."""

    def do_GET(self) -> None:
        self._reply({"data": [{"id": "tiny"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._reply({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})

    def _reply(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def port(authority: trustme.CA) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Small)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_a_trusted_server_answers(
    port: int, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert ChatShoal(model=f"https://localhost:{port}/v1").invoke("hello").content == "hi"
    with pytest.raises(RunError, match="certificate") as wrong:
        ChatShoal(model=f"https://127.0.0.1:{port}/v1").invoke("hello")
    assert "IP address mismatch" in str(wrong.value)


def test_a_strange_certificate_is_refused_and_the_way_to_trust_it_named(port: int) -> None:
    with pytest.raises(RunError, match="is not trusted") as refused:
        ChatShoal(model=f"https://localhost:{port}/v1").invoke("hello")
    assert "SSL_CERT_FILE" in str(refused.value)


def test_a_server_without_tls_is_not_asked_over_it() -> None:
    plain = ThreadingHTTPServer(("127.0.0.1", 0), Small)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    try:
        with pytest.raises(RunError, match="does not speak https"):
            ChatShoal(model=f"https://127.0.0.1:{plain.server_address[1]}/v1").invoke("hello")
    finally:
        plain.shutdown()
        plain.server_close()
