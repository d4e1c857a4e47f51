"""How projections are fed, rebuilt, asked and compared.

A projection is declared in one file of `projections/` (see `projection.py`), and everything else is done here:

    declaring     projection.py  question.py  found.py
    folding       stream.py  batch.py  plain.py  at_once.py  memory.py     pure: no database, no clock
    keeping       tables.py  rows.py  new_rows.py  builds.py  checkpoint.py  parking.py
    feeding       reading.py  feed.py  late.py  waypoints.py  together.py  advance.py  parked.py
    making anew   filling.py  chunks.py  rebuild.py  as_at.py  unchanged.py
    asking        ask.py  cursor.py  past.py  compare.py

What a row is, in one sentence: the fold over its stream's records in the order in which they happened, without what
was retracted, with what was corrected, and stopping at a record that cannot be digested. All else is a shortcut to it.
"""
