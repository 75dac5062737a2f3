"""
Superset's shared cache under viewers in several processes: what they got is printed as JSON for the test to judge.
usage: shared_cache_run.py FOLDER-OF-shared_cache.py EMPTY-FOLDER
"""

import json
import multiprocessing
import sys
import threading
import time

sys.path.insert(0, sys.argv[1])
import shared_cache  # noqa: E402
from shared_cache import SharedCache  # noqa: E402

PROCESSES = 4
THREADS = 5
FRESH_SECONDS = 1
# So long that whoever begins late on a busy machine still begins before it ends.
WORK_SECONDS = 2


def view(folder, value, start, results):
    """A process of Superset: each of its threads asks once, and computes where it is told to."""
    cache = SharedCache(folder)

    def ask():
        start.wait()
        begin = time.monotonic()
        found = cache.get("figure")
        if found is None:
            time.sleep(WORK_SECONDS)
            cache.set("figure", value, FRESH_SECONDS)
            results.put(("computed", value, time.monotonic() - begin))
        else:
            results.put(("found", found, time.monotonic() - begin))

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def round_of(folder, value):
    start, results = multiprocessing.Barrier(PROCESSES * THREADS), multiprocessing.Queue()
    viewers = [
        multiprocessing.Process(target=view, args=(folder, value, start, results))
        for _ in range(PROCESSES)
    ]
    for viewer in viewers:
        viewer.start()
    got = [results.get(timeout=60) for _ in range(PROCESSES * THREADS)]
    for viewer in viewers:
        viewer.join()
    return [{"how": how, "value": found, "seconds": seconds} for how, found, seconds in got]


def abandoned(folder):
    """Whoever claimed it fails: the next one waits for so long, and then computes."""
    shared_cache.COMPUTE_SECONDS = 1
    cache = SharedCache(folder)
    first = cache.get("failing")
    begin = time.monotonic()
    second = cache.get("failing")
    return {"first": first, "second": second, "seconds": time.monotonic() - begin}


if __name__ == "__main__":
    folder = sys.argv[2]
    cold = round_of(folder, "a")
    time.sleep(FRESH_SECONDS + 1)
    stale = round_of(folder, "b")
    print(json.dumps({"cold": cold, "stale": stale, "abandoned": abandoned(folder)}))
