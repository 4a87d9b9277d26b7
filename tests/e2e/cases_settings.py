# SPDX-License-Identifier: MIT OR Apache-2.0
"""INF and driver agree: the driver reads every setting that its INF offers and takes its default, its ends and its choices without a word;
what lies outside, or is no number, leaves an entry in the event log that names the setting."""
import re

from ndishost import Run

TIMEOUT_S = 60
LINE = re.compile(r"HKR, Ndi\\params\\([^,\\]+)(\\enum)?, \"?([^,\"]+)\"?, 0, \"?([^\"\r\n]*)\"?", re.I)


def offered(inf):
    """keyword -> the values that the driver must take, default first"""
    rows, choices = {}, {}
    for keyword, is_choice, value, data in LINE.findall(inf.read_text()):
        if is_choice:
            choices.setdefault(keyword, []).append(value)
        else:
            rows.setdefault(keyword, {})[value.lower()] = data
    return {keyword: [row["default"], *(choices.get(keyword) or (row["min"], row["max"]))] for keyword, row in rows.items() if "default" in row}


def run_with(tools, image, values, *options):
    words = [word for keyword, value in values.items() for word in ("--set", f"{keyword}={value}")]
    run = Run([tools.program, "run", image, "--device", "model", *options, "--rounds", 1, "--json", "report.json", *words], TIMEOUT_S)
    report = run.json("report.json")
    run.remove()
    return run, report


def events_of(run, report):
    if run.status or not report:
        return None, run.last_words()
    if report["violation_count"] or report["leak_count"] or report["warning_count"]:
        return None, f"{report['violation_count']} violations, {report['warning_count']} warnings, {report['leak_count']} leaks"
    return report["event_log"], None


def taken(tools, image, settings, place):
    """Each setting at its `place`-th allowed value."""
    run, report = run_with(tools, image, {keyword: values[min(place, len(values) - 1)] for keyword, values in settings.items()})
    events, problem = events_of(run, report)
    if problem or events:
        return problem or f"an allowed value is refused: {events[0]}", ""
    return None, f"{len(settings)} settings"


def defaults_read(tools, image, settings):
    """By the INF beside the driver, and each of them asked for by the driver."""
    run, report = run_with(tools, image, {}, "--trace")
    events, problem = events_of(run, report)
    if problem or events:
        return problem or f"a default is refused: {events[0]}", ""
    for keyword, values in settings.items():
        if not re.search(rf'NdisReadConfiguration "[^"]*{re.escape(keyword)}" = {re.escape(values[0])}\n', run.stderr):
            return f"the driver does not read {keyword} = {values[0]}", ""
    return None, f"{len(settings)} settings read"


def refused(tools, image, settings, value):
    run, report = run_with(tools, image, {keyword: value for keyword in settings})
    events, problem = events_of(run, report)
    if problem:
        return problem, ""
    for keyword in settings:
        if sum(f"the setting {keyword} is not" in event for event in events) != 1:
            return f"no entry, or more than one, names {keyword}", ""
    return (None if len(events) == len(settings) else f"{len(events)} entries for {len(settings)} settings"), f"{len(events)} entries"


def run_settings(tools, architecture):
    """Yields (name, problem or None, text)."""
    image = tools.image(architecture)
    settings = offered(image.with_suffix(".inf"))
    if len(settings) < 10:
        yield "the INF offers settings", f"only {len(settings)} are found", ""
        return
    yield "the INF's defaults are read and taken", *defaults_read(tools, image, settings)
    for place in (1, 2):
        yield f"allowed value {place} of each", *taken(tools, image, settings, place)
    yield "99999 is refused by each", *refused(tools, image, settings, "99999")
    yield "a word is refused by each", *refused(tools, image, settings, "many")
