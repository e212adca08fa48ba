"""Starting, pinning, measuring and stopping processes (Linux, /proc)."""
import ctypes
import os
import signal
import socket
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_started = []


_priority = 0


def set_priority(nice):
    """The priority of all that is started from here on."""
    global _priority
    try:
        os.nice(nice)
    except PermissionError:
        raise SystemExit("--nice: only root may raise the priority")
    _priority = nice


def before_exec():
    """Runs in a new child: a group of its own, so that workers go with their master; and no life after this script, however it ends."""
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if _priority:
        try:    # Linux shares a core among sessions first, where this file exists; nice counts only within one.
            with open("/proc/self/autogroup", "w") as f:
                f.write(str(_priority))
        except OSError:
            pass


def start(command, core=None, env=None, log=None, stdout=None):
    """Starts a command in its own process group, pinned to a core, stopped at the latest by stop_all()."""
    if core is not None:
        command = ["taskset", "-c", str(core)] + command
    out = open(log, "ab") if log else subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=out,
        env={**os.environ, **(env or {})}, preexec_fn=before_exec)
    if log:
        out.close()
    _started.append(process)
    return process


def stop(process):
    if process in _started:
        _started.remove(process)
    for sign, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, sign)
            process.wait(patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)  # workers that outlived their master
    except ProcessLookupError:
        pass


def stop_all():
    for process in list(_started):
        stop(process)


def exit_on_signals():
    """Turns SIGTERM and SIGHUP into SystemExit, so that 'finally' blocks run."""
    def leave(number, _frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


def _stat(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rpartition(")")[2].split()


def tree(pid):
    """The process and its living descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(int(_stat(entry)[1]), []).append(int(entry))
            except OSError:
                pass
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue.extend(children.get(found[-1], ()))
    return found


def cpu_seconds(pid):
    """User and system time of the process, its living descendants and the children it has reaped."""
    total = 0
    for member in tree(pid):
        fields = _stat(member)
        total += int(fields[11]) + int(fields[12])          # utime, stime
        if member == pid:
            total += int(fields[13]) + int(fields[14])      # cutime, cstime
    return total / TICKS_PER_SECOND


def core_busy_seconds(core):
    """Time that a core was not idle, whoever used it (stolen time included)."""
    with open("/proc/stat") as f:
        for line in f:
            if line.startswith(f"cpu{core} "):
                user, nice, system, _idle, _iowait, irq, softirq, steal = (int(x) for x in line.split()[1:9])
                return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
    raise SystemExit(f"/proc/stat has no cpu{core}")


def memory_kib(pid, field="RssAnon"):
    """A memory field of /proc/PID/status, summed over the process and its descendants, in KiB."""
    total = 0
    for member in tree(pid):
        with open(f"/proc/{member}/status") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith(field + ":"))
    return total


def pin(pid, core):
    for member in tree(pid):
        subprocess.run(["taskset", "-a", "-p", "-c", str(core), str(member)], check=True, stdout=subprocess.DEVNULL)


class Ports:
    """Free loopback ports, or consecutive ones from a given base."""

    def __init__(self, base=None):
        self._next = base
        self._given = set()

    def take(self):
        if self._next is not None:
            self._next += 1
            return self._next - 1
        while True:
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                port = s.getsockname()[1]
            if port not in self._given:
                self._given.add(port)
                return port


def wait_for_port(port, process, what, log, patience_s=30):
    deadline = time.monotonic() + patience_s
    while True:
        if process.poll() is not None:
            raise SystemExit(f"{what} ended with exit code {process.returncode}:\n{tail(log)}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"{what} does not listen on 127.0.0.1:{port} after {patience_s} s:\n{tail(log)}")
            time.sleep(0.05)


def tail(path, lines=20):
    try:
        with open(path, errors="replace") as f:
            return "".join(f.readlines()[-lines:])
    except OSError:
        return ""
