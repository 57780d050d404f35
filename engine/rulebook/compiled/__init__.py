"""Checked rules as Python functions, written when a rule set is loaded.

source          code in the making: what a file says stays beside it, as constants
expressions     a condition as a Python expression
decision_tree   what is asked first, so that no text is compared twice
coverage        one pass over the contracts; single: one contract, one work entry
"""
