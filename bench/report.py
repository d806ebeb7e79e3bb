"""Makes of results/latest.json the tables and the plots.

    report.py RESULTS_DIR [README]

With a README, what is between its two marks for the bench is replaced by the tables.
"""
import json
import statistics
import sys

import cases
import plots

BEGIN = "<!-- bench/run writes from here -->"
END = "<!-- to here -->"


class Results:
    def __init__(self, told):
        self.told = told
        self.names = told["clients"]

    def runs(self, case, client):
        runs = self.told["cases"].get(case.key, {}).get(client, [])
        return [] if any("failed" in run for run in runs) else runs

    def values(self, case, client, value):
        return [value(run) for run in self.runs(case, client)]

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


def cell(values, more=""):
    """The median, and how far the repetitions lie apart."""
    if not values:
        return "–"
    text = number(statistics.median(values))
    if len(values) > 1:
        text += f" ({number(min(values))}–{number(max(values))})"
    return text + more


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
    short, long = throughput("plain", cases.SHORT), throughput("plain", cases.LONG)
    head = ["CPU a start, us", f"{cases.SHORT:,} B", "by bare", f"{cases.LONG:,} B", "by bare", "starts/s by bare"]
    return table(
        head,
        [
            [
                name,
                cell(results.values(short, key, cpu_us)),
                ratio_text(results.ratio(short, key, cpu_us)),
                cell(results.values(long, key, cpu_us)),
                ratio_text(results.ratio(long, key, cpu_us)),
                ratio_text(results.ratio(long, key, rate)),
            ]
            for key, name in results.names.items()
        ],
    )


def turn_table(results):
    head = ["longest turn, ms"]
    columns = []
    for transport, title in (("tls1", "HTTP/1.1"), ("tls2", "HTTP/2")):
        for size in (cases.SHORT, cases.LONG):
            for in_flight in (64, 1000):
                case = cases.Case("turn", transport, size, in_flight)
                if case.key in results.told["cases"]:
                    columns.append(case)
                    head.append(f"{title}, {size:,} B, {in_flight:,} in flight")
    return table(
        head,
        [
            [name] + [cell(results.values(case, key, turn_ms)) for case in columns]
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


def text_of(results):
    told, machine = results.told, results.told["machine"]
    lines = [
        f"Measured {told['date']}: {machine['cpu']}, {machine['cores']} cores, libcurl {machine['libcurl']},"
        f" libuv {machine['libuv']}; {machine['nginx']} on one core, the client on the other; medians of"
        f" {told['repetitions']} interleaved repetitions (smallest and largest in brackets), ratios from"
        " the same repetition. Bare libcurl throws replies away and never tries again: it is the yardstick, not"
        " a peer.",
        "",
    ]
    for name, reason in told["missing"].items():
        lines.append(f"Not measured, {told['clients'][name]}: {reason}.")
    for part in (speed_table, cost_table, turn_table, queue_table, limit_table):
        lines += part(results) + [""]
    return "\n".join(lines)


def draw_all(results, directory):
    names = results.names
    by_size = [(throughput("plain", size), size) for size in cases.SIZES]
    turns = [
        (cases.Case("turn", "tls1", cases.SHORT, in_flight), in_flight) for in_flight in (32, 64, 256, 1000)
    ]
    lengths = queue_cases(results)

    def lines(points, value):
        return {key: results.line(key, points, value) for key in names}

    plots.draw(f"{directory}/throughput.svg", "Throughput by reply size (HTTP/1.1, 32 in flight)",
               "bytes a reply", "starts a second", lines(by_size, rate), names)
    plots.draw(f"{directory}/cpu.svg", "CPU a start by reply size (HTTP/1.1, 32 in flight)",
               "bytes a reply", "microseconds", lines(by_size, cpu_us), names)
    plots.draw(f"{directory}/turn.svg", "Longest turn of the loop (TLS from cold, HTTP/1.1, 164 bytes)",
               "in flight", "milliseconds of CPU", lines(turns, turn_ms), names)
    plots.draw(f"{directory}/memory.svg", "Memory a queued start", "queued", "bytes",
               lines(lengths, queue_bytes), names)
    plots.draw(f"{directory}/queue.svg", "Cost against queue length", "queued", "microseconds of CPU a start",
               lines(lengths, cpu_us), names, log="x")
    over_time = {key: limit.get("over_time", []) for key, limit in results.told["limit"].items()}
    plots.draw(f"{directory}/limit.svg", "Starts over time at a limit of 500/s, burst 50", "seconds", "started",
               over_time, names, log="", points=False)


def main():
    directory = sys.argv[1]
    with open(f"{directory}/latest.json", encoding="utf-8") as file:
        results = Results(json.load(file))
    text = text_of(results)
    with open(f"{directory}/table.md", "w", encoding="utf-8") as file:
        file.write(text)
    draw_all(results, directory)
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as file:
            before, rest = file.read().split(BEGIN)
        after = rest.split(END)[1]
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            file.write(f"{before}{BEGIN}\n{text}{END}{after}")
    print(text)


main()
