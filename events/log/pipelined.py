"""A connection on which calls follow one another: the next is on its way while the one before is being answered.

This is libpq's pipeline mode, with a synchronisation after each call, so that each is a transaction of its own and a
failing one takes no other along. It costs a call neither a round trip nor the machinery of a cursor, and the database
never waits for us to read its last answer before it can begin on the next.

Plans are kept by name with the connection, which goes back to a pool between turns. Others may throw them away there:
psycopg sends DEALLOCATE ALL after a ROLLBACK. A call that finds its plan gone has done nothing, and is made again.
"""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.rows import TupleRow

Answered = Callable[[list[TupleRow] | Exception], None]

# The plans that a connection should have: when each was made, by the name of its statement.
_prepared: WeakKeyDictionary[psycopg.AsyncConnection[Any], dict[bytes, int]] = WeakKeyDictionary()
_makings = itertools.count()


class Statement(msgspec.Struct, frozen=True):
    """A statement by the name under which a connection keeps its plan."""

    name: bytes
    sql: bytes


class _Asked:
    """A call that has not been answered yet, and what has come of it so far."""

    __slots__ = ("again", "answered", "failure", "parameters", "plan", "prepares", "rows", "statement")

    def __init__(self, statement: Statement, parameters: Sequence[bytes], answered: Answered) -> None:
        self.statement = statement
        self.parameters = parameters
        self.answered = answered
        self.again = False  # its plan was gone once
        self.prepares = False
        self.plan = 0
        self.rows: list[TupleRow] = []
        self.failure: Exception | None = None


class Pipelined:
    """The calls under way on a connection that nobody else uses meanwhile. `lost` once it can take no more."""

    def __init__(self, conn: psycopg.AsyncConnection[Any]) -> None:
        self.lost: Exception | None = None
        self._pgconn = conn.pgconn
        self._socket = conn.pgconn.socket
        self._loop = asyncio.get_running_loop()
        self._transformer = Transformer(conn)
        self._prepared = _prepared.setdefault(conn, {})
        self._asked: deque[_Asked] = deque()

    def call(self, statement: Statement, parameters: Sequence[bytes], answered: Answered) -> None:
        """Sends a call. `answered` hears its rows, or why there are none, as soon as that has come; never before."""
        self._send(_Asked(statement, parameters, answered))

    def _send(self, asked: _Asked) -> None:
        name = asked.statement.name
        asked.prepares = name not in self._prepared
        self._asked.append(asked)
        try:
            if asked.prepares:
                self._pgconn.send_prepare(name, asked.statement.sql)
                self._prepared[name] = next(_makings)
            asked.plan = self._prepared[name]
            self._pgconn.send_query_prepared(name, asked.parameters, result_format=pq.Format.BINARY)
            self._pgconn.pipeline_sync()
            self._flush()
        except psycopg.OperationalError as failure:
            self._loop.call_soon(self._lose, failure)

    def begin(self) -> None:
        """Nobody else reads from this connection from here on."""
        self._pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._read)

    def end(self) -> None:
        """The connection is as it was. Raises OperationalError if it is not: then nobody can use it any more."""
        if self.lost is None:
            self._leave()
            if self._asked:
                self._lose(psycopg.OperationalError("the call was given up"))
                raise psycopg.OperationalError("calls are under way")
            self._pgconn.exit_pipeline_mode()

    def _leave(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)

    def _flush(self) -> None:
        """What the socket does not take at once goes when it does."""
        if self._pgconn.flush():
            self._loop.add_writer(self._socket, self._flush_on)

    def _flush_on(self) -> None:
        try:
            if not self._pgconn.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as failure:
            self._lose(failure)

    def _read(self) -> None:
        """Answers every call whose last result has come."""
        try:
            self._pgconn.consume_input()
            while self._asked and not self._pgconn.is_busy():
                result = self._pgconn.get_result()  # None stands between the results of two statements
                if result is not None and self._is_last(result):
                    self._settle(self._asked.popleft())
                elif result is None and self._pgconn.status == pq.ConnStatus.BAD:
                    raise psycopg.OperationalError("the connection is lost")
        except psycopg.OperationalError as failure:
            self._lose(failure)

    def _settle(self, asked: _Asked) -> None:
        """All of an answer has come."""
        if isinstance(asked.failure, psycopg.errors.InvalidSqlStatementName) and not asked.again:
            asked.again, asked.failure = True, None
            self._send(asked)
        else:
            asked.answered(asked.rows if asked.failure is None else asked.failure)

    def _is_last(self, result: pq.abc.PGresult) -> bool:
        """Takes one result of the oldest call; whether it was its last."""
        asked = self._asked[0]
        match result.status:
            case pq.ExecStatus.PIPELINE_SYNC:
                return True
            case pq.ExecStatus.TUPLES_OK:
                self._transformer.set_pgresult(result)
                asked.rows = self._transformer.load_rows(0, result.ntuples, tuple)
            case pq.ExecStatus.COMMAND_OK:
                asked.prepares = False
            case pq.ExecStatus.FATAL_ERROR:
                asked.failure = psycopg.errors.error_from_result(result)
                gone = isinstance(asked.failure, psycopg.errors.InvalidSqlStatementName)
                if (asked.prepares or gone) and self._prepared.get(asked.statement.name) == asked.plan:
                    del self._prepared[asked.statement.name]
            case _:
                pass  # it was not reached, for the failure before it
        return False

    def _lose(self, failure: Exception) -> None:
        """Nothing more comes: whoever waits hears so, and may ask again elsewhere."""
        if self.lost is None:
            self.lost = failure
            self._leave()
        while self._asked:
            asked = self._asked.popleft()
            asked.answered(asked.failure or failure)


@contextlib.asynccontextmanager
async def pipelined(conn: psycopg.AsyncConnection[Any]) -> AsyncIterator[Pipelined]:
    """The connection for many calls. It comes back as it was, or closed if calls were under way."""
    line = Pipelined(conn)
    line.begin()
    try:
        yield line
    finally:
        try:
            line.end()
        except psycopg.OperationalError:
            await conn.close()
