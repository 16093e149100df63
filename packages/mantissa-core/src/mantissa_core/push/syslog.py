"""The receiver ``core.syslog``: messages by UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

from pydantic import Field, model_validator

from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import hookimpl
from mantissa_core.log import get_logger
from mantissa_core.model import Pushed
from mantissa_core.parse.syslog import SyslogConfig
from mantissa_core.parse.syslog_frames import AROUND, Frame, Frames

from .connections import POLL, Connection, Connections
from .datagrams import Datagrams
from .hand_over import HandOver
from .listen import ListenConfig, check_listening, open_port, tls_context
from .syslog_routes import Router, SyslogRoute

READ_BYTES = 256 << 10
CEF_ROUTE = SyslogRoute(contains="CEF:", log_type="core.cef", form="cef")


class SyslogReceiver:
    """Listens for messages. ``listening`` is set once ``port`` (and ``tls_port``) are open."""

    class Config(ListenConfig, SyslogConfig):
        """Settings of the receiver ``core.syslog``."""

        port: int = Field(default=5514, ge=0, le=65535)
        """Port for UDP and TCP; 0 takes a free one. 514 is for programs with the right to use it."""
        tls_port: int = Field(default=6514, ge=0, le=65535)
        """Port for TLS."""
        protocols: tuple[Literal["udp", "tcp", "tls"], ...] = Field(default=("udp", "tcp"), min_length=1)
        """How messages come: ``tls`` needs ``certificate`` and ``key``."""
        allow: tuple[IPv4Network | IPv6Network, ...] = ()
        """Networks that may send, such as ``192.0.2.0/24``; without it everybody who reaches the port."""
        log_type: str = "core.syslog"
        """What messages are that no route takes."""
        routes: tuple[SyslogRoute, ...] = (CEF_ROUTE,)
        """Messages that are of another log type: the first route that takes one counts."""
        max_message_bytes: int = Field(default=64 << 10, ge=480, le=16 << 20)
        """A longer message becomes a dead letter."""
        max_connections: int = Field(default=128, ge=1, le=10_000)
        """TCP and TLS connections at once, of each; further ones wait."""
        idle_timeout: float = Field(default=3_600.0, gt=0)
        """Seconds after which a silent connection is closed."""
        receive_buffer_bytes: int = Field(default=4 << 20, ge=4_096)
        """What the system is asked to keep of datagrams that are not read yet; it may keep less."""

        @model_validator(mode="after")
        def _has_a_certificate(self) -> SyslogReceiver.Config:
            if "tls" in self.protocols and self.certificate is None:
                raise ValueError("certificate and key where protocols has tls")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config
        self.port, self.tls_port = config.port, config.tls_port
        self.listening = threading.Event()

    @hookimpl
    def check(self) -> None:
        """See whether it could listen."""
        for protocol in self.config.protocols:
            check_listening(self._place(protocol), _kind(protocol))

    @hookimpl
    def listen(self, submit: Callable[[str, Pushed], None], stop: threading.Event) -> None:
        """Serve until ``stop`` is set, then hand over what is there."""
        over, failures = threading.Event(), list[Exception]()

        def run(serve: Callable[[threading.Event], None]) -> None:
            try:
                serve(over)
            except Exception as error:  # noqa: BLE001  # told to the runtime, which starts all of it again
                failures.append(error)

        threads = [
            threading.Thread(target=run, args=(each,), name="mantissa-syslog", daemon=True)
            for each in self._open(submit)
        ]
        for thread in threads:
            thread.start()
        self._tell()
        self.listening.set()
        while not (stop.wait(POLL) or failures):
            pass
        over.set()
        for thread in threads:
            thread.join()
        self.listening.clear()
        if failures:
            raise failures[0]

    def _open(self, submit: Callable[[str, Pushed], None]) -> list[Callable[[threading.Event], None]]:
        """Open every port; return what serves each."""
        tls = tls_context(self.config) if "tls" in self.config.protocols else None
        router = Router(self.config.routes, self.config.log_type, self.config.timezone)
        return [self._server(protocol, each, submit, router, tls) for protocol, each in self._sockets().items()]

    def _sockets(self) -> dict[str, socket.socket]:
        """Every port or none. A port that is free for UDP may be taken for TCP: then another one is."""
        for attempts_left in reversed(range(10 if self.config.port == 0 else 1)):
            opened: dict[str, socket.socket] = {}
            self.port, self.tls_port = self.config.port, self.config.tls_port
            try:
                for protocol in self.config.protocols:
                    opened[protocol] = open_port(self._place(protocol), _kind(protocol))
                    number = opened[protocol].getsockname()[1]
                    self.port, self.tls_port = (self.port, number) if protocol == "tls" else (number, self.tls_port)
                break
            except NeedsOperator:
                for each in opened.values():
                    each.close()
                if not attempts_left:
                    raise
        return opened

    def _server(
        self, protocol: str, opened: socket.socket, submit: Callable[[str, Pushed], None], router: Router, tls: object
    ) -> Callable[[threading.Event], None]:
        if protocol == "udp":
            datagrams = Datagrams(opened, self.config.receive_buffer_bytes, self._allowed)
            return lambda stop: self._serve_datagrams(datagrams, HandOver(submit, stop), router, stop)

        def serve(stop: threading.Event) -> None:
            Connections(
                opened,
                lambda connection: self._serve_connection(connection, HandOver(submit, stop), router),
                limit=self.config.max_connections,
                timeout=30.0,  # of the TLS handshake
                tls=tls if protocol == "tls" else None,  # type: ignore[arg-type]  # an SSLContext
                allowed=self._allowed,
            ).serve(stop)

        return serve

    def _serve_datagrams(self, datagrams: Datagrams, lake: HandOver, router: Router, stop: threading.Event) -> None:
        limit = self.config.max_message_bytes
        for batch in datagrams.batches(stop):
            now = _now()
            for sender, contents in batch.items():
                plain = (content.strip(AROUND) for content in contents)
                frames = [Frame(0, content[:limit], len(content)) for content in plain]
                lake.submit(router.sorted(frames, sender, now, limit))

    def _serve_connection(self, connection: Connection, lake: HandOver, router: Router) -> None:
        """Read as fast as the lake takes it: while it does not, the sender's connection fills up."""
        limit = self.config.max_message_bytes
        frames = Frames(limit)
        for content in self._pieces(connection, frames):
            lake.submit(router.sorted(list(frames.feed(content)), connection.sender, _now(), limit))
        lake.submit(router.sorted(list(frames.finish()), connection.sender, _now(), limit))

    def _pieces(self, connection: Connection, frames: Frames) -> Iterator[bytes]:
        buffer = memoryview(bytearray(READ_BYTES))
        while True:
            connection.within(self.config.idle_timeout)
            connection.idle = True
            try:
                size = connection.readinto(buffer)
            except OSError:  # silent for too long, or gone: what came before it is good
                return
            connection.idle = False
            if not size:
                return
            yield bytes(buffer[:size])

    def _allowed(self, address: str) -> bool:
        if not self.config.allow:
            return True
        sender = ip_address(address.partition("%")[0])
        return any(sender in network for network in self.config.allow)

    def _place(self, protocol: str) -> ListenConfig:
        """Where one protocol listens; UDP and TCP have the same port, also where it is a free one."""
        return self.config.model_copy(update={"port": self.tls_port if protocol == "tls" else self.port})

    def _tell(self) -> None:
        config, log = self.config, get_logger("push")
        log.info("listening", host=config.host, port=self.port, protocols=list(config.protocols))
        if not config.allow and not config.host.startswith(("127.", "::1", "localhost")) and config.client_ca is None:
            log.warning("everybody who reaches this port may send: set 'allow'", host=config.host, port=self.port)


def _kind(protocol: str) -> socket.SocketKind:
    return socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM


def _now() -> str:
    return datetime.now(UTC).isoformat()
