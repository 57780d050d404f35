#!/usr/bin/env bash
# standardwebhooks: the same instant signed in another time zone gets another signature, which is refused.
#
# Guess:      sign() takes an aware datetime as the instant that it is, whatever its zone.
# Instead:    It drops the zone and takes what the clock on the wall shows for UTC. In Berlin it signs a time one or
#             two hours ahead of the one in the header; verify() finds "no matching signature". With UTC all is well.
# Version:    standardwebhooks 1.1.0. Not documented; an open issue (251) describes it.
# Matters:    A sender that works in the desk's own time zone, or takes the time from a row that the database gives
#             in the session's zone, sends events that every customer refuses. In London, tests pass all winter, and
#             each delivery fails from the last Sunday of March.
# Do instead: sign(id, instant.astimezone(UTC), body), and verify in a test with a time that is not in UTC.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'standardwebhooks==1.1.0' 'tzdata==2026.6' 'attrs==26.1.0' 'python-dateutil==2.9.0.post0' 'six==1.17.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone
from importlib.metadata import version
from zoneinfo import ZoneInfo

from standardwebhooks import Webhook, WebhookVerificationError


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


webhook = Webhook("whsec_" + b64encode(b"an example, not a secret").decode())
BODY = '{"type": "contract.expired"}'


def sign(at):
    return webhook.sign("evt_1", at, BODY)


def receive(at):
    headers = {
        "webhook-id": "evt_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": sign(at)
    }
    try:
        webhook.verify(BODY, headers)
    except WebhookVerificationError as error:
        return str(error)
    return "accepted"


now = datetime.now(UTC)
there = now.astimezone(timezone(timedelta(hours=2)))
print("standardwebhooks", version("standardwebhooks"))
show("control: sent with a time in UTC", receive(now), "accepted")
show("control: both are one instant", [there == now, there.timestamp() == now.timestamp()], [True, True])
show("sent with the same time in UTC+2", receive(there), "No matching signature found")
show("its signature is that of two hours later", sign(there) == sign(now + timedelta(hours=2)), True)
show("control: brought to UTC first", receive(there.astimezone(UTC)), "accepted")

london = ZoneInfo("Europe/London")
winter, summer = datetime(2027, 1, 15, 12, tzinfo=london), datetime(2027, 7, 15, 12, tzinfo=london)
show("London signs as UTC, in winter and in summer",
     [sign(one) == sign(one.astimezone(UTC)) for one in (winter, summer)], [True, False])
PYTHON
