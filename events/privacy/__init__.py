"""Personal data: a key for each person, what is encrypted with it, and how all of it is made unreadable for ever."""
