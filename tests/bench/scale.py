"""A cache file of a million entries, and of ten: what a hit costs, the start, memory, keeping and purging."""

import json
import os
import time
import urllib.request
from contextlib import ExitStack

from disk import SMALL_MEMORY, steady
from hits import ROUNDS, SECONDS, cost, interleave, start, table
from machine import CPUS, FOLDER, Failed, ask_all, ids, ids_file, wrk
from peers import Bare, Callcache, fill, remove_database
from report import median, ratio

WIDE = ["--set", "cache.disk_max=1024GiB"]
FILL_SECONDS = 330  # what is not kept by then is left out
TIMED = 200_000     # of ten millions; those before them are kept in the order of their keys, which is quicker
SPREAD = 50_000     # ids that are asked for, from the whole of a file
STARTS = 7
MEMORY_MAX_MB = 128


def million(section):
    measure(section, 1_000_000, 100, None)


def ten_millions(section):
    measure(section, 10_000_000, 250, TIMED)


def measure(section, entries, first_hit_ms, timed):
    with Bare(name="vendor", cpus=set(CPUS)) as vendor:
        path = os.path.join(FOLDER, "scale.db")
        try:
            path, made = fill("scale.db", vendor, entries, FILL_SECONDS, timed)
            kept = made["entries"]
            short = "" if kept == entries else f" For {entries:,} there was no time."
            size = os.path.getsize(path) / 1e9
            section.text(f"A file of {kept:,} entries, {size:.1f} GB, made through the store's own code in "
                         f"{made['seconds']:.0f} s.{short}")
            which = f", the last {timed:,}" if timed else ""
            section.target(f"entries kept a second, in group commits{which}", made["a_second"], 20_000, at_most=False,
                           reason="Keys come in no order, so most rows of a group are of another page of the index, which "
                                  "is read, written to the log and then to the file. Half of the time is the "
                                  "processor's, which copies pages, and half the disk's, which writes them here and "
                                  "there. Gong's budget brings 300 calls a second at most.")
            first_hit(section, vendor, path, kept, first_hit_ms)
            hit_cost(section, vendor, path, kept)
            memory(section, vendor, path, kept)
            purge(section, vendor, path, kept)
        finally:
            remove_database(path)
            remove_database(os.path.join(FOLDER, "scale-few.db"))


def first_hit(section, vendor, path, entries, wanted):
    """From the start of the process to the answer."""
    in_the_middle = ids(entries, entries // 2)[1]
    taken = []
    for _ in range(STARTS):
        with Callcache(vendor, path, WIDE, set(CPUS)) as server:
            ask_all(server.port, [in_the_middle])
            taken.append((time.monotonic() - server.started) * 1000)
    section.target(f"the first hit after the start, ms (median of {STARTS} starts)", median(taken), wanted)


def hit_cost(section, vendor, path, entries):
    """Beside a file of 10,000."""
    few, _ = fill("scale-few.db", vendor, 10_000)
    spread = os.path.join(FOLDER, "ids-spread")
    with open(spread, "w") as f:
        f.writelines(f"{i}\n" for i in ids(entries, max(1, entries // SPREAD)))
    for text, further, ids_of_many in (("from memory", [], ids_file(10_000)), ("from disk", SMALL_MEMORY, spread)):
        section.text(f"Hits {text}, of 10,000 entries and of {entries:,}; medians of {ROUNDS} interleaved runs of "
                     f"{SECONDS} s:")
        with ExitStack() as stack:
            servers = start(section, stack, {
                "10,000": lambda: Callcache(vendor, few, WIDE + further, name="callcache-few"),
                f"{entries:,}": lambda: Callcache(vendor, path, WIDE + further)})
            for server, asked in zip(servers.values(), (ids_file(10_000), ids_of_many)):
                server.asked = asked
                wrk(server.port, asked, SECONDS)
            measured = interleave(section, servers, None)
        table(section, measured)
        section.target(f"a hit {text} to that of 10,000 entries",
                       ratio(cost(measured, f"{entries:,}"), cost(measured, "10,000")), 1.3,
                       reason="Counted with strace, the small file takes a read from the system in each fourth hit, as "
                              "most of it lies in SQLite's own cache; the one of a million 2.0 a hit, the leaves of the "
                              "index and of the table; the one of ten millions 3.5, as what stands above the leaves is "
                              "larger than a cache that keeps the bound on memory. docs/lessons.md says what was "
                              "tried.")


def memory(section, vendor, path, entries):
    with Callcache(vendor, path, WIDE, set(CPUS)) as server:
        ask_all(server.port, ids(min(entries, 300_000)))
        section.target("VmRSS after 300,000 different hits, MB beyond cache.memory_max",
                       server.rss_mb() - MEMORY_MAX_MB, 40)


def purge(section, vendor, path, entries):
    """While the rows go, what is fetched anew is asked for 2,000 times a second."""
    hot = ids_file(100)
    unlimited = ["--set", "budget.rate=1000", "--set", "budget.burst=1000", "--set", "budget.daily=0",
                 "--set", "bulk.mode=off"]
    with Callcache(vendor, path, WIDE + unlimited, set(CPUS)) as server:
        ask_all(server.port, ids(100))
        before = steady(server, hot, 2000, 10)
        request = urllib.request.Request(f"http://127.0.0.1:{server.admin}/purge", json.dumps({"all": True}).encode(),
                                         {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except OSError as e:
            raise Failed(f"POST /purge: {e}") from e
        ask_all(server.port, ids(100))
        during = steady(server, hot, 2000, 15)
    section.text(f"2,000 hits a second while {entries:,} rows are purged:")
    section.table(["", "answers", "p50 ms", "p99 ms", "p99.9 ms", "most ms"],
                  [[name, m["answers"], m["p50"], m["p99"], m["p999"], m["max"]]
                   for name, m in (("before", before), ("while they go", during))])
    section.target("the longest that a hit waited meanwhile, ms", during["max"], 10)
