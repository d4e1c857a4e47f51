"""Servers on this machine that speak HTTP: GOV.UK Notify as its documentation has it, and a chat room's web hook."""

import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from notifications_python_client.authentication import decode_jwt_token, get_token_issuer
from notifications_python_client.errors import TokenError

SERVICE = "11111111-2222-3333-4444-555555555555"
SECRET = "66666666-7777-8888-9999-aaaaaaaaaaaa"
KEY = f"tests-{SERVICE}-{SECRET}"
TEMPLATE = "bbbbbbbb-cccc-dddd-eeee-ffffffffffff"


class Served:
    """A server on a free port, for as long as a test lasts."""

    handler: ClassVar[type[BaseHTTPRequestHandler]]

    def __init__(self) -> None:
        made = type("Handler", (self.handler,), {"house": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), made)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Speaks(BaseHTTPRequestHandler):
    house: Any

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def said(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def says(self, status: int, told: object, **headers: str) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def refuses(self, status: int, kind: str, message: str) -> None:
        self.says(status, {"status_code": status, "errors": [{"error": kind, "message": message}]})


class _NotifySpeaks(_Speaks):
    def do_POST(self) -> None:
        asked = self.said()
        if not self._knows_us():
            return
        if self.house.answers:
            answer = self.house.answers.pop(0)
            if answer == "cut":
                self.house.takes(asked)
                self.close_connection = True
                return
            if answer == "gone":
                self.close_connection = True
                return
            self.refuses(*answer)
            return
        if self.path != "/v2/notifications/email" or asked.get("template_id") != TEMPLATE:
            self.refuses(400, "BadRequestError", "Template not found")
        elif not re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", asked.get("email_address", "")):
            self.refuses(400, "ValidationError", f"email_address {asked['email_address']} is not valid")
        elif not asked.get("one_click_unsubscribe_url", "https://").startswith("https://"):
            self.refuses(400, "ValidationError", "one_click_unsubscribe_url is not a valid https url")
        elif {"subject", "body"} - asked.get("personalisation", {}).keys():
            self.refuses(400, "BadRequestError", "Missing personalisation")
        else:
            self.says(201, self.house.takes(asked))

    def do_GET(self) -> None:
        if not self._knows_us():
            return
        address = urlsplit(self.path)
        if address.path == f"/v2/template/{TEMPLATE}":
            self.says(200, {"id": TEMPLATE, "subject": "((subject))", "body": self.house.template_body})
        elif address.path == "/v2/notifications":
            wanted = parse_qs(address.query).get("reference", [""])[0]
            found = [one for one in self.house.taken if one["reference"] == wanted]
            self.says(200, {"notifications": found, "links": {}})
        elif address.path.startswith("/v2/notifications/") and self.house.silent:
            self.refuses(500, "Exception", "Internal server error")
        elif known := [one for one in self.house.taken if address.path == f"/v2/notifications/{one['id']}"]:
            self.says(200, known[0])
        else:
            self.refuses(404, "NoResultFound", "No result found")

    def _knows_us(self) -> bool:
        token = self.headers["authorization"].removeprefix("Bearer ")
        try:
            assert get_token_issuer(token) == SERVICE
            decode_jwt_token(token, SECRET)
        except (TokenError, AssertionError):
            self.refuses(403, "AuthError", "Invalid token: API key not found")
            return False
        return True


class NotifyServer(Served):
    """Takes e-mails as GOV.UK Notify does. `answers` are given first: (status, error, message), `cut` or `gone`.

    `ends` says what became of all that was taken so far.
    """

    handler = _NotifySpeaks

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[dict[str, Any]] = []
        self.answers: list[Any] = []
        self.template_body = "((body))"
        self.silent = False  # about what became of notifications

    def ends(self, status: str) -> None:
        for one in self.taken:
            one["status"] = status

    def takes(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.taken.append(asked | {"id": str(uuid.uuid4()), "status": "created"})
        return {"id": self.taken[-1]["id"], "reference": asked.get("reference"), "content": {}}


class _RoomSpeaks(_Speaks):
    def do_POST(self) -> None:
        self.house.posts.append(self.said())
        self.says(self.house.status, {}, **self.house.headers)


class Room(Served):
    """A chat room's web hook."""

    handler = _RoomSpeaks

    def __init__(self) -> None:
        super().__init__()
        self.posts: list[dict[str, Any]] = []
        self.status = 200
        self.headers: dict[str, str] = {}

    @property
    def address(self) -> str:
        return f"{self.url.replace('http', 'json')}/room"
