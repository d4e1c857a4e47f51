"""Where nothing is sent: hostile URLs, judged as written, as resolved, and again at the connection.

The socket layer is replaced here: nothing is resolved or connected to, and whoever tries to connect is caught.
"""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from services.webhooks.addresses import Guard, WrongAddress, networks_in
from services.webhooks.posting import Poster

PUBLIC, PRIVATE = "93.184.215.14", "10.20.3.4"
NAMES = {
    "hooks.example.org": [PUBLIC],
    "six.example.org": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "localhost": ["127.0.0.1"],
    "localhost.": ["127.0.0.1"],
    "inside.example.org": [PRIVATE],
    "both.example.org": [PUBLIC, PRIVATE],
    "mapped.example.org": ["::ffff:127.0.0.1"],
    "nat64.example.org": ["64:ff9b::7f00:1"],
    "sixtofour.example.org": ["2002:7f00:1::"],
    "teredo.example.org": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "unique-local.example.org": ["fd00::1"],
    "zero.example.org": ["0.0.0.0"],
    "metadata.google.internal": ["169.254.169.254"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "a.b.c.d.localtest.me": ["127.0.0.1"],
}
HOSTILE = [
    # loopback, in every spelling
    *(
        "https://127.0.0.1/",
        "https://127.0.0.1:8443/",
        "https://127.1/",
        "https://127.0.1/",
        "https://2130706433/",
    ),
    *(
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://127.000.000.001/",
    ),
    *(
        "https://[::1]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
    ),
    *(
        "https://[::127.0.0.1]/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://localhost./",
        "https://127.0.0.1./",
    ),
    *("https://127.0.0.1.nip.io/", "https://a.b.c.d.localtest.me/", "https://mapped.example.org/"),
    # nobody's, everybody's, our own
    *(
        "https://0.0.0.0/",
        "https://0/",
        "https://[::]/",
        "https://zero.example.org/",
        "https://255.255.255.255/",
    ),
    *(
        "https://224.0.0.1/",
        "https://[ff02::1]/",
        "https://240.0.0.1/",
        "https://100.64.0.1/",
        "https://198.18.0.1/",
    ),
    *(
        "https://10.0.0.1/",
        "https://10.20.3.4/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.168.1.1/",
    ),
    *("https://inside.example.org/", "https://both.example.org/", "https://[fd00::1]/", "https://[fe80::1]/"),
    *("https://[fe80::1%25eth0]/", "https://[fec0::1]/", "https://unique-local.example.org/"),
    # where clouds keep their secrets
    *("https://169.254.169.254/latest/meta-data/", "https://169.254.170.2/", "https://168.63.129.16/"),
    *("https://metadata.google.internal/", "https://[fd00:ec2::254]/", "https://[::ffff:169.254.169.254]/"),
    *("https://2852039166/", "https://0xa9fea9fe/", "https://192.0.0.192/"),
    # one protocol in another
    *(
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2002:a00:1::]/",
    ),
    *(
        "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "https://nat64.example.org/",
        "https://sixtofour.example.org/",
    ),
    *("https://teredo.example.org/", "https://[64:ff9b:1::7f00:1]/"),
    # users, passwords, and hosts that are not where they seem
    *(
        "https://hooks.example.org@127.0.0.1/",
        "https://user:password@hooks.example.org/",
        "https://@hooks.example.org/",
    ),
    *(
        "https://127.0.0.1\\@hooks.example.org/",
        "https://hooks.example.org\\@127.0.0.1/",
        "https:\\\\127.0.0.1/",
    ),
    *(
        "https://hooks.example.org#@127.0.0.1/",
        "https://127.0.0.1#@hooks.example.org/",
        "https://hooks.example.org:443#x",
    ),
    *("https://hooks.example.org /", "https://hooks.example.org\t/", "https://hooks.example.org\r\nx: y/"),
    *(
        "https://hooks.example.org\x00.evil.example/",
        "https://１２７.0.0.1/",
        "https://ｌocalhost/",
        "https://①②⑦.⓪.⓪.①/",
    ),
    *(
        "https://%31%32%37.0.0.1/",
        "https://hooks%2eexample%2eorg/",
        "https://[::1",
        "https://::1/",
        "https:///path",
        "https://",
    ),
    *(
        "https://hooks.example.org:99999/",
        "https://hooks.example.org:x/",
        "https://.example.org/",
        "https://-x.example.org/",
    ),
    # other protocols, other servers
    *(
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "gopher://hooks.example.org/",
    ),
    *(
        "unix:///tmp/valkey.sock",
        "javascript:alert(1)",
        "data:,x",
        "//hooks.example.org/",
        "hooks.example.org",
        "",
    ),
    *("HTTPS://hooks.example.org/", "https://hooks.example.org:22/", "https://hooks.example.org:25/"),
    *(
        "https://hooks.example.org:6379/",
        "https://hooks.example.org:5432/",
        "https://hooks.example.org:11211/",
    ),
    *(
        "https://hooks.example.org:0/",
        "https://nowhere.example.org/",
        "https://" + "a." * 150 + "org/",
        "https://x/" + "y" * 2_000,
    ),
]
FRIENDLY = [
    *(
        "https://hooks.example.org/",
        "https://hooks.example.org/path?query=1",
        "https://hooks.example.org:8443/",
    ),
    *("https://six.example.org/", f"https://{PUBLIC}/", "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/"),
]


class Line:
    """The socket layer of the test: names by `NAMES`, and a note of who was to be connected to."""

    def __init__(self) -> None:
        self.names = {name: list(addresses) for name, addresses in NAMES.items()}
        self.connected: list[Any] = []

    def resolve(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        text = host.decode() if isinstance(host, bytes) else host
        addresses = self.names.get(text.lower()) or _as_libc_would(text)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        family = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
        return [
            (f, socket.SOCK_STREAM, 6, "", (a, port or 0)) for f, a in zip(family, addresses, strict=True)
        ]

    def connect(self, _sock: Any, address: Any) -> None:
        self.connected.append(address[0])
        raise ConnectionRefusedError("this is a test")


def _as_libc_would(text: str) -> list[str]:
    """`127.1`, `0x7f.1` and `2130706433` are addresses to a resolver."""
    try:
        return [socket.inet_ntoa(socket.inet_aton(text.rstrip(".")))]
    except OSError:
        return []


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    layer = Line()
    monkeypatch.setattr(socket, "getaddrinfo", layer.resolve)
    monkeypatch.setattr(socket.socket, "connect", lambda sock, address: layer.connect(sock, address))
    return layer


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) >= 100


@pytest.mark.parametrize("url", HOSTILE, ids=ascii)
def test_nothing_is_sent_to_a_hostile_address(line: Line, url: str) -> None:
    with pytest.raises(WrongAddress):
        Guard().check(url)
    answer = Poster(Guard()).post(url, {}, b"{}")
    assert answer.outcome in ("forbidden", "unreachable"), "and not at a delivery either"
    assert line.connected == []


@pytest.mark.parametrize("url", FRIENDLY)
def test_what_is_public_is_sent_to(line: Line, url: str) -> None:
    Guard().check(url)
    assert line.connected == [], "to judge a URL nobody is connected to"
    assert Poster(Guard()).post(url, {}, b"{}").outcome == "unreachable"
    assert set(line.connected) <= {PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"}
    assert line.connected or "[" in url or "six" in url, "not every machine has IPv6"


def test_a_name_that_was_public_when_it_was_judged_is_judged_again(line: Line) -> None:
    guard = Guard()
    guard.check("https://hooks.example.org/")
    line.names["hooks.example.org"] = ["127.0.0.1"]
    assert Poster(guard).post("https://hooks.example.org/", {}, b"{}").outcome == "forbidden"
    assert line.connected == []


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server may give another answer each time it is asked."""
    asked: list[str] = []

    def rebinding(host: Any, port: Any, *rest: Any, **named: Any) -> list[Any]:
        if str(host) == "hooks.example.org":
            asked.append(host)
            line.names["hooks.example.org"] = [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]
        return line.resolve(host, port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    Poster(Guard()).post("https://hooks.example.org/", {}, b"{}")
    assert line.connected == [PUBLIC]


def test_networks_of_our_own_are_sent_to_where_an_operator_named_them(line: Line) -> None:
    guard = Guard(["10.20.0.0/16"])
    for url in ("https://inside.example.org/", "http://inside.example.org/", "http://10.20.3.4:8080/"):
        guard.check(url)
    for url in ("https://10.21.0.1/", "http://10.21.0.1/", "http://127.0.0.1/", "http://hooks.example.org/"):
        with pytest.raises(WrongAddress):
            guard.check(url)
    with pytest.raises(WrongAddress):
        guard.check("http://10.20.3.4:6379/")


def test_no_proxy_of_the_environment_is_asked(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
    Poster(Guard()).post("https://hooks.example.org/", {}, b"{}")
    assert line.connected == [PUBLIC]


@pytest.mark.parametrize("text", ["10.20.0.0/16", "10.20.0.0/16, fd00::/8"])
def test_networks_are_read_from_a_setting(text: str) -> None:
    assert networks_in(text) == text.split(", ")


@pytest.mark.parametrize("text", ["10.20.0.1/16", "10.20.0.0/33", "example.org"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        networks_in(text)


def test_whose_refusal_it_is_is_said_without_addresses(line: Line) -> None:
    check: Callable[[str], None] = Guard().check
    with pytest.raises(WrongAddress) as refused:
        check("https://inside.example.org/")
    assert PRIVATE not in str(refused.value)
