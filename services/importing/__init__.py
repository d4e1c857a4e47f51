"""How history comes in: what is written elsewhere is turned into events and told through the API like anything else.

published facts   public_history.py  subjects.py  checks.py        pure: a line, and what becomes of it
invented history  synthetic_history.py  synthetic_*.py             pure: a seed, and ten years of a trust
telling           telling.py  sending.py                           an ordinary client of the API
"""
