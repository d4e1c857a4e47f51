"""What is dear to make is made once, however many ask at once, and tried again if it could not be made."""

import asyncio
import threading

import pytest

from services.api.app import create_app
from services.api.made_once import MadeOnce
from services.settings import Settings


def test_many_who_ask_at_once_have_one_made_and_the_loop_goes_on_meanwhile() -> None:
    made, go_on = [], threading.Event()

    def make() -> object:
        assert go_on.wait(60)  # whoever blocks the loop waits here in vain
        made.append(object())
        return made[-1]

    async def ask() -> list[object]:
        once = MadeOnce(make)
        asking = [asyncio.create_task(once.get()) for _ in range(20)]
        await asyncio.sleep(0)
        asking[0].cancel()  # who goes away takes nothing from the others
        go_on.set()
        answers = await asyncio.gather(*asking[1:])
        return [*answers, await once.get()]

    assert len(set(map(id, asyncio.run(ask())))) == 1
    assert len(made) == 1


def test_what_could_not_be_made_is_made_for_the_next_who_asks() -> None:
    tries = []

    def make() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise OSError
        return len(tries)

    async def ask() -> int:
        once = MadeOnce(make)
        with pytest.raises(OSError):
            await once.get()
        return await once.get()

    assert asyncio.run(ask()) == 2


def test_nothing_is_described_before_somebody_asks() -> None:
    app = create_app(Settings(database_url="postgresql://nobody@nowhere/x"))
    asked = app.state.openapi
    assert asked._making is None
