"""Transcripts, answered call by call: how many API calls tools together need, and what a hit of long ones costs."""

import asyncio
import json
import os
import time

from machine import AUTHORIZATION, BUILD, CPUS, FOLDER, LOAD, SERVER, Failed, Process, free_port, get
from peers import Callcache, Nginx, fresh_folder
from report import median, ratio

CALLS, TOOLS, AT_ONCE, EACH = 1000, 20, 10, 5
PATH = "/v2/calls/transcript"
ON = ["--set", "cache.transcripts=on", "--set", "server.threads=1"]


def call_id(n):
    """The simulated vendor's (tests/sim/calls.cpp)."""
    text = str(7 * 10**18 + n * 1_000_003)
    return "1" + text if n % 50 == 49 else text


class Sim(Process):
    def __init__(self, size, further=(), cpus=None):
        self.port = free_port()
        command = [os.path.join(BUILD, "tests", "gong-sim"), "--port", str(self.port), "--key", "key", "--secret", "secret",
                   "--not-found-every", "0",
                   "--transcript-bytes", str(size)]
        super().__init__("gong-sim", command + list(further), cpus or LOAD)
        self.wait_for(self.port)

    def counted(self):
        return json.loads(get(self.port, "/sim/counts"))


def request(ids, tool=""):
    body = json.dumps({"filter": {"callIds": ids}})
    return (f"POST {'/@' + tool if tool else ''}{PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {AUTHORIZATION}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


async def answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length:"))
    return int(head.split()[1]), await reader.readexactly(length)


async def ask(port, ids, tool):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(request(ids, tool))
    status, body = await answer(reader)
    writer.close()
    seen = [t["callId"] for t in json.loads(body)["callTranscripts"]] if status == 200 else []
    return status, seen == ids


def together(section):
    """Each call once, by twenty tools at the same time."""
    rows = []
    for name in ("callcache", "direct"):
        with Sim(60_000, ["--latency", "200"], set(CPUS)) as vendor:
            with Callcache(vendor, ":memory:", ON + ["--set", "budget.path=:memory:"], set(CPUS)) as proxy:
                port = proxy.port if name == "callcache" else vendor.port

                async def run():
                    groups = [[call_id(n) for n in range(at, at + EACH)] for at in range(0, CALLS, EACH)]
                    return await asyncio.gather(*(
                        ask(port, ids, f"tool{i % TOOLS}" if name == "callcache" else "") for i, ids in enumerate(groups)))

                begun = time.monotonic()
                answers = asyncio.run(asyncio.wait_for(run(), 60))
                seconds = time.monotonic() - begun
                counted = vendor.counted()
                right = sum(1 for status, same in answers if status == 200 and same)
                rows.append([name, right, counted["requests"], counted["refused"], round(seconds, 2)])
    section.text(f"{CALLS} different transcripts of 60 KB, {TOOLS} tools with {AT_ONCE} requests of {EACH} calls at once each, "
                 "3 API calls a second, 200 ms of latency:")
    section.table(["", f"answered rightly, of {CALLS // EACH}", "API calls", "429s of Gong's", "seconds"], rows)
    mine = rows[0]
    if mine[1] != CALLS // EACH:
        raise Failed(f"{mine}")
    section.target("API calls", mine[2], 14)
    section.target("seconds", mine[4], 6)
    section.target("429s of Gong's", mine[3], 0)


def cpu_of(server, message, count):
    """Processor seconds of the server for so many requests, one after the other."""

    async def run():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=16 << 20)
        for _ in range(count):
            writer.write(message)
            status, _ = await answer(reader)
            if status != 200:
                raise Failed(f"{server.name} answered {status}")
        writer.close()

    asyncio.run(run())
    before = server.cpu_seconds()
    asyncio.run(run())
    return server.cpu_seconds() - before


def hits(section):
    """Beside nginx, which sends a file of the same bytes."""
    for ids, size, count, most in (1, 200_000, 3000, 1.0), (100, 60_000, 150, 1.7):
        with Sim(size, ["--per-second", "0"]) as vendor:
            with Callcache(vendor, ":memory:", ON + ["--set", "budget.path=:memory:", "--set", "cache.memory_max=512MiB"],
                           SERVER) as proxy:
                asked = request([call_id(n) for n in range(ids)])
                folder = fresh_folder("reads-files")
                os.chmod(folder, 0o755)
                with open(os.path.join(folder, "answer"), "wb") as f:
                    f.write(b"x" * (size * ids + 200))
                with Nginx(vendor, SERVER, f"}} location = /answer {{ root {folder};") as nginx:
                    plain = b"GET /answer HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    mine, its = [], []
                    for _ in range(5):
                        mine.append(cpu_of(proxy, asked, count))
                        its.append(cpu_of(nginx, plain, count))
        m, n = median(mine), median(its)
        section.text(f"{count} hits of {ids} transcript(s) of {size // 1000} KB in one request: callcache {m:.2f} s, nginx with "
                     f"sendfile {n:.2f} s of CPU; medians of 5 interleaved runs.")
        section.target(f"its CPU to nginx's, {ids} x {size // 1000} KB", ratio(m, n), most)


def measure(section):
    together(section)
    hits(section)
