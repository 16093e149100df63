"""Where a receiver listens: the address and the certificate, as settings, as a socket, and checked beforehand."""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path

from pydantic import Field, model_validator

from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig

BACKLOG = 128
"""Connections that the system keeps waiting while every slot is taken."""


class ListenConfig(PluginConfig):
    """Settings of everything that listens."""

    host: str = "127.0.0.1"
    """Address to listen on: this machine only by default, ``0.0.0.0`` or ``::`` for every network."""
    port: int = Field(ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    certificate: Path | None = None
    """PEM file with the certificate and those of its issuers: with it, TLS is spoken."""
    key: Path | None = None
    """PEM file with the certificate's private key."""
    client_ca: Path | None = None
    """PEM file with the authorities of clients' certificates: with it, senders must show one."""

    @model_validator(mode="after")
    def _complete(self) -> ListenConfig:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key, both or neither")
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("certificate and key where client_ca is set")
        return self


def open_port(config: ListenConfig, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """A bound socket; one of streams listens.

    Raises:
        NeedsOperator: the address is another machine's, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    opened = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_STREAM:  # of datagrams it would let a second process take some away
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((config.host, config.port))
        if kind is socket.SOCK_STREAM:
            opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise _unusable(config, error) from error
    return opened


def plain_address(address: str) -> str:
    """An IPv4 address as such, also where a socket for both versions shows it as ``::ffff:192.0.2.1``."""
    return address.removeprefix("::ffff:") if "." in address else address


def check_listening(config: ListenConfig, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    """See whether the address is this machine's and the certificate can be used. A taken port may be our own.

    Raises:
        NeedsOperator: it is not, with the reason.
    """
    tls_context(config)
    try:
        open_port(config, kind).close()
    except NeedsOperator as error:
        if not (isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE):
            raise


def tls_context(config: ListenConfig) -> ssl.SSLContext | None:
    """What is needed to speak TLS 1.2 or later, ``None`` where no certificate is configured.

    Raises:
        NeedsOperator: a file cannot be read, or key and certificate do not belong together.
    """
    if config.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(config.certificate, config.key, password=_no_password)
        if config.client_ca is not None:
            context.load_verify_locations(config.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        files = ", ".join(str(each) for each in (config.certificate, config.key, config.client_ca) if each)
        raise NeedsOperator(f"TLS cannot be set up with {files}: {error}") from error
    return context


def _no_password() -> str:
    raise ValueError("the private key is encrypted: store it without a passphrase, readable by this user only")


def _unusable(config: ListenConfig, error: OSError) -> NeedsOperator:
    return NeedsOperator(f"cannot listen on {config.host}:{config.port}: {error.strerror or error}")
