"""What a proxy speaks with its clients and with the upstream. A contender lists the modes that it supports."""

# tls and http2 are what the client speaks, upstream_http2 (cleartext, prior knowledge) what the proxy speaks with the upstream.
MODES = {
    "http": dict(),
    "tcp": dict(),
    "https": dict(tls=True),
    "handshake": dict(tls=True),
    "h2c-h1": dict(http2=True),
    "h2c-h2c": dict(http2=True, upstream_http2=True),
    "h2-h1": dict(http2=True, tls=True),
    "h2-h2c": dict(http2=True, tls=True, upstream_http2=True),
}


def is_http(mode):
    return mode != "tcp"


def scheme(mode):
    return "https" if MODES[mode].get("tls") else "http"


def is_http2(mode):
    return MODES[mode].get("http2", False)


def curl_options(mode):
    """How curl speaks it."""
    version = ["--http1.1"] if not is_http2(mode) else ["--http2"] if MODES[mode].get("tls") else ["--http2-prior-knowledge"]
    return [*version, "--insecure"] if MODES[mode].get("tls") else version
