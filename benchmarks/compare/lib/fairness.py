"""What a saturating upload does to the others: the latency of small requests at a fixed rate, alone and while one connection on the same worker
uploads as fast as it can. The proxy answers the small requests itself, and the uploader and its upstream have the lowest priority on the load
generator's core: what is measured is the proxy's worker, not the fight for that core. Rounds of the two alternate; the ratio is paired within a round."""
import argparse
import multiprocessing
import os
import socket
import statistics
import sys

import contenders
import load
import processes


def arguments():
    p = argparse.ArgumentParser(prog="benchmarks/compare/fairness", description=__doc__)
    p.add_argument("--contender", default="meshproxy", help="default: %(default)s")
    p.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    p.add_argument("--seconds", type=int, default=4, help="of each half of a round (default: %(default)s)")
    p.add_argument("--rate", type=int, default=4000, help="small requests per second (default: %(default)s)")
    p.add_argument("--connections", type=int, default=16, help="default: %(default)s")
    p.add_argument("--bar", type=float, default=2.0, help="p99 with the upload to p99 without (default: %(default)s)")
    p.add_argument("--check", action="store_true", help="exit code 1 if the bar is missed")
    p.add_argument("--no-build", action="store_true")
    return p.parse_args()


def yield_to_others(pid):
    """Idle class: any other process that wakes takes the core at once."""
    os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def upload(port, path, stop):
    """Posts bodies of 256 MB, one after the other, as fast as they are taken; the upstream throws them away."""
    yield_to_others(0)
    os.sched_setaffinity(0, {1})
    chunk, chunks = b"x" * 262144, 1024
    connection = socket.create_connection(("127.0.0.1", port))
    sent = 0
    while not stop.is_set():
        connection.sendall(f"POST {path}/discard HTTP/1.1\r\nHost: a\r\nContent-Length: {len(chunk) * chunks}\r\n\r\n".encode())
        for _ in range(chunks):
            if stop.is_set():
                break
            connection.sendall(chunk)
            sent += len(chunk)
        else:
            if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
                raise SystemExit("an upload was not answered with 200")
    connection.close()
    print(f"    uploaded {sent / 1e6:,.0f} MB", file=sys.stderr)


def main():
    a = arguments()
    processes.exit_on_signals()
    contender = contenders.Contender(a.contender)
    if not a.no_build:
        contender.build()
    site = contenders.Site(upstream_core=1)
    for pid in processes.tree(site.upstream.pid):
        yield_to_others(pid)
    try:
        contender.start(site, "http", core=0)
        url, log = f"http://127.0.0.1:{contender.port}/health", f"{site.directory}/h2load.log"

        def p99():
            return load.h2load_rate(url, a.connections, a.seconds, a.rate, 1, log)["p99_us"]

        p99()
        ratios = []
        for number in range(a.rounds):
            alone = p99()
            stop = multiprocessing.Event()
            uploader = multiprocessing.Process(target=upload, args=(contender.port, site.path, stop), daemon=True)
            uploader.start()
            beside = p99()
            stop.set()
            uploader.join(5)
            uploader.kill()
            ratios.append(beside / alone)
            print(f"  {number + 1}/{a.rounds}: p99 {alone} us alone, {beside} us beside the upload", file=sys.stderr, flush=True)
    finally:
        site.close()
    median = statistics.median(ratios)
    print(f"{a.contender}: p99 beside a saturating upload {median:.2f}x of p99 alone, median of {a.rounds} rounds "
          f"({min(ratios):.2f} to {max(ratios):.2f}; at most {a.bar:g}: {'missed' if median > a.bar else 'met'})")
    return 1 if a.check and median > a.bar else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        processes.stop_all()
