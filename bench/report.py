"""Makes of results/latest.json the tables and the plots.

    report.py RESULTS_DIR [README]

With a README, what is between its two marks for the bench is replaced by the tables.
"""
import json
import os
import statistics
import sys

import cases
import plots

BEGIN = "<!-- bench/run writes from here -->"
END = "<!-- to here -->"


class Results:
    def __init__(self, directory):
        with open(f"{directory}/latest.json", encoding="utf-8") as file:
            self.told = json.load(file)
        self.instructions = None
        if os.path.exists(f"{directory}/instructions.json"):
            with open(f"{directory}/instructions.json", encoding="utf-8") as file:
                self.instructions = json.load(file)
        self.names = self.told["clients"]

    def runs(self, case, client):
        runs = self.told["cases"].get(case.key, {}).get(client, [])
        return [] if any("failed" in run for run in runs) else runs

    def values(self, case, client, value):
        return [value(run) for run in self.runs(case, client)]

    def median(self, case, client, value):
        return statistics.median(self.values(case, client, value))

    def ratio(self, case, client, value, to="bare"):
        """The median over the repetitions of what the client needed, by what the other did."""
        mine, others = (self.values(case, key, value) for key in (client, to))
        return statistics.median(a / b for a, b in zip(mine, others)) if mine and others else None

    def line(self, client, cases_and_x, value):
        points = [(x, self.values(case, client, value)) for case, x in cases_and_x]
        return [(x, statistics.median(values)) for x, values in points if values]


def rate(run):
    return run["started"] / run["wall_s"]


def cpu_us(run):
    return run["cpu_s"] * 1e6 / run["started"]


def turn_ms(run):
    return run["turn_ms"]


def queue_bytes(run):
    return run["queue_bytes"]


def submit_us(run):
    return run["submit_us"]


def number(value):
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cell(values, spread=True):
    """The median, and how far the repetitions lie apart."""
    if not values:
        return "–"
    text = number(statistics.median(values))
    if spread and len(values) > 1:
        text += f" ({number(min(values))}–{number(max(values))})"
    return text


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows if any(c != "–" for c in row[1:])]


def throughput(transport, size):
    return cases.Case("throughput", transport, size, 32)


def ratio_text(value):
    return "–" if value is None else f"{value:.2f}"


def speed_table(results):
    columns = [("plain", cases.SHORT), ("tls1", cases.SHORT), ("tls2", cases.SHORT), ("plain", cases.LONG)]
    titles = {"plain": "HTTP/1.1", "tls1": "TLS, HTTP/1.1", "tls2": "TLS, HTTP/2"}
    head = ["starts/s"] + [f"{titles[transport]}, {size:,} B" for transport, size in columns]
    return table(
        head,
        [
            [name] + [cell(results.values(throughput(*column), key, rate)) for column in columns]
            for key, name in results.names.items()
        ],
    )


def cost_table(results):
    columns = [(transport, size) for size in (cases.SHORT, cases.LONG) for transport in ("plain", "tls1", "tls2")]
    columns = [column for column in columns if throughput(*column).key in results.told["cases"]]
    titles = {"plain": "HTTP/1.1", "tls1": "TLS", "tls2": "HTTP/2"}
    head = ["CPU a start, us"] + [f"{titles[transport]}, {size:,} B" for transport, size in columns]
    return table(
        head,
        [
            [name] + [cell(results.values(throughput(*column), key, cpu_us), spread=False) for column in columns]
            for key, name in results.names.items()
        ],
    )


def turn_cases(results, transport, size):
    found = [cases.Case("turn", transport, size, in_flight) for in_flight in cases.IN_FLIGHT]
    return [case for case in found if case.key in results.told["cases"]]


def turn_table(results):
    """The longest of all cases, whatever is in flight."""
    head = ["longest turn, ms"]
    columns = []
    for transport, title in (("tls1", "TLS"), ("tls2", "HTTP/2")):
        for size in (cases.SHORT, cases.LONG):
            found = turn_cases(results, transport, size)
            if found:
                columns.append(found)
                head.append(f"{title}, {size:,} B")
    return table(
        head,
        [
            [name]
            + [
                cell([max(values) for values in zip(*(results.values(case, key, turn_ms) for case in column))])
                for column in columns
            ]
            for key, name in results.names.items()
        ],
    )


def queue_cases(results):
    found = []
    for length in cases.LENGTHS + [1000000]:
        case = cases.Case("queue", "plain", cases.SHORT, 32, length)
        if case.key in results.told["cases"]:
            found.append((case, length))
    return found


def queue_table(results):
    lengths = queue_cases(results)
    head = ["queued", "bytes each", "submit, us", "CPU a start by that with 1,000 queued"]
    rows = []
    for key, name in results.names.items():
        measured = [(case, length) for case, length in lengths if results.runs(case, key)]
        if not measured:
            continue
        case, length = measured[-1]
        short = results.values(lengths[0][0], key, cpu_us)
        long = results.values(case, key, cpu_us)
        ratio = statistics.median(a / b for a, b in zip(long, short)) if short else None
        rows.append(
            [
                f"{name}, {length:,}",
                cell(results.values(case, key, queue_bytes)),
                cell(results.values(case, key, submit_us)),
                ratio_text(ratio),
            ]
        )
    return table(head, rows)


def limit_table(results):
    rows = []
    for key, name in results.names.items():
        limit = results.told["limit"].get(key)
        if not limit:
            continue
        share = limit.get("share")
        rows.append(
            [
                name,
                f"{share * 100:.0f} %" if share else f"not done, {limit['accepted']:,} started",
                f"{limit['rejected']:,}",
            ]
        )
    return table(["at a limit of 500/s, burst 50", "of the limit", "rejected replies"], rows)


def targets_table(results):
    """What is to hold, and what was measured. Only where all of it was."""
    short, long = throughput("plain", cases.SHORT), throughput("plain", cases.LONG)
    thread, loop = cases.OURS
    most = cases.Case("queue", "plain", cases.SHORT, 32, 1000000)
    few = cases.Case("queue", "plain", cases.SHORT, 32, 1000)
    rows = []

    def row(what, limit, key, value, at_least=False, text=number):
        if value is not None:
            held = value >= limit if at_least else value <= limit
            sign = "≥" if at_least else "≤"
            rows.append([what, results.names[key], f"{sign} {text(limit)}", text(value), "yes" if held else "**no**"])

    for key, limit in ((loop, 1.05), (thread, 1.15)):
        row("CPU a start, 164 B, by bare libcurl", limit, key, results.ratio(short, key, cpu_us))
    for key in (loop, thread):
        row("the same, by Go with go-retryablehttp", 1.0, key, results.ratio(short, key, cpu_us, to="go"))
    for key in (loop, thread):
        row("starts/s, 69,712 B, by bare libcurl", 0.85, key, results.ratio(long, key, rate), at_least=True)
    for key in (loop, thread):
        if results.instructions:
            above = results.instructions[key] - results.instructions["bare"]
            row("instructions a start above bare libcurl", 6000, key, above)
    found = [case for transport in ("tls1", "tls2") for size in (cases.SHORT, cases.LONG) for case in turn_cases(results, transport, size)]
    if len(found) == 4 * len(cases.IN_FLIGHT):
        values = [turn for case in found for turn in results.values(case, thread, turn_ms)]
        row("longest turn of the caller's loop, all repetitions, ms", 1.0, thread, max(values))
    for key in (loop, thread):
        if results.runs(most, key):
            row("bytes a queued start, 1,000,000 queued", 100, key, results.median(most, key, queue_bytes))
            row("submit, us", 0.2, key, results.median(most, key, submit_us))
            ratio = [a / b for a, b in zip(results.values(most, key, cpu_us), results.values(few, key, cpu_us))]
            row("CPU a start by that with 1,000 queued", 1.1, key, statistics.median(ratio))
    for key in (loop, thread):
        limit = results.told["limit"].get(key, {})
        if results.told["plan"] == "full" and limit.get("share"):
            row("share of a limit of 500/s", 0.97, key, limit["share"], at_least=True)
            row("rejected replies of 5,000", 50, key, limit["rejected"], text=lambda count: f"{count:,}")
    return table(["what is to hold", "", "", "measured", "held"], rows) if rows else []


def text_of(results):
    told, machine = results.told, results.told["machine"]
    lines = [
        f"Measured {told['date']}: {machine['cpu']}, {machine['cores']} cores, libcurl {machine['libcurl']},"
        f" libuv {machine['libuv']}; {machine['nginx']} on one core, the client on the other; medians of"
        f" {told['repetitions']} interleaved repetitions (smallest and largest in brackets), ratios from"
        " the same repetition; the limit is measured once. Bare libcurl throws replies away and never tries"
        " again: it is the yardstick, not a peer. Peers: "
        + ", ".join(f"{name} {version}" for name, version in told["peers"].items()) + ".",
        "",
    ]
    for key, reason in told["missing"].items():
        lines += [f"Not measured, {told['clients'][key]}: {reason}.", ""]
    for part in (targets_table, speed_table, cost_table, turn_table, queue_table, limit_table):
        lines += part(results) + [""]
    for case, runs in told["cases"].items():
        for key, of_client in runs.items():
            for reason in {run["failed"] for run in of_client if "failed" in run}:
                lines += [f"Failed, {told['clients'][key]}, {case}: {reason}.", ""]
    return "\n".join(lines)


def draw_all(results, directory):
    """File -> title of each that was drawn."""
    names = results.names
    by_size = [(throughput("plain", size), size) for size in cases.SIZES]
    turns = [(cases.Case("turn", "tls1", cases.SHORT, in_flight), in_flight) for in_flight in cases.IN_FLIGHT]
    lengths = queue_cases(results)
    over_time = {key: limit.get("over_time", []) for key, limit in results.told["limit"].items()}

    def lines(points, value):
        return {key: results.line(key, points, value) for key in names}

    plots_wanted = {
        "throughput.svg": ("Throughput by reply size (HTTP/1.1, 32 in flight)", "bytes a reply", "starts a second",
                           lines(by_size, rate)),
        "cpu.svg": ("CPU a start by reply size (HTTP/1.1, 32 in flight)", "bytes a reply", "microseconds",
                    lines(by_size, cpu_us)),
        "turn.svg": ("Longest turn of the loop (TLS from cold, HTTP/1.1, 164 bytes)", "in flight",
                     "milliseconds of CPU", lines(turns, turn_ms)),
        "memory.svg": ("Memory a queued start", "queued", "bytes", lines(lengths, queue_bytes)),
        "queue.svg": ("Cost against queue length", "queued", "microseconds of CPU a start", lines(lengths, cpu_us)),
        "limit.svg": ("Starts over time at a limit of 500/s, burst 50", "seconds", "started", over_time),
    }
    drawn = {}
    for file, (title, *plot) in plots_wanted.items():
        log = {"queue.svg": "x", "limit.svg": ""}.get(file, "xy")
        if plots.draw(f"{directory}/{file}", title, *plot, names, log=log, points=file != "limit.svg"):
            drawn[file] = title
    return drawn


def main():
    directory = sys.argv[1]
    results = Results(directory)
    text = text_of(results)
    plots_drawn = draw_all(results, directory)
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as file:
            before, rest = file.read().split(BEGIN)
        after = rest.split(END)[1]
        here = os.path.relpath(directory, os.path.dirname(sys.argv[2]))
        text += "".join(f"![{title}]({here}/{file})\n" for file, title in plots_drawn.items())
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            file.write(f"{before}{BEGIN}\n{text}{END}{after}")
    print(text)


main()
