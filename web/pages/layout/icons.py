"""Inline SVG icons, 16 by 16, in the current text colour."""

from markupsafe import Markup

# One icon per line, however long: split lines would be unreadable.
# ruff: noqa: E501
ICONS = {
    # states of a service request
    "ring": '<circle cx="8" cy="8" r="5.75"/>',
    "half": '<circle cx="8" cy="8" r="5.75"/><path d="M8 2.25a5.75 5.75 0 0 0 0 11.5z" class="solid"/>',
    "lock": '<rect x="3.25" y="7" width="9.5" height="6.5" rx="1.25"/><path d="M5.25 7V5a2.75 2.75 0 0 1 5.5 0v2"/>',
    "pause": '<path d="M5.5 3.5v9M10.5 3.5v9" class="thick"/>',
    "check-circle": '<circle cx="8" cy="8" r="5.75"/><path d="m5.25 8.25 2 2 3.5-4.25"/>',
    "check-box": '<rect x="2.75" y="2.75" width="10.5" height="10.5" rx="2"/><path d="m5.25 8.25 2 2 3.5-4.25"/>',
    "slash": '<circle cx="8" cy="8" r="5.75"/><path d="m4 12 8-8"/>',
    # states of a contract
    "hourglass": '<path d="M4 2.25h8M4 13.75h8M5 2.25v2.5L8 8l3-3.25v-2.5M5 13.75v-2.5L8 8l3 3.25v2.5"/>',
    "dot": '<circle cx="8" cy="8" r="5.75"/><circle cx="8" cy="8" r="2.75" class="solid"/>',
    "calendar-off": '<rect x="2.75" y="3.5" width="10.5" height="10" rx="1.5"/><path d="M2.75 6.5h10.5M5.5 2v2.5'
    'M10.5 2v2.5m-4 4.5 3 3m0-3-3 3"/>',
    "empty": '<rect x="1.75" y="5" width="11" height="6" rx="1.5"/><path d="M14.5 7v2M5 9.5l4.5-3"/>',
    # outcomes of a coverage decision
    "shield": '<path d="M8 1.75 3 3.5V8c0 3 2.25 5 5 6.25C10.75 13 13 11 13 8V3.5z"/><path d="m5.75 7.75 1.75 1.75 3-3.5"/>',
    "shield-off": '<path d="M8 1.75 3 3.5V8c0 3 2.25 5 5 6.25C10.75 13 13 11 13 8V3.5z"/><path d="m6 6 4 4m0-4-4 4"/>',
    "page-plus": '<path d="M9 1.75H4.25a1 1 0 0 0-1 1v10.5a1 1 0 0 0 1 1h7.5a1 1 0 0 0 1-1V5.5zM8 6.5v5M5.5 9h5"/>',
    "choose": '<path d="M6.5 4h7M6.5 8h7M6.5 12h7"/><circle cx="3" cy="4" r="1.25" class="solid"/>'
    '<circle cx="3" cy="8" r="1.25"/><circle cx="3" cy="12" r="1.25"/>',
    "minus-circle": '<circle cx="8" cy="8" r="5.75"/><path d="M5.25 8h5.5"/>',
    # what happened
    "clock": '<circle cx="8" cy="8" r="5.75"/><path d="M8 4.75V8l2.25 1.75"/>',
    "note": '<path d="M2.75 3.5h10.5v7.25H8L5 13.25v-2.5H2.75z"/>',
    "private-note": '<path d="M2.75 3.5h10.5v7.25H8L5 13.25v-2.5H2.75zM5 6h6M5 8.25h3.5"/>',
    "back": '<path d="M13 8H3M7 4 3 8l4 4"/>',
    "arrow": '<path d="M3 8h10M9 4l4 4-4 4"/>',
    "mail": '<rect x="2" y="3.5" width="12" height="9" rx="1.25"/><path d="m2.5 4.5 5.5 4.25 5.5-4.25"/>',
    "edit": '<path d="m10.5 2.75 2.75 2.75-7.5 7.5-3.25.5.5-3.25z"/>',
    # notices and controls
    "warn": '<path d="M8 2.25 1.75 13.25h12.5zM8 6.5v3.25"/><circle cx="8" cy="11.5" r=".5" class="solid"/>',
    "info": '<circle cx="8" cy="8" r="5.75"/><path d="M8 7.25v3.5"/><circle cx="8" cy="5.25" r=".5" class="solid"/>',
    "check": '<path d="m3 8.5 3.5 3.5L13 4.5" class="thick"/>',
    "cross": '<path d="m4 4 8 8m0-8-8 8" class="thick"/>',
    "plus": '<path d="M8 3v10M3 8h10" class="thick"/>',
    "menu": '<path d="M2.5 4h11M2.5 8h11M2.5 12h11" class="thick"/>',
    "person": '<circle cx="8" cy="5.25" r="2.75"/><path d="M2.75 13.75c.5-3 2.5-4.25 5.25-4.25s4.75 1.25 5.25 4.25"/>',
    "inbox": '<path d="M2.25 9.5h3.25L6.5 11h3l1-1.5h3.25M2.25 9.5 4 3.5h8l1.75 6v3.25a.75.75 0 0 1-.75.75H3a.75.75 0 0 1-.75-.75z"/>',
    "look": '<circle cx="7" cy="7" r="4.25"/><path d="m10.25 10.25 3.25 3.25" class="thick"/>',
    "download": '<path d="M8 2.5v7.25M4.75 6.75 8 10l3.25-3.25M2.75 13.25h10.5"/>',
    "tree": '<rect x="5.75" y="1.75" width="4.5" height="3.5" rx=".75"/><rect x="1.75" y="10.75" width="4.5" height="3.5" rx=".75"/>'
    '<rect x="9.75" y="10.75" width="4.5" height="3.5" rx=".75"/><path d="M8 5.25V8M4 10.75V8h8v2.75"/>',
    "up": '<path d="M8 13V3.5M4 7.25 8 3.25l4 4"/>',
    "down": '<path d="M8 3v9.5M4 8.75l4 4 4-4"/>',
}


def icon(name: str) -> Markup:
    """The named icon as inline SVG, hidden from screen readers: the text next to it has the meaning."""
    return Markup(
        '<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">{}</svg>'
    ).format(Markup(ICONS[name]))
