"""The listening sockets: rights at every moment, what is replaced and what is not."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import threading
from unittest import mock

import pytest

from listener.errors import ConfigurationError
from listener.loopback import is_loopback
from listener.web import sockets
from listener.web.sockets import (
    SocketFile,
    host_of,
    tcp_socket,
    unix_socket,
)


def mode_of(path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request):
    """Set the umask to one that is usual, and see to it that it is the same afterwards."""
    before = os.umask(request.param)
    yield request.param
    assert os.umask(before) == request.param


# ---------------------------------------------------------------- rights


def test_socket_and_folder_have_their_rights_whatever_the_umask(tmp_path, umask):
    path = tmp_path / "run" / "listener.sock"
    with unix_socket(path) as sock:
        assert mode_of(path) == 0o660
        assert mode_of(path.parent) == 0o750
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        assert not sock.get_inheritable()


def test_other_rights_can_be_asked_for(tmp_path):
    path = tmp_path / "run" / "listener.sock"
    with unix_socket(path, mode=0o600, folder_mode=0o700):
        assert mode_of(path) == 0o600
        assert mode_of(path.parent) == 0o700


def test_the_socket_is_never_wider_even_when_it_is_born(tmp_path, umask):
    born = []
    real = socket.socket.bind

    def bind(self, address):
        real(self, address)
        born.append(mode_of(address))

    with (
        mock.patch.object(socket.socket, "bind", bind),
        mock.patch.object(os, "chmod", side_effect=AssertionError("too late")),
        unix_socket(tmp_path / "listener.sock"),
    ):
        assert born == [0o660]


def test_a_watcher_never_sees_it_wider(tmp_path):
    path = tmp_path / "listener.sock"
    seen: set[int] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            try:
                seen.add(mode_of(path))
            except FileNotFoundError:
                continue

    before = os.umask(0)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(200):
            unix_socket(path).close()
    finally:
        over.set()
        watcher.join()
        os.umask(before)

    assert seen == {0o660}


def test_a_folder_that_is_there_keeps_its_rights(tmp_path):
    tmp_path.chmod(0o711)
    with unix_socket(tmp_path / "listener.sock"):
        assert mode_of(tmp_path) == 0o711


def test_a_folder_in_which_everybody_may_replace_files_is_refused(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigurationError, match="everybody may replace files"):
        unix_socket(tmp_path / "listener.sock")
    assert list(tmp_path.iterdir()) == []

    tmp_path.chmod(0o1777)
    unix_socket(tmp_path / "listener.sock").close()


def test_a_file_system_without_rights_is_refused(tmp_path):
    path = tmp_path / "listener.sock"
    real = socket.socket.bind

    def bind(self, address):
        real(self, address)
        os.chmod(address, 0o777)  # noqa: PTH101  as such a file system would have it

    with (
        mock.patch.object(socket.socket, "bind", bind),
        pytest.raises(ConfigurationError, match="keeps no rights"),
    ):
        unix_socket(path)
    assert not path.exists()


# ---------------------------------------------------------------- what is there already


def test_the_socket_of_a_dead_process_is_replaced(tmp_path):
    path = tmp_path / "listener.sock"
    unix_socket(path).close()
    assert path.is_socket()

    with unix_socket(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_live_socket_is_not_replaced(tmp_path):
    path = tmp_path / "listener.sock"
    with unix_socket(path), socket.socket(socket.AF_UNIX) as client:
        with pytest.raises(ConfigurationError, match=f"another daemon listens at {path}"):
            unix_socket(path)
        client.connect(str(path))


def test_a_live_socket_whose_queue_is_full_is_not_replaced(tmp_path):
    path = tmp_path / "listener.sock"
    with unix_socket(path) as sock:
        sock.listen(0)
        clients = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        for client in clients:
            client.settimeout(0)
            client.connect_ex(str(path))
        assert clients[-1].connect_ex(str(path)) == errno.EAGAIN

        with pytest.raises(ConfigurationError, match="another daemon listens"):
            unix_socket(path)
        for client in clients:
            client.close()


def test_a_live_datagram_socket_is_not_replaced(tmp_path):
    path = tmp_path / "listener.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        with pytest.raises(ConfigurationError, match="another daemon listens"):
            unix_socket(path)


@pytest.mark.parametrize("kind", ["file", "folder", "link", "fifo"])
def test_what_is_no_socket_is_never_deleted(tmp_path, kind):
    path = tmp_path / "listener.sock"
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        unix_socket(tmp_path / "other.sock").close()
        path.symlink_to(tmp_path / "other.sock")
    else:
        os.mkfifo(path)

    with pytest.raises(ConfigurationError, match="is no socket"):
        unix_socket(path)
    assert os.path.lexists(path)


def test_of_many_that_start_at_once_one_gets_the_socket(tmp_path):
    path = tmp_path / "listener.sock"
    unix_socket(path).close()
    got: list[socket.socket | ConfigurationError] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        try:
            got.append(unix_socket(path))
        except ConfigurationError as error:
            got.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (winner,) = [one for one in got if isinstance(one, socket.socket)]
    assert len(got) == 8
    file = SocketFile.of(winner)
    assert file is not None
    assert file.remove()
    winner.close()


def test_a_folder_that_somebody_keeps_locked_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sockets, "_PATIENCE", 0.05)
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(ConfigurationError, match="holds a lock on this folder"):
        unix_socket(tmp_path / "listener.sock")
    os.close(held)


# ---------------------------------------------------------------- clear words


def test_a_path_that_is_too_long_is_told(tmp_path):
    longest = tmp_path / ("x" * (sockets.LONGEST_PATH - len(str(tmp_path)) - 1))
    unix_socket(longest).close()
    with pytest.raises(ConfigurationError, match="too long for a socket"):
        unix_socket(longest.with_name(longest.name + "x"))


def test_a_path_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "s", tmp_path / "a\0b"):
        with pytest.raises(ConfigurationError, match=r"no socket can be made here|is no folder"):
            unix_socket(path)


def test_a_path_whose_folder_cannot_be_made_is_told_with_what_is_missing(tmp_path):
    missing = tmp_path / "none"
    with pytest.raises(ConfigurationError, match=f"{missing} is not there; make that"):
        unix_socket(missing / "none" / "s")


# ---------------------------------------------------------------- removing


def test_a_file_is_removed_only_while_it_is_ours(tmp_path):
    path = tmp_path / "listener.sock"
    with unix_socket(path) as first:
        file = SocketFile.of(first)
        assert file is not None
        assert file.path == path
        path.unlink()
        assert not file.remove()
        with unix_socket(path) as second:
            assert not file.remove()
            assert path.is_socket()
            assert SocketFile.of(second).remove()
        assert not path.exists()


def test_tcp_and_unbound_sockets_have_no_file():
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unbound:
        assert SocketFile.of(tcp) is None
        assert SocketFile.of(unbound) is None


# ---------------------------------------------------------------- TCP


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:0", "127.0.0.2:0"])
def test_a_tcp_socket_listens_at_loopback(listen):
    with tcp_socket(listen) as sock, socket.socket() as client:
        assert sock.getsockname()[0].startswith("127.")
        assert sock.proto == socket.IPPROTO_TCP  # else asyncio leaves Nagle's algorithm on
        client.connect(sock.getsockname())


def test_a_taken_port_is_told():
    with tcp_socket("127.0.0.1:0") as first:
        listen = f"127.0.0.1:{first.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match=f"{listen}: taken by another program"):
            tcp_socket(listen)


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("no-such-host.invalid:1", "no-such-host.invalid cannot be resolved"),
        (f"{'x' * 70}.invalid:1", "cannot be resolved"),
        ("192.0.2.1:0", "no address of this machine"),
        ("127.0.0.1", "write host:port"),
        ("127.0.0.1:", "write host:port"),
        (":8090", "write host:port"),
        ("127.0.0.1:99999", "write host:port"),
        ("127.0.0.1:-1", "write host:port"),
        ("127.0.0.1:٣", "write host:port"),
        ("::1:8090", "write host:port"),
        ("[127.0.0.1]:8090", "write host:port"),
    ],
)
def test_what_cannot_be_listened_at_is_told(listen, said):
    with pytest.raises(ConfigurationError) as caught:
        tcp_socket(listen)

    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{listen}: ")


def test_localhost_is_loopback_whatever_the_resolver_says():
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]
    with (
        mock.patch.object(socket, "getaddrinfo", return_value=found),
        pytest.raises(ConfigurationError, match="has no loopback address"),
    ):
        tcp_socket("localhost:0")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "LocalHost", "::1"])
def test_this_machine_is_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "192.168.1.1", "gateway", "localhost.evil", ""]
)
def test_nothing_else_is_loopback(host):
    assert not is_loopback(host)


def test_the_host_is_without_brackets():
    assert host_of("[::1]:8090") == "::1"
    assert host_of("gateway.example.com:8090") == "gateway.example.com"
