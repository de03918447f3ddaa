"""The benchmark's course: for each database, every case in alternated rounds of A, B and ours."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

from service import clock
from service.config import Settings, read_settings
from service.crypto import keyfile
from service.db import Database
from service.migrations import migrate
from service.serve import default_workers
from tests.bench import history, importing, inprocess, quality, requests
from tests.bench.cases import CASES, GROWTH, ISSUED, MEMORY, TAIL, Case, Kind, Ratio
from tests.bench.crowd import Crowd, gather
from tests.bench.databases import Databases
from tests.bench.load import Generator, Outcome, Target, measure, warm_up
from tests.bench.problems import MeasurementFailed
from tests.bench.progress import Progress
from tests.bench.rows import Row, failed_row, make_row, middle, rate_ratio
from tests.bench.servers import Server, running_bare, running_service

_CARDS_PER_SECOND, _QUICK_CARDS_PER_SECOND, _MOST_CARDS = 40_000, 6_000, 120_000
_TAIL, _MEMORY = "scan p99 / p50", "memory of a worker"
_ROWS, _QUICK_ROWS = 50_000, 2_000
_GROWTH = "scan with 1,000,000 customers and 5,000,000 scans stored"
_INPROCESS = {
    "verify an issued code": inprocess.verify_row,
    "draw a code as SVG": inprocess.svg_row,
    **quality.ROWS,
}


@dataclass(frozen=True)
class Plan:
    """What to measure, and how long."""

    rounds: int
    seconds: int
    workers: int | None
    generator: Generator
    full: bool
    only: str
    quick: bool = False

    @property
    def cases(self) -> list[Case]:
        """The cases asked for; the tail is read from the scans of issued codes."""
        return [case for case in CASES if self.wants(case.name) or (case is ISSUED and self.wants(_TAIL))]

    @property
    def grows(self) -> bool:
        """Whether the long history is made."""
        return self.full and self.wants(_GROWTH)

    @property
    def runs(self) -> int:
        """How many runs there will be."""
        return len(Kind) * (self.rounds * (3 * len(self.cases) + 2 * self.grows) + 3 * self.wants(_MEMORY))

    def workers_on(self, kind: Kind) -> int:
        """Return how many workers every server has."""
        return self.workers or default_workers(on_sqlite=kind is Kind.SQLITE)

    def wants(self, name: str) -> bool:
        """Return whether a row was asked for."""
        return self.only in name

    def left_out(self) -> list[str]:
        """Return the rows that were not asked for."""
        names = [*(case.name for case in CASES), _TAIL, _MEMORY, importing.NAME, *_INPROCESS]
        left = [name for name in names if not self.wants(name)]
        return left if self.grows else [*left, f"{_GROWTH} (--full)"]


@dataclass(frozen=True)
class Bench:
    """Everything a measurement on one database needs."""

    plan: Plan
    kind: Kind
    databases: Databases
    progress: Progress

    def measure(self, target: Target) -> Outcome:
        """Take one run."""
        self.progress.begin()
        folder = self.databases.folder
        outcome = measure(target, seconds=self.plan.seconds, generator=self.plan.generator, folder=folder)
        figures = f"{outcome.per_second:,.0f}/s, p50 {outcome.p50_ms:.1f} ms, p99 {outcome.p99_ms:.1f} ms"
        self.progress.step(f"{self.kind}: {target.name}: {figures}")
        return outcome

    def settle(self, name: str) -> tuple[Settings, Database, Crowd]:
        """Make a database with 1,000 customers."""
        settings = _settings(self.databases.make(self.kind, name), self.databases.folder)
        db = Database(settings.database_url)
        migrate(db)
        a_second = _QUICK_CARDS_PER_SECOND if self.plan.quick else _CARDS_PER_SECOND
        cards = min(a_second * self.plan.seconds, _MOST_CARDS)
        return settings, db, gather(db, keyfile.load(settings.keys_file), cards=cards)


def run(plan: Plan, databases: Databases) -> list[Row]:
    """Measure what the plan asks for; a row whose measurement failed says why."""
    rows = [make() for name, make in _INPROCESS.items() if plan.wants(name)]
    progress = Progress(plan.runs)
    for kind in Kind:
        if plan.cases or plan.grows or plan.wants(_MEMORY):
            rows += _run_on(Bench(plan, kind, databases, progress))
        if plan.wants(importing.NAME):
            rows.append(_import(Bench(plan, kind, databases, progress)))
    return rows


def _run_on(bench: Bench) -> list[Row]:
    bench.progress.say(f"{bench.kind}: 1,000 customers move in")
    settings, db, crowd = bench.settle("small")
    db.engine.dispose()
    folder, workers = bench.databases.folder, bench.plan.workers_on(bench.kind)
    bare_url = bench.databases.make(bench.kind, "bare")
    rows: list[Row] = []
    with (
        running_bare("nothing", folder, workers=workers) as a,
        running_bare("one_insert", folder, workers=workers, database_url=bare_url) as b,
        running_service(settings, folder, workers=workers) as ours,
    ):
        for case in bench.plan.cases:
            rows += _measure_case(bench, case, crowd, (a, b, ours))
        if bench.plan.grows:
            rows.append(_measure_growth(bench, crowd, ours))
    if bench.plan.wants(_MEMORY):
        with (
            running_bare("one_insert", folder, workers=workers, database_url=bare_url) as b,
            running_bare("one_object", folder, workers=workers, database_url=bare_url) as with_orm,
            running_service(settings, folder, workers=workers) as ours,
        ):
            rows.append(_weigh(bench, crowd, (b, with_orm, ours)))
    return rows


def _measure_case(bench: Bench, case: Case, crowd: Crowd, servers: tuple[Server, Server, Server]) -> list[Row]:
    a, b, ours = servers
    targets = (
        Target("A", a.port, requests.posts, 200, '"ok"'),
        Target("B", b.port, requests.posts, 201, '"ok"'),
        _target(case, crowd, ours, case.name),
    )
    try:
        outcomes = _alternate(bench, targets)
    except MeasurementFailed as failure:
        return [failed_row(case.name, bench.kind, str(failure))]
    of_a, of_b, of_ours = outcomes
    ratios = {Ratio.TO_A: rate_ratio(of_ours, of_a), Ratio.TO_B: rate_ratio(of_ours, of_b)}
    figures = {"ours": middle(of_ours), "a": middle(of_a), "b": middle(of_b)}
    rows = [make_row(case.name, bench.kind, case.limits[bench.kind], ratios, **figures)]
    if case is ISSUED and bench.plan.wants(_TAIL):
        tail = median(outcome.p99_ms / outcome.p50_ms for outcome in of_ours)
        rows.append(make_row(_TAIL, bench.kind, TAIL, {Ratio.P99_TO_P50: tail}, ours=middle(of_ours)))
    return rows


def _alternate(bench: Bench, targets: Sequence[Target]) -> list[list[Outcome]]:
    """Return the outcomes of each target, round by round."""
    rounds = [[bench.measure(target) for target in targets] for _ in range(bench.plan.rounds)]
    return [list(outcomes) for outcomes in zip(*rounds, strict=True)]


def _weigh(bench: Bench, crowd: Crowd, servers: tuple[Server, Server, Server]) -> Row:
    """Weigh workers that have been under load for equally long: a worker that has just started is lighter."""
    b, with_orm, ours = servers
    for case in CASES:
        warm_up(_target(case, crowd, ours, case.name))
    bench.measure(_target(ISSUED, crowd, ours, "to be weighed"))
    for bare in (b, with_orm):
        bench.measure(Target("bare, to be weighed", bare.port, requests.posts, 201, '"ok"'))
    of_b, of_orm, of_ours = (server.memory() for server in servers)
    ratios = {
        Ratio.RSS_TO_ORM: of_ours["rss_mb"] / of_orm["rss_mb"],
        Ratio.RSS_TO_B: of_ours["rss_mb"] / of_b["rss_mb"],
        Ratio.PSS_TO_B: of_ours["pss_mb"] / of_b["pss_mb"],
    }
    return make_row(_MEMORY, bench.kind, MEMORY, ratios, ours=of_ours, b=of_b, with_orm=of_orm)


def _measure_growth(bench: Bench, crowd: Crowd, small: Server) -> Row:
    """Hold scans among years of history against scans among little; one tenth more time a scan is a ratio of 1.1."""
    bench.progress.say(f"{bench.kind}: {history.CUSTOMERS:,} customers live through some years")
    settings, db, big_crowd = bench.settle("large")
    history.relive(db, big_crowd)
    stored = asdict(history.count(db))
    db.engine.dispose()
    try:
        with running_service(settings, bench.databases.folder, workers=bench.plan.workers_on(bench.kind)) as large:
            targets = (
                _target(ISSUED, crowd, small, f"{ISSUED.name}, little stored"),
                _target(ISSUED, big_crowd, large, f"{ISSUED.name}, much stored"),
            )
            of_small, of_large = _alternate(bench, targets)
    except MeasurementFailed as failure:
        return failed_row(_GROWTH, bench.kind, str(failure))
    figures = {"ours": middle(of_large), "small": middle(of_small), "stored": stored}
    return make_row(_GROWTH, bench.kind, GROWTH, {Ratio.LARGE_TO_SMALL: rate_ratio(of_small, of_large)}, **figures)


def _import(bench: Bench) -> Row:
    try:
        return importing.import_row(
            bench.kind,
            bench.databases,
            lambda url: _settings(url, bench.databases.folder),
            rounds=bench.plan.rounds,
            rows=_QUICK_ROWS if bench.plan.quick else _ROWS,
            progress=bench.progress,
        )
    except MeasurementFailed as failure:
        return failed_row(importing.NAME, bench.kind, str(failure))


def _target(case: Case, crowd: Crowd, server: Server, name: str) -> Target:
    return Target(name, server.port, partial(case.make, crowd), case.status, case.text)


def _settings(url: str, folder: Path) -> Settings:
    path = folder / "keys.json"
    if not path.exists():
        keyfile.save_new(path, keyfile.create(clock.now()))
    return read_settings({"UNSPOKEN_DATABASE_URL": url, "UNSPOKEN_KEYS_FILE": str(path)})
