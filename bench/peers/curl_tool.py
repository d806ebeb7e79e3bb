"""The curl tool: all URLs in one call with -Z and --retry, replies in files that are read afterwards.

    curl_tool.py ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-
"""
import json
import pathlib
import sys
import tempfile

from child import Child


def says_ok(path):
    try:
        return json.loads(path.read_bytes())["ok"] is True
    except (ValueError, KeyError):
        return False


def main():
    endpoint, count, in_flight, _queued, http, ca_file = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        command = ["curl", "-q", "-sS", "-Z", "--parallel-max", in_flight]
        if http != "2":  # over HTTP/2 streams share a connection
            command += ["--parallel-immediate"]
        command += ["--retry", "20", "-X", "PUT", "-H", "Authorization: Api-Key BENCH"]
        command += ["--json", '{"action":"start","note":"bench"}', "-o", f"{directory}/#1.json"]
        if ca_file != "-":
            command += ["--cacert", ca_file]
        child = Child(command + [f"{endpoint}/experiments/[1-{count}]/start"])
        started = sum(says_ok(path) for path in pathlib.Path(directory).iterdir())
        child.tell(started)
    sys.exit(0 if started == int(count) else 1)


main()
