"""Figures, what was wanted of them, and how both are shown."""

from statistics import median


def medians(runs):
    """Of several runs with the same figures, each figure's median."""
    return {figure: median(r[figure] for r in runs) for figure in runs[0]}


def ratio(a, b):
    return a / b if a is not None and b else None


def shown(value):
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


class Section:
    """What one subcommand measured: tables, how it was done, and the targets with what was reached."""

    def __init__(self, name, title):
        self.name, self.title = name, title
        self.parts, self.targets, self.commands, self.failures = [], [], [], []

    def text(self, text):
        self.parts.append(text)
        print(f"\n{text}", flush=True)

    def table(self, columns, rows):
        """The first column is words, the others are figures or None."""
        lines = ["| " + " | ".join(columns) + " |", "|" + "---|" + "---:|" * (len(columns) - 1)]
        lines += ["| " + " | ".join(shown(cell) for cell in row) + " |" for row in rows]
        self.parts.append("\n".join(lines))
        widths = [max(len(shown(row[i])) for row in [columns] + rows) for i in range(len(columns))]
        for row in [columns] + rows:
            cells = [shown(cell) for cell in row]
            print("  ".join([cells[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(cells[1:], widths[1:])]),
                  flush=True)

    def command(self, *commands):
        self.commands += commands

    def target(self, what, measured, wanted, at_most=True, reason=""):
        """`reason` is said where the target is missed: why, as far as is known."""
        holds = measured is not None and (measured <= wanted if at_most else measured >= wanted)
        verdict = "yes" if holds else "not measured" if measured is None else "no"
        self.targets.append((what, ("≤ " if at_most else "≥ ") + shown(wanted), shown(measured), verdict,
                             "" if holds else reason))
        print(f"{verdict:>12}: {what}: {shown(measured)}, wanted {self.targets[-1][1]}", flush=True)

    def failed(self, what, why):
        self.failures.append(f"{what}: {why}")
        print(f"FAILED {what}: {why}", flush=True)

    def markdown(self):
        out = [f"## {self.title}"] + self.parts
        if self.targets:
            out.append("\n".join(["| wanted | bound | measured | holds |", "|---|---:|---:|---|"] +
                                 [f"| {w} | {b} | {m} | {v} |" for w, b, m, v, _ in self.targets]))
        out += [f"{w}: {r}" for w, _, _, _, r in self.targets if r]
        out += [f"Could not be measured: {f}" for f in self.failures]
        if self.commands:
            out.append("```\n" + "\n".join(self.commands) + "\n```")
        return "\n\n".join(out) + "\n"
