"""What passes through: the time that is added to a request, and how quickly a long body goes."""

import os
from contextlib import ExitStack

from disk import steady
from hits import start
from machine import AUTHORIZATION, CPUS, FOLDER, Failed, run
from peers import Bare, Callcache, Nginx
from report import median, ratio

UNLIMITED = ["--set", "budget.rate=1000", "--set", "budget.burst=1000", "--set", "budget.daily=0"]
ROUNDS, BODY = 5, 1_000_000_000
PACES = 600, 200  # requests a second; the slower, the less the processor still has at hand of the one before


def measure(section):
    with Bare(name="vendor", cpus=set(CPUS)) as vendor, ExitStack() as stack:
        servers = start(section, stack, {
            "direct": lambda: Bare(name="direct", cpus=set(CPUS)),
            "callcache": lambda: Callcache(vendor, ":memory:", UNLIMITED + [
                "--set", f"budget.path={os.path.join(FOLDER, 'pass-budget')}"], set(CPUS)),
            "nginx": lambda: Nginx(vendor, set(CPUS), """
            proxy_buffering off;""")})
        for pace in PACES:
            added(section, servers, pace)
        long_body(section, servers)


def added(section, servers, pace):
    section.text(f"{pace} requests a second that nothing is kept of (GET /v2/users), on 8 connections, budget.rate=1000, "
                 f"so that a durable write of the ledger covers many; medians of {ROUNDS} interleaved runs of 5 s:")
    targets = os.path.join(FOLDER, "targets-pass")
    with open(targets, "w") as f:
        f.write("/v2/users\n")
    runs = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            seen = steady(server, targets, pace, 5, 8)
            if seen["wrong"]:
                raise Failed(f"{name}: {seen}")
            runs[name].append(seen)
    by = {name: {k: median(r[k] for r in rs) for k in rs[0]} for name, rs in runs.items()}
    section.table(["", "p50 ms", "p99 ms", "p99.9 ms"], [[n, m["p50"], m["p99"], m["p999"]] for n, m in by.items()])
    if "direct" in by and "callcache" in by:
        section.target(f"p50 that callcache adds, ms, at {pace} requests a second",
                       by["callcache"]["p50"] - by["direct"]["p50"], 0.15,
                       reason="At such a pace everything is cold between two requests, and a thousand instructions take "
                              "a microsecond: the front needs 45,000 and the budget's thread 20,000 before it is sent "
                              "(counted with callgrind), and the kernel half of the time. The same on one thread takes "
                              "as long.")


def long_body(section, servers):
    section.text(f"A body of 1 GB down, to curl; nginx with proxy_buffering off; medians of {ROUNDS} interleaved runs:")
    runs = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            before = server.cpu_seconds()
            out = run(["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download} %{time_total}", "-H",
                       f"Authorization: {AUTHORIZATION}", f"http://127.0.0.1:{server.port}/bytes/{BODY}"])
            size, seconds = out.split()
            if int(size) != BODY:
                raise Failed(f"{name} gave {size} bytes")
            runs[name].append((BODY / 1e6 / float(seconds), server.cpu_seconds() - before))
    by = {name: [median(r[i] for r in rs) for i in (0, 1)] for name, rs in runs.items()}
    section.table(["", "MB/s", "CPU s"], [[name] + m for name, m in by.items()])
    if "nginx" in by and "callcache" in by:
        section.target("its speed to nginx's", ratio(by["callcache"][0], by["nginx"][0]), 0.8, at_most=False)
