"""The comparison: interleaved rounds, CPU per request or byte, ratios paired within a round. See benchmarks/README.md."""
import argparse
import datetime
import json
import os
import platform
import sys
import time

import contenders
import load
import modes
import processes
import report
import steady

# name: mode, body, connections, what CPU is divided by, fixed rate?, bars for our own contenders against the better rival
SCENARIOS = {
    "http-1k-c16": dict(mode="http", body="1k", connections=16, per="request", cpu_bar=0.85),
    "http-1k-c64": dict(mode="http", body="1k", connections=64, per="request", cpu_bar=0.85),
    "http-1k-c256": dict(mode="http", body="1k", connections=256, per="request", cpu_bar=0.85),
    "fixed-1k-c64": dict(mode="http", body="1k", connections=64, per="request", fixed=True, cpu_bar=0.85, p99_bar=1.1),
    "http-100k-c64": dict(mode="http", body="100k", connections=64, per="request", cpu_bar=1.0),
    "http-10m-c16": dict(mode="http", body="10m", connections=16, per="byte"),
    "https-1k-c64": dict(mode="https", body="1k", connections=64, per="request", cpu_bar=1.1),
    "handshake-c16": dict(mode="handshake", body="1k", connections=16, per="request", handshakes=True, cpu_bar=1 / 0.65, rival="haproxy"),
    **{f"{mode}-1k-{connections}x{streams}": dict(mode=mode, body="1k", connections=connections, streams=streams, per="request", cpu_bar=1.0)
       for mode in ("h2c-h1", "h2c-h2c", "h2-h1", "h2-h2c") for connections, streams in ((1, 100), (16, 16))},
    "tcp-10m-c16": dict(mode="tcp", body="10m", connections=16, per="byte", cpu_bar=1.0),
}
QUICK = ["http-1k-c64"]
FIXED_SHARE = 0.7
CONNECTS_LIMIT = 1.0     # upstream connects per 10,000 requests


def arguments():
    p = argparse.ArgumentParser(prog="benchmarks/compare/run", description=__doc__)
    p.add_argument("--contenders", default="meshproxy,nginx,haproxy,nghttpx", help=f"comma-separated, of: {', '.join(contenders.known())} (default: %(default)s)")
    p.add_argument("--scenarios", help=f"comma-separated, of: {', '.join(SCENARIOS)} (default: all)")
    p.add_argument("--rounds", type=int, help="rounds per scenario (default 15; quick 3)")
    p.add_argument("--seconds", type=int, default=3, help="length of one round of one contender (default %(default)s)")
    p.add_argument("--warm-up", type=int, default=10, help="seconds of load on each contender after its start (default %(default)s)")
    p.add_argument("--quick", action="store_true", help=f"3 rounds of {', '.join(QUICK)}, for development")
    p.add_argument("--proxy-core", type=int, default=0)
    p.add_argument("--load-core", type=int, default=1, help="the core of the load generator and the upstream")
    p.add_argument("--nice", type=int, default=0, help="priority of all that is started; a negative one, as root, on a machine that others use too")
    p.add_argument("--base-port", type=int, help="use ports from this one on (default: free ones)")
    p.add_argument("--no-build", action="store_true", help="do not build our own contenders first")
    p.add_argument("--check", action="store_true", help="exit code 1 if one of our own contenders misses a bar")
    p.add_argument("--output", default=f"{contenders.REPO}/artifacts/compare", help="folder of the table and of the JSON file with every round")
    a = p.parse_args()
    a.contenders = [c for c in a.contenders.split(",") if c]
    a.scenarios = a.scenarios.split(",") if a.scenarios else (QUICK if a.quick else list(SCENARIOS))
    for unknown in set(a.scenarios) - set(SCENARIOS):
        p.error(f"no scenario '{unknown}'; there are: {', '.join(SCENARIOS)}")
    a.rounds = a.rounds or (3 if a.quick else 15)
    if a.rounds < 1 or a.seconds < 1 or a.warm_up < 0:
        p.error("--rounds and --seconds must be at least 1, --warm-up at least 0")
    if {a.proxy_core, a.load_core} - os.sched_getaffinity(0) or a.proxy_core == a.load_core:
        p.error(f"--proxy-core and --load-core must be two different ones of the cores {sorted(os.sched_getaffinity(0))}")
    return a


def say(text):
    print(text, file=sys.stderr, flush=True)


def one_round(contender, site, scenario, seconds, rate, cores):
    """One contender's turn: everything that the table is made of."""
    url = contender.url(site, scenario["body"])
    cpu, core, began = processes.cpu_seconds(contender.process.pid), processes.core_busy_seconds(cores[0]), time.monotonic()
    with steady.ConnectCounter(site, seconds) as upstream:
        if "streams" in scenario:
            got = load.h2load(url, scenario["connections"], scenario["streams"], seconds, cores[1], f"{site.directory}/h2load.log")
        elif scenario.get("handshakes"):
            got = load.handshakes(url, scenario["connections"], seconds, cores[1])
        elif rate:
            got = load.h2load_rate(url, scenario["connections"], seconds, rate, cores[1], f"{site.directory}/h2load.log")
        else:
            got = load.wrk(url, scenario["connections"], seconds, cores[1])
    elapsed = time.monotonic() - began
    cpu = processes.cpu_seconds(contender.process.pid) - cpu
    core = processes.core_busy_seconds(cores[0]) - core
    contender.alive()
    units = got["requests"] if scenario["per"] == "request" else got["bytes"]
    if units == 0:
        raise SystemExit(f"{contender.name} answered nothing in {seconds} s")
    return {**got, "cpu_s": cpu, "cpu_share": cpu / elapsed, "foreign_share": max(0.0, core - cpu) / elapsed, "cpu_per_unit": cpu / units,
            "rps": got["requests"] * 1e6 / got["duration_us"], "bytes_per_s": got["bytes"] * 1e6 / got["duration_us"],
            "upstream_connects": upstream.connects, "upstream_requests": upstream.requests}


def warm_up(contender, site, scenario, seconds, cores):
    one_round(contender, site, {**scenario, "fixed": False}, seconds, None, cores)


def turns(names, round_number):
    """Each contender is first, second, ... equally often, and follows each other one."""
    shift = round_number % len(names)
    order = names[shift:] + names[:shift]
    return order if (round_number // len(names)) % 2 == 0 else order[::-1]


def run_scenario(name, field, site, a, rate):
    scenario = SCENARIOS[name]
    cores = (a.proxy_core, a.load_core)
    if min(a.warm_up, 2) > 0:
        for contender in field.values():     # fills the upstream pools to this scenario's number of connections
            warm_up(contender, site, scenario, min(a.warm_up, 2), cores)
    rounds = []
    for number in range(a.rounds):
        row = {}
        for who in turns(list(field), number):
            row[who] = one_round(field[who], site, scenario, a.seconds, rate, cores)
        rounds.append(row)
        unit = 1e6 if scenario["per"] == "request" else 1e12
        say(f"  {name} {number + 1}/{a.rounds}: " + ", ".join(
            f"{who} {row[who]['cpu_per_unit'] * unit:.2f} us/{'request' if unit == 1e6 else 'MB'} ({row[who]['cpu_share']:.0%} of its core)" for who in field))
    return {"name": name, **scenario, "rate": rate, "rounds": rounds}


def fixed_rate(results, field, site, a):
    """70 % of what the slowest contender reaches with as many connections."""
    closed = [r for r in results if r["name"] == "http-1k-c64"]
    if closed:
        slowest = min(report.median([row[who]["rps"] for row in closed[0]["rounds"]]) for who in field)
    else:
        got = [load.wrk(c.url(site, "1k"), 64, 3, a.load_core) for c in field.values()]
        slowest = min(g["requests"] * 1e6 / g["duration_us"] for g in got)
    return int(slowest * FIXED_SHARE)


def main():
    a = arguments()
    processes.exit_on_signals()
    processes.set_priority(a.nice)
    chosen = [contenders.Contender(name) for name in a.contenders]
    if not a.no_build:
        for command, contender in {c.spec.get("build"): c for c in chosen}.items():
            if command:
                contender.build()
    site = contenders.Site(a.base_port, upstream_core=a.load_core)
    results = []
    try:
        for mode in modes.MODES:
            names = [s for s in SCENARIOS if s in a.scenarios and SCENARIOS[s]["mode"] == mode]
            field = {c.name: c for c in chosen if c.supports(mode)}
            if not names or not field:
                continue
            for contender in field.values():
                say(f"{contender.name} ({mode}): start and {a.warm_up} s of warm-up")
                contender.start(site, mode, core=a.proxy_core)
                if a.warm_up:
                    warm_up(contender, site, SCENARIOS[names[0]], a.warm_up, (a.proxy_core, a.load_core))
            for name in names:
                rate = fixed_rate(results, field, site, a) if SCENARIOS[name].get("fixed") else None
                results.append(run_scenario(name, field, site, a, rate))
            for contender in field.values():
                contender.stop()
    finally:
        site.close()

    subjects = [c.name for c in chosen if c.subject]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"
    versions = {c.name: c.version() for c in chosen}
    environments = {c.name: c.spec["env"] for c in chosen if "env" in c.spec}
    text, missed = report.render(results, subjects, a, machine, versions, CONNECTS_LIMIT)
    os.makedirs(a.output, exist_ok=True)
    stem = f"{a.output}/{datetime.datetime.now():%Y%m%d-%H%M%S}"
    with open(stem + ".json", "w") as f:
        json.dump({"machine": machine, "versions": versions, "environments": environments, "seconds": a.seconds, "scenarios": results}, f, indent=1)
    with open(stem + ".md", "w") as f:
        f.write(text)
    print(text)
    say(f"every round: {stem}.json")
    return 1 if a.check and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        processes.stop_all()
