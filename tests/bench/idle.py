"""Keep-alive connections that wait: their memory, and the processor's time."""

import resource
import socket
import time

from machine import AUTHORIZATION, CPUS, Failed, ids, read_call
from peers import Bare, Callcache, fill

CONNECTIONS, HEAD, SECONDS = 4000, 12 << 10, 30


def measure(section):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < CONNECTIONS + 100:
        raise Failed(f"a hard limit of {CONNECTIONS + 100} descriptors is needed (ulimit -n)")
    with Bare(name="vendor", cpus=set(CPUS)) as vendor:
        database, _ = fill("idle.db", vendor, 100)
        with Callcache(vendor, database, cpus=set(CPUS)) as server:
            ask(server.port, 100)  # and end them: what is needed once is there
            before = server.rss_mb()
            held = ask(server.port, CONNECTIONS)
            each = (server.rss_mb() - before) * 1024 / CONNECTIONS
            used = server.cpu_seconds()
            time.sleep(SECONDS)
            share = (server.cpu_seconds() - used) / SECONDS * 100
            del held
    section.text(f"{CONNECTIONS:,} connections, each idle after a hit that it asked for with a head of 12 KiB; "
                 f"processor's time over {SECONDS} s.")
    section.target("VmRSS for each connection, KiB", each, 6)
    section.target("processor's time, %", share, 0.1)


def ask(port, count):
    """Connections that have each had an answer."""
    head = f"GET /v2/calls/{ids(1)[0]} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {AUTHORIZATION}\r\nX-Padding: "
    request = (head + "x" * (HEAD - len(head) - 4) + "\r\n\r\n").encode()
    held = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port), 20)
        s.sendall(request)
        read_call(s)
        held.append(s)
    return held
