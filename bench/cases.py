"""What is compared. Each case runs all its clients in turn, and again as often as there are repetitions."""
import dataclasses

SHORT = 164
LONG = 69712
SIZES = [SHORT, 1024, 4096, 16384, LONG]


@dataclasses.dataclass
class Case:
    kind: str  # throughput, turn, queue
    transport: str  # plain, tls1, tls2: HTTP/1.1, the same over TLS, HTTP/2 over TLS
    size: int
    in_flight: int
    queued: int = 0
    only: tuple = ()  # of which clients; none: of all

    @property
    def key(self):
        return f"{self.kind} {self.transport} {self.size} {self.in_flight} {self.queued}"

    def takes(self, client):
        if self.only and client.key not in self.only:
            return False
        if self.kind == "turn" and not client.turns or self.kind == "queue" and not client.queues:
            return False
        return client.http2 or self.transport != "tls2"

    def count(self, client, seconds):
        """So that a run takes about that long."""
        if self.kind == "queue":
            count = (20000 if client.short_pace > 10000 else 4000) * min(1, 4 * seconds)
            if client.slow_queue and self.queued >= 100000:
                count /= 20  # some 5 ms each
            return int(count)
        pace = client.long_pace if self.size >= 16384 else client.short_pace
        if self.transport == "tls1" and self.size >= 16384:
            pace /= 2
        if self.kind == "turn":  # the longest comes early: connections are opened from cold
            return max(3 * self.in_flight, int(pace * seconds / 4))
        return max(200, int(pace * seconds))


# A peer with a million waiting would take gigabytes.
OURS = ("expstart_thread", "expstart_loop")
TURNS = OURS + ("bare", "bare_plain", "undici", "aiohttp")
LENGTHS = [1000, 10000, 100000]
IN_FLIGHT = [32, 64, 256, 1000]


def full():
    cases = [Case("throughput", transport, size, 32) for transport in ("plain", "tls1", "tls2") for size in (SHORT, LONG)]
    cases += [Case("throughput", "plain", size, 32) for size in SIZES[1:-1]]
    cases += [
        Case("turn", transport, size, in_flight, only=TURNS)
        for transport in ("tls1", "tls2")
        for size in (SHORT, LONG)
        for in_flight in IN_FLIGHT
    ]
    cases += [Case("queue", "plain", SHORT, 32, length) for length in LENGTHS]
    cases += [Case("queue", "plain", SHORT, 32, 1000000, only=OURS)]
    return cases


def quick():
    return [
        Case("throughput", "plain", SHORT, 32),
        Case("throughput", "plain", LONG, 32),
        Case("throughput", "tls1", SHORT, 32),
        Case("throughput", "tls2", SHORT, 32),
        Case("turn", "tls1", SHORT, 64, only=TURNS),
        Case("queue", "plain", SHORT, 32, 1000),
        Case("queue", "plain", SHORT, 32, 100000, only=OURS),
    ]
