"""Memory of an idle keep-alive connection: the slope of the proxy's anonymous memory between two numbers of connections."""
import argparse
import datetime
import json
import os
import platform
import resource
import select
import signal
import socket
import ssl
import sys
import time

import contenders
import load
import modes
import processes

IN_FLIGHT = 32      # few at a time: the proxy's upstream pool stays small, and is not what is measured
BARS = {"http": 2048, "h2c-h1": 8192, "https": 20 * 1024}      # bytes per connection


def arguments():
    p = argparse.ArgumentParser(prog="benchmarks/compare/idle", description=__doc__)
    p.add_argument("--contenders", default="meshproxy,nginx,haproxy", help=f"comma-separated, of: {', '.join(contenders.known())} (default: %(default)s)")
    p.add_argument("--mode", default="http", choices=("http", "https", "h2c-h1"), help="what the client speaks; https is TLS 1.3 (default: %(default)s)")
    p.add_argument("--connections", default="2000,5000,12000", help="where memory is read; the slope is from the first to the last (default: %(default)s)")
    p.add_argument("--settle", type=float, default=3, help="seconds between the last answer and the reading (default %(default)s)")
    p.add_argument("--bar", type=int, help="bytes per connection that our own contenders may cost (default 2048, over HTTP/2 8192, over TLS 20480, or what contender.json says)")
    p.add_argument("--check", action="store_true", help="exit code 1 if one of our own contenders misses the bar")
    p.add_argument("--no-build", action="store_true")
    p.add_argument("--base-port", type=int, help="use ports from this one on (default: free ones)")
    p.add_argument("--output", default=f"{contenders.REPO}/artifacts/compare")
    a = p.parse_args()
    a.contenders = [c for c in a.contenders.split(",") if c]
    a.connections = sorted(int(n) for n in a.connections.split(","))
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if len(a.connections) < 2:
        p.error("--connections: at least two numbers are needed for a slope")
    if a.connections[-1] + 1000 > files:
        p.error(f"--connections: the limit of open files is {files}, {a.connections[-1] + 1000} are needed")
    return a


def request(port, path):
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"] + [f"{n}: {v}" for n, v in load.BROWSER_HEADERS.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def request_http2(port, path):
    """Preface, settings and one request, its header names and values as literals that are indexed where a browser would."""
    fields = {":method": "GET", ":scheme": "http", ":path": path, ":authority": f"127.0.0.1:{port}", **{n.lower(): v for n, v in load.BROWSER_HEADERS.items()}}
    block = b""
    for name, value in fields.items():
        block += bytes((0x40 if name not in (":path",) else 0,))
        for text in (name.encode(), value.encode()):
            block += bytes((len(text),)) + text if len(text) < 127 else bytes((127, (len(text) - 127) & 127 | 128, len(text) - 127 >> 7)) + text
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(4, 1, 0) + frame(1, 5, 1, block)


def is_answered(data, mode):
    """Whether a whole answer stands in what has come."""
    if not modes.is_http2(mode):
        head, end, body = data.partition(b"\r\n\r\n")
        if end and b" 200 " not in head[:16]:
            raise SystemExit(f"the answer was {head.splitlines()[0].decode()}")
        return end and len(body) >= contenders.BODY_BYTES["1k"]
    at = 0
    while len(data) >= at + 9:
        kind, flags, length = data[at + 3], data[at + 4], int.from_bytes(data[at:at + 3], "big")
        if len(data) < at + 9 + length:
            return False
        if kind in (3, 7):
            raise SystemExit("the stream was reset, or the connection ended")
        if kind in (0, 1) and flags & 1:
            return True
        at += 9 + length
    return False


def open_more(held, wanted, port, path, mode):
    """Opens connections up to the wanted number and takes one whole answer on each."""
    poll, waiting, text = select.epoll(), {}, (request_http2 if modes.is_http2(mode) else request)(port, path)
    try:
        while len(held) < wanted or waiting:
            while len(held) < wanted and len(waiting) < IN_FLIGHT:
                s = socket.create_connection(("127.0.0.1", port), 10)
                s.sendall(text)
                held.append(s)
                waiting[s.fileno()] = [s, b""]
                poll.register(s, select.EPOLLIN)
            for number, _ in poll.poll(10) or [(None, None)]:
                if number is None:
                    raise SystemExit(f"no answer for 10 s with {len(held)} connections")
                entry = waiting[number]
                data = entry[0].recv(65536)
                if not data:
                    raise SystemExit(f"the proxy closed a connection, {len(held)} were open")
                entry[1] += data
                if is_answered(entry[1], mode):
                    poll.unregister(number)
                    del waiting[number]
    finally:
        poll.close()


def open_more_tls(held, wanted, port, path, _mode):
    """The same with TLS, one after the other. What is read after the handshake includes the session tickets."""
    context, text = ssl.create_default_context(), request(port, path)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    while len(held) < wanted:
        s = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10))
        s.sendall(text)
        held.append(s)
        answer = b""
        while len(answer.partition(b"\r\n\r\n")[2]) < contenders.BODY_BYTES["1k"]:
            data = s.recv(65536)
            if not data:
                raise SystemExit(f"the proxy closed a connection, {len(held)} were open")
            answer += data
        if b" 200 " not in answer[:16]:
            raise SystemExit(f"the answer was {answer.splitlines()[0].decode()}")


def all_open(held):
    """A connection that the proxy has closed meanwhile would make the others look cheap."""
    poll = select.poll()
    for s in held:
        poll.register(s, select.POLLIN | select.POLLRDHUP)
    closed = len(poll.poll(0))
    if closed:
        raise SystemExit(f"{closed} of {len(held)} connections were closed while idle")


def measure(contender, site, a):
    env = {"MESHPROXY_GC_ON_SIGUSR1": "1"} if contender.subject else None
    contender.start(site, a.mode, env=env)
    open_to = open_more_tls if modes.MODES[a.mode].get("tls") else open_more
    held, readings = [], []
    try:
        for wanted in a.connections:
            open_to(held, wanted, contender.port, f"{site.path}/1k", a.mode)
            time.sleep(a.settle)
            if contender.subject:
                os.kill(contender.process.pid, signal.SIGUSR1)      # a full, compacting collection
                time.sleep(a.settle)
            contender.alive()
            all_open(held)
            anonymous, resident = (processes.memory_kib(contender.process.pid, f) for f in ("RssAnon", "VmRSS"))
            readings.append({"connections": wanted, "anonymous_kib": anonymous, "resident_kib": resident})
            print(f"  {contender.name}: {wanted} connections, {anonymous} KiB anonymous, {resident} KiB resident", file=sys.stderr, flush=True)
    finally:
        for s in held:
            s.close()
        contender.stop()
    first, last = readings[0], readings[-1]
    slope = (last["anonymous_kib"] - first["anonymous_kib"]) * 1024 / (last["connections"] - first["connections"])
    return {"readings": readings, "bytes_per_connection": slope}


def main():
    a = arguments()
    processes.exit_on_signals()
    chosen = [contenders.Contender(name) for name in a.contenders]
    if not a.no_build:
        for contender in chosen:
            contender.build()
    site = contenders.Site(a.base_port)
    try:
        results = {c.name: measure(c, site, a) for c in chosen}
    finally:
        site.close()
    print(f"{a.mode}, {os.cpu_count()} cores, {platform.machine()}. Memory in MiB, resident (anonymous), one request on each connection before:\n")
    print("| proxy | " + " | ".join(f"{n:,} connections" for n in a.connections) + " | bytes per connection |")
    print("|---|" + "---:|" * (len(a.connections) + 1))
    missed = False
    for contender in chosen:
        result = results[contender.name]
        bar = a.bar or contender.spec.get("idle_bars", {}).get(a.mode) or BARS[a.mode]
        over = contender.subject and result["bytes_per_connection"] > bar
        missed |= over
        cells = [f"{r['resident_kib'] / 1024:.1f} ({r['anonymous_kib'] / 1024:.1f})" for r in result["readings"]]
        print(f"| {contender.name} | " + " | ".join(cells) + f" | {result['bytes_per_connection']:,.0f}{f' **over {bar}**' if over else ''} |")
    os.makedirs(a.output, exist_ok=True)
    path = f"{a.output}/idle-{datetime.datetime.now():%Y%m%d-%H%M%S}.json"
    with open(path, "w") as f:
        json.dump(results, f, indent=1)
    print(f"readings: {path}", file=sys.stderr)
    return 1 if a.check and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        processes.stop_all()
