"""The engines that can evaluate rules."""

from typing import Literal

RulesEngine = Literal["compiled", "plain"]
"""Code generated from the rules, or business-rules itself. Both give the same results."""
