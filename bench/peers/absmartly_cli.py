"""The vendor's tool, `@absmartly/cli`, with its bulk start; it reads each experiment's name first.

    absmartly_cli.py MODULES ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-

How many it keeps in flight (5) cannot be set.
"""
import os
import re
import sys
import tempfile

from child import Child


def main():
    modules, endpoint, count, _in_flight, _queued, _http, ca_file = sys.argv[1:]
    ids = "".join(f"{number}\n" for number in range(1, int(count) + 1))
    with tempfile.TemporaryDirectory() as home:
        environment = dict(os.environ, HOME=home)
        if ca_file != "-":
            environment["NODE_EXTRA_CA_CERTS"] = ca_file
        command = ["node", f"{modules}/@absmartly/cli/dist/index.js", "--no-color"]
        command += ["--endpoint", endpoint, "--api-key", "BENCH"]
        command += ["experiments", "bulk", "start", "--stdin", "--yes", "--note", "bench"]
        child = Child(command, ids, environment)
    told = re.search(r"(\d+) succeeded", child.output)
    started = int(told.group(1)) if told else 0
    child.tell(started)
    sys.exit(0 if started == int(count) else 1)


main()
