# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads the driver's own tables: settings (settings_table.h), reasons (event_log.h), messages (event_messages.mc)."""
import dataclasses
import pathlib
import re

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "src"


@dataclasses.dataclass(frozen=True)
class Setting:
    index: int
    keyword: str
    default: int
    minimum: int
    maximum: int


@dataclasses.dataclass(frozen=True)
class Message:
    number: int
    severity: str
    name: str
    text: str


def settings(text=None):
    text = text if text is not None else (SOURCES / "settings_table.h").read_text()
    rows = re.findall(r'X\(\s*\w+\s*,\s*"([^"]+)"\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)', text)
    if not rows:
        raise ValueError("settings_table.h has no rows")
    return [Setting(index, keyword, *map(int, numbers)) for index, (keyword, *numbers) in enumerate(rows)]


def reasons(text=None):
    """Name to number."""
    text = text if text is not None else (SOURCES / "event_log.h").read_text()
    body = re.search(r"typedef enum _AEROVNET_REASON \{(.*?)\} AEROVNET_REASON;", text, re.S).group(1)
    return {name: int(number) for name, number in re.findall(r"(AerovnetReason\w+) = (\d+)", body)}


def rows(text=None):
    """(reason, detail, message) of event_log.c, in order."""
    text = text if text is not None else (SOURCES / "event_log.c").read_text()
    body = re.search(r"EventTable\[\] = \{(.*?)\n\};", text, re.S).group(1)
    return [tuple(part.strip() for part in row.split(",")) for row in re.findall(r"\{(Aerovnet[^{}]*)\}", body)]


def messages(text=None):
    text = text if text is not None else (SOURCES / "event_messages.mc").read_bytes().decode("ascii").replace("\r\n", "\n")
    found = re.findall(r"MessageId=(\d+) Severity=(\w+) Facility=AeroVirtioNet SymbolicName=AEROVNET_EVENT_(\w+)\nLanguage=English\n(.*?)\n\.\n", text, re.S)
    if len(found) != text.count("MessageId="):
        raise ValueError("event_messages.mc has messages that this check does not understand")
    return [Message(int(number), severity, name, words) for number, severity, name, words in found]
