"""What may be due, by Postgres: the list that the sweep goes through."""

from services.worker.delivering.messages import MESSAGES
from services.worker.feeding import FRESHNESS, REBUILDS
from services.worker.speaking import NOTICES

DUE = (FRESHNESS, REBUILDS, NOTICES, MESSAGES)
