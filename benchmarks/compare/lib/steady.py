"""Upstream connects within a round, without its beginning and end.

A load generator that ends its round drops its connections with requests in flight. A proxy then closes those upstream connections,
as it should, and opens as many in its next round. That is the load generator's doing: connects are counted in between.
"""
import threading
import time

SETTLE_S = 0.4


class ConnectCounter:
    def __init__(self, site, seconds):
        self._site, self._seconds = site, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.connects = self.requests = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        began = time.monotonic()
        if self._stop.wait(SETTLE_S):
            return
        first = self._site.upstream_counts()
        if self._stop.wait(max(0.0, self._seconds - SETTLE_S - (time.monotonic() - began))):
            return
        last = self._site.upstream_counts()
        self.connects = last[0] - first[0]
        self.requests = last[1] - first[1] - 1      # the question itself is one
