"""Events of other sources than the simulator's, for questions that go beyond CloudTrail and Okta.

Ordinary events drawn from a seed, and told ones that questions are about. Beside each told one stands what a wrong
filter would catch: the same thing refused, a day earlier, at another place, or after the questions' now.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from ask_accounts import MORE
from ask_draw import ADDRESS, COUNTRIES, PEOPLE, STRANGE, Event, at, echoed, iso, mail, moments
from ask_services import SOURCES as SERVICES

SEED = 7


def sources() -> Iterator[tuple[str, list[bytes]]]:
    """Each log type's events as lines of JSON."""
    for log_type, tell in SOURCES.items():
        yield log_type, [json.dumps(event).encode() for event in tell(Random(f"{SEED} {log_type}"))]


# GitHub: when, who, action, repository, more
_GITHUB: tuple[tuple[str, str, str, str, Mapping[str, Any]], ...] = (
    ("05T09:00", "amara", "repo.access", "site", {"visibility": "public", "previous_visibility": "private"}),
    ("20T11:20", "rowan", "repo.access", "billing", {"visibility": "public", "previous_visibility": "private"}),
    ("20T12:00", "amara", "repo.access", "billing", {"visibility": "private", "previous_visibility": "public"}),
    ("19T08:00", "noor", "repo.access", "tools", {"visibility": "internal", "previous_visibility": "private"}),
    ("2025-11-02T10:00", "noor", "repo.access", "old", {"visibility": "public", "previous_visibility": "private"}),
    ("06T10:00", "amara", "repo.create", "sandbox", {"visibility": "private"}),
    ("19T16:30", "rowan", "repo.create", "mirror", {"visibility": "public"}),
    ("20T19:00", "rowan", "repo.create", "later", {"visibility": "private"}),
    ("14T15:00", "noor", "repo.destroy", "legacy", {}),
    ("20T11:45", "rowan", "repo.destroy", "mirror", {}),
    ("19T09:00", "hazel", "repo.access", "shop", {"visibility": "public", "previous_visibility": "private"}),
    ("19T14:00", "hazel", "repo.destroy", "attic", {}),
    ("20T12:20", "amara", "repo.destroy", "attic-2", {}),
    ("16T09:00", "lin", "repo.access", "tools-2", {"visibility": "public", "previous_visibility": "internal"}),
    ("16T09:20", "lin", "repo.destroy", "tools-2", {}),
    ("19T11:00", "rowan", "protected_branch.policy_override", "shop", {"branch": "main"}),
    ("14T11:00", "rowan", "protected_branch.policy_override", "billing", {"branch": "main"}),
    ("18T09:00", "ivy", "secret_scanning_alert.create", "shop", {"visibility": "public"}),
    ("18T09:05", "basil", "repo.pages_public", "site", {"visibility": "public"}),
    ("13T09:00", "lin", "personal_access_token.request_created", "", {}),
    ("13T10:00", "amara", "personal_access_token.access_granted", "", {"user": "lin"}),
    ("20T09:30", "rowan", "personal_access_token.request_created", "", {}),
    ("15T10:00", "amara", "personal_access_token.access_revoked", "", {"user": "hazel"}),
    ("12T11:00", "amara", "org.add_member", "", {"user": "basil"}),
    ("20T10:10", "amara", "org.add_member", "", {"user": "guest-1"}),
    ("18T12:00", "amara", "org.remove_member", "", {"user": "sage"}),
    ("20T11:25", "rowan", "protected_branch.policy_override", "billing", {"branch": "main"}),
    ("16T11:25", "noor", "protected_branch.policy_override", "shop", {"branch": "main"}),
    ("20T11:27", "rowan", "protected_branch.destroy", "billing", {"branch": "main"}),
    ("19T10:00", "noor", "hook.create", "shop", {"events": ["push"]}),
    ("18T10:00", "noor", "hook.create", "site", {"events": ["push"]}),
    ("20T11:40", "rowan", "public_key.create", "", {"title": "laptop"}),
    ("08T11:40", "lin", "public_key.create", "", {"title": "desk"}),
    ("17T10:00", "lin", "org.disable_two_factor_requirement", "", {}),
    *((f"20T08:0{n}", "hazel", "user.failed_login", "", {}) for n in range(4)),
    ("20T08:05", "hazel", "user.login", "", {}),
    ("2025-12-10T10:00", "moss", "git.clone", "site", {}),
    ("20T08:30", "moss", "git.clone", "billing", {}),
    ("2026-01-15T10:00", "fern", "git.clone", "site", {}),
    ("20T08:35", "fern", "git.clone", "site", {}),
    ("18T08:05", "ivy", "user.failed_login", "", {}),
    *((f"20T11:5{n}", "rowan", "repo.download_zip", name, {}) for n, name in enumerate(("billing", "shop", "site"))),
)


def _github(draw: Random) -> Iterator[Event]:
    told = list(echoed(draw, _GITHUB))
    for moment in moments(draw, 260):
        action = draw.choice(("git.clone", "git.push", "git.fetch", "workflows.completed_workflow_run"))
        more: dict[str, Any] = {"programmatic_access_type": "Personal access token (classic)"}
        if action.startswith("workflows"):
            more = {"conclusion": draw.choice(("success", "success", "success", "failure")), "name": "build"}
        told.append((moment, draw.choice(PEOPLE), action, draw.choice(("shop", "site", "billing", "tools")), more))
    for number, (moment, who, action, repository, more) in enumerate(told):
        stamp = int(moment.timestamp() * 1000)
        odd = who == "rowan" and moment >= at("20T11:00")
        yield {
            "@timestamp": stamp,
            "_document_id": f"document-{number:06}",
            "action": action,
            "actor": who,
            "actor_ip": STRANGE[1] if odd else ADDRESS[who],
            "actor_location": {"country_code": "RU" if odd else COUNTRIES[who]},
            "created_at": stamp,
            "org": "kettle",
            **({"repo": f"kettle/{repository}"} if repository else {}),
            **more,
        }


# Kubernetes: when, who, verb, resource, namespace, name, code, more of the request, subresource
_KUBERNETES: tuple[tuple[str, str, str, str, str, str, int, Mapping[str, Any], str], ...] = (
    (
        "19T10:00",
        "rowan",
        "create",
        "clusterrolebindings",
        "",
        "rowan-admin",
        201,
        {"roleRef": {"name": "cluster-admin"}},
        "",
    ),
    ("12T10:00", "rowan", "create", "clusterrolebindings", "", "rowan-view", 201, {"roleRef": {"name": "view"}}, ""),
    ("09T10:00", "amara", "create", "clusterrolebindings", "", "viewers", 201, {"roleRef": {"name": "view"}}, ""),
    ("19T10:05", "rowan", "create", "rolebindings", "shop", "deployers", 201, {"roleRef": {"name": "edit"}}, ""),
    ("19T10:20", "rowan", "delete", "rolebindings", "shop", "deployers", 200, {}, ""),
    ("20T09:00", "lin", "create", "clusterrolebindings", "", "mine", 403, {"roleRef": {"name": "cluster-admin"}}, ""),
    ("19T10:10", "rowan", "delete", "clusterrolebindings", "", "viewers", 200, {}, ""),
    (
        "20T10:00",
        "rowan",
        "create",
        "pods",
        "kube-system",
        "debug",
        201,
        {"spec": {"hostPID": True, "containers": [{"image": "busybox", "securityContext": {"privileged": True}}]}},
        "",
    ),
    (
        "12T10:00",
        "noor",
        "create",
        "pods",
        "shop",
        "probe",
        201,
        {"spec": {"containers": [{"image": "busybox", "securityContext": {"privileged": True}}]}},
        "",
    ),
    ("20T10:02", "rowan", "create", "pods", "kube-system", "debug", 101, {}, "exec"),
    ("20T10:03", "rowan", "get", "pods", "shop", "web-1", 101, {}, "exec"),
    ("16T15:00", "amara", "get", "pods", "shop", "web-1", 101, {}, "exec"),
    ("20T21:00", "rowan", "get", "pods", "shop", "web-2", 101, {}, "exec"),
    *((f"20T10:1{n}", "rowan", "get", "secrets", "kube-system", f"token-{n}", 200, {}, "") for n in range(6)),
    ("20T10:16", "rowan", "list", "secrets", "", "", 200, {}, ""),
    *((f"20T11:0{n}", "ivy", "get", "secrets", "shop", "payment-key", 403, {}, "") for n in range(3)),
    ("13T11:00", "ivy", "get", "secrets", "shop", "payment-key", 200, {}, ""),
    ("18T02:00", "noor", "delete", "namespaces", "", "staging", 200, {}, ""),
    ("19T02:00", "noor", "create", "namespaces", "", "staging", 201, {}, ""),
    ("08T02:00", "lin", "delete", "namespaces", "", "trial", 200, {}, ""),
    ("20T10:05", "amara", "get", "configmaps", "kube-system", "dns", 200, {}, ""),
    ("20T10:20", "lin", "list", "pods", "shop", "", 200, {}, ""),
    ("20T09:40", "ivy", "get", "secrets", "shop", "no-such", 404, {}, ""),
    ("19T09:40", "ivy", "get", "secrets", "shop", "payment-key", 403, {}, ""),
    ("20T16:00", "amara", "delete", "deployments", "shop", "cart", 200, {}, ""),
    *((f"20T0{n}:30", "system:anonymous", "get", "", "", "", 403, {}, "") for n in range(5)),
    ("20T05:10", "system:anonymous", "get", "", "", "", 200, {}, ""),
    ("18T05:10", "system:anonymous", "get", "", "", "", 403, {}, ""),
)


def _kubernetes(draw: Random) -> Iterator[Event]:
    told = list(echoed(draw, _KUBERNETES))
    for moment in moments(draw, 300):
        who = draw.choice(("amara", "lin", "noor", "system:serviceaccount:shop:web", "system:serviceaccount:shop:web"))
        verb = draw.choice(("get", "get", "list", "watch", "create", "patch", "delete"))
        resource = draw.choice(("pods", "configmaps", "deployments", "services"))
        place, code = draw.choice(("shop", "shop", "site", "kube-system")), draw.choice((200, 200, 200, 200, 403, 404))
        told.append((moment, who, verb, resource, place, f"{resource}-{draw.randrange(9)}", code, {}, ""))
    for number, (moment, who, verb, resource, place, name, code, request, subresource) in enumerate(told):
        person = who in ADDRESS
        reference = {"resource": resource, "namespace": place, "name": name, "subresource": subresource}
        yield {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Request" if request else "Metadata",
            "auditID": f"00000000-0000-4000-a000-{number:012}",
            "stage": "ResponseComplete",
            "requestURI": f"/api/v1/namespaces/{place}/{resource}/{name}" if resource else "/api",
            "verb": verb,
            "user": {"username": mail(who) if person else who, "groups": ["system:authenticated"]},
            "sourceIPs": [
                ADDRESS[who] if person else STRANGE[number % 2] if who.endswith("anonymous") else "10.20.1.15"
            ],
            "userAgent": "kubectl/v1.32.0" if person else "Go-http-client/2.0",
            "responseStatus": {"code": code},
            "annotations": {"authorization.k8s.io/decision": "forbid" if code == 403 else "allow"},
            "requestReceivedTimestamp": iso(moment),
            "stageTimestamp": iso(moment + timedelta(seconds=1)),
            **({"objectRef": {key: value for key, value in reference.items() if value}} if resource else {}),
            **({"requestObject": dict(request)} if request else {}),
        }


# Entra sign-ins: when, who, country, application, error code, risk, protocol, client
_ENTRA: tuple[tuple[str, str, str, str, int, str, str, str], ...] = (
    ("20T02:00", "noor", "BR", "OfficeHome", 0, "high", "none", "Browser"),
    ("19T20:00", "noor", "RU", "OfficeHome", 50126, "medium", "none", "Browser"),
    ("15T02:00", "lin", "US", "OfficeHome", 0, "high", "none", "Browser"),
    ("20T03:00", "hazel", "NL", "OfficeHome", 0, "low", "none", "Browser"),
    ("20T19:30", "noor", "BR", "OfficeHome", 0, "high", "none", "Browser"),
    ("18T12:00", "lin", "NL", "Azure CLI", 0, "none", "deviceCode", "Mobile Apps and Desktop clients"),
    ("20T12:00", "rowan", "RU", "Azure CLI", 0, "none", "deviceCode", "Mobile Apps and Desktop clients"),
    ("20T12:05", "rowan", "RU", "Azure Portal", 0, "none", "deviceCode", "Mobile Apps and Desktop clients"),
    ("17T12:00", "ivy", "GB", "Azure CLI", 50126, "none", "deviceCode", "Mobile Apps and Desktop clients"),
    ("2025-10-20T12:00", "basil", "PT", "Azure CLI", 0, "none", "deviceCode", "Mobile Apps and Desktop clients"),
    ("2025-10-25T09:00", "sage", "NL", "OfficeHome", 0, "none", "none", "Browser"),
    ("20T09:00", "sage", "NL", "OfficeHome", 0, "none", "none", "Browser"),
    ("2025-10-28T09:00", "moss", "NL", "OfficeHome", 0, "none", "none", "Browser"),
    ("19T09:00", "moss", "NL", "OfficeHome", 50126, "none", "none", "Browser"),
    ("2025-12-15T09:00", "fern", "NL", "OfficeHome", 0, "none", "none", "Browser"),
    ("19T11:00", "fern", "NL", "OfficeHome", 0, "none", "none", "Browser"),
    ("20T08:00", "basil", "PT", "Exchange Online", 0, "none", "none", "IMAP4"),
    ("19T08:00", "basil", "PT", "Exchange Online", 50126, "none", "none", "POP3"),
    ("20T07:30", "ivy", "GB", "Exchange Online", 50126, "none", "none", "Browser"),
    ("20T14:00", "ivy", "GB", "Azure Portal", 53003, "none", "none", "Browser"),
    *((f"20T13:0{n}", "lin", "US", "OfficeHome", 50126, "none", "none", "Browser") for n in range(6)),
    ("20T13:07", "lin", "US", "OfficeHome", 50053, "none", "none", "Browser"),
)


def _entra(draw: Random) -> Iterator[Event]:
    told = list(echoed(draw, _ENTRA))
    for moment in moments(draw, 240):
        who, error = draw.choice(PEOPLE), draw.choice((0, 0, 0, 0, 0, 0, 50126))
        application = draw.choice(("OfficeHome", "Exchange Online", "Azure Portal", "Microsoft Teams"))
        told.append((moment, who, COUNTRIES[who], application, error, "none", "none", "Browser"))
    for number, (moment, who, country, application, error, risk, protocol, client) in enumerate(told):
        home = COUNTRIES.get(who, "NL") == country
        address = ADDRESS.get(who, "198.51.100.40") if home else STRANGE[number % 3]
        yield {
            "time": iso(moment),
            "operationName": "Sign-in activity",
            "category": "SignInLogs",
            "resultType": str(error),
            "callerIpAddress": address,
            "properties": {
                "id": f"00000000-0000-4000-b000-{number:012}",
                "createdDateTime": iso(moment),
                "userPrincipalName": mail(who),
                "appDisplayName": application,
                "ipAddress": address,
                "status": {"errorCode": error},
                "clientAppUsed": client,
                "isInteractive": True,
                "location": {"countryOrRegion": country},
                "authenticationProtocol": protocol,
                "authenticationRequirement": "multiFactorAuthentication"
                if number % 2
                else "singleFactorAuthentication",
                "conditionalAccessStatus": "failure" if error == 53003 else "success",
                "deviceDetail": {"operatingSystem": ("Windows", "MacOs", "Ios")[number % 3]},
                "riskLevelDuringSignIn": risk,
                "riskState": "none" if risk in ("none", "low") else "atRisk",
            },
        }


# Entra changes: when, who, activity, category, result, target, role
_ENTRA_AUDIT: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    ("20T12:10", "rowan", "Add member to role", "RoleManagement", "success", "rowan", "Global Administrator"),
    ("12T12:10", "amara", "Add member to role", "RoleManagement", "success", "noor", "Helpdesk Administrator"),
    ("2025-12-01T12:10", "amara", "Add member to role", "RoleManagement", "success", "lin", "Global Administrator"),
    ("2025-09-01T12:10", "amara", "Add member to role", "RoleManagement", "success", "ivy", "Global Administrator"),
    ("20T12:20", "lin", "Add member to role", "RoleManagement", "failure", "lin", "Global Administrator"),
    ("19T12:10", "amara", "Remove member from role", "RoleManagement", "success", "lin", "Global Administrator"),
    ("20T12:12", "rowan", "Consent to application", "ApplicationManagement", "success", "mail-sync", ""),
    ("10T12:12", "ivy", "Consent to application", "ApplicationManagement", "success", "survey", ""),
    ("20T12:14", "rowan", "Add service principal credentials", "ApplicationManagement", "success", "mail-sync", ""),
    ("20T12:16", "rowan", "Update conditional access policy", "Policy", "success", "require mfa", ""),
    ("20T12:17", "rowan", "Delete conditional access policy", "Policy", "success", "block legacy", ""),
    ("14T10:00", "amara", "Add conditional access policy", "Policy", "success", "block legacy", ""),
    ("19T09:10", "noor", "Reset user password", "UserManagement", "success", "moss", ""),
    ("20T09:10", "noor", "Reset user password", "UserManagement", "success", "hazel", ""),
    ("20T09:15", "noor", "Reset user password", "UserManagement", "failure", "amara", ""),
    ("13T09:00", "amara", "Add user", "UserManagement", "success", "wren", ""),
    ("19T13:00", "amara", "Add user", "UserManagement", "success", "reed", ""),
    ("20T13:00", "rowan", "Invite external user", "UserManagement", "success", "guest", ""),
    ("16T09:00", "amara", "Delete user", "UserManagement", "success", "old", ""),
    ("20T15:00", "amara", "Disable account", "UserManagement", "success", "rowan", ""),
    *(
        (f"{day:02}T08:00", "noor", "Add member to group", "GroupManagement", "success", "staff", "")
        for day in range(5, 20, 2)
    ),
)


def _entra_audit(draw: Random) -> Iterator[Event]:
    told = list(echoed(draw, _ENTRA_AUDIT))
    for moment in moments(draw, 60):
        activity, category = draw.choice((("Update user", "UserManagement"), ("Update device", "Device")))
        told.append((moment, draw.choice(PEOPLE[:3]), activity, category, "success", draw.choice(PEOPLE), ""))
    for number, (moment, who, activity, category, result, target, role) in enumerate(told):
        changed = [{"displayName": "Role.DisplayName", "newValue": f'"{role}"'}] if role else []
        yield {
            "time": iso(moment),
            "category": "AuditLogs",
            "operationName": activity,
            "properties": {
                "id": f"Directory_{number:06}",
                "category": category,
                "result": result,
                "activityDisplayName": activity,
                "activityDateTime": iso(moment),
                "loggedByService": "Core Directory",
                "initiatedBy": {"user": {"userPrincipalName": mail(who), "ipAddress": ADDRESS[who]}},
                "targetResources": [{"displayName": target, "type": "User", "modifiedProperties": changed}],
            },
        }


# Flows: when, from, to, port, protocol, bytes, action
_FLOWS: tuple[tuple[str, str, str, int, int, int, str], ...] = (
    *((f"19T03:{n:02}", STRANGE[n % 2], "10.20.1.15", 3389, 6, 240, "REJECT") for n in range(14)),
    ("19T03:20", STRANGE[0], "10.20.1.15", 3389, 6, 9_000, "ACCEPT"),
    *((f"19T04:{n:02}", STRANGE[1], "10.20.1.18", 23, 6, 120, "REJECT") for n in range(3)),
    ("20T06:00", STRANGE[2], "10.20.1.16", 22, 6, 180, "REJECT"),
    ("20T15:00", "198.51.100.10", "10.20.1.15", 22, 6, 70_000, "ACCEPT"),
    ("20T16:00", "10.20.1.15", "10.20.1.16", 5432, 6, 70_000, "ACCEPT"),
    ("20T05:10", "198.51.100.10", "10.20.1.16", 22, 6, 70_000, "ACCEPT"),
    *((f"20T03:{n:02}", STRANGE[0], "10.20.1.15", 3389, 6, 240, "REJECT") for n in range(5)),
    *((f"20T04:{n:02}", STRANGE[2], "10.20.1.16", 22, 6, 180, "REJECT") for n in range(9)),
    ("20T04:30", STRANGE[2], "10.20.1.16", 22, 6, 88_000, "ACCEPT"),
    ("20T17:20", "10.20.1.16", "203.0.113.7", 443, 6, 912_000_000, "ACCEPT"),
    ("20T17:30", "10.20.1.15", "203.0.113.7", 443, 6, 4_000_000, "ACCEPT"),
    ("18T17:30", "10.20.1.17", "203.0.113.7", 443, 6, 1_500, "ACCEPT"),
    ("18T18:30", "10.20.1.18", "203.0.113.70", 443, 6, 1_500, "ACCEPT"),
    ("05T18:30", "10.20.1.19", "203.0.113.7", 443, 6, 1_500, "ACCEPT"),
    ("20T17:40", "10.20.1.17", "203.0.113.8", 53, 17, 900, "ACCEPT"),
    ("20T17:45", "10.20.1.17", "203.0.113.9", 443, 6, 70_000_000, "REJECT"),
    ("20T18:20", "10.20.1.16", "203.0.113.7", 443, 6, 500_000_000, "ACCEPT"),
)


def _flows(draw: Random) -> Iterator[Event]:
    told = list(echoed(draw, _FLOWS))
    for moment in moments(draw, 500):
        host, far = f"10.20.1.{draw.randrange(15, 20)}", f"192.0.2.{draw.randrange(20, 32)}"
        port, protocol = draw.choice(((443, 6), (443, 6), (80, 6), (53, 17), (5432, 6)))
        told.append((moment, host, far, port, protocol, draw.randrange(400, 900_000), "ACCEPT"))
    for number, (moment, source, target, port, protocol, size, action) in enumerate(told):
        start = int(moment.timestamp())
        yield {
            "version": 2,
            "account-id": "111122223333",
            "interface-id": f"eni-{number % 5:017}",
            "srcaddr": source,
            "dstaddr": target,
            "srcport": 40_000 + number,
            "dstport": port,
            "protocol": protocol,
            "packets": 1 + size // 900,
            "bytes": size,
            "start": start,
            "end": start + 60,
            "action": action,
            "log-status": "OK",
        }


SOURCES = {
    "github.audit": _github,
    "kubernetes.audit": _kubernetes,
    "entra.signin": _entra,
    "entra.audit": _entra_audit,
    "aws.vpc_flow": _flows,
    **SERVICES,
    **MORE,
}
