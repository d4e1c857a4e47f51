"""Calls that follow one another on one connection: each is answered by itself, whatever becomes of the others."""

import asyncio
from typing import Any

import psycopg
import pytest

from events.log.pipelined import Pipelined, Statement, pipelined

ECHO = Statement(b"echo", b"SELECT $1::text")
DIVIDE = Statement(b"divide", b"SELECT 1 / $1::integer")
UNKNOWN = Statement(b"unknown", b"SELECT log.there_is_no_such_function($1::text)")


def ask(line: Pipelined, statement: Statement, *parameters: bytes) -> asyncio.Future[list[Any]]:
    heard: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

    def answered(answer: list[Any] | Exception) -> None:
        if isinstance(answer, Exception):
            heard.set_exception(answer)
        else:
            heard.set_result(answer)

    line.call(statement, parameters, answered)
    return heard


async def connect(url: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(url, autocommit=True)


async def test_calls_are_answered_in_their_order(database_url: str):
    async with await connect(database_url) as conn:
        async with pipelined(conn) as line:
            asked = [ask(line, ECHO, b"%d" % n) for n in range(50)]
            assert [await one for one in asked] == [[(str(n),)] for n in range(50)]
        assert await (await conn.execute("SELECT 'as it was'")).fetchone() == ("as it was",)


async def test_a_call_that_fails_takes_no_other_along(database_url: str):
    async with await connect(database_url) as conn, pipelined(conn) as line:
        asked = [ask(line, DIVIDE, n) for n in (b"1", b"0", b"1")] + [ask(line, ECHO, b"after")]
        one, failed, two, after = await asyncio.gather(*asked, return_exceptions=True)
    assert (one, two, after) == ([(1,)], [(1,)], [("after",)])
    assert isinstance(failed, psycopg.errors.DivisionByZero)


async def test_a_statement_that_could_not_be_prepared_is_prepared_when_it_can(database_url: str):
    async with await connect(database_url) as conn, pipelined(conn) as line:
        with pytest.raises(psycopg.errors.UndefinedFunction):
            await ask(line, UNKNOWN, b"text")
        with pytest.raises(psycopg.errors.UndefinedFunction):
            await ask(line, UNKNOWN, b"text")


async def test_plans_that_somebody_threw_away_are_made_again_and_nobody_notices(database_url: str):
    async with await connect(database_url) as conn:
        async with pipelined(conn) as line:
            await asyncio.gather(ask(line, ECHO, b"text"), ask(line, DIVIDE, b"1"))
        await conn.execute("DEALLOCATE ALL")
        async with pipelined(conn) as line:
            asked = [ask(line, ECHO, b"%d" % n) for n in range(3)] + [ask(line, DIVIDE, b"1")]
            assert await asyncio.gather(*asked) == [[("0",)], [("1",)], [("2",)], [(1,)]]


async def test_plans_outlive_a_transaction_that_psycopg_rolls_back(database_url: str):
    async with await connect(database_url) as conn:
        await conn.execute("SELECT 1", prepare=True)
        async with pipelined(conn) as line:
            await ask(line, ECHO, b"before")
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with conn.transaction():
                await conn.execute("SELECT 1 / 0")
        await conn.execute("SELECT 2")  # psycopg throws away all plans, and not only its own
        async with pipelined(conn) as line:
            assert await ask(line, ECHO, b"after") == [("after",)]


async def test_more_than_the_socket_takes_at_once_goes_piece_by_piece(database_url: str):
    long = b"x" * 8_000_000
    async with await connect(database_url) as conn, pipelined(conn) as line:
        asked = [ask(line, ECHO, long) for _ in range(3)]
        assert [len((await one)[0][0]) for one in asked] == [len(long)] * 3


async def test_whoever_waits_on_a_connection_that_is_lost_hears_so(database_url: str):
    wait = Statement(b"wait", b"SELECT pg_sleep($1::integer)::text")
    async with await connect(database_url) as conn:
        async with await connect(database_url) as other, pipelined(conn) as line:
            asked = [ask(line, wait, b"60"), ask(line, ECHO, b"next")]
            await other.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
            lost = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(one, psycopg.OperationalError) for one in lost), lost
            assert line.lost is not None
            with pytest.raises(psycopg.OperationalError):
                await ask(line, ECHO, b"later")
        assert conn.broken


async def test_calls_that_are_given_up_are_answered_and_the_connection_is_closed(database_url: str):
    wait = Statement(b"wait", b"SELECT pg_sleep($1::integer)::text")
    async with await connect(database_url) as conn:
        async with pipelined(conn) as line:
            asked = ask(line, wait, b"3")
        with pytest.raises(psycopg.OperationalError):
            await asked
        assert conn.closed
