"""Requests to servers of our own, which speak plain HTTP: nobody's certificates are loaded for them.

A client of httpx loads all that it trusts when it is made, which takes longer than most of what tests ask for.
"""

import ssl

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
