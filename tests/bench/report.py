# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured, as text, as Markdown and as a plot."""
import html
import statistics

RELATIONS = {">=": ("at least", lambda a, b: a >= b), "<=": ("at most", lambda a, b: a <= b)}
# Contenders that others are compared with, and how a column is headed.
BASES = {"plain": "to plain", "accept-all": "to accept-all", "pass": "to pass-through", "pass-tracked": "to tracked", "dnsmasq": "to dnsmasq"}


class Row:
    """One contender's values of one metric over the rounds."""

    def __init__(self, values):
        self.median, self.low, self.high = statistics.median(values), min(values), max(values)
        self.rounds, self.values = len(values), values

    @property
    def spread(self):
        """Between the rounds, as a part of the median; None when there is nothing to compare."""
        return (self.high - self.low) / self.median if self.rounds > 1 and self.median else None

    def ratio(self, base):
        """To another row, round by round, for a machine has quick minutes and slow ones: (median, lower quarter, upper quarter), or None."""
        pairs = sorted(mine / theirs for mine, theirs in zip(self.values, base.values) if theirs)
        return (statistics.median(pairs), pairs[len(pairs) // 4], pairs[len(pairs) - 1 - len(pairs) // 4]) if pairs else None


class Table:
    """One metric."""

    def __init__(self, metric, titles, results):
        self.metric, self.titles = metric, titles
        self.rows = {key: Row(values) for key, values in results.items()}

    def number(self, value):
        return f"{value:,.{self.metric.digits}f}"

    def goals(self):
        """(text, met) of each goal that can be told."""
        for who, relation, factor, base in self.metric.goals:
            if who not in self.rows or (base and base not in self.rows):
                continue
            words, holds = RELATIONS[relation]
            mine = self.rows[who].median
            ratio = self.rows[who].ratio(self.rows[base]) if base else None
            if base is None:
                text, met = f"{self.number(mine)} (goal: {words} {factor:g})", holds(mine, factor)
            elif not ratio:
                continue
            else:
                text = f"{ratio[0]:.2f} ({ratio[1]:.2f} to {ratio[2]:.2f}) of {self.titles[base]} (goal: {words} {factor:g})"
                met = holds(ratio[0], factor)
            yield f"{self.titles[who]}: {text}", met

    def cells(self):
        bases = [b for b in BASES if b in self.rows and len(self.rows) > 1 and self.rows[b].ratio(self.rows[b])]
        yield ["", self.metric.unit, "spread"] + [BASES[b] for b in bases]
        for key, row in self.rows.items():
            yield ([self.titles[key], self.number(row.median), "" if row.spread is None else f"{row.spread:.0%}"] +
                   [f"{row.ratio(self.rows[b])[0]:.2f}" for b in bases])


def text(tables):
    lines = []
    for table in tables:
        lines += ["", table.metric.title]
        cells = list(table.cells())
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        lines += ["  " + row[0].ljust(widths[0]) + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:])) for row in cells]
        lines += [f"  {'met   ' if met else 'MISSED'} {told}" for told, met in table.goals()]
    return "\n".join(lines) + "\n"


def markdown(tables):
    lines = []
    for table in tables:
        lines += ["", f"### {table.metric.title[0].upper() + table.metric.title[1:]}", ""]
        head, *rows = table.cells()
        lines += ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        goals = [f"- {'met' if met else '**missed**'}: {told}" for told, met in table.goals()]
        lines += ["", *goals] if goals else []
    return "\n".join(lines) + "\n"


def noise(tables):
    """The median and the largest of all spreads."""
    spreads = sorted(row.spread for table in tables for row in table.rows.values() if row.spread is not None)
    return (statistics.median(spreads), spreads[-1]) if spreads else None


BAR, GAP, LEFT, WIDTH, RIGHT = 16, 5, 330, 420, 110
COLOURS = {"nfqdn": "#2a6f97", "query": "#61a5c2", "assisted": "#014f86", "dnsmasq": "#e09f3e", "smartdns": "#9e2a2b"}


def bars(table, top):
    most = max(row.high for row in table.rows.values()) or 1
    yield f'<text x="10" y="{top + 14}" font-weight="bold">{html.escape(table.metric.title)}</text>'
    for i, (key, row) in enumerate(table.rows.items()):
        y = top + 24 + i * (BAR + GAP)
        low, middle, high = (LEFT + value / most * WIDTH for value in (row.low, row.median, row.high))
        yield f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{html.escape(table.titles[key])}</text>'
        yield f'<rect x="{LEFT}" y="{y}" width="{max(1, middle - LEFT):.1f}" height="{BAR}" fill="{COLOURS.get(key, "#8d99ae")}"/>'
        yield f'<path d="M{low:.1f} {y + BAR / 2}H{high:.1f}" stroke="#222"/>'
        yield f'<text x="{max(high, middle) + 6:.1f}" y="{y + 12}">{table.number(row.median)}</text>'


def plot(tables):
    """An SVG: a bar for each median, a line from the smallest to the largest of the rounds."""
    top, body = 10, []
    for table in tables:
        unit = table.metric.unit + (", more is better" if table.metric.better == "more" else ", less is better")
        body += list(bars(table, top))
        top += 24 + len(table.rows) * (BAR + GAP)
        body.append(f'<text x="{LEFT}" y="{top + 8}" fill="#666">{html.escape(unit)}</text>')
        top += 28
    size = f'width="{LEFT + WIDTH + RIGHT}" height="{top}"'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n' +
            "\n".join(body) + "\n</svg>\n")
