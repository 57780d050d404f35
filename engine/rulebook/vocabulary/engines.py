"""What runs the rules."""

from typing import Literal

RulesEngine = Literal["compiled", "plain"]
"""Code written from the rules, or business-rules itself. Their answers are the same."""
