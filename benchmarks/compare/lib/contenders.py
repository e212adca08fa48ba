"""The upstream and the proxies under comparison. A proxy is a folder contenders/NAME with contender.json and config templates.

contender.json: name; version (a command); modes (of lib/modes.py), each with command, files and values for them, or "like", the
name of a mode whose entries it shares and may override; optional env, subject (ours, judged against
the rivals), requires and build (a file and the command that makes it), pin ("at_start", or "after_start" for a runtime that sizes
itself by the cores it sees at start), idle_bars (bytes per connection for a mode). In commands and files @NAME@ is filled in; a line of a file with @ROUTE@ is repeated for
every route.
"""
import glob
import http.client
import json
import os
import shutil
import subprocess
import tempfile

import modes
import processes

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REPO = os.path.dirname(os.path.dirname(HERE))
ADDED_REQUEST_HEADERS = ("x-request-id", "x-forwarded-for", "x-forwarded-proto", "x-envoy-expected-rq-timeout-ms")
ADDED_RESPONSE_HEADERS = ("server", "x-envoy-upstream-service-time")
BODY_BYTES = {"1k": 1024, "100k": 100 * 1024, "10m": 10 * 1024 * 1024}


def known():
    return sorted(os.path.basename(os.path.dirname(p)) for p in glob.glob(f"{HERE}/contenders/*/contender.json"))


def fill(text, values, routes):
    lines = []
    for line in text.splitlines():
        lines.extend([line.replace("@ROUTE@", str(i)) for i in range(routes)] if "@ROUTE@" in line else [line])
    text = "\n".join(lines) + "\n"
    for name, value in values.items():      # a value may hold the names of those that come after it
        text = text.replace(f"@{name}@", str(value))
    return text


class Site:
    """A folder in memory for configs and bodies, the ports, and the upstream."""

    def __init__(self, base_port=None, routes=100, upstream_core=None):
        self.directory = tempfile.mkdtemp(prefix="meshproxy-compare-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        os.chmod(self.directory, 0o755)     # nginx workers give up root
        self.ports = processes.Ports(base_port)
        self.routes = routes
        self.path = f"/service-{routes // 2}"      # the route in the middle
        self.upstream_port, self.upstream_h2_port, self.upstream_admin_port = (self.ports.take() for _ in range(3))
        self._make_certificate()
        for name in ("100k", "10m"):
            with open(f"{self.directory}/body-{name}", "wb") as f:
                f.write(b"x" * BODY_BYTES[name])
        config = f"{self.directory}/upstream.conf"
        values = {"DIR": self.directory, "UPSTREAM_PORT": self.upstream_port, "UPSTREAM_H2_PORT": self.upstream_h2_port,
                  "UPSTREAM_ADMIN_PORT": self.upstream_admin_port,
                  "PATH": self.path, "BODY_1K": "x" * BODY_BYTES["1k"]}
        with open(f"{HERE}/upstream/nginx.conf") as template, open(config, "w") as f:
            f.write(fill(template.read(), values, routes))
        log = f"{self.directory}/upstream.log"
        self.upstream = processes.start(
            ["nginx", "-p", self.directory, "-e", f"{self.directory}/upstream-error.log", "-c", config], core=upstream_core, log=log)
        processes.wait_for_port(self.upstream_port, self.upstream, "the upstream", log)
        self._admin = http.client.HTTPConnection("127.0.0.1", self.upstream_admin_port, timeout=5)
        self.upstream_counts()

    def upstream_counts(self):
        """Connections accepted and requests served by the upstream. The connection that asks stays open, so it adds requests only."""
        self._admin.request("GET", "/status")
        words = self._admin.getresponse().read().split()
        return int(words[7]), int(words[9])

    def _make_certificate(self):
        """P-256, as most sites have today: certificate.pem, key.pem, and both in server.pem."""
        key, certificate = f"{self.directory}/key.pem", f"{self.directory}/certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        with open(f"{self.directory}/server.pem", "w") as both:
            for name in (certificate, key):
                with open(name) as f:
                    both.write(f.read())
        os.chmod(key, 0o644)

    def close(self):
        self._admin.close()
        processes.stop_all()
        shutil.rmtree(self.directory, ignore_errors=True)


class Contender:
    def __init__(self, name):
        if name not in known():
            raise SystemExit(f"no contender '{name}'; there are: {', '.join(known())}")
        with open(f"{HERE}/contenders/{name}/contender.json") as f:
            self.spec = json.load(f)
        self.name = name
        self.subject = self.spec.get("subject", False)
        self.process = None
        self.port = None

    def build(self):
        required = self.spec.get("requires", "").replace("@REPO@", REPO)
        if not required:
            return
        print(f"{self.name}: {self.spec['build']}", flush=True)
        done = subprocess.run(self.spec["build"].split(), cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0 or not os.path.exists(required):
            raise SystemExit(f"{self.name}: '{self.spec['build']}' did not make {required}:\n{done.stdout[-3000:]}")

    def version(self):
        done = subprocess.run(self.spec["version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.strip().splitlines()[0]

    def supports(self, mode):
        return mode in self.spec["modes"]

    def start(self, site, mode, core=None, env=None, stdout=None):
        spec = self.spec["modes"][mode]
        spec = {**self.spec["modes"].get(spec.get("like"), {}), **spec}
        self.mode = mode
        directory = f"{site.directory}/{self.name}-{mode}"
        os.makedirs(directory, exist_ok=True)
        self.port, admin_port = site.ports.take(), site.ports.take()
        values = {"DIR": directory, "REPO": REPO, "LISTEN_PORT": self.port, "ADMIN_PORT": admin_port,
                  "SITE": site.directory,
                  "UPSTREAM_PORT": site.upstream_h2_port if modes.MODES[mode].get("upstream_http2") else site.upstream_port, "ROUTES": site.routes}
        values = {**spec.get("values", {}), **values}
        for name in spec.get("files", ()):
            with open(f"{HERE}/contenders/{self.name}/{name}") as template, open(f"{directory}/{name}", "w") as f:
                f.write(fill(template.read(), values, site.routes))
        command = [fill(word, values, 1).rstrip("\n") for word in spec["command"]]
        log = f"{directory}/log"
        late = self.spec.get("pin") == "after_start"
        self.process = processes.start(
            command, core=None if late else core, env={**self.spec.get("env", {}), **(env or {})}, log=log, stdout=stdout)
        processes.wait_for_port(self.port, self.process, self.name, log)
        if core is not None and late:
            processes.pin(self.process.pid, core)
        if modes.is_http(mode):
            self._check(site)
        self._last_log = log

    def stop(self):
        if self.process:
            processes.stop(self.process)
            self.process = None

    def alive(self):
        if self.process.poll() is not None:
            raise SystemExit(f"{self.name} ended with exit code {self.process.returncode}:\n{processes.tail(self._last_log)}")

    def url(self, site, body):
        return f"{modes.scheme(self.mode)}://127.0.0.1:{self.port}{site.path}/{body}"

    def _check(self, site):
        """The contender does the work that is compared: it adds the headers and passes whole bodies."""
        head, body = self._get(site, "check")
        seen = dict(line.split("=", 1) for line in body.decode().splitlines() if "=" in line)
        status, *fields = head.decode().splitlines()
        names = {field.partition(":")[0].lower() for field in fields}
        missing = [name for name in ADDED_REQUEST_HEADERS if not seen.get(name)]
        missing += [name for name in ADDED_RESPONSE_HEADERS if name not in names]
        if " 200" not in status or missing:
            raise SystemExit(f"{self.name}: {status}, headers not added: {', '.join(missing) or 'none'}")
        for name, expected in BODY_BYTES.items():
            length = len(self._get(site, name)[1])
            if length != expected:
                raise SystemExit(f"{self.name}: the {name} body has {length} bytes, not {expected}")

    def _get(self, site, body):
        done = subprocess.run(["curl", "--silent", "--show-error", "--include", *modes.curl_options(self.mode), self.url(site, body)],
                              capture_output=True, timeout=30)
        if done.returncode != 0:
            raise SystemExit(f"{self.name}: {done.stderr.decode().strip()}")
        return done.stdout.split(b"\r\n\r\n", 1)
