"""What may be due, by Postgres: the list that the sweep goes through."""

from services.worker.checkpoints_by_mail import CHECKPOINTS_BY_MAIL
from services.worker.delivering.messages import ARRIVALS, MESSAGES
from services.worker.feeding import FRESHNESS, REBUILDS
from services.worker.speaking import NOTICES

DUE = (FRESHNESS, REBUILDS, NOTICES, MESSAGES, ARRIVALS, CHECKPOINTS_BY_MAIL)
