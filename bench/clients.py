"""Who takes part: how each client is run, and what it can."""
import dataclasses
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclasses.dataclass
class Client:
    key: str
    name: str
    command: list
    # About how many starts a second, of short and of long replies: how many a run is to do.
    short_pace: int
    long_pace: int
    http2: bool = True
    queues: bool = True  # keeps starts waiting at the user's wish
    slow_queue: bool = False  # a start costs the more the more are waiting
    turns: bool = True  # tells the longest turn of its loop
    yardstick: bool = False  # does not do the whole job: no parsing, no retries


def all_clients(build):
    expstart = [f"{build}/bin/bench-expstart"]
    bare = [f"{build}/bin/bench-bare"]
    python = [sys.executable]
    npm = f"{build}/npm"
    return [
        Client("expstart_thread", "expstart, I/O thread", expstart + ["1"], 25000, 12000),
        Client("expstart_loop", "expstart, on the loop", expstart + ["loop"], 25000, 12000),
        Client(
            "bare", "bare libcurl, discarding", bare + ["tuned", "discard"], 25000, 15000,
            slow_queue=True, yardstick=True,
        ),
        Client("bare_tuned", "libcurl + libuv, tuned", bare + ["tuned", "parse"], 25000, 1000, slow_queue=True),
        Client("bare_plain", "libcurl + libuv, plain", bare + ["plain", "parse"], 20000, 1000, slow_queue=True),
        Client("go", "Go, go-retryablehttp", [f"{build}/bin/bench-go"], 20000, 1200, turns=False),
        Client("undici", "undici RetryAgent", ["node", f"{npm}/undici.mjs"], 15000, 2000),
        Client(
            "aiohttp", "aiohttp", python + [f"{HERE}/peers/aiohttp_client.py"], 3000, 1000, http2=False
        ),
        Client(
            "curl", "curl -Z --retry", python + [f"{HERE}/peers/curl_tool.py"], 5000, 1000,
            queues=False, turns=False,
        ),
        Client(
            "absmartly_cli", "@absmartly/cli bulk start",
            python + [f"{HERE}/peers/absmartly_cli.py", f"{npm}/node_modules"], 800, 300,
            http2=False, queues=False, turns=False,
        ),
    ]


def run(client, endpoint, count, in_flight, queued=0, http=1, ca_file="-", core=None, timeout_s=120):
    """What the client told of itself, or {"failed": why}."""
    command = ["taskset", "-c", str(core)] if core is not None else []
    command += client.command
    command += [endpoint, str(count), str(in_flight), str(queued), str(http), ca_file]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        try:
            output, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)  # its children with it
            process.communicate()
            return {"failed": f"not done after {timeout_s} s"}
    lines = output.strip().splitlines()
    if not lines:
        return {"failed": (errors.strip().splitlines() or [f"exit code {process.returncode}"])[-1]}
    told = json.loads(lines[-1])
    if told["started"] != count:
        told["failed"] = f"{told['started']} of {count} started"
    return told
