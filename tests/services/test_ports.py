"""A port is kept for whom it is meant: nobody else is given it, and no connection goes to who keeps it."""

import socket

import pytest

from services.ports import PortTaken, kept_port, must_be_free


def test_a_kept_port_is_given_to_nobody_else() -> None:
    with kept_port("127.0.0.1") as port:
        with (
            pytest.raises(PortTaken, match=f"Port {port} on 127.0.0.1 is taken"),
            kept_port("127.0.0.1", port),
        ):
            pass
        with kept_port("127.0.0.1") as another:
            assert another != port
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", port))


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_this_machine_is_said_to_be_none(host: str) -> None:
    with pytest.raises(PortTaken, match="is no address of this machine"), kept_port(host):
        pass


def test_a_server_that_shares_it_listens_there_and_gets_every_connection() -> None:
    with kept_port("127.0.0.1") as port, socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", port))
        server.listen(20)
        for _ in range(10):
            with socket.create_connection(("127.0.0.1", port), timeout=30), server.accept()[0]:
                pass
        with pytest.raises(PortTaken):
            must_be_free("127.0.0.1", port)
