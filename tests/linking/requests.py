"""Sites that ask to link an account with the shopper whose code they were shown."""

from typing import Any

from werkzeug.test import TestResponse

from tests.world import Shopper, Site


def ask(site: Site, code: str, account_id: str = "mary") -> TestResponse:
    return site.call("POST", f"/commerce/v1/accounts/{account_id}/link-requests", {"code": code})


def asked(site: Site, code: str, account_id: str = "mary") -> str:
    """Ask; return the id of the link request."""
    answer = ask(site, code, account_id)
    assert answer.status_code == 201, answer.json
    ident: str = answer.json["link_request_id"]
    return ident


def refusal(answer: TestResponse) -> str:
    """Return the reason word of a refused code."""
    assert (answer.status_code, answer.json["code"]) == (422, "code_refused"), answer.json
    (error,) = answer.json["errors"]
    assert error["pointer"] == "/code"
    reason: str = error["detail"].partition(":")[0]
    assert answer.json["detail"].endswith(reason)
    return reason


def decide(shopper: Shopper, verb: str, link_request_id: str) -> TestResponse:
    return shopper.call("POST", f"/shopper/v1/link-requests/{link_request_id}/{verb}", {})


def open_requests(shopper: Shopper) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = shopper.call("GET", "/shopper/v1/link-requests").json["items"]
    return items


def status(site: Site, link_request_id: str) -> dict[str, Any]:
    told: dict[str, Any] = site.call("GET", f"/commerce/v1/link-requests/{link_request_id}").json
    return told
