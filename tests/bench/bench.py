"""The benchmarks: ./dev bench [NAME…]. Without a name all of them, and docs/benchmarks.md is written from the run.

Each ends within ten minutes, and whatever it started ends with it. One that fails is reported, and the others go on.
"""

import os
import signal
import sys
import time
import traceback

import hits
from machine import BUILD, FOLDER, run
from peers import versions
from report import Section



def program(name, seconds):
    """A benchmark that is a program, shown as it prints."""

    def measure(section):
        section.text("```\n" + run([os.path.join(BUILD, "tests", name)], seconds=seconds).rstrip() + "\n```")

    return measure


SECTIONS = {
    "hits": (hits.run, "Hits from memory"),
    "budget": (program("budget-bench", 500), "The vendor's limit"),
    "slow": (program("slow-bench", 200), "Slow connections"),
    "footprint": (program("footprint", 100), "When idle"),
}
SECONDS_MAX = 600


def measured(name):
    measure, title = SECTIONS[name]
    section = Section(name, title)
    print(f"\n== {name}: {title}", flush=True)
    begun = time.monotonic()
    signal.alarm(SECONDS_MAX)
    try:
        measure(section)
    except Exception as e:  # the other benchmarks go on
        traceback.print_exc()
        section.failed(name, e)
    finally:
        signal.alarm(0)
    print(f"{name} took {time.monotonic() - begun:.0f} s", flush=True)
    return section


def out_of_time(*_):
    raise TimeoutError(f"not done after {SECONDS_MAX} s")


def main(names):
    unknown = [n for n in names if n not in SECTIONS]
    if unknown:
        print(f"usage: ./dev bench [{'|'.join(SECTIONS)}]…", file=sys.stderr)
        return 2
    os.makedirs(FOLDER, exist_ok=True)
    signal.signal(signal.SIGALRM, out_of_time)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name, version in versions().items():
        print(f"{name}: {version}")
    sections = [measured(name) for name in names or SECTIONS]
    return 1 if any(s.failures for s in sections) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
