"""A TCP proxy that makes a server on this machine seem far away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 1 << 16


@contextmanager
def distant(port: int, seconds: float) -> Iterator[int]:
    """The port at which the server at *port* answers as over a line with a round trip of *seconds*.

    Bytes take half of that in each direction, however many are under way; a connection takes a whole round trip
    more to be made. What the proxy itself takes comes on top: up to 1 ms in each direction, the timer's resolution.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        serving = asyncio.run_coroutine_threadsafe(_serve(port, seconds), loop).result()
        yield serving.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(port: int, seconds: float) -> asyncio.Server:
    async def carry(near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        opened = asyncio.get_running_loop().time() + seconds
        with suppress(OSError, asyncio.CancelledError):
            far, to_far = await asyncio.open_connection("127.0.0.1", port)
            try:
                await asyncio.gather(
                    _pump(near, to_far, seconds / 2, opened),
                    _pump(far, to_near, seconds / 2, opened),
                )
            finally:
                to_far.close()
                to_near.close()

    return await asyncio.start_server(carry, "127.0.0.1", 0)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: float, opened: float) -> None:
    """Bring on what comes from *source*, *delay* seconds later; nothing of it has left before *opened*."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                sink.write_eof()
                return
            sink.write(data)
            await sink.drain()

    delivering = asyncio.create_task(deliver())
    data = b"-"
    while data:
        data = await source.read(_CHUNK)
        under_way.put_nowait((max(loop.time(), opened) + delay, data))
    await delivering
