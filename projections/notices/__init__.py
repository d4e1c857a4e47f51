"""Whom to tell, and of what: one rule, one file. The engine (`engine/`) finds them; nothing lists them."""
