"""Runs the comparisons and writes what was measured. Called by `run`, which has built everything.

    compare.py BUILD_DIR RESULTS_DIR full|quick|smoke REPETITIONS CORES [MISSING_KEY=REASON]...
"""
import json
import os
import platform
import subprocess
import sys
import time

import cases
import clients
from server import LIMIT_BURST, LIMIT_PER_S, Server

# seconds a run, starts under the limit, seconds they may take
PLANS = {"full": (1.0, 5000, 60), "quick": (0.1, 500, 2), "smoke": (0.02, 100, 3)}


def line_of(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return (done.stdout or done.stderr).strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "?"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "libcurl": line_of("pkg-config", "--modversion", "libcurl"),
        "libuv": line_of("pkg-config", "--modversion", "libuv"),
        "json-c": line_of("pkg-config", "--modversion", "json-c"),
        "nginx": line_of("sh", "-c", "PATH=$PATH:/usr/sbin nginx -v 2>&1"),
        "go": line_of("go", "version"),
        "node": line_of("node", "--version"),
        "python": platform.python_version(),
        "curl": line_of("curl", "--version"),
    }


def peer_versions(build):
    """Those of npm are pinned by a lock file, the others are what Debian has."""
    versions = {
        "go-retryablehttp": line_of(
            "dpkg-query", "-W", "-f", "${Version}", "golang-github-hashicorp-go-retryablehttp-dev"
        ),
        "aiohttp": line_of(sys.executable, "-c", "import aiohttp; print(aiohttp.__version__)"),
    }
    for package in ("undici", "@absmartly/cli"):
        try:
            with open(f"{build}/npm/node_modules/{package}/package.json", encoding="utf-8") as file:
                versions[package] = json.load(file)["version"]
        except OSError:
            versions[package] = "?"
    return versions


def measure_case(case, taking_part, server, seconds, repetitions, core):
    """client -> what each repetition told; repetitions are interleaved and begin with another client. Whoever
    fails is left out from then on."""
    runs = {client.key: [] for client in taking_part}
    for repetition in range(repetitions):
        shift = repetition % len(taking_part)
        for client in taking_part[shift:] + taking_part[:shift]:
            if any("failed" in told for told in runs[client.key]):
                continue
            told = clients.run(
                client,
                server.endpoint(case.transport, case.size),
                case.count(client, seconds),
                case.in_flight,
                case.queued,
                http=2 if case.transport == "tls2" else 1,
                ca_file="-" if case.transport == "plain" else server.ca_file,
                core=core,
            )
            runs[client.key].append(told)
            if "failed" in told:
                print(f"  {client.name}: {told['failed']}", file=sys.stderr)
    return runs


def measure_limit(client, server, count, timeout_s, core):
    """How the client comes through a limit it is not told of, by the server's own log."""
    clients.run(client, server.limited_endpoint(client.key), count, 32, core=core, timeout_s=timeout_s)
    time.sleep(0.2)  # for the log
    starts = server.limited_starts(client.key)
    accepted = sorted(at for at, status in starts if status == 200)
    if len(accepted) < 2:
        return {"accepted": len(accepted), "rejected": len(starts) - len(accepted)}
    seconds = accepted[-1] - accepted[0]
    done = len(accepted) >= count
    step = max(1, len(accepted) // 200)
    return {
        "accepted": len(accepted),
        "rejected": sum(1 for _at, status in starts if status == 429),
        "seconds": seconds,
        # The least it can take: what the burst leaves, at the limit's rate.
        "share": (count - LIMIT_BURST) / LIMIT_PER_S / seconds if done else None,
        "rate": len(accepted) / seconds,
        "over_time": [
            [round(accepted[i] - accepted[0], 3), i + 1] for i in range(0, len(accepted), step)
        ] + [[round(seconds, 3), len(accepted)]],
    }


def main():
    build, results, plan, repetitions, cores, *notes = sys.argv[1:]
    server_core, client_core = cores.split(",")
    missing = dict(note.split("=", 1) for note in notes)
    repetitions = int(repetitions)
    seconds, limit_count, limit_seconds = PLANS[plan]
    everybody = clients.all_clients(build)
    present = [client for client in everybody if client.key not in missing]
    began = time.monotonic()
    told = {
        "plan": plan,
        "date": time.strftime("%Y-%m-%d"),
        "repetitions": repetitions,
        "machine": machine(),
        "peers": peer_versions(build),
        "clients": {client.key: client.name for client in everybody},
        "missing": missing,
        "cases": {},
        "limit": {},
    }
    server = Server(f"{build}/server", cases.SIZES, server_core)
    try:
        for case in cases.full() if plan == "full" else cases.quick():
            taking_part = [client for client in present if case.takes(client)]
            print(f"[{time.monotonic() - began:4.0f} s] {case.key}", file=sys.stderr)
            told["cases"][case.key] = measure_case(
                case, taking_part, server, seconds, repetitions, client_core
            )
        for client in present:
            if client.yardstick:
                continue  # it does not try again
            print(f"[{time.monotonic() - began:4.0f} s] limit {client.name}", file=sys.stderr)
            told["limit"][client.key] = measure_limit(
                client, server, limit_count, limit_seconds, client_core
            )
    finally:
        server.stop()
    os.makedirs(results, exist_ok=True)
    with open(f"{results}/latest.json", "w", encoding="utf-8") as file:
        json.dump(told, file, indent=1)
        file.write("\n")
    # A peer may fail at much work; at next to none it is the bench that is broken.
    faultless = [client.key for client in present] if plan == "smoke" else cases.OURS
    wrong = [
        f"{key}, {case}: {run['failed']}"
        for case, runs in told["cases"].items()
        for key in faultless
        for run in runs.get(key, [])
        if "failed" in run
    ]
    wrong += [f"{key}, limit" for key in cases.OURS if told["limit"][key]["accepted"] != limit_count]
    if wrong:
        sys.exit("not everything was started: " + "; ".join(wrong))


main()
