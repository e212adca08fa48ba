"""How soon a client's abort reaches the upstream: the client sends a request, the upstream receives it and does not answer, the client closes its
connection (FIN, then with RST in a second series), and the time is taken until the upstream sees its own connection end."""
import argparse
import socket
import struct
import sys
import time

import contenders
import processes


def arguments():
    p = argparse.ArgumentParser(prog="benchmarks/compare/aborts", description=__doc__)
    p.add_argument("--contender", default="meshproxy", help="default: %(default)s")
    p.add_argument("--aborts", type=int, default=500, help="per series (default: %(default)s)")
    p.add_argument("--bar", type=float, default=10.0, help="milliseconds for the slowest but one in a hundred (default: %(default)s)")
    p.add_argument("--check", action="store_true", help="exit code 1 if the bar is missed")
    p.add_argument("--no-build", action="store_true")
    return p.parse_args()


def one_abort(proxy_port, upstream, with_reset):
    client = socket.create_connection(("127.0.0.1", proxy_port))
    client.sendall(b"GET /abort HTTP/1.1\r\nHost: a\r\n\r\n")
    server, _ = upstream.accept()
    server.settimeout(5)
    head = b""
    while b"\r\n\r\n" not in head:
        head += server.recv(65536)
    if with_reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    began = time.perf_counter()
    client.close()
    try:
        rest = server.recv(65536)
    except ConnectionResetError:
        rest = b""
    took = time.perf_counter() - began
    server.close()
    if rest:
        raise SystemExit(f"the upstream got {rest[:60]!r} instead of the end")
    return took * 1000


class RawSite(contenders.Site):
    """A site whose contender forwards to an upstream of this script's own."""

    def __init__(self, upstream_port):
        super().__init__()
        self.upstream_port = upstream_port


def main():
    a = arguments()
    processes.exit_on_signals()
    contender = contenders.Contender(a.contender)
    if not a.no_build:
        contender.build()
    upstream = socket.create_server(("127.0.0.1", 0), backlog=1024)
    site = RawSite(upstream.getsockname()[1])
    contender._check = lambda _: None      # it would wait for an answer
    missed = False
    try:
        contender.start(site, "http")
        for name, with_reset in (("FIN", False), ("RST", True)):
            for _ in range(50):
                one_abort(contender.port, upstream, with_reset)
            times = sorted(one_abort(contender.port, upstream, with_reset) for _ in range(a.aborts))
            p50, p99, worst = times[len(times) // 2], times[len(times) * 99 // 100], times[-1]
            missed |= p99 > a.bar
            print(f"{a.contender}: abort by {name}, {a.aborts} times: median {p50:.2f} ms, p99 {p99:.2f} ms, slowest {worst:.2f} ms "
                  f"(p99 at most {a.bar:g} ms: {'missed' if p99 > a.bar else 'met'})")
    finally:
        site.close()
    return 1 if a.check and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        processes.stop_all()
