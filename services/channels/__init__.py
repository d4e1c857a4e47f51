"""How a person is reached: by e-mail, GOV.UK Notify, a chat room, or the inbox of this house. One file each.

A channel is given a letter that is written already, and an address. It says what became of it, and decides nothing:
whom to tell, of what and when was decided before.
"""
