"""Alerts in words."""

from web.pages.wording.labels import Label
from workflows.views.alerts import AlertView

ALERT_KINDS = {
    "sla_warning": "Target close",
    "sla_breach": "Target missed",
    "threshold": "Used",
    "expiring": "Ending",
    "exhaustion": "Running out",
}
_LOOKS = {
    "sla_warning": ("clock", "warning"),
    "sla_breach": ("warn", "error"),
    "threshold": ("half", "warning"),
    "expiring": ("hourglass", "warning"),
    "exhaustion": ("down", "warning"),
}


def alert_label(alert: AlertView) -> Label:
    """The label of an alert: "Response missed", "75% used"."""
    icon, tone = _LOOKS[alert.kind]
    return Label(_text(alert), icon, "error" if tone == "error" else "warning")


def _text(alert: AlertView) -> str:
    target, level = (alert.target or "").capitalize(), alert.level
    if alert.kind == "sla_warning":
        return f"{target} due soon"
    if alert.kind == "sla_breach":
        return f"{target} missed"
    if alert.kind == "threshold":
        return f"{level}% used"
    days = f"{level} day" if level == 1 else f"{level} days"
    return f"Ends within {days}" if alert.kind == "expiring" else f"Likely used up within {days}"
