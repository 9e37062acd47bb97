"""Hits from memory: what one costs, against the bare responder and the caches that people run instead."""

from contextlib import ExitStack

from machine import CPUS, FOLDER, ROOT, Failed, ask_all, ids, ids_file, wrk
from peers import Bare, Callcache, Haproxy, Nginx, Varnish, fill
from report import medians, ratio

ROUNDS, SECONDS = 5, 4
SHARED = ("The machine is shared: from run to run the system time of the same two calls was between 9 and 14 µs, for the "
          "bare responder as for callcache. The user time, which is callcache's own, changes less.")


def measure(server, ids_path, seconds=SECONDS, cpus=None):
    """One run: what it cost the server, and what who asked saw."""
    before = server.user_and_system_seconds()
    seen = wrk(server.port, ids_path, seconds, cpus=cpus)
    user, system = (b - a for a, b in zip(before, server.user_and_system_seconds()))
    if seen["wrong"] or not seen["requests"]:
        raise Failed(f"{seen['wrong']} of {seen['requests']} answers were wrong")
    each = 1e6 / seen["requests"]
    return {"cpu_us": (user + system) * each, "user_us": user * each, "rate": seen["requests"] / seen["seconds"],
            "p50": seen["p50"], "p99": seen["p99"], "p999": seen["p999"], "memory": server.memory_mb()}


def measure_again(server, *how):
    """A run that fails is made once more: a machine that stood still for a moment says nothing of the server."""
    try:
        return measure(server, *how)
    except Failed:
        return measure(server, *how)


def interleave(section, servers, ids_path, rounds=ROUNDS, seconds=SECONDS, cpus=None):
    """A B C A B C …: by name the median of each figure. Who fails is left out. Without `ids_path` each its own."""
    runs = {name: [] for name in servers}
    for _ in range(rounds):
        for name in [n for n in runs if runs[n] is not None]:
            try:
                runs[name].append(measure_again(servers[name], ids_path or servers[name].asked, seconds, cpus))
            except (Failed, OSError) as e:
                section.failed(name, e)
                runs[name] = None
    return {name: medians(r) for name, r in runs.items() if r}


def start(section, stack, makers, first=True):
    """The servers that do start, by name."""
    servers = {}
    for name, make in makers.items():
        try:
            servers[name] = stack.enter_context(make())
            if first:
                section.command(" ".join(servers[name].command).replace(FOLDER + "/", "").replace(ROOT + "/", ""))
        except (Failed, OSError) as e:
            section.failed(name, e)
    return servers


def warm(section, servers, vendor, wanted):
    """Each id is asked for until it is kept: whoever still asks the vendor then is no cache, and left out."""
    for name in list(servers):
        try:
            ask_all(servers[name].port, wanted)
            before = vendor.calls()
            ask_all(servers[name].port, wanted[:: max(1, len(wanted) // 1000)])
            if vendor.calls() != before:
                raise Failed(f"{vendor.calls() - before} of 1,000 calls were not kept")
        except (Failed, OSError) as e:
            section.failed(name, e)
            servers.pop(name).close()


def rounds(section, vendor, makers, count, cpus=None):
    """A B C A B C …, each round with processes of its own: one differs from the next by a tenth."""
    runs = {name: [] for name in makers}
    for n in range(ROUNDS):
        with ExitStack() as stack:
            servers = start(section, stack, {name: makers[name] for name in runs}, first=n == 0)
            warm(section, servers, vendor, ids(count))
            for name in list(runs):
                try:
                    runs[name].append(measure_again(servers[name], ids_file(count), SECONDS, cpus))
                except (Failed, OSError, KeyError) as e:
                    section.failed(name, e)
                    del runs[name]
    return {name: medians(r) for name, r in runs.items() if r}


def table(section, measured):
    bare = measured.get("bare", {})
    rows = [[name, m["cpu_us"], ratio(m["cpu_us"], bare.get("cpu_us")), m["user_us"], m["rate"],
             ratio(m["rate"], bare.get("rate")), m["p50"], m["p99"], ratio(m["p99"], bare.get("p99")), m["memory"],
             ratio(m["memory"], bare.get("memory"))] for name, m in measured.items()]
    section.table(["", "CPU µs a request", "to bare", "of it user", "requests/s", "to bare", "p50 ms", "p99 ms",
                   "to bare", "memory MB", "to bare"], rows)


def cost(measured, name, figure="cpu_us"):
    return measured[name][figure] if name in measured else None


def run(section):
    section.text(f"64 keep-alive connections, bodies of 640 bytes, one core for the server and one for wrk; medians of "
                 f"{ROUNDS} interleaved runs of {SECONDS} s, each with processes of its own. CPU is user and system time "
                 f"of all of the server's processes. Everything of callcache's is at its default.")
    section.command("wrk -t1 -c64 -d4s -s tests/bench/bench-ids.lua http://127.0.0.1:PORT -- IDS AUTHORIZATION")
    with Bare(name="vendor", cpus=set(CPUS)) as vendor:
        few(section, vendor)
        many(section, vendor)
        fronts(section, vendor)


def few(section, vendor):
    section.text("10,000 distinct ids:")
    database, _ = fill("hits.db", vendor, 10_000)
    measured = rounds(section, vendor, {
        "bare": Bare, "callcache": lambda: Callcache(vendor, database), "HAProxy": lambda: Haproxy(vendor),
        "nginx": lambda: Nginx(vendor), "Varnish": lambda: Varnish(vendor)}, 10_000)
    table(section, measured)
    ours = cost(measured, "callcache")
    section.target("the bare responder's CPU to HAProxy's (else the measure is wrong)",
                   ratio(cost(measured, "bare"), cost(measured, "HAProxy")), 0.75)
    for name, wanted in (("bare", 1.25), ("HAProxy", 0.85), ("nginx", 0.5), ("Varnish", 0.5)):
        section.target(f"a hit's CPU to that of {name}", ratio(ours, cost(measured, name)), wanted, reason=SHARED)
    section.target("a hit's p99 to HAProxy's", ratio(cost(measured, "callcache", "p99"),
                                                     cost(measured, "HAProxy", "p99")), 1.0)


def many(section, vendor):
    section.text("100,000 distinct ids:")
    database, _ = fill("hits.db", vendor, 100_000)
    measured = rounds(section, vendor, {"bare": Bare, "callcache": lambda: Callcache(vendor, database),
                                        "HAProxy": lambda: Haproxy(vendor)}, 100_000)
    table(section, measured)
    section.target("a hit's CPU to that of bare, 100,000 ids", ratio(cost(measured, "callcache"),
                                                                    cost(measured, "bare")), 1.4, reason=SHARED)


def fronts(section, vendor):
    section.text("callcache with one front and with two, with wrk on the same two cores:")
    database, _ = fill("hits.db", vendor, 10_000)
    another, _ = fill("hits-2.db", vendor, 10_000)
    measured = rounds(section, vendor, {
        "one front": lambda: Callcache(vendor, database, ["--set", "server.threads=1"], set(CPUS)),
        "two fronts": lambda: Callcache(vendor, another, ["--set", "server.threads=2"], set(CPUS), "callcache-2")},
        10_000, set(CPUS))
    table(section, measured)
    section.target("a hit's CPU with two fronts to that with one",
                   ratio(cost(measured, "two fronts"), cost(measured, "one front")), 1.1,
                   reason="What is more is system time; the user time, callcache's own, stands in the table. With two "
                          "fronts wrk has no core of its own: it and a front take turns on one.")
