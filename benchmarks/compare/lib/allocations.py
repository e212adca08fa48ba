"""Bytes that our proxy allocates on the managed heap per request, over many real requests.

With MESHPROXY_DIAG=1 the gateway answers SIGUSR2 with a line on standard output that ends in the bytes it has allocated since its
start (GC.GetTotalAllocatedBytes(precise: true)). Connections allocate when they are opened. So a load and one of twice as many requests over
as many new connections follow each other, three times; the difference is what requests allocate, and the median counts.
"""
import argparse
import os
import re
import select
import signal
import statistics
import sys
import time

import contenders
import load
import modes
import processes


def arguments():
    p = argparse.ArgumentParser(prog="benchmarks/compare/allocations", description=__doc__)
    p.add_argument("--contender", default="meshproxy", help="default: %(default)s")
    p.add_argument("--requests", type=int, default=300_000, help="default: %(default)s")
    p.add_argument("--warm-up", type=int, default=300_000, help="requests before counting (default: %(default)s)")
    p.add_argument("--connections", type=int, default=64, help="default: %(default)s")
    p.add_argument("--mode", default="http", choices=("http", "https", "h2c-h1", "h2c-h2c"), help="what client and upstream speak; https is TLS 1.3 (default: %(default)s)")
    p.add_argument("--streams", type=int, default=16, help="at a time on each HTTP/2 connection (default: %(default)s)")
    p.add_argument("--bar", type=float, default=1.0, help="bytes per request (default: %(default)s)")
    p.add_argument("--check", action="store_true", help="exit code 1 if the bar is missed")
    p.add_argument("--no-build", action="store_true")
    p.add_argument("--base-port", type=int, help="use ports from this one on (default: free ones)")
    a = p.parse_args()
    if a.requests < a.connections or a.connections < 1:
        p.error("--requests must be at least --connections, and that at least 1")
    return a


PAIRS = 3


class Diagnostics:
    """Asks the process for its counter and reads the line with the answer."""

    def __init__(self, process, read_end):
        self._process, self._read_end = process, read_end

    def _read(self, patience_s):
        text, deadline = b"", time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if select.select([self._read_end], [], [], 0.2)[0]:
                chunk = os.read(self._read_end, 65536)
                if not chunk:
                    raise SystemExit("the proxy ended")
                text += chunk
            if re.search(rb"alloc.*\d\s*\n", text):
                break
        return text

    def allocated(self):
        while select.select([self._read_end], [], [], 0)[0]:        # what it said at its start
            os.read(self._read_end, 65536)
        os.kill(self._process.pid, signal.SIGUSR2)
        lines = [line for line in self._read(10).decode().splitlines() if "alloc" in line]
        if not lines:
            raise SystemExit("no line with the allocated bytes came 10 s after SIGUSR2 (does the proxy know MESHPROXY_DIAG=1?)")
        return int(re.findall(r"\d+", lines[-1])[-1])


def allocated_by(diagnostics, url, connections, requests, streams):
    before = diagnostics.allocated()
    answered = load.h2load_count(url, connections, requests, streams=streams)
    if answered != requests:
        raise SystemExit(f"only {answered:,} of {requests:,} requests were answered")
    return diagnostics.allocated() - before


def main():
    a = arguments()
    processes.exit_on_signals()
    contender = contenders.Contender(a.contender)
    if not a.no_build:
        contender.build()
    site = contenders.Site(a.base_port)
    streams = a.streams if modes.is_http2(a.mode) else None
    read_end, write_end = os.pipe()
    try:
        contender.start(site, a.mode, env={"MESHPROXY_DIAG": "1"}, stdout=write_end)
        os.close(write_end)
        diagnostics = Diagnostics(contender.process, read_end)
        load.h2load_count(contender.url(site, "1k"), a.connections, a.warm_up, streams=streams)
        diagnostics.allocated()
        own = -diagnostics.allocated() + diagnostics.allocated()        # what one question costs
        url = contender.url(site, "1k")
        pairs = []
        for _ in range(PAIRS):
            once, twice = (allocated_by(diagnostics, url, a.connections, n, streams) - own for n in (a.requests, 2 * a.requests))
            pairs.append(((twice - once) / a.requests, (2 * once - twice) / a.connections, once / a.requests))
        contender.alive()
    finally:
        site.close()
    per_request, per_connection, together = (statistics.median(column) for column in zip(*pairs))
    missed = per_request > a.bar
    print(f"{a.mode}: {per_request:.3f} bytes a request (at most {a.bar:g}: {'missed' if missed else 'met'}; each pair: "
          f"{', '.join(f'{pair[0]:.3f}' for pair in pairs)}) and {per_connection:,.0f} bytes a new connection; together over {a.requests:,} requests and "
          f"{a.connections} connections {together:.3f} bytes a request")
    return 1 if a.check and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        processes.stop_all()
