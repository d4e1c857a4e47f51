"""How rules are declared, heard and looked at, and how what they say becomes messages.

    declaring   rule.py  roles.py  words.py  links.py  found.py  catalogue.py
    hearing     recall.py  moment.py  people.py  signals.py  hearing.py  heard.py     pure: what the log says there
    looking     looking.py                                                            pure: what a row says on a day
    keeping     place.py  kept.py  told.py  remembered.py  listen.py  look.py        in Postgres, a transaction each
    planning    paces.py  quiet_hours.py  preferences.py  choosing.py  agenda.py  plan.py
    asking      asked.py  unsubscribe.py

A rule over facts speaks of a record as the log stood at that record's position, whatever the size of a batch and
wherever it stopped; a rule over rows speaks of what became due since it began. Each notice is made once.
"""
