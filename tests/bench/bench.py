"""The benchmarks: ./dev bench [NAME…]. Without a name all of them, and docs/benchmarks.md is written from the run.

With the name page it is written from what each measured last: what was not measured here stands as it stood, with its
date. Each ends within ten minutes, and whatever it started ends with it. One that fails is reported, and the others go on.
"""

import os
import platform
import signal
import sys
import time
import traceback

import disk
import hits
import idle
import passing
import reads
import scale
from machine import BUILD, CPUS, FOLDER, ROOT, run
from peers import versions
from report import Section


def program(name, seconds):
    """A benchmark that is a program, shown as it prints."""

    def measure(section):
        section.text("```\n" + run([os.path.join(BUILD, "tests", name)], seconds=seconds).rstrip() + "\n```")

    return measure


SECTIONS = {
    "hits": (hits.run, "Hits from memory"),
    "disk": (disk.run, "Hits from disk"),
    "scale": (scale.million, "A million entries"),
    "scale-10m": (scale.ten_millions, "Ten million entries"),
    "reads": (reads.measure, "Transcripts, call by call"),
    "pass": (passing.measure, "Forwarded requests"),
    "idle": (idle.measure, "Idle connections"),
    "budget": (program("budget-bench", 580), "Rate limit"),
    "pressure": (program("pressure-bench", 300), "Under pressure"),
    "neighbours": (program("neighbours-bench", 200), "Beside other tools"),
    "slow": (program("slow-bench", 200), "Slow connections"),
    "memory": (program("memory-bench", 300), "Memory under load"),
    "footprint": (program("footprint", 100), "Start-up and memory"),
}
# Who asks for this one asks for these too: what pressure costs the loops, the tools beside it, and memory.
WITH = {"pressure": ["neighbours", "memory"]}
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
    with open("/proc/loadavg") as f:
        load = f.read().split()[0]
    taken = time.monotonic() - begun
    section.text(f"Measured on {time.strftime('%Y-%m-%d')}, on Linux {platform.release()}, in {taken:.0f} s; the load average "
                 f"was {load} at the end.")
    return section


PAGE = os.path.join(ROOT, "docs", "benchmarks.md")


def section_file(name):
    return os.path.join(FOLDER, f"section-{name}.md")


def sections_of_page():
    """The text of each section of the page, by its title."""
    if not os.path.exists(PAGE):
        return {}
    with open(PAGE) as f:
        texts = ("\n" + f.read()).split("\n## ")[1:]
    return {text.split("\n", 1)[0]: "## " + text.rstrip("\n") + "\n" for text in texts}


def write_page(used):
    """docs/benchmarks.md, of what each benchmark measured last."""
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "a processor")
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) / 1024**2
    head = f"""# Benchmarks

As `./dev bench` measured them: what falls short stands here too. A figure beside a peer's is of the same run, taken in
turns with it, and says more than one alone.

{model}, {len(CPUS)} cores, {memory:.0f} GB. {"; ".join(used.values())}.
The configurations of the peers are made by `tests/bench/peers.py`; all talk over loopback.
"""
    texts, stood = [], sections_of_page()
    for name, (_, title) in SECTIONS.items():
        if os.path.exists(section_file(name)):
            with open(section_file(name)) as f:
                texts.append(f.read())
        elif title in stood:
            texts.append(stood[title])
    titles = [title for _, title in SECTIONS.values()]
    texts += [text for title, text in stood.items() if title not in titles]  # by hand: the soak's
    with open(PAGE, "w") as f:
        f.write("\n".join([head] + texts))
    print("\nwritten: docs/benchmarks.md")


def out_of_time(*_):
    raise TimeoutError(f"not done after {SECONDS_MAX} s")


def main(names):
    os.makedirs(FOLDER, exist_ok=True)
    if names == ["page"]:
        write_page(versions())
        return 0
    unknown = [n for n in names if n not in SECTIONS]
    if unknown:
        print(f"usage: ./dev bench [{'|'.join(SECTIONS)}|page]…", file=sys.stderr)
        return 2
    signal.signal(signal.SIGALRM, out_of_time)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    used = versions()
    for name, version in used.items():
        print(f"{name}: {version}")
    failed = False
    wanted = dict.fromkeys(n for name in names for n in [name, *WITH.get(name, [])]) or SECTIONS
    for name in wanted:
        section = measured(name)
        failed = failed or bool(section.failures)
        with open(section_file(name), "w") as f:
            f.write(section.markdown())
    if not names:
        write_page(used)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
