"""The load generators: wrk for as much as the proxy takes over HTTP/1.1, h2load for HTTP/2 and for a fixed rate."""
import json
import os
import re
import subprocess

import processes

LIB = os.path.dirname(os.path.abspath(__file__))

# What a browser sends; with Host, which the generators add, nine headers.
BROWSER_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://shop.example.com/catalogue/index.html?page=3&sort=price",
    "Cookie": "session=7d3f0c9a5be14e0f8a2c61d4b7e95f10; theme=dark; consent=1",
    "Cache-Control": "no-cache",
    "Upgrade-Insecure-Requests": "1",
}


def _headers():
    return [word for name, value in BROWSER_HEADERS.items() for word in ("-H", f"{name}: {value}")]


def _run(command, patience_s):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=patience_s, preexec_fn=processes.before_exec)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command[:6])} ... failed:\n{done.stdout[-2000:]}")
    return done.stdout


def wrk(url, connections, seconds, core):
    """requests, bytes, duration_us, p50_us, p99_us, errors of a run with as many requests as the proxy takes."""
    out = _run(["taskset", "-c", str(core), "wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s",
                "--timeout", "30s", "--latency", "-s", f"{LIB}/report.lua", *_headers(), url], seconds + 60)
    return json.loads(re.search(r"^WRK (.*)$", out, re.M).group(1))


def handshakes(url, connections, seconds, core):
    """As wrk, with a new connection for each request. The servers do not resume sessions, so each is a full handshake."""
    out = _run(["taskset", "-c", str(core), "wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s",
                "--timeout", "30s", "--latency", "-s", f"{LIB}/report.lua", "-H", "Connection: close", url], seconds + 60)
    return json.loads(re.search(r"^WRK (.*)$", out, re.M).group(1))


def h2load_rate(url, connections, seconds, rate, core, log_file):
    """The same figures at a fixed rate. h2load's --rps is per client, so each gets its share; one request in flight a client."""
    return _h2load(["--h1", "-m", "1", "--rps", f"{rate / connections:.3f}"], url, connections, seconds, core, log_file)


def h2load(url, connections, streams, seconds, core, log_file):
    """The same figures over HTTP/2, with so many requests in flight on each connection."""
    return _h2load(["-m", str(streams)], url, connections, seconds, core, log_file)


def _h2load(options, url, connections, seconds, core, log_file):
    if os.path.exists(log_file):
        os.remove(log_file)
    _run(["taskset", "-c", str(core), "h2load", "-t", "1", "-c", str(connections), *options, "-D", str(seconds),
          "--log-file", log_file, *_headers(), url], seconds + 60)
    latencies, errors, first, last = [], 0, None, 0
    with open(log_file) as f:
        for line in f:
            began, status, took = (int(x) for x in line.split("\t")[:3])
            first = began if first is None else min(first, began)
            last = max(last, began + took)
            if status == 200:
                latencies.append(took)
            else:
                errors += 1
    if not latencies:
        raise SystemExit(f"h2load got no answer from {url}")
    latencies.sort()
    return {"requests": len(latencies), "bytes": 0, "duration_us": last - first, "errors": errors, "max_us": latencies[-1],
            "p50_us": latencies[len(latencies) // 2], "p99_us": latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)]}


def h2load_count(url, connections, requests, core=None, streams=None):
    """Sends exactly so many requests, over HTTP/2 if a number of streams is given; returns how many succeeded."""
    pin = ["taskset", "-c", str(core)] if core is not None else []
    out = _run([*pin, "h2load", *([] if streams else ["--h1"]), "-t", "1", "-c", str(connections), "-m", str(streams or 1), "-n", str(requests), *_headers(), url], 3600)
    return int(re.search(r"(\d+) succeeded", out).group(1))
