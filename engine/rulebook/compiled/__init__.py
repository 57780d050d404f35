"""Checked rules as Python functions, generated when a rule set is loaded.

source          builds the code; values from rule files stay separate, as constants
expressions     a condition as a Python expression
decision_tree   the order of evaluation, in which no text is compared twice
coverage        one pass over all contracts; single: one contract or one work entry
"""
