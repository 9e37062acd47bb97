"""Processes on this machine: started, measured by /proc, and ended by their pid; and the load on them."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "tests", "bench")
BUILD = os.path.join(ROOT, "build", "release")
FOLDER = os.path.join(ROOT, "build", "bench")
AUTHORIZATION = "Basic a2V5OnNlY3JldA=="
CPUS = sorted(os.sched_getaffinity(0))
SERVER, LOAD = {CPUS[0]}, {CPUS[-1]}  # a core for who is measured, and one for who asks
TICK = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """Something that a measurement needs did not work; the others go on."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ids(count, step=1):
    """The first ids of tests/bench/bench_call.hpp, or each so manieth of them."""
    return [str(10**18 + (n * 0x9E3779B97F4A7C15 % 2**64 >> 4)) for n in range(0, count, step)]


def ids_file(count):
    path = os.path.join(FOLDER, f"ids-{count}")
    with open(path, "w") as f:
        f.writelines(f"{i}\n" for i in ids(count))
    return path


def _die_with_parent(cpus):
    def prepare():
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        os.sched_setaffinity(0, cpus)

    return prepare


class Process:
    """A server that runs until close(). What it says goes to build/bench/NAME.log."""

    def __init__(self, name, command, cpus=None):
        self.name, self.command = name, command
        self.log = os.path.join(FOLDER, f"{name}.log")
        with open(self.log, "w") as log:
            self.started = time.monotonic()
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=FOLDER,
                                          start_new_session=True, preexec_fn=_die_with_parent(cpus or set(CPUS)))

    def wait_for(self, port, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.child.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return self
            except OSError:
                time.sleep(0.005)
        self.close()
        with open(self.log, errors="replace") as log:
            raise Failed(f"{self.name} does not listen: {log.read()[-600:]}")

    def pids(self):
        """Its own, and those of all that it started."""
        found, new = [], [self.child.pid]
        while new:
            pid = new.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children") as f:
                        new += map(int, f.read().split())
            except OSError:
                pass
        return found

    def cpu_seconds(self):
        """User and system, of all of its processes."""
        return sum(self.user_and_system_seconds())

    def user_and_system_seconds(self):
        ticks = [0, 0]
        for pid in self.pids():
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
            ticks = [ticks[0] + int(fields[11]), ticks[1] + int(fields[12])]
        return [t / TICK for t in ticks]

    def memory_mb(self):
        """Proportional, so that what its processes share counts once."""
        return sum(self._line(pid, "smaps_rollup", "Pss:") for pid in self.pids()) / 1024

    def rss_mb(self):
        return self._line(self.child.pid, "status", "VmRSS:") / 1024

    @staticmethod
    def _line(pid, file, name):
        with open(f"/proc/{pid}/{file}") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(name))

    def close(self):
        """Politely, and after ten seconds not."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            if self.child.poll() is None:
                self.child.send_signal(how)
                try:
                    self.child.wait(10)
                except subprocess.TimeoutExpired:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def run(command, cpus=None, seconds=120):
    """What it printed. Failed if it fails."""
    try:
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=seconds,
                              preexec_fn=_die_with_parent(cpus or set(CPUS)))
    except (subprocess.TimeoutExpired, OSError) as e:
        raise Failed(str(e)) from e
    if done.returncode != 0:
        raise Failed(f"{command[0]}: {(done.stderr or done.stdout)[-600:]}")
    return done.stdout


def json_of(text):
    """The last line that is JSON."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise Failed(f"no figures in: {text[-600:]}")


def wrk(port, ids_path, seconds, connections=64, cpus=None):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "10s", "-s",
               os.path.join(HERE, "bench-ids.lua"), f"http://127.0.0.1:{port}", "--", ids_path, AUTHORIZATION]
    return json_of(run(command, cpus or LOAD, seconds + 30))


def get(port, path, seconds=20):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": AUTHORIZATION})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.read()
    except OSError as e:
        raise Failed(f"{path}: {e}") from e


def read_call(s):
    """The whole answer to a lookup; what the simulated vendor says of a call ends so."""
    answer = b""
    while not answer.endswith(b'"}}'):
        piece = s.recv(65536)
        if not piece:
            raise Failed(f"the answer ended too soon: {answer[:300]}")
        answer += piece
    return answer


def ask_all(port, wanted):
    """Each id once, one after the other."""
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in wanted:
            s.sendall(f"GET /v2/calls/{i} HTTP/1.1\r\nHost: localhost\r\n"
                      f"Authorization: {AUTHORIZATION}\r\n\r\n".encode())
            answer = read_call(s)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise Failed(f"{i}: {answer[:300]}")
