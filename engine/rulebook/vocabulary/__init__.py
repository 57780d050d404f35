"""What rule files may name: variables, operators, actions, dates and durations."""
