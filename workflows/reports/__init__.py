"""Reports: the overview, uncovered time, contracts running low, and the preview of a change's impact."""
