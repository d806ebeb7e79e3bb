"""Instructions a start, counted by callgrind: they repeat where times do not. Called by `run --instructions`.

    instructions.py BUILD_DIR CORES FILE    writes them there too, as JSON

What a start takes is the difference of two runs by the difference of their starts.
"""
import json
import os
import subprocess
import sys

import cases
import clients
from server import Server

FEW, MANY = 1000, 3000
IN_FLIGHT = 32


def instructions(client, endpoint, count, build, core):
    file = f"{build}/callgrind.out"
    command = ["taskset", "-c", core, "valgrind", "--tool=callgrind", f"--callgrind-out-file={file}"]
    command += client.command + [endpoint, str(count), str(IN_FLIGHT), "0", "1", "-"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    with open(file, encoding="utf-8") as out:
        total = next(int(line.split()[1]) for line in out if line.startswith("summary:"))
    os.remove(file)
    return total


def main():
    build, cores, told_in = sys.argv[1:]
    server_core, client_core = cores.split(",")
    server = Server(f"{build}/server", cases.SIZES, server_core)
    told = {}
    try:
        endpoint = server.endpoint("plain", cases.SHORT)
        wanted = {client.key: client for client in clients.all_clients(build)}
        for key in ("bare", "expstart_loop", "expstart_thread"):
            few, many = (
                instructions(wanted[key], endpoint, count, build, client_core) for count in (FEW, MANY)
            )
            a_start = round((many - few) / (MANY - FEW))
            told[key] = a_start
            print(f"{wanted[key].name}: {a_start:,} instructions a start, {a_start - told['bare']:+,}")
    finally:
        server.stop()
    with open(told_in, "w", encoding="utf-8") as file:
        json.dump(told, file)
        file.write("\n")


main()
