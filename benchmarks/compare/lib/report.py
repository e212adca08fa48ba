"""Medians, quartiles and paired ratios as a markdown table."""
import statistics

median = statistics.median
FOREIGN_LIMIT = 0.05     # a round is called disturbed when others used more of the proxy's core than this


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def _ratio(rounds, who, rival, key):
    """Ratios within each round: what disturbs the machine for a while disturbs both."""
    return [row[who][key] / row[rival][key] for row in rounds if row[rival][key] > 0]


def _figures(result, who, limit):
    rounds = [row[who] for row in result["rounds"]]
    scale = 1e6 if result["per"] == "request" else 1e12
    cpu = [r["cpu_per_unit"] * scale for r in rounds]
    low, high = quartiles(cpu)
    counted = sum(r["upstream_requests"] for r in rounds)
    connects = sum(r["upstream_connects"] for r in rounds) / max(counted, 1) * 1e4
    errors = sum(r["errors"] for r in rounds)
    if result["mode"] == "tcp" or counted < 10_000:
        shown = "-"         # a TCP proxy connects once a connection; too few requests say nothing
    else:
        shown = f"{connects:.2f}" + (" **too many**" if connects > limit else "")
    if result["rate"] and median([r["rps"] for r in rounds]) < 0.97 * result["rate"]:
        shown += " **rate not held**"
    disturbed = sum(r["foreign_share"] > FOREIGN_LIMIT for r in rounds)
    rate = f"{median([r['rps'] for r in rounds]):,.0f}/s" if result["per"] == "request" else f"{median([r['bytes_per_s'] for r in rounds]) / 1e6:,.0f} MB/s"
    return (f"| {result['name']} | {who} | {median(cpu):.2f} | {low:.2f}-{high:.2f} | {rate} | "
            f"{median([r['p50_us'] for r in rounds]) / 1000:.2f} | {median([r['p99_us'] for r in rounds]) / 1000:.2f} | "
            f"{median([r['cpu_share'] for r in rounds]):.0%} | {shown} | {errors}{' **errors**' if errors else ''} | {disturbed} |")


def _ratio_line(result, who, rival, key, label, bar, is_better_rival):
    values = _ratio(result["rounds"], who, rival, key)
    if not values:
        return "", False
    middle, (low, high) = median(values), quartiles(values)
    verdict, missed = "", False
    if bar is not None and is_better_rival:
        missed = middle > bar
        verdict = f"at most {bar:g}: {'**missed**' if missed else 'met'}"
    return (f"| {result['name']} | {label} | {who} / {rival} | {middle:.3f} | {low:.3f}-{high:.3f} | {min(values):.3f}-{max(values):.3f} | {verdict} |", missed)


def render(results, subjects, a, machine, versions, limit):
    lines = [f"{machine}; " + "; ".join(f"{name}: {version}" for name, version in versions.items()) + ".",
             f"{a.rounds} interleaved rounds of {a.seconds} s. CPU is user and system time of the proxy: microseconds per request, or per MB of answer (10 MB bodies).", "",
             "| scenario | proxy | CPU (us) | quartiles | rate | p50 ms | p99 ms | of its core | upstream connects per 10,000 | errors | disturbed rounds |",
             "|---|---|---:|---|---:|---:|---:|---:|---:|---:|---:|"]
    for result in results:
        lines += [_figures(result, who, limit) for who in result["rounds"][0]]
    lines += ["", "Ratios paired within each round:", "", "| scenario | of | pair | median | quartiles | range | bar |", "|---|---|---|---:|---|---|---|"]
    missed_any = False
    for result in results:
        names = list(result["rounds"][0])
        rivals = [n for n in names if n not in subjects]
        pairs = [(s, r) for s in names if s in subjects for r in rivals] or [(n, names[-1]) for n in names[:-1]]
        for key, label, bar in (("cpu_per_unit", "CPU", result.get("cpu_bar")), ("p99_us", "p99", result.get("p99_bar"))):
            if key == "p99_us" and not result["rate"]:
                continue
            better = result["rival"] if result.get("rival") in rivals else min(rivals, key=lambda n: median([row[n][key] for row in result["rounds"]])) if rivals else None
            for who, rival in pairs:
                line, missed = _ratio_line(result, who, rival, key, label, bar if who in subjects else None, rival == better)
                missed_any |= missed
                lines += [line] if line else []
    for result in results:
        if result["rate"]:
            lines += ["", f"{result['name']}: {result['rate']:,} requests a second, 70 % of what the slowest reaches with {result['connections']} connections."]
    return "\n".join(lines) + "\n", missed_any
