"""Run the service under gunicorn. How the settings were chosen: docs/performance.md."""

import atexit
import gc
import os
import resource
import shutil
import signal
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from service.config import Settings
from service.errors import Unavailable
from service.sharing import share, take_part

THREADS = 1
KEEP_ALIVE_SECONDS = 15
TIMEOUT_SECONDS = 30
MOST_CONNECTIONS = 1000
_OWN_FILES = 40  # databases, listeners, metrics, the log: what a worker has open besides its connections


def default_workers(*, on_sqlite: bool) -> int:
    """Return two workers a processor: while one waits for the database, the other works.

    On SQLite it is one a processor, and one more: only one writes at a time, and whoever waits for that without a
    processor to work on makes the slowest answers slower.
    """
    processors = os.cpu_count() or 1
    return processors + 1 if on_sqlite else 2 * processors


def serve(settings: Settings, *, host: str, port: int, workers: int, ready: Callable[[str, int], None]) -> None:
    """Serve until told to stop; `ready` is told the address, once it is listened on, and the number of workers.

    The app is composed once, before the workers fork, so bad settings end it here.
    """
    _share_metrics(workers)
    # Imported only now: the metrics library looks for its folder when it is imported.
    from service.app import create_app
    from service.erasures import replay_before_serving
    from service.web.context import EXTENSION
    from service.web.server import Log, Worker

    app = create_app(settings)
    replay_before_serving(settings)

    def after_fork(_server: Any, _worker: Any) -> None:
        take_part()
        app.extensions[EXTENSION].db.after_fork()
        app.extensions[EXTENSION].keystore.after_fork()

    options = {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "workers": workers,
        "worker_class": Worker,
        "threads": THREADS,
        "keepalive": KEEP_ALIVE_SECONDS,
        "sendfile": False,  # a file goes out with its head, too
        "timeout": TIMEOUT_SECONDS,
        "worker_connections": _let_in(),
        "preload_app": True,
        "when_ready": lambda arbiter: ready(str(arbiter.LISTENERS[0]), workers),
        "post_fork": after_fork,
        "post_worker_init": _end_gently,
        "child_exit": _forget,
        "loglevel": "warning",
        "logger_class": Log,
        "control_socket_disable": True,
        # No header moves a request to another path or scheme, past what a proxy keeps to itself.
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "forwarded_allow_ips": "*",  # nothing in HTTP/1 is left to be trusted with, so nobody's address is looked up
    }
    _let_newborns_end()
    # What stands before the fork stays as it is, so that the workers keep sharing its memory.
    gc.collect()
    gc.freeze()
    master = os.getpid()
    try:
        _Server(app, options).run()
    except SystemExit as end:
        if end.code and os.getpid() == master:
            raise Unavailable("the service could not start; its log says why") from None
        raise


def _let_in() -> int:
    """Return how many connections a worker may have, once as many files may be open as the system grants us."""
    wanted = MOST_CONNECTIONS + _OWN_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < granted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    return max(granted - _OWN_FILES, 2 * THREADS)


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, app: Any, options: dict[str, Any]) -> None:
        self._app, self._options = app, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._app


def _let_newborns_end() -> None:
    """See to it that a worker which is told to end before it has handlers of its own does.

    It would take that for the master's affair, whose handlers it still has, and go on until it is killed after 30 s.
    What comes while it is made waits, since Python forgets signals then.
    """
    ends = (signal.SIGTERM, signal.SIGQUIT)

    def end_at_once() -> None:
        for number in ends:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)

    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ends),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, ends),
        after_in_child=end_at_once,
    )


def _end_gently(worker: Any) -> None:
    # gunicorn 27's quick way to end takes a lock that the worker may hold already, and then it hangs for 30 s. The
    # gentle way has no such lock. Ctrl-C reaches the workers, too; their master tells them anyway.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, worker.handle_exit)


def _share_metrics(workers: int) -> None:
    folder, parent = share(workers), os.getpid()
    if folder is not None:
        atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == parent else None)


def _forget(_server: Any, worker: Any) -> None:
    from service.web.counts import counts

    counts().forget(worker.age)
