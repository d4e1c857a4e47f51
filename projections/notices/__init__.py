"""Whom to tell, and of what: one file for each rule. There is none yet."""
