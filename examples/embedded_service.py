"""A service that watches itself: its own sign-ins go into an embedded SIEM, and a rule of its own raises an alert.

uv run python examples/embedded_service.py
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from mantissa_core import Runtime
from mantissa_core.model import Alert

LOG_TYPE = """
name: shop.signin
title: Sign-ins of the shop
time: {path: at}
id: {native: [request_id]}
columns:
  - {path: at, description: When it happened}
  - {path: request_id, description: The request that it belongs to}
  - {path: user.name, description: Who}
  - {path: user.admin, type: bool, description: Whether the account administers the shop}
  - {path: ip, description: From where}
  - {path: ok, type: bool, description: Whether the password was right}
overlay:
  user: [user.name]
  src_ip: [ip]
  action: [{then: login}]
  outcome: [{when: {ok: true}, then: success}, {then: failure}]
  any_ip: [ip]
  any_user: [user.name]
sigma:
  logsources: [{product: shop, service: signin}]
views: [auth]
examples:
  - event: {at: "2026-01-01T00:00:00Z", request_id: r1, user: {name: ada, admin: false}, ip: 203.0.113.7, ok: true}
    overlay: {user: ada, src_ip: 203.0.113.7, action: login, outcome: success}
"""

RULE = """
title: An administrator signed in from outside the office
id: 0b1f8d0e-7a63-4c4c-8c38-0d3c6f6b1c55
status: test
level: high
logsource: {product: shop, service: signin}
detection:
  admin: {user.admin: true, ok: true}
  office: {'ip|cidr': 198.51.100.0/24}
  condition: admin and not office
"""


class Shop:
    """The existing service. Each sign-in is handed to the SIEM, which is part of the same process."""

    def __init__(self, siem: Runtime) -> None:
        self._siem, self._requests = siem, 0

    def sign_in(self, user: str, ip: str, *, admin: bool = False, ok: bool = True) -> None:
        """Answer a sign-in, and record it without waiting for the disk."""
        self._requests += 1
        event = {
            "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "request_id": f"r{self._requests}",
            "user": {"name": user, "admin": admin},
            "ip": ip,
            "ok": ok,
        }
        self._siem.ingest("shop.signin", [event], source="shop", wait=False)


def main(home: Path) -> tuple[list[Alert], list[dict[str, object]]]:
    """Run the shop for a moment; return the alerts it raised and what a query over its sign-ins says."""
    (home / "log_types").mkdir()
    (home / "log_types" / "shop_signin.yaml").write_text(LOG_TYPE)
    (home / "rules").mkdir()
    (home / "rules" / "admin_outside_office.yml").write_text(RULE)
    settings = {
        "home": str(home),
        "log_types": {"paths": ["log_types"]},
        "rules": {"packs": False, "paths": ["rules"]},
    }
    alerts: list[Alert] = []
    with Runtime.open(settings) as siem:
        siem.on_alert(alerts.append)
        shop = Shop(siem)
        shop.sign_in("ada", "203.0.113.7")
        shop.sign_in("grace", "198.51.100.4", admin=True)
        shop.sign_in("eve", "203.0.113.66", admin=True)
        siem.flush()
        siem.detect()
        counts = siem.query("SELECT m_user, m_outcome, m_src_ip FROM auth ORDER BY m_user")
    return alerts, counts.rows.to_pylist()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        raised, rows = main(Path(folder))
    for alert in raised:
        print(f"{alert.severity}: {alert.summary}")
    for row in rows:
        print(row)
