# SPDX-License-Identifier: Apache-2.0
"""Where an event loop meets the library: one completion queue for each loop,
whose descriptor the loop watches. No thread of the library's ever calls Python
for it.

A burst of calls must not hold the loop up: a turn of the loop starts and ends
no more than BURST calls; what is over that waits for the next turn."""

from __future__ import annotations

import asyncio
import collections
import ctypes
import itertools
import os
import weakref
from typing import Any, Optional, Protocol, Union

from tulle import _structs as s
from tulle._library import lib
from tulle.errors import check

BURST = 16


class Listener(Protocol):
    """Who hears of each event of a call, not of its end alone."""

    def told(self, kind: int, error: int) -> None:
        """An event of the call."""


class Port:
    """The queue of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.queue: Optional[int] = None
        out = ctypes.c_void_p()
        check(lib.queue_new(ctypes.byref(out)))
        self.queue = out.value
        self.keys = itertools.count(1)
        self.calls: dict[int, Union[asyncio.Future[int], Listener]] = {}
        self._loop = weakref.ref(loop)
        self._buffer = ctypes.create_string_buffer(s.EVENT.size * BURST)
        self._events = memoryview(self._buffer)
        self._turns: collections.deque[asyncio.Future[None]] = collections.deque()
        self._credit = BURST
        self._refilling = False
        loop.add_reader(lib.queue_fd(self.queue), self._drain)

    def __del__(self, free: Any = lib.queue_free) -> None:
        if self.queue is not None:
            free(self.queue)

    def _drain(self) -> None:
        count = lib.queue_take(self.queue, self._buffer, BURST)
        for _, _, user, kind, error in s.EVENT.iter_unpack(
                self._events[:count * s.EVENT.size]):
            listener = self.calls.get(user)
            if listener is None:
                continue
            if kind == s.END:
                del self.calls[user]
            if not isinstance(listener, asyncio.Future):
                listener.told(kind, error)
            elif not listener.done():
                listener.set_result(error)

    async def turn(self) -> None:
        """Returns when this turn of the loop may start another call."""
        loop = asyncio.get_running_loop()
        if not self._refilling:
            self._refilling = True
            loop.call_soon(self._refill)
        if self._credit > 0 and not self._turns:
            self._credit -= 1
            return
        waiter: asyncio.Future[None] = loop.create_future()
        self._turns.append(waiter)
        await waiter

    def _refill(self) -> None:
        """A turn of the loop has passed: those who waited go first."""
        self._credit = BURST
        while self._credit and self._turns:
            waiter = self._turns.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._credit -= 1
        loop = self._loop()
        self._refilling = self._credit < BURST and loop is not None
        if self._refilling and loop is not None:
            loop.call_soon(self._refill)


_ports: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Port] = weakref.WeakKeyDictionary()


def port_of(loop: asyncio.AbstractEventLoop) -> Port:
    """The port of this event loop; it goes when the loop does."""
    port = _ports.get(loop)
    if port is None:
        _ports[loop] = port = Port(loop)
    return port


def _after_fork_in_child() -> None:
    # The parent's queues are left where they lie; a loop of the child gets its own.
    global _ports
    for port in list(_ports.values()):
        port.queue = None
    _ports = weakref.WeakKeyDictionary()


os.register_at_fork(after_in_child=_after_fork_in_child)
