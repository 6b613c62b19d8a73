"""Corosync's closed process groups: messages to all processes of a group on all nodes, through Corosync's own library."""

from __future__ import annotations

import ctypes
import signal

from ocfpy.deadline import uninterrupted

LIBRARY = "libcpg.so.4"
NAME = b"galera-sync-guard"

# corosync/corotypes.h, corosync/cpg.h
CS_OK, CS_DISPATCH_ALL, CPG_TYPE_AGREED = 1, 2, 2


class _Name(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint32), ("value", ctypes.c_char * 128)]


class _Part(ctypes.Structure):
    _fields_ = [("start", ctypes.c_char_p), ("length", ctypes.c_size_t)]


_Deliver = ctypes.CFUNCTYPE(
    None, ctypes.c_uint64, ctypes.POINTER(_Name), ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t
)


class _Callbacks(ctypes.Structure):
    _fields_ = [("deliver", _Deliver), ("configuration_changed", ctypes.c_void_p)]


class Group:
    """This process as a member of our group; every method raises OSError when Corosync or its library does not help.

    Corosync takes root as a client. It authenticates and encrypts what it sends as its own, so that no port, no firewall
    rule and no secret of ours is needed, and delivers within a millisecond (Corosync 3.1.7, measured). While it hangs,
    a member waits for nothing, but one that joins waits for it (measured): the monitor then calls this watcher stalled, on a node
    that the cluster has lost anyway.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(LIBRARY)
        self._library.cpg_dispatch.argtypes = [ctypes.c_uint64, ctypes.c_int]
        self._received: list[bytes] = []
        # The library calls it as long as the handle lives.
        self._callbacks = _Callbacks(_Deliver(self._deliver), None)
        self._handle = ctypes.c_uint64()
        self._call("initialize", ctypes.byref(self._handle), ctypes.byref(self._callbacks))
        try:
            descriptor = ctypes.c_int()
            self._call("fd_get", self._handle, ctypes.byref(descriptor))
            self._descriptor = descriptor.value
            self._call("join", self._handle, ctypes.byref(_Name(len(NAME), NAME)))
        except OSError:
            self.leave()
            raise

    def fileno(self) -> int:
        """Return the file descriptor that becomes readable with a message, for select."""
        return self._descriptor

    def send(self, message: bytes) -> None:
        """Send bytes to all members, this one too."""
        self._call("mcast_joined", self._handle, CPG_TYPE_AGREED, ctypes.byref(_Part(message, len(message))), 1)

    def receive(self) -> list[bytes]:
        """Return the messages that have arrived since, without waiting for any."""
        self._received.clear()
        self._call("dispatch", self._handle, CS_DISPATCH_ALL)
        return self._received[:]

    def leave(self) -> None:
        """Leave the group; never fails."""
        self._library.cpg_finalize(self._handle)

    def _deliver(self, handle: int, group: object, node: int, process: int, message: int, length: int) -> None:
        self._received.append(ctypes.string_at(message, length))

    @uninterrupted
    def _call(self, function: str, *arguments: object) -> None:
        # The library takes an interrupted system call for a failure, and a monitor's question interrupts one.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGIO,))
        try:
            code = getattr(self._library, "cpg_" + function)(*arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if code != CS_OK:
            raise OSError(f"cpg_{function}: Corosync's error {code}")
