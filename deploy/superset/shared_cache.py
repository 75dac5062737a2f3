"""
Superset's cache of chart data, so that a figure that all viewers look at is computed once.

Superset's own caches lose an entry at one moment, and every viewer who asks before it has been computed again sends
a query of its own: ten viewers who refresh together are ten times the queries, every ten seconds. Here one of them
computes, and the others get the figures of a moment ago, or, where there are none, wait for that one.

    age of an entry     0 ──────── timeout ──────── timeout + STALE_SECONDS ───────►
    first who asks      the entry  computes         computes
    others              the entry  the entry        wait for the first

    DATA_CACHE_CONFIG = {"CACHE_TYPE": "shared_cache.SharedCache", "CACHE_DIR": "…", "CACHE_DEFAULT_TIMEOUT": 60}
"""

import hashlib
import os
import time

from cachelib import FileSystemCache
from flask_caching.backends.base import BaseCache

# How long an entry may still be shown while one viewer computes it again.
STALE_SECONDS = 15
# Past this whoever computes has failed, and another may try.
COMPUTE_SECONDS = 20
POLL_SECONDS = 0.02
ENTRIES_MAX = 5000


class SharedCache(BaseCache):
    """One instance a worker process; entries and claims are files in the folder that all workers share."""

    def __init__(self, folder, default_timeout=300, threshold=ENTRIES_MAX):
        super().__init__(default_timeout=default_timeout)
        self._entries = FileSystemCache(os.path.join(folder, "entries"), threshold=threshold)
        self._claims = os.path.join(folder, "claims")
        os.makedirs(self._claims, exist_ok=True)

    @classmethod
    def factory(cls, app, config, args, kwargs):
        return cls(config["CACHE_DIR"], config["CACHE_DEFAULT_TIMEOUT"], config["CACHE_THRESHOLD"])

    def get(self, key):
        """None is the caller's claim: it computes the value and sets it."""
        deadline = time.monotonic() + COMPUTE_SECONDS
        while True:
            entry = self._entries.get(key)
            if entry is not None and time.time() < entry[0]:
                return entry[1]
            if self._claim(key):
                return None
            if entry is not None:
                return entry[1]
            if time.monotonic() > deadline:
                return None
            time.sleep(POLL_SECONDS)

    def set(self, key, value, timeout=None):
        fresh = self.default_timeout if timeout is None else timeout
        # 0 is "for ever", a negative timeout "not at all", as Flask's caches have it.
        until = float("inf") if fresh == 0 else time.time() + fresh
        kept = 0 if fresh == 0 else max(1, fresh + STALE_SECONDS)
        is_set = fresh >= 0 and self._entries.set(key, (until, value), kept)
        self._release(key)
        return is_set

    def add(self, key, value, timeout=None):
        return False if self.has(key) else self.set(key, value, timeout)

    def has(self, key):
        return self._entries.has(key)

    def delete(self, key):
        self._release(key)
        return self._entries.delete(key)

    def clear(self):
        return self._entries.clear()

    def _claim(self, key):
        path = self._claim_path(key)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            return True
        except FileExistsError:
            pass
        try:
            if time.time() - os.stat(path).st_mtime >= COMPUTE_SECONDS:
                # Of two that find the same old claim the slower may take a new one away: then two compute.
                os.unlink(path)
        except FileNotFoundError:
            pass
        return False

    def _release(self, key):
        try:
            os.unlink(self._claim_path(key))
        except FileNotFoundError:
            pass

    def _claim_path(self, key):
        return os.path.join(self._claims, hashlib.sha256(key.encode()).hexdigest())
