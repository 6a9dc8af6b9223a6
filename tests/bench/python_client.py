# SPDX-License-Identifier: Apache-2.0

"""One client of bench python: python_client.py WAY MESH URL DIRECT-URL WARM-MS RUN-MS.
Prints its calls, calls a second and median time as JSON."""

import asyncio
import json
import sys
import time

IN_FLIGHT = 32  # of the asynchronous ways


def timed(call, seconds):
    times = []
    now = began = time.perf_counter()
    while now - began < seconds:
        call()
        after = time.perf_counter()
        times.append(after - now)
        now = after
    return times, now - began


async def async_timed(call, seconds):
    times = []
    began = time.perf_counter()

    async def worker():
        now = time.perf_counter()
        while now - began < seconds:
            await call()
            after = time.perf_counter()
            times.append(after - now)
            now = after

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return times, time.perf_counter() - began


def waiting(way, mesh_at, url, direct):
    """The function that makes one call and reads its body."""
    import tulle
    if way == "get":
        mesh = tulle.Mesh(mesh_at)
        return lambda: mesh.get(url).body
    if way.startswith("requests"):
        import requests
        session = requests.Session()
        if way == "requests":
            return lambda: session.get(direct).content
        import tulle.adapters.requests
        session.mount("http://", tulle.adapters.requests.TulleAdapter(tulle.Mesh(mesh_at)))
        return lambda: session.get(url).content
    import httpx
    if way == "httpx":
        client = httpx.Client()
        return lambda: client.get(direct).content
    import tulle.adapters.httpx
    client = httpx.Client(transport=tulle.adapters.httpx.Transport(tulle.Mesh(mesh_at)))
    return lambda: client.get(url).content


def asynchronous(way, mesh_at, url, direct):
    import tulle
    if way == "aget":
        mesh = tulle.AsyncMesh(mesh_at)
        return lambda: mesh.get(url)
    import httpx
    if way == "async_httpx":
        client = httpx.AsyncClient()
        return lambda: client.get(direct)
    import tulle.adapters.httpx
    client = httpx.AsyncClient(
        transport=tulle.adapters.httpx.AsyncTransport(tulle.Mesh(mesh_at)))
    return lambda: client.get(url)


async def async_main(way, where, warm, run):
    call = asynchronous(way, *where)
    await async_timed(call, warm)
    return await async_timed(call, run)


def main():
    way, *where = sys.argv[1:5]
    warm, run = int(sys.argv[5]) / 1e3, int(sys.argv[6]) / 1e3
    if way.startswith("a"):
        times, took = asyncio.run(async_main(way, where, warm, run))
    else:
        call = waiting(way, *where)
        timed(call, warm)
        times, took = timed(call, run)
    times.sort()
    print(json.dumps({"calls": len(times), "rps": len(times) / took,
                      "p50_us": times[len(times) // 2] * 1e6}))


if __name__ == "__main__":
    main()
