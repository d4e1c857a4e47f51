"""Which addresses we send to: none by which somebody could make us speak with our own house.

A URL is judged three times: as it is written, by the addresses its host has when the endpoint is made, and again by
those it has at each connection, which goes to the very address that was judged. Over plain HTTP, and to private
networks, we send only where an operator has named the network (`QILEDGER_WEBHOOK_NETWORKS`).
"""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import requests
import urllib3.util
from AntiSSRF import AntiSSRFError, AntiSSRFPolicy, PolicyConfigOptions
from requests.adapters import HTTPAdapter
from urllib3.exceptions import LocationParseError

URL_LENGTH_MAX = 2_000
# Where other things than web servers listen; a POST to them can do harm even if nobody understands it.
# fmt: off
FOREIGN_PORTS = frozenset((
    1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045,
    4190, 4369, 5060, 5061, 5432, 5433, 5672, 5900, 5984, 6000, 6379, 6380, 6443, 6566, 6665,
    6666, 6667, 6668, 6669, 6679, 6697, 7000, 7001, 8086, 8500, 9042, 9092, 9200, 9300, 10080,
    10250, 10255, 11211, 15672, 16379, 26379, 27017, 50070,
))
# fmt: on
DENIED_TOO = [  # beside what AntiSSRF denies: IPv4 in other clothes, and what is no global unicast
    *(
        "::/96",
        "::ffff:0:0:0/96",
        "100::/8",
        "200::/7",
        "400::/6",
        "800::/5",
        "1000::/4",
        "4000::/2",
        "8000::/1",
    ),
]
WEB_PORTS = frozenset((80, 443))
PRIVILEGED = 1024

_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?|\[[0-9a-f:.]+\]")


class WrongAddress(ValueError):
    """We do not send there; the message says why."""


def networks_in(text: str | None) -> list[str]:
    """The networks in a setting: CIDR, with commas between. Raises ValueError."""
    words = [word.strip() for word in (text or "").split(",")]
    return [str(ipaddress.ip_network(word)) for word in words if word]


class Guard:
    """Judges URLs. `networks` are those of our own to which we may send."""

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._has_networks = bool(networks)
        public = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
        public.add_denied_addresses(DENIED_TOO)
        public.add_xff_header = False
        private = AntiSSRFPolicy(PolicyConfigOptions.NONE)
        private.deny_all_unspecified_ips = True
        private.allow_plain_text_http = True
        if networks:
            public.add_allowed_addresses(list(networks))
            private.add_allowed_addresses(list(networks))
        self._https: HTTPAdapter = public.get_antissrf_session().get_adapter("https://")
        self._http: HTTPAdapter = private.get_antissrf_session().get_adapter("http://")

    def check(self, url: str) -> None:
        """Raises WrongAddress for a URL to which we would not send now. Asks the resolver; connects to nothing."""
        self.check_written(url)
        request = requests.Request("POST", url).prepare()
        self.judge(self.adapter(url), request)

    def check_written(self, url: str) -> None:
        """Raises WrongAddress for a URL that could not be right, whatever its host's addresses are."""
        host, port = _parts(url)
        if url.startswith("http://") and not self._has_networks:
            raise WrongAddress("Only https:// is sent to.")
        if port is not None and port not in WEB_PORTS and (port < PRIVILEGED or port in FOREIGN_PORTS):
            raise WrongAddress(
                f"Nothing is sent to port {port}: use 443, or one above 1023 that is a web server's."
            )
        if len(host) > 253:
            raise WrongAddress("The name of the host is too long.")

    def adapter(self, url: str) -> HTTPAdapter:
        """What speaks with the servers of such a URL."""
        return self._http if url.startswith("http://") else self._https

    @property
    def adapters(self) -> tuple[HTTPAdapter, HTTPAdapter]:
        """Both: for HTTPS, and for plain HTTP to networks of our own."""
        return self._https, self._http

    @staticmethod
    def judge(adapter: HTTPAdapter, request: requests.PreparedRequest) -> None:
        """Raises WrongAddress unless every address of the host is one to which we may send."""
        try:
            adapter.build_connection_pool_key_attributes(request, verify=True)
        except AntiSSRFError as refused:
            raise WrongAddress(reason(refused)) from None
        except (OSError, UnicodeError, ValueError):
            raise WrongAddress("The host of this URL cannot be found.") from None


def reason(refused: AntiSSRFError) -> str:
    """Why, in our words: without addresses, which would tell a stranger what our resolver knows."""
    if "did not resolve" in str(refused):
        return "The host of this URL cannot be found."
    return "The host of this URL has an address to which nothing is sent: a private, local or reserved one."


def _parts(url: str) -> tuple[str, int | None]:
    """Host and port, as two parsers that differ in their leniency both read them. Raises WrongAddress."""
    if len(url) > URL_LENGTH_MAX:
        raise WrongAddress(f"A URL has at most {URL_LENGTH_MAX} characters.")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise WrongAddress("A URL is written in ASCII, without spaces and backslashes.")
    if not url.startswith(("https://", "http://")):
        raise WrongAddress("A URL begins with https://.")
    try:
        strict, lenient = urllib3.util.parse_url(url), urlsplit(url)
        host, port = strict.host, strict.port
        same = host is not None and host.strip("[]") == lenient.hostname and port == lenient.port
    except (LocationParseError, ValueError):
        raise WrongAddress("This is no URL.") from None
    if not same or host is None or not _HOST.fullmatch(host):
        raise WrongAddress("The host of this URL is not written plainly.")
    if strict.auth is not None or "@" in lenient.netloc:
        raise WrongAddress(
            "A URL with a user or a password in it is not taken: deliveries are signed instead."
        )
    if strict.fragment is not None or "#" in url:
        raise WrongAddress("A URL with a fragment is not taken.")
    return host, port
