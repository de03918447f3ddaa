from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.crypto import keyfile
from service.crypto.live import LiveKeys
from service.errors import BadSettings

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    keyfile.save_new(path, keyfile.create(NOW))
    return path


def rotate(path: Path) -> None:
    keyfile.save(path, keyfile.rotate(keyfile.load(path), NOW, at_once=True))


def test_a_process_uses_a_new_key_from_the_first_use_after_the_file_changed(path: Path) -> None:
    live = LiveKeys(path)
    assert live.current().ring.signer(NOW).kid == 1
    for kid in range(2, 12):
        rotate(path)
        assert live.current().ring.signer(NOW).kid == kid
    assert live.fault is None


def test_the_file_is_read_again_only_when_it_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = LiveKeys(path)
    monkeypatch.setattr(keyfile, "load", lambda _: pytest.fail("read again"))
    before = live.current()
    assert live.current() is before


def wreck(path: Path) -> None:
    path.write_text("{", "utf-8")


def publish(path: Path) -> None:
    path.chmod(0o644)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [(wreck, "not valid"), (Path.unlink, "does not exist"), (publish, "can be read by other users")],
)
def test_a_file_that_turns_bad_leaves_the_keys_in_force_and_says_so_until_it_is_mended(
    path: Path, spoil: Callable[[Path], None], fault: str
) -> None:
    live, before = LiveKeys(path), keyfile.load(path)
    spoil(path)
    for _ in range(2):
        assert live.current().vault == before.vault
        assert fault in (live.fault or "")
    keyfile.save(path, keyfile.rotate(before, NOW, at_once=True))
    assert live.current().ring.signer(NOW).kid == 2
    assert live.fault is None


def test_a_mode_that_is_mended_is_noticed(path: Path) -> None:
    live = LiveKeys(path)
    path.chmod(0o644)
    live.current()
    path.chmod(0o600)
    live.current()
    assert live.fault is None


def test_a_process_does_not_start_without_a_good_file(path: Path) -> None:
    wreck(path)
    with pytest.raises(BadSettings, match="not valid"):
        LiveKeys(path)
