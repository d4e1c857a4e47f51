"""A process that folds chunks for another (`beside.py`): tasks come in at standard input, rows go to standard output.

Standard output is for frames alone; whatever else this process says goes to standard error.
"""

import os
import sys
from typing import IO, Any, TypeAlias

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from projections.engine.found import called
from projections.engine.frames import Answer, Work, read_frame, write_frame
from projections.engine.making import Maker, Making, Task
from projections.engine.reading import Reader, for_folding

CONNECT_TIMEOUT_S = "10"

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


def serve(tasks: IO[bytes], answers: IO[bytes]) -> None:
    """Folds whatever is asked, until nobody asks."""
    first = read_frame(tasks)
    if first is None:
        return
    work = msgspec.msgpack.decode(first, type=Work)
    projections = [called(name) for name in work.projections]
    task_of = msgspec.msgpack.Decoder(Task).decode
    conninfo = make_conninfo("", **{"connect_timeout": CONNECT_TIMEOUT_S} | work.database)
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("SET max_parallel_workers_per_gather = 0")  # there are others of us
        conn.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(work.role)))
        reader = Reader(*projections, organisation=work.organisation, occurred_until=work.occurred_until)
        maker = Maker(conn, reader, projections, work.until)
        while (frame := read_frame(tasks)) is not None:
            write_frame(answers, msgspec.msgpack.encode(_answer(conn, work, maker, task_of(frame))))


def _answer(conn: Connection, work: Work, maker: Maker, task: Task) -> Answer:
    try:
        return Answer(_making(conn, work, maker, task))
    except Exception as failure:  # said to whoever asked, who folds it and meets the same
        return Answer(failure=f"{type(failure).__name__} while folding up to {task.up_to}")


def _making(conn: Connection, work: Work, maker: Maker, task: Task) -> Making:
    with conn.transaction():
        for_folding(conn, work.organisation)
        told = maker.told(task, maker.ask(task))
    return maker.make(task, told)


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(sys.stdin.buffer, answers)
    except BrokenPipeError:
        os._exit(0)  # nobody wants to know
    except psycopg.OperationalError as failure:
        raise SystemExit(f"fold_beside: {type(failure).__name__}") from None


if __name__ == "__main__":
    main()
