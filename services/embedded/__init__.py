"""Real servers for machines that have none: Postgres and Valkey, started and stopped by us.

`with Postgres(directory) as postgres, Valkey(directory) as valkey:` is all a caller needs to know.
"""

from services.embedded.binaries import NoServerFound
from services.embedded.postgres import Postgres
from services.embedded.server import ServerFailed
from services.embedded.valkey import Valkey

__all__ = ["NoServerFound", "Postgres", "ServerFailed", "Valkey"]
