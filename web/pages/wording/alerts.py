"""Alerts in words."""

from web.languages import Texts, gettext, mark, ngettext
from web.pages.wording.labels import Label
from workflows.views.alerts import AlertView

ALERT_KINDS = Texts(
    {
        "sla_warning": mark("Target close"),
        "sla_breach": mark("Target missed"),
        "threshold": mark("Used"),
        "expiring": mark("Ending"),
        "exhaustion": mark("Running out"),
    }
)
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
    level = alert.level or 0
    is_response = alert.target == "response"
    if alert.kind == "sla_warning":
        return gettext("Response due soon") if is_response else gettext("Resolution due soon")
    if alert.kind == "sla_breach":
        return gettext("Response missed") if is_response else gettext("Resolution missed")
    if alert.kind == "threshold":
        return gettext("%(percent)s%% used", percent=level)
    if alert.kind == "expiring":
        return ngettext("Ends within %(num)s day", "Ends within %(num)s days", level)
    return ngettext("Likely used up within %(num)s day", "Likely used up within %(num)s days", level)
