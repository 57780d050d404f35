"""Each kind of rule file read and checked, its examples included."""
