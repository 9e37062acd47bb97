"""Hits that are not in the memory tier: what one costs, and that nobody else waits for the disk."""

import os
import threading
from contextlib import ExitStack

from hits import ROUNDS, SECONDS, cost, interleave, start, table, warm
from machine import AUTHORIZATION, BUILD, CPUS, FOLDER, Failed, ask_all, ids, ids_file, json_of, run as run_program
from peers import Bare, Callcache, Nginx, fill
from report import medians, ratio

SMALL_MEMORY = ["--set", "cache.memory_max=1MiB"]
COLD_ENTRIES, COLD_ROUNDS, COLD_SECONDS = 300_000, 5, 10


def run(section):
    with Bare(name="vendor", cpus=set(CPUS)) as vendor:
        warm_pages(section, vendor)
        cold_pages(section, vendor)


def warm_pages(section, vendor):
    section.text(f"10,000 distinct ids, a memory tier of 1 MiB, the file's pages in the system's cache; medians of "
                 f"{ROUNDS} interleaved runs of {SECONDS} s, everything else as for the hits from memory:")
    database, _ = fill("disk.db", vendor, 10_000)
    with ExitStack() as stack:
        servers = start(section, stack, {"bare": Bare, "callcache": lambda: Callcache(vendor, database, SMALL_MEMORY),
                                         "nginx": lambda: Nginx(vendor)})
        warm(section, servers, vendor, ids(10_000))
        measured = interleave(section, servers, ids_file(10_000))
    table(section, measured)
    section.target("the CPU of a hit from disk to that of nginx", ratio(cost(measured, "callcache"),
                                                                       cost(measured, "nginx")), 1.0)


def drop_pages(path, stop):
    """The file's pages leave the system's cache, again and again."""
    with open(path, "rb") as f:
        while not stop.wait(0.05):
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def steady(server, targets, a_second, seconds, connections=64):
    return json_of(run_program([os.path.join(BUILD, "tests", "bench-steady"), str(server.port), AUTHORIZATION, targets,
                                str(a_second), str(seconds), str(connections)], seconds=seconds + 30))


def cold_round(server, hot, cold, path):
    """What 2,000 memory hits a second see alone, and while 500 a second ask for what only the disk has."""
    seen, stop = {"alone": steady(server, hot, 2000, COLD_SECONDS)}, threading.Event()
    threads = [threading.Thread(target=drop_pages, args=(path, stop))]
    for name, targets, rate, connections in (("memory", hot, 2000, 64), ("disk", cold, 500, 16)):
        def ask(name=name, targets=targets, rate=rate, connections=connections):
            seen[name] = steady(server, targets, rate, COLD_SECONDS, connections)
        threads.append(threading.Thread(target=ask))
    for t in threads:
        t.start()
    for t in threads[1:]:
        t.join()
    stop.set()
    threads[0].join()
    if len(seen) < 3 or any(s["wrong"] for s in seen.values()):
        raise Failed(f"answers were wrong: {seen}")
    return seen


def cold_pages(section, vendor):
    section.text(f"A file of {COLD_ENTRIES:,} entries whose pages are dropped (posix_fadvise DONTNEED) every 50 ms, "
                 f"500 of its calls asked for each second, and beside that 2,000 hits from memory a second on 64 other "
                 f"connections; medians of {COLD_ROUNDS} runs of {COLD_SECONDS} s:")
    database, _ = fill("disk.db", vendor, COLD_ENTRIES)
    all_ids = ids(COLD_ENTRIES)
    hot, cold = (os.path.join(FOLDER, f"ids-{name}") for name in ("hot", "cold"))
    with open(hot, "w") as f:
        f.writelines(f"{i}\n" for i in all_ids[:1000])
    seen = []
    with Callcache(vendor, database, cpus=set(CPUS)) as server:
        ask_all(server.port, all_ids[:1000])
        for n in range(COLD_ROUNDS):
            with open(cold, "w") as f:  # each of them once, far from each other
                f.writelines(f"{i}\n" for i in all_ids[1000 + n::COLD_ENTRIES // 6000])
            seen.append(cold_round(server, hot, cold, database))
    rows = []
    for name, text in (("alone", "hits from memory, alone"), ("memory", "hits from memory, meanwhile"),
                       ("disk", "hits from the cold disk")):
        m = medians([s[name] for s in seen])
        rows.append([text, m["answers"], m["p50"], m["p99"], m["p999"], m["max"]])
    section.table(["", "answers", "p50 ms", "p99 ms", "p99.9 ms", "most ms"], rows)
    section.target("p99.9 of the hits from memory, ms", rows[1][4], 2.0)
