# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run of simulated devices showed, as text, as values a second, and as a plot."""
import csv
import html
import io
import json
import statistics


def thousands(value):
    return f"{value:,.0f}"


def span(microseconds):
    return f"{microseconds / 1000:.2f} ms" if microseconds < 1e6 else f"{microseconds / 1e6:.2f} s"


def mebibytes(octets):
    return f"{octets / (1 << 20):.1f} MiB"


def rates(samples, key, inside=None):
    """[(at, how many a second)] of a counter, between samples that have it."""
    has = [part for part in (s.get(inside) if inside else s for s in samples) if part and key in part]
    return [(b["at"], (b[key] - a[key]) / (b["at"] - a["at"])) for a, b in zip(has, has[1:]) if b["at"] > a["at"] + 0.2]


def sizes(samples, key):
    return [(s["gateway"]["at"], s["gateway"][key]) for s in samples if s.get("gateway")]


def later_half(points):
    """What is steady, if anything is."""
    return [value for at, value in points if at > points[-1][0] / 2] if points else []


def holds(samples):
    """[(upper bound in seconds as text, answers)] of the hold time of what came during the run."""
    has = [s["gateway"]["hold"] for s in samples if s.get("gateway")]
    if len(has) < 2:
        return []
    # Counted from 0 again where the daemon started anew.
    first = has[0] if all(has[-1][k] >= has[0][k] for k in has[-1]) else dict.fromkeys(has[-1], 0)
    upto, found = 0, []
    for bound, count in has[-1].items():
        found.append((bound, count - first[bound] - upto))
        upto = count - first[bound]
    return found


def bound_text(bound):
    return "more" if bound == "+Inf" else f"{float(bound) * 1000:g} ms"


def progress(samples):
    gateway, text = samples[-1].get("gateway"), f"{samples[-1]['at']:.0f} s: {thousands(samples[-1]['actions'])} connections"
    if gateway:
        commits, answers = (([value for _, value in rates(samples, key, "gateway")] or [0])[-1] for key in ("transactions", "answers"))
        text += f"; {thousands(gateway['learned'])} learned, {commits:.0f} commits and {answers:.0f} answers a second, {mebibytes(gateway['memory'])}"
    return text


# ---- text ----

def column(rows):
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + row[0].ljust(wide[0]) + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], wide[1:])) for row in rows]


def devices(last):
    yield f"asked for a name {thousands(last['actions'])} times: {thousands(last['remembered'])} remembered, {thousands(last['asked'])} questions sent, {thousands(last['again'])} sent again"
    yield from column([["connections", "at the first packet", "later", "refused", "no answer", "failed"],
                       *([what, *(thousands(last[key][k]) for k in ("first", "later", "refused", "silent", "failed"))]
                         for what, key in (("names of the policy", "allowed"), ("other names", "other")))])
    yield from column([["", "median", "95 %", "99 %", "longest"],
                       *([what, *(span(last[key][k]) for k in ("median", "p95", "p99", "most"))]
                         for what, key in (("question to answer", "answer_us"), ("answer to connected", "connect_us")))])
    wrong = [(key, what) for key, what in (("unanswered", "questions that nobody answered"), ("without", "answers without an address"), ("ask_refused", "questions refused"),
                                           ("skipped", "connections left out: no socket was free (ulimit -n)")) if last[key]]
    yield from (f"  {what}: {thousands(last[key])}" for key, what in wrong)
    if last["late_most"] >= 0.5:
        yield f"  the devices themselves were late by up to {last['late_most']:.1f} s: this machine had no time for them"


def gateway(samples):
    has = [s["gateway"] for s in samples if s.get("gateway")]
    if len(has) < 2:
        return
    rows = [["gateway", "median", "most", "at the end"]]
    for what, points, tell in (("learned addresses", sizes(samples, "learned"), thousands), ("their names", sizes(samples, "learned_names"), thousands),
                               ("commits a second", rates(samples, "transactions", "gateway"), thousands), ("answers a second", rates(samples, "answers", "gateway"), thousands),
                               ("of them held", rates(samples, "packets_queued", "gateway"), thousands), ("of them taught", rates(samples, "answers_taught", "gateway"), thousands), ("memory of nfqdnd", sizes(samples, "memory"), mebibytes),
                               ("processor, of one", [(at, v * 100) for at, v in rates(samples, "cpu", "gateway")], lambda v: f"{v:.1f} %"),
                               ("flows that conntrack knows", sizes(samples, "flows"), thousands)):
        values = later_half(points)
        if values:
            rows.append([what, tell(statistics.median(values)), tell(max(values)), tell(points[-1][1])])
    yield from column(rows)
    yield "  (median and most of the later half)"
    yield from held(samples)
    lost = {what: has[-1][key] - has[0][key] for key, what in (("answers_dropped", "answers dropped"), ("packets_unread", "packets not read"), ("queue_dropped", "packets the queue dropped"))}
    yield "  " + ", ".join(f"{what} {thousands(count)}" for what, count in lost.items())


def held(samples):
    steps = holds(samples)
    total = sum(count for _, count in steps)
    if not total:
        return
    yield f"hold time of {thousands(total)} answers"
    seen = 0
    for bound, count in steps:
        seen += count
        if count:
            yield f"  up to {bound_text(bound):>10}  {thousands(count):>9}  {seen / total:7.2%}  {'#' * round(40 * count / total)}" if bound != "+Inf" else f"  longer            {thousands(count):>9}"


def text(title, crowd):
    lines = [title, "", *devices(crowd.last), "", *gateway(crowd.samples)]
    if crowd.surprises:
        lines += ["", f"what should not have been ({crowd.last['surprises']} in all):",
                  *(f"  at {s['at']:.1f} s {s['client']}: {s['name']} {s['address']} {s['surprise']}" for s in crowd.surprises)]
    return "\n".join(lines) + "\n"


# ---- values ----

def flat(sample):
    row = {k: v for k, v in sample.items() if not isinstance(v, (dict, list))}
    for part in ("allowed", "other", "gateway"):
        row.update({f"{part}_{k}": v for k, v in (sample.get(part) or {}).items() if not isinstance(v, dict)})
    row.pop("last", None)
    return row


def table(samples):
    """As CSV, a line a second."""
    rows = [flat(s) for s in samples]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, keys, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def values(title, crowd, settings):
    return json.dumps({"api": 1, "title": title, "settings": {k: v if isinstance(v, (int, float, type(None))) else str(v) for k, v in settings.items()}, "clients": crowd.count,
                       "good": crowd.good(), "last": crowd.last, "hold": holds(crowd.samples), "surprises": crowd.surprises, "samples": crowd.samples}, indent=1) + "\n"


# ---- plot ----

LEFT, WIDTH, HEIGHT, RIGHT = 90, 640, 90, 40
COLOURS = ("#2a6f97", "#e09f3e")


def ceiling(value):
    """A round number that is not below it."""
    step = 1.0
    while step * 10 <= value:
        step *= 10
    return next((step * factor for factor in (1, 2, 5, 10) if step * factor >= value), step) if value > 0 else 1


def axes(top, title, most, unit):
    yield f'<text x="10" y="{top + 12}" font-weight="bold">{html.escape(title)}</text>'
    yield f'<path d="M{LEFT} {top + 20}V{top + 20 + HEIGHT}H{LEFT + WIDTH}" fill="none" stroke="#222"/>'
    for part in (0.5, 1):
        y = top + 20 + HEIGHT * (1 - part)
        yield f'<path d="M{LEFT} {y:.1f}H{LEFT + WIDTH}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * part:,g}{unit}</text>'


def lines(top, title, series, unit="", end=1.0):
    """series: [(name, points)]."""
    most = ceiling(max((value for _, points in series for _, value in points), default=1))
    yield from axes(top, title, most, unit)
    for number, (name, points) in enumerate(series):
        path = " ".join(f"{LEFT + at / end * WIDTH:.1f},{top + 20 + HEIGHT * (1 - value / most):.1f}" for at, value in points)
        yield f'<polyline points="{path}" fill="none" stroke="{COLOURS[number]}" stroke-width="1.5"/>'
        if name:
            yield f'<text x="{LEFT + WIDTH - 4}" y="{top + 12 - 13 * (len(series) - 1 - number)}" text-anchor="end" fill="{COLOURS[number]}">{html.escape(name)}</text>'
    yield f'<text x="{LEFT + WIDTH}" y="{top + 34 + HEIGHT}" text-anchor="end">{end:.0f} s</text>'


def bars(top, title, steps):
    """steps: [(what, count)]."""
    most = ceiling(max((count for _, count in steps), default=1))
    yield from axes(top, title, most, "")
    wide = WIDTH / max(1, len(steps))
    for number, (what, count) in enumerate(steps):
        tall = count / most * HEIGHT
        yield f'<rect x="{LEFT + number * wide + 1:.1f}" y="{top + 20 + HEIGHT - tall:.1f}" width="{wide - 2:.1f}" height="{tall:.1f}" fill="{COLOURS[0]}"/>'
        yield f'<text x="{LEFT + (number + 0.5) * wide:.1f}" y="{top + 34 + HEIGHT}" text-anchor="middle" font-size="8">{html.escape(what)}</text>'


def coarse(tally):
    """A tally's fine steps as powers of two: [(upper bound, count)]; the last has all longer ones, too."""
    found = {}
    for end, count in tally["steps"]:
        bound = 1 << min(23, max(6, end.bit_length()))
        found[bound] = found.get(bound, 0) + count
    return [(f"{bound / 1000:.2g} ms" if bound < 1e5 else f"{bound / 1e6:.2g} s", found.get(bound, 0)) for bound in (1 << i for i in range(min(found).bit_length() - 1, max(found).bit_length()))] if found else []


def plot(title, crowd):
    """An SVG."""
    samples = crowd.samples
    end = max(1.0, *(max(s["at"], (s.get("gateway") or s)["at"]) for s in samples))
    panels = [lambda top: lines(top, "questions of devices, and answers that nfqdnd held, a second",
                                [("questions", rates(samples, "asked")), ("answers held", rates(samples, "packets_queued", "gateway"))], end=end)]
    if sizes(samples, "learned"):
        panels += [lambda top: lines(top, "learned addresses", [("", sizes(samples, "learned"))], end=end),
                   lambda top: lines(top, "commits a second", [("", rates(samples, "transactions", "gateway"))], end=end),
                   lambda top: lines(top, "memory of nfqdnd", [("", [(at, v / (1 << 20)) for at, v in sizes(samples, "memory")])], " MiB", end),
                   lambda top: lines(top, "processor, of one", [("", [(at, v * 100) for at, v in rates(samples, "cpu", "gateway")])], " %", end),
                   lambda top: bars(top, "hold time: answers up to", [(bound_text(b), c) for b, c in holds(samples)])]
    panels += [lambda top: bars(top, "devices: from question to answer, up to", coarse(crowd.last["answer_us"])),
               lambda top: bars(top, "devices: from answer to connected, up to", coarse(crowd.last["connect_us"]))]
    body, top = [f'<text x="10" y="18" font-size="14">{html.escape(title)}</text>'], 40
    for panel in panels:
        body += list(panel(top))
        top += HEIGHT + 56
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{top}" font-family="sans-serif" font-size="12">\n'
            '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")
