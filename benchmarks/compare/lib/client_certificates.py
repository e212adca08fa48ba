"""What client certificates whose URLs hang do to others: the latency of requests on one keep-alive connection, while handshakes come in whose
certificates name a place that accepts connections and never answers (for the issuer, OCSP and the revocation list; half of them with an issuer that
is not sent, so that there is reason to fetch it). The same handshakes with certificates without URLs are the baseline, paired within a round."""
import argparse
import multiprocessing
import os
import queue
import signal
import socket
import ssl
import statistics
import sys
import threading
import time

import client_certificate_files as files
import contenders
import processes

CONTENDERS = {"meshproxy": "openssl", "meshproxy-sslstream": "sslstream"}
PROXY_CORE, LOAD_CORE = 0, 1
PATIENCE_S = 30
REQUEST = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


def arguments():
    p = argparse.ArgumentParser(prog="benchmarks/compare/client-certificates", description=__doc__)
    p.add_argument("--contenders", default=",".join(CONTENDERS), help="default: %(default)s")
    p.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    p.add_argument("--seconds", type=float, default=4, help="of each part of a round (default: %(default)s)")
    p.add_argument("--handshakes", type=int, default=200, help="in each part that has them (default: %(default)s)")
    p.add_argument("--rate", type=int, default=500, help="requests per second on the other connection (default: %(default)s)")
    p.add_argument("--nice", type=int, default=0, help="priority of all that is started; as root -15 keeps others away (default: %(default)s)")
    p.add_argument("--bar", type=float, default=50.0, help="milliseconds that may be added to the slowest request (default: %(default)s)")
    p.add_argument("--stall-ms", type=float, default=0,
                   help="stops the proxy for so long once beside every hanging URL, to see that the script would find a delay")
    p.add_argument("--check", action="store_true", help="exit code 1 if the bar is missed or a URL was contacted")
    p.add_argument("--no-build", action="store_true")
    return p.parse_args()


class BlackHole:
    """Accepts and never answers; counts who comes."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._held = []
        threading.Thread(target=self._accept, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        with socket.create_connection(self._listener.getsockname()):      # it does count
            wait_until(lambda: self.contacts == 1, "the hanging listener to accept")
        self._held.clear()

    @property
    def contacts(self):
        return len(self._held)

    def _accept(self):
        while True:
            self._held.append(self._listener.accept()[0])


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {PATIENCE_S} s for {what}")
        time.sleep(0.005)


def context(certificate, version):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.minimum_version = c.maximum_version = version
    c.load_cert_chain(*certificate)
    return c


def connect(port, tls):
    return tls.wrap_socket(socket.create_connection(("127.0.0.1", port), PATIENCE_S))


def ask(connection):
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"\r\n\r\nOK\n"):
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed without an answer")
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"answered {answer[:60]!r}")


def shake_hands(port, tls):
    """Whether the proxy takes the certificate. In TLS 1.3 the client learns of a refusal when it reads."""
    try:
        with connect(port, tls) as connection:
            ask(connection)
        return True
    except TimeoutError:
        return None
    except (ssl.SSLError, ConnectionError):
        return False


def handshakes(port, kinds, count, seconds, results):
    """A process: so many handshakes over so many seconds, of all kinds in turn, several at once if they take long."""
    os.nice(19)     # its own work must not be what delays the client that is measured
    contexts = [(context(certificate, version), taken) for certificate, taken in kinds for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
    due = queue.SimpleQueue()
    wrong = []

    def work():
        while (number := due.get()) is not None:
            tls, taken = contexts[number % len(contexts)]
            if shake_hands(port, tls) is not taken:
                wrong.append(number)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(16)]
    for worker in workers:
        worker.start()
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number * seconds / count - time.monotonic()))
        due.put(number)
    for _ in workers:
        due.put(None)
    for worker in workers:
        worker.join()
    results.put(len(wrong))


def latencies(connection, rate, seconds, until):
    """Milliseconds of each request, sent at a steady rate for so long and until a condition holds. One that is late because of the answer before it
    counts from when it was due, one that this process was late to send does not."""
    taken, began, finished = [], time.perf_counter(), 0.0
    number = 0
    while number < rate * seconds or not until():
        due = began + number / rate
        number += 1
        time.sleep(max(0.0, due - time.perf_counter()))
        start = due if finished > due else time.perf_counter()
        ask(connection)
        finished = time.perf_counter()
        taken.append((finished - start) * 1000)
    return sorted(taken)


class Bench:
    def __init__(self, a, contender, pki):
        self._a, self._contender = a, contender
        self._kinds = {"ordinary": [(pki.ordinary, True), (pki.ordinary_unsent, False)], "hanging": [(pki.hanging, True), (pki.hanging_unsent, False)]}
        self._client = connect(contender.port, context(pki.ordinary, ssl.TLSVersion.TLSv1_3))

    def part(self, name):
        """p50, p99 and the slowest, in milliseconds."""
        a = self._a
        if name == "alone":
            return self._summary(latencies(self._client, a.rate, a.seconds, lambda: True))
        results = multiprocessing.SimpleQueue()
        process = multiprocessing.Process(
            target=handshakes, args=(self._contender.port, self._kinds[name], a.handshakes, a.seconds, results), daemon=True)
        process.start()
        if a.stall_ms and name == "hanging":
            threading.Timer(a.seconds / 2, self._stall).start()
        times = latencies(self._client, a.rate, a.seconds, lambda: process.exitcode is not None)
        if process.exitcode != 0 or results.get() != 0:
            raise SystemExit(f"{self._contender.name}: handshakes ({name}) did not end as they should")
        return self._summary(times)

    def _stall(self):
        os.kill(self._contender.process.pid, signal.SIGSTOP)
        time.sleep(self._a.stall_ms / 1000)
        os.kill(self._contender.process.pid, signal.SIGCONT)

    @staticmethod
    def _summary(times):
        return times[len(times) // 2], times[len(times) * 99 // 100], times[-1]


def measure(a, site, name, pki, hole):
    contender = contenders.Contender(name)
    contender._check = lambda _: None      # it shows no certificate
    contender.spec["modes"]["https"]["command"] += ["--client-ca", pki.ca]
    if name in CONTENDERS and "--tls-implementation" not in contender.spec["modes"]["https"]["command"]:
        contender.spec["modes"]["https"]["command"] += ["--tls-implementation", CONTENDERS[name]]
    contender.start(site, "https", core=PROXY_CORE)
    bench, before = Bench(a, contender, pki), hole.contacts
    parts = ["alone", "ordinary", "hanging"]
    for part in parts:
        bench.part(part)      # for the JIT
    rounds = []
    for number in range(a.rounds):
        turn = number % len(parts)
        rounds.append({part: bench.part(part) for part in parts[turn:] + parts[:turn]})
        print(f"  {name} {number + 1}/{a.rounds}: slowest " + ", ".join(f"{rounds[-1][part][2]:.2f} ms {part}" for part in parts), file=sys.stderr, flush=True)
    contender.stop()
    contacts = hole.contacts - before
    print(f"\n{name}, median of {a.rounds} rounds of {a.seconds:g} s, {a.handshakes} handshakes in each:\n")
    print("| other connection, ms | p50 | p99 | slowest | slowest of all rounds |\n|---|---:|---:|---:|---:|")
    for part in parts:
        columns = list(zip(*(r[part] for r in rounds)))
        print(f"| {part} | " + " | ".join(f"{statistics.median(c):.2f}" for c in columns) + f" | {max(columns[2]):.2f} |")
    added = statistics.median(r["hanging"][2] - r["ordinary"][2] for r in rounds)
    missed = added >= a.bar or contacts > 0
    print(f"\n{name}: the hanging URLs add {added:.2f} ms to the slowest request beside ordinary certificates (median of paired rounds; to the slowest "
          f"alone {statistics.median(r['hanging'][2] - r['alone'][2] for r in rounds):.2f} ms); they were contacted {contacts} times "
          f"(less than {a.bar:g} ms and never: {'missed' if missed else 'met'})", flush=True)
    return missed


def main():
    a = arguments()
    processes.exit_on_signals()
    processes.set_priority(a.nice)
    names = a.contenders.split(",")
    if not a.no_build:
        contenders.Contender(names[0]).build()
    hole = BlackHole()
    site = contenders.Site(upstream_core=LOAD_CORE)
    try:
        pki = files.ClientCertificates(site.directory, hole.url)
        os.sched_setaffinity(0, {LOAD_CORE})
        missed = [measure(a, site, name, pki, hole) for name in names]
    finally:
        site.close()
    return 1 if a.check and any(missed) else 0


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        processes.stop_all()
