"""HTTP to an OpenAI-compatible server, with the standard library alone.

No proxy is used, no redirect is followed, and the key appears in no message.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from shoal.errors import RunError, UsageError

KEY = "SHOAL_API_KEY"
"""Environment variable that holds the server's key."""

TIMEOUT = 300.0
"""Seconds without a byte: a large model may think long before its first token."""

Got = TypeVar("Got")

_CONNECT = 10.0
_TRIES = 3
_PASSING = {429, 502, 503, 504}
_LARGEST = 64 * 2**20


def is_url(model: object) -> bool:
    """Whether a model is named by the address of a server."""
    return isinstance(model, str) and model.lower().startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and which of its models is meant.

    Attributes:
        base: Up to and with "/v1", without a slash at the end.
        model: The part after "#", or "".
    """

    base: str
    model: str = ""

    @classmethod
    def of(cls, text: str) -> Address:
        """Parses "http://host:port/v1" or "http://host:port/v1#model".

        Raises:
            UsageError: No host, or an address that holds a password or a query.
        """
        parts = urlsplit(text)
        with suppress(ValueError):  # a port that is no number
            if parts.hostname and parts.port != 0 and not (parts.query or "@" in parts.netloc):
                path = parts.path.rstrip("/") or "/v1"
                return cls(f"{parts.scheme.lower()}://{parts.netloc}{path}", parts.fragment)
        raise UsageError(
            "that is not the address of a server",
            "expected http://host:port/v1, or with a model: http://host:port/v1#qwen3",
            f"A key goes into the environment variable {KEY}, never into the address",
        )

    @property
    def host(self) -> str:
        """Name or number of the machine."""
        return urlsplit(self.base).hostname or ""

    @property
    def local(self) -> bool:
        """Whether the server is on this machine: then no data leaves it."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class Refused(RunError):
    """The server answered with an error; `status` is HTTP's."""

    status = 0


class Http:
    """One server.

    Args:
        base: The address up to "/v1".
        timeout: Seconds to wait for the next byte.
    """

    def __init__(self, base: str, timeout: float = TIMEOUT) -> None:
        self.base, self._timeout = base, timeout
        self._path = urlsplit(base).path

    def get(self, path: str) -> Any:
        """Returns the JSON at a path.

        Raises:
            RunError: No answer, or not in JSON.
            Refused: The server says no.
            UsageError: The key is missing or wrong.
        """
        connection, response = self._answer("GET", path, None)
        with closing(connection):
            return self._json(response)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Sends JSON and returns JSON; raises as `get` does."""
        connection, response = self._answer("POST", path, body)
        with closing(connection):
            return self._json(response)

    def stream(self, path: str, body: Mapping[str, Any]) -> Iterator[Any]:
        """Sends JSON and yields the server-sent events' JSON; closing it ends the request."""
        connection, response = self._answer("POST", path, body)
        with closing(connection):
            while line := self._bytes(response.readline):
                data = line.strip().removeprefix(b"data:").strip()
                if data == b"[DONE]":
                    return
                if line.startswith(b"data:"):
                    yield self._parsed(data)

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Tries again what passes: a busy server, or one that is still loading."""
        for attempt in range(_TRIES):
            connection = self._connect()
            try:
                response = self._send(connection, method, path, body)
                if response.status == 200:
                    return connection, response
                wait = min(_seconds(response.headers["Retry-After"], 0.5 * 2**attempt), 8.0)
                if response.status not in _PASSING or attempt == _TRIES - 1:
                    raise self._refusal(response, path)
            except BaseException:
                connection.close()
                raise
            connection.close()
            time.sleep(wait)
        raise AssertionError("unreachable: the last try returns or raises")

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.base)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=_CONNECT)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            raise RunError(
                f"the certificate of {self.base} is not trusted", error.verify_message,
                "If it is your own, type: export SSL_CERT_FILE=THE_AUTHORITY.pem",
            ) from error  # fmt: skip
        except ssl.SSLError as error:
            raise RunError(
                f"{self.base} does not speak https", str(error), "Try the address with http://"
            ) from error
        except OSError as error:
            raise RunError(
                f"nothing answers at {self.base}", str(error), "Start the server there"
            ) from error
        connection.sock.settimeout(self._timeout)
        return connection

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
    ) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key := _key():
            headers["Authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()

        def exchange() -> http.client.HTTPResponse:
            connection.request(method, self._path + path, data, headers)
            return connection.getresponse()

        return self._bytes(exchange)

    def _bytes(self, read: Callable[[], Got]) -> Got:
        try:
            return read()
        except TimeoutError as error:
            raise RunError(
                f"{self.base} gave no answer", f"none came in {self._timeout:.0f} s"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise RunError(f"the connection to {self.base} broke", str(error)) from error

    def _json(self, response: http.client.HTTPResponse) -> Any:
        return self._parsed(self._bytes(lambda: response.read(_LARGEST)))

    def _parsed(self, data: bytes) -> Any:
        try:
            answer = json.loads(data)
        except ValueError as error:
            raise RunError(
                f"{self.base} did not answer in JSON",
                f"it began with {_hidden(data[:60].decode('utf-8', 'replace'))!r}",
                "Is it an OpenAI-compatible server? Its address mostly ends with /v1",
            ) from error
        if isinstance(answer, dict) and answer.get("error"):
            raise Refused(f"{self.base} could not answer", _hidden(_message(answer)))
        return answer

    def _refusal(self, response: http.client.HTTPResponse, path: str) -> Exception:
        body = self._bytes(lambda: response.read(4096)).decode("utf-8", "replace")
        try:
            why = _message(json.loads(body))
        except ValueError:
            why = body[:120]
        if response.status in (401, 403):
            what = "wrong" if _key() else "missing"
            return UsageError(
                f"{self.base} refuses the key ({response.status})", f"it is {what}",
                f"Type: export {KEY}=…",
            )  # fmt: skip
        if 300 <= response.status < 400:
            why = f"it points to {response.headers['Location']}: name that address if you trust it"
        refused = Refused(f"{self.base}{path} answered {response.status}", _hidden(why))
        refused.status = response.status
        return refused


def _key() -> str:
    return os.environ.get(KEY, "").strip()


def _hidden(text: str) -> str:
    """Some servers repeat the key in their errors."""
    key = _key()
    return text.replace(key, "…") if key else text


def _message(answer: Any) -> str:
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    found = error.get("message", error) if isinstance(error, dict) else error
    return str(found)


def _seconds(text: str | None, default: float) -> float:
    try:
        return max(float(text or default), 0.0)
    except ValueError:
        return default
