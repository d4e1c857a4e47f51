"""A round of deliveries: each channel by itself, for every organisation, so that a slow server holds up nobody else.

The inboxes are ours, and seen to at once. Each way out of the house has a thread and a connection of its own for as
long as something is due there, and turns from one organisation to the next after a few messages. While one of them
waits for a server that does not answer, the round goes on with the others, for whoever has something due.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TypeAlias

from services.channels.inbox import Inbox
from services.channels.outcome import Channel, TellsLater
from services.channels.wording import Words
from services.worker.delivering.deliverer import PACED_S, Deliverer, Step
from services.worker.duty import Connection

LOOK_EVERY_S = 0.2

Due: TypeAlias = Callable[[Connection, Sequence[str]], Mapping[str, Mapping[str, object]]]
"""The organisations with messages that could go now by some channels, and by which."""


class Round:
    """One round, begun for one organisation. `connect` gives connections, `due` finds what there is to do.

    `now` gives the moment, by default the database's; `chance` random numbers from 0 to 1.
    """

    def __init__(
        self,
        conn: Connection,
        channels: Mapping[str, Channel],
        words: Words,
        *,
        connect: Callable[[], AbstractContextManager[Connection]],
        due: Due,
        deadline: float,
        stopping: Callable[[], bool] = lambda: False,
        now: Callable[[], datetime] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._conn = conn
        self._channels = channels
        self._words = words
        self._connect = connect
        self._due = due
        self._deadline = deadline
        self._stopping = stopping
        self._moment = now
        self._chance = chance
        self._asked_of: str | None = None  # of whom it is asked what arrived
        self._unasked: set[str] = set()  # channels that were not asked for all that is due to be asked for
        self._out: dict[str, threading.Thread] = {}
        self._failures: list[Exception] = []
        self._back = threading.Event()
        self._given_up = False

    def go(self, first: str, *, asks: bool) -> bool:
        """Delivers until nothing can go now, or the deadline; longer only beside a channel that is waited for.

        `asks`: whether it is to be asked, of the first organisation, what arrived. Returns whether all of that
        organisation is done. Raises what went wrong with a connection to the database.
        """
        self._asked_of = first if asks else None
        try:
            self._go(first)
        except BaseException:
            self._given_up = True
            raise
        finally:
            for thread in self._out.values():
                thread.join()
        if self._failures:
            raise self._failures[0]
        left = self._found().get(first)  # now that whatever was taken up is given back
        return not left and not self._unasked

    def _go(self, first: str) -> None:
        """Until nothing can go."""
        inboxes = self._deliverer(self._conn, {})
        inboxes.come_to_its_senses(first)
        if self._asked_of is not None:
            self._send_out({name for name, way in self._channels.items() if isinstance(way, TellsLater)})
        while True:
            found = self._found()
            if self._stopping() or self._failures:
                return
            put_in = [self._put_in(inboxes, one) for one, by in found.items() if "inbox" in by]
            if not self._is_over():
                self._send_out({name for by in found.values() for name in by})
            if not self._is_out() and (self._is_over() or not found):
                return
            if Step.DONE not in put_in:
                self._back.wait(LOOK_EVERY_S if self._is_out() else PACED_S)
                self._back.clear()

    def _found(self) -> Mapping[str, Mapping[str, object]]:
        return self._due(self._conn, ("inbox", *self._channels))

    def _put_in(self, inboxes: Deliverer, organisation: str) -> Step:
        """A few messages into their inboxes, though it may be over: then somebody is waited for, and there is time."""
        until = max(self._deadline, time.monotonic() + LOOK_EVERY_S)
        return inboxes.deliver_some(organisation, Inbox(self._conn, organisation), deadline=until)

    def _send_out(self, names: set[str]) -> None:
        """Has these channels seen to, unless somebody is at it."""
        for name in names & self._channels.keys():
            if name not in self._out or not self._out[name].is_alive():
                given = (self._channels[name],)
                one = threading.Thread(target=self._see_to, args=given, name=f"by {name}", daemon=True)
                self._out[name] = one
                one.start()

    def _see_to(self, channel: Channel) -> None:
        try:
            with self._connect() as conn:
                one = self._deliverer(conn, {channel.name: channel})
                self._deliver_by(one, conn, channel)
                self._ask_for_arrivals(one, channel)
        except Exception as failure:
            self._failures.append(failure)
        finally:
            channel.drop()
            self._back.set()

    def _ask_for_arrivals(self, deliverer: Deliverer, channel: Channel) -> None:
        if self._asked_of is None or deliverer.ask_for_arrivals(self._asked_of, deadline=self._deadline):
            self._unasked.discard(channel.name)
        else:
            self._unasked.add(channel.name)

    def _deliver_by(self, deliverer: Deliverer, conn: Connection, channel: Channel) -> None:
        """A few messages of one organisation after another, until none has any that may go."""
        while not self._is_over():
            steps = set()
            for organisation in self._due(conn, (channel.name,)):
                if self._is_over():
                    return
                steps.add(deliverer.deliver_some(organisation, channel, deadline=self._deadline))
            if Step.DONE not in steps:
                if Step.NOT_SO_FAST not in steps:
                    return
                time.sleep(PACED_S)

    def _deliverer(self, conn: Connection, channels: Mapping[str, Channel]) -> Deliverer:
        return Deliverer(
            conn,
            channels,
            self._words,
            now=self._moment,
            chance=self._chance,
            stopping=self._stopping,
            reconnect=self._connect,
        )

    def _is_over(self) -> bool:
        broken = self._given_up or bool(self._failures)
        return broken or self._stopping() or time.monotonic() >= self._deadline

    def _is_out(self) -> bool:
        return any(thread.is_alive() for thread in self._out.values())
