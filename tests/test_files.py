"""Tests of microtensor.files."""

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from microtensor.errors import OutputError
from microtensor.files import write_whole


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    assert write_whole(path, b"one") == path
    write_whole(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_permissions(tmp_path: Path) -> None:
    path, reference = tmp_path / "a", tmp_path / "b"
    write_whole(path, b"")
    reference.touch()
    assert path.stat().st_mode == reference.stat().st_mode
    path.chmod(0o640)
    write_whole(path, b"again")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no /dev/null")
def test_a_device_stays_one() -> None:
    write_whole("/dev/null", b"gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=r"a\.bin' cannot be written: No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def abandoned(path: Path) -> Path:
    return path.with_name(f".{path.name}.0123456789abcdef.part")


@pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")
def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "[a]*.bin"
    abandoned(path).write_bytes(b"half")
    others = [abandoned(tmp_path / "b.bin"), tmp_path / ".[a]*.bin.part", tmp_path / "a.part"]
    for other in others:
        other.touch()
    write_whole(path, b"new")
    assert set(tmp_path.iterdir()) == {path, *others}


@pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")
def test_what_another_writer_is_at_is_left(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "a.bin"
    with abandoned(path).open("xb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_whole(path, b"new")
        assert abandoned(path).exists()
    write_whole(path, b"new")
    assert not abandoned(path).exists()


def test_writers_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    contents = [bytes([i]) * 100_000 for i in range(8)]

    def write(data: bytes) -> None:
        for _ in range(20):
            write_whole(path, data)
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, contents))
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_folder_that_takes_no_new_file_is_not_called_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:  # as /proc does
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr("microtensor.files._replace", refuse)
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        write_whole(tmp_path / "a.txt", b"")


def test_names_that_are_as_long_as_names_can_be(tmp_path: Path) -> None:
    for name in ("a" * 255, "∂" * 85):
        write_whole(tmp_path / name, b"one")
        write_whole(tmp_path / name, b"two")
        assert (tmp_path / name).read_bytes() == b"two"
    assert len(os.listdir(tmp_path)) == 2


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.bin"
    write_whole(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))  # it writes some, then it cannot
    try:
        with pytest.raises(OutputError, match="cannot be written: File too large"):
            write_whole(path, bytes(1 << 21))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("name", ["missing/a.svg", ".", "a\0b"])
def test_paths_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_whole(f"{tmp_path}/{name}", b"")
    assert not list(tmp_path.iterdir())
