"""An Unspoken service of a page: idempotent PUTs, single-use codes, a sync; and every fault a till may meet."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

TOKEN = "ust_" + "t" * 43 + "check6"
ENROLMENT_CODE = "use_" + "e" * 43 + "check6"
STORE = {
    "store_id": "11111111-1111-4111-8111-111111111111",
    "name": "Gran Vía",
    "time_zone": "Europe/Madrid",
    "currency": "EUR",
    "language": "es",
}


@dataclass
class Reply:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Call:
    method: str
    path: str
    body: Any
    headers: dict[str, str]
    size: int


def problem(status: int, code: str, detail: str = "It is so.", **more: object) -> Reply:
    return Reply(
        status, {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code, **more}
    )


class FakeService:
    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.token = TOKEN
        self.stored: dict[tuple[str, str], Any] = {}
        self.links: dict[str, str] = {}
        self.owner_of_code: dict[str, str] = {}
        self.installations: set[str] = set()
        self.calls: list[Call] = []
        self.conflicts = 0
        self.down = False
        self.lost_answers = 0
        self.replies: list[Reply] = []
        self.refused_ids: dict[str, Reply] = {}
        self.item_replies: list[Reply] = []
        self.training = False
        self.policy = {"max_sync_items": 500, "max_body_bytes": 1_048_576}
        self.on_sync: Callable[[], None] = lambda: None
        self.after_sync: Callable[[], None] = lambda: None
        self.answer_more: dict[str, Any] = {}
        self._lock = threading.Lock()

    def transport(self) -> httpx2.MockTransport:
        def handle(request: httpx2.Request) -> httpx2.Response:
            reply = self.answer(request.method, request.url.path, dict(request.headers), request.read())
            return httpx2.Response(reply.status, headers=reply.headers, content=reply.encoded())

        return httpx2.MockTransport(handle)

    def answer(self, method: str, path: str, headers: dict[str, str], content: bytes) -> Reply:
        with self._lock:
            if self.down:
                raise httpx2.ConnectError("no route")
            body = json.loads(content) if content else None
            self.calls.append(Call(method, path, body, headers, len(content)))
            reply = self.replies.pop(0) if self.replies else self._route(method, path, headers, body)
            if self.lost_answers:
                self.lost_answers -= 1
                raise httpx2.ReadTimeout("too slow")
            return reply

    def ids(self, kind: str) -> set[str]:
        return {item_id for stored_kind, item_id in self.stored if stored_kind == kind}

    def bodies(self, kind: str) -> list[Any]:
        return [body for (stored_kind, _), body in self.stored.items() if stored_kind == kind]

    def requests(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path.startswith(path)]

    def _route(self, method: str, path: str, headers: dict[str, str], body: Any) -> Reply:
        if (method, path) == ("POST", "/pos/v1/enrol"):
            return self._enrol(body)
        if headers.get("authorization") != f"Bearer {self.token}":
            return problem(401, "unauthorized", "The token is not valid.")
        if (method, path) == ("GET", "/pos/v1/terminal"):
            return Reply(200, self._terminal())
        if (method, path) == ("POST", "/pos/v1/sync"):
            return self._sync(body)
        _, _, _, name, item_id, *rest = path.split("/")
        if rest == ["scan"]:
            return self._link(item_id, body["scan_id"])
        return self._put(name.removesuffix("s"), item_id, body)

    def _enrol(self, body: Any) -> Reply:
        if body["enrolment_code"] != ENROLMENT_CODE:
            return problem(401, "unauthorized", "The enrolment code is not valid.")
        self.installations.add(body["installation_id"])
        if len(self.installations) > 1:
            return problem(401, "unauthorized", "The enrolment code is used.")
        return Reply(201, {**self._terminal(), "terminal_token": self.token})

    def _terminal(self) -> dict[str, Any]:
        return {
            "terminal_id": "22222222-2222-4222-8222-222222222222",
            "label": "Till 3",
            "training": self.training,
            "store": STORE,
            "keys": [{"kty": "OKP", "kid": "AQ"}],
            "policy": self.policy,
            "server_time": self._now(),
            "tomorrow": "a new field",
        }

    def _sync(self, body: Any) -> Reply:
        self.on_sync()
        items = [(kind, item) for kind in ("scan", "sale", "return") for item in body[f"{kind}s"]]
        if len(items) > self.policy["max_sync_items"]:
            return problem(422, "invalid_body", "Too many items.")
        results = [self._sync_one(kind, item) for kind, item in items]
        self.after_sync()
        return Reply(200, {"results": results, "server_time": self._now()})

    def _sync_one(self, kind: str, item: Any) -> dict[str, Any]:
        item_id = item.pop(f"{kind}_id")
        reply = self.item_replies.pop(0) if self.item_replies else self._put(kind, item_id, item)
        return {"kind": kind, "id": item_id, "status": reply.status, "body": reply.body}

    def _put(self, kind: str, item_id: str, body: Any) -> Reply:
        if item_id in self.refused_ids:
            return self.refused_ids[item_id]
        known = self.stored.get((kind, item_id))
        if known is not None and known != body:
            self.conflicts += 1
            return problem(409, "id_conflict")
        self.stored[kind, item_id] = body
        return Reply(200 if known else 201, {**self._describe(kind, item_id, body), **self.answer_more})

    def _describe(self, kind: str, item_id: str, body: Any) -> dict[str, Any]:
        if kind == "scan":
            return self._judge(item_id, body["code"])
        link = "linked" if body.get("scan_id") or item_id in self.links else "unidentified"
        extra = {"link": link} if kind == "sale" else {}
        return {f"{kind}_id": item_id, "warnings": [], "server_time": self._now(), **extra}

    def _judge(self, scan_id: str, code: str) -> dict[str, Any]:
        mine = self.owner_of_code.setdefault(code, scan_id) == scan_id
        return {
            "scan_id": scan_id,
            "outcome": "identified" if mine else "refused",
            "reason": None if mine else "already_used",
            "message": "Identified" if mine else "Already used: ask for a fresh code",
            "action": "none" if mine else "rescan",
            "attributes": {"tier": "gold"} if mine else {},
            "late": False,
            "server_time": self._now(),
        }

    def _link(self, sale_id: str, scan_id: str) -> Reply:
        if ("sale", sale_id) not in self.stored:
            return problem(404, "not_found", "There is no such sale.")
        if self.links.setdefault(sale_id, scan_id) != scan_id:
            return problem(409, "id_conflict", "The sale is linked to another scan.")
        return Reply(200, {"sale_id": sale_id, "link": "linked", "warnings": [], "server_time": self._now()})

    def _now(self) -> str:
        return self.clock().isoformat(timespec="milliseconds")


@contextmanager
def serve(service: FakeService) -> Iterator[str]:
    """Serve on a real socket of this machine; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                reply = service.answer(self.command, self.path, headers, content)
            except httpx2.TransportError:
                return
            body = reply.encoded()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = handle_any  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
