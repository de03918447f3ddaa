import ast
import importlib
import pkgutil
import sys
from pathlib import Path

import pos_client

POSIX_ONLY = {"crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "spwd", "syslog", "termios", "tty"}
POSIX_ONLY_OF_OS = {
    "fchmod",
    "fork",
    "forkpty",
    "getpgid",
    "getuid",
    "killpg",
    "mkfifo",
    "setsid",
    "SIGKILL",
    "uname",
}
ALLOWED = {"pos_client", "click", "httpx2", "qrcode", *sys.stdlib_module_names} - POSIX_ONLY

MODULES = [module.name for module in pkgutil.walk_packages(pos_client.__path__, "pos_client.")]


def trees() -> list[ast.Module]:
    folder = Path(pos_client.__file__).parent
    return [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]


def imported_names(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


def test_the_public_names_are_these_and_no_others() -> None:
    assert pos_client.__all__ == [
        "Action", "BackOff", "DeadLetter", "Kind", "Line", "LineKind", "Link", "NotACode", "NotAuthorised",
        "Outcome", "Policy", "PosClient", "PosError", "QueueFailed", "Reason", "Receipt", "Refused", "Rejection",
        "Remark", "Return", "ReturnLine", "ReturnReason", "ReturnResult", "Sale", "SaleResult", "ScanResult",
        "ServiceError", "Status", "Store", "SyncReport", "Terminal", "Unavailable", "mint_claim", "read",
    ]  # fmt: skip
    assert all(hasattr(pos_client, name) for name in pos_client.__all__)


def test_the_client_does_what_a_till_needs() -> None:
    verbs = {name for name in vars(pos_client.PosClient) if not name.startswith("_")}
    assert {"enrol", "heartbeat", "scan", "sell", "link", "return_", "sync", "revive", "status", "close"} <= verbs


def test_every_error_is_one_kind_of_advice() -> None:
    assert issubclass(pos_client.ServiceError, pos_client.PosError)
    for kind in (pos_client.NotAuthorised, pos_client.Refused, pos_client.Unavailable):
        assert kind.__mro__[1] is pos_client.ServiceError
    for kind in (pos_client.NotACode, pos_client.QueueFailed):
        assert kind.__mro__[1] is pos_client.PosError


def test_every_module_can_be_imported() -> None:
    assert len(MODULES) > 10
    for name in MODULES:
        importlib.import_module(name)


def test_nothing_of_the_service_and_nothing_posix_only_is_imported() -> None:
    for tree in trees():
        assert imported_names(tree) <= ALLOWED


def test_no_posix_only_call_is_made() -> None:
    used = {node.attr for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & POSIX_ONLY_OF_OS
