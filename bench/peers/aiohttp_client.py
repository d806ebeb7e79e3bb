"""aiohttp, with retries written by hand as its users do.

    aiohttp_client.py ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-

QUEUED more tasks than may be in flight wait for a connection.
"""
import asyncio
import json
import os
import resource
import ssl
import sys
import time

import aiohttp

TRIES_MAX = 20
PAUSE_S = 0.5
PAUSE_MAX_S = 20
BODY = b'{"action":"start","note":"bench"}'
HEADERS = {
    "Authorization": "Api-Key BENCH",
    "Accept": "application/json",
    "Content-Type": "application/json",
}


async def start(session, url):
    """Whether the reply said ok."""
    for tried in range(TRIES_MAX):
        asked_s = None
        try:
            async with session.put(url, data=BODY) as reply:
                text = await reply.read()
                if reply.status == 200:
                    return json.loads(text)["ok"] is True
                if reply.status != 429 and reply.status < 500:
                    return False
                asked_s = reply.headers.get("Retry-After")
        except (aiohttp.ClientError, asyncio.TimeoutError):
            pass
        pause_s = min(PAUSE_S * 2**tried, PAUSE_MAX_S)
        if asked_s and asked_s.isdigit():
            pause_s = float(asked_s)
        await asyncio.sleep(pause_s)
    return False


class TurnTimer:
    """The selector of a loop, timing as CPU time of the thread what comes between two polls."""

    def __init__(self, selector):
        self._selector = selector
        self._since = time.thread_time()
        self.longest_s = 0.0

    def select(self, timeout=None):
        self.longest_s = max(self.longest_s, time.thread_time() - self._since)
        events = self._selector.select(timeout)
        self._since = time.thread_time()
        return events

    def __getattr__(self, name):
        return getattr(self._selector, name)


def resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


async def run(endpoint, count, in_flight, queued, ca_file, timer):
    context = None if ca_file == "-" else ssl.create_default_context(cafile=ca_file)
    connector = aiohttp.TCPConnector(limit=in_flight, ssl=context)
    timeout = aiohttp.ClientTimeout(total=None if queued else 30)
    done = asyncio.Event()
    submitted = finished = started = 0

    async with aiohttp.ClientSession(connector=connector, headers=HEADERS, timeout=timeout) as session:

        async def worker():
            nonlocal submitted, finished, started
            while finished < count if queued else submitted < count:
                submitted += 1
                good = await start(session, f"{endpoint}/experiments/{submitted}/start")
                started += good
                finished += 1
                if finished == count:
                    done.set()

        waiting = queued + in_flight if queued else 0
        before, queue_began = resident_bytes(), time.monotonic()
        tasks = [asyncio.ensure_future(worker()) for _ in range(waiting)]
        queue_s, queue_bytes = time.monotonic() - queue_began, resident_bytes() - before
        timer.longest_s = 0.0
        began, cpu_began = time.monotonic(), time.process_time()
        if not queued:
            tasks = [asyncio.ensure_future(worker()) for _ in range(in_flight)]
        await done.wait()
        wall_s, cpu_s = time.monotonic() - began, time.process_time() - cpu_began
        started = min(started, count)
        print(
            json.dumps(
                {
                    "started": started,
                    "wall_s": wall_s,
                    "cpu_s": cpu_s,
                    "turn_ms": timer.longest_s * 1e3,
                    "rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                    "queued": waiting,
                    "queue_bytes": queue_bytes / (waiting or 1),
                    "submit_us": queue_s * 1e6 / (waiting or 1),
                }
            ),
            flush=True,
        )
        os._exit(0 if started == count else 1)  # without canceling what is queued


def main():
    if len(sys.argv) != 7:
        sys.exit("usage: aiohttp_client.py ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-")
    endpoint, count, in_flight, queued, _http, ca_file = sys.argv[1:]
    loop = asyncio.new_event_loop()
    loop._selector = timer = TurnTimer(loop._selector)
    loop.run_until_complete(run(endpoint, int(count), int(in_flight), int(queued), ca_file, timer))


main()
