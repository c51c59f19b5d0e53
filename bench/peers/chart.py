# SPDX-License-Identifier: Apache-2.0
"""Draws the rates of the workloads that all peers share: a panel each, bars with their spread."""

from html import escape

from workloads import TITLES

PANELS = ["W1", "W3", "W2", "W4", "W7", "W5"]
COLUMNS = 2
PANEL_WIDTH = 490
LABEL_WIDTH = 204
BAR_WIDTH = 190
BAR_HEIGHT = 20
HEAD = 36
MARGIN = 16
COLOURS = {"perdure": "#1a7f5a", "limit": "#c9ced6", "peer": "#7d8796"}
STYLE = ("text{font:12px system-ui,sans-serif;fill:#1f2328}"
         ".title{font-weight:600;font-size:13px}.small{font-size:11px;fill:#59636e}"
         "line{stroke:#1f2328;stroke-width:1.2}")


def colour(peer, names):
    if peer == "perdure":
        return COLOURS["perdure"]
    return COLOURS["limit" if list(names).index(peer) < 2 else "peer"]


def text(x, y, words, style="", anchor="start"):
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind} text-anchor="{anchor}">{escape(words)}</text>'


def bar(row, y, scale, names):
    """A bar up to the median, a whisker from the least to the greatest, and the median in words."""
    low, high = (value * scale for value in row.extremes("rate"))
    width = row.median("rate") * scale
    middle = y + BAR_HEIGHT / 2 - 2
    return [
        text(LABEL_WIDTH - 8, middle + 4, names[row.peer], anchor="end"),
        f'<rect x="{LABEL_WIDTH}" y="{y}" width="{max(width, 1):.1f}" height="{BAR_HEIGHT - 4}" '
        f'rx="2" fill="{colour(row.peer, names)}"/>',
        f'<line x1="{LABEL_WIDTH + low:.1f}" y1="{middle}" x2="{LABEL_WIDTH + high:.1f}" '
        f'y2="{middle}"/>',
        text(LABEL_WIDTH + max(width, high) + 6, middle + 4, f"{row.median('rate'):,.0f}"),
    ]


def chosen_rows(rows, workload, names):
    """One for each peer; where there are several sizes, the smallest."""
    found = {}
    for row in rows.values():
        if row.workload == workload:
            known = found.get(row.peer)
            if known is None or row.size < known.size:
                found[row.peer] = row
    return [found[peer] for peer in names if peer in found]


def panel(rows, workload, names):
    """The lines of a panel, and its height."""
    chosen = chosen_rows(rows, workload, names)
    size = max((row.size or 0 for row in chosen), default=0)
    title = TITLES[workload] + (f", {size:,} objects" if size else "")
    lines = [text(0, 14, f"{workload}: {title}", "title")]
    scale = BAR_WIDTH / max((row.extremes("rate")[1] for row in chosen), default=1)
    for place, row in enumerate(chosen):
        lines += bar(row, HEAD - 12 + place * BAR_HEIGHT, scale, names)
    return lines, HEAD + len(chosen) * BAR_HEIGHT


def svg(rows, names, results):
    """The whole picture. `rows` are those of report.py, `names` the peers' titles in order."""
    panels = [panel(rows, workload, names) for workload in PANELS]
    lines, y = [], MARGIN
    for first in range(0, len(panels), COLUMNS):
        line = panels[first:first + COLUMNS]
        for column, (content, _) in enumerate(line):
            x = MARGIN + column * PANEL_WIDTH
            lines += [f'<g transform="translate({x},{y})">', *content, "</g>"]
        y += max(height for _, height in line) + MARGIN
    width = 2 * MARGIN + COLUMNS * PANEL_WIDTH
    lines.append(text(MARGIN, y + 4, "Requests a second, median of "
                      f"{results['options']['passes']} passes; line: least to greatest. "
                      "Every write is synced before its answer. "
                      f"{results['machine']}, {results['date']}.", "small"))
    y += MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
        f'viewBox="0 0 {width} {y}">', f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{y}" fill="#ffffff"/>', *lines, "</svg>", ""])
