# SPDX-License-Identifier: MIT OR Apache-2.0
"""An INF file as Windows' setup reads it: sections of lines, each a key (or none) and fields, %strings% replaced."""
import dataclasses
import re


class InfError(Exception):
    """What is wrong with the text itself; the message begins with the line."""


@dataclasses.dataclass
class Line:
    number: int
    key: str | None
    fields: list


class Inf:
    def __init__(self, data, name="INF"):
        self.name = name
        self.data = data
        try:
            text = data.decode("ascii")
        except UnicodeDecodeError as error:
            raise InfError(f"line {data[:error.start].count(10) + 1}: a byte that is not ASCII") from None
        self.raw = self._sections(text)
        self.strings = {key.lower(): fields[0] for key, fields in ((line.key, line.fields) for line in self.raw.get("strings", [])) if key}
        self.used_strings = set()
        self.sections = {name: [self._substituted(line) for line in lines] if name != "strings" else lines for name, lines in self.raw.items()}

    # ---- text ----

    def _sections(self, text):
        sections, current, pending = {}, None, ""
        self.names = {}
        for number, raw in enumerate(text.split("\n"), 1):
            line = pending + self._without_comment(raw.rstrip("\r"), number).strip()
            if line.endswith("\\"):
                pending = line[:-1]
                continue
            pending = ""
            if not line:
                continue
            if line.startswith("["):
                if not line.endswith("]") or len(line) < 3:
                    raise InfError(f"line {number}: a section's name does not end: {line}")
                current = line[1:-1].strip().lower()
                self.names.setdefault(current, line[1:-1].strip())
                sections.setdefault(current, [])
            elif current is None:
                raise InfError(f"line {number}: text before the first section")
            else:
                sections[current].append(self._line(line, number))
        return sections

    @staticmethod
    def _without_comment(line, number):
        quoted = False
        for place, character in enumerate(line):
            if character == '"':
                quoted = not quoted
            elif character == ";" and not quoted:
                return line[:place]
        if quoted:
            raise InfError(f"line {number}: a quotation mark is missing")
        return line

    @classmethod
    def _line(cls, line, number):
        key, rest = None, line
        place = cls._outside_quotes(line, "=")
        if place is not None:
            key, rest = cls._unquoted(line[:place]), line[place + 1:]
        fields = []
        while True:
            place = cls._outside_quotes(rest, ",")
            fields.append(cls._unquoted(rest if place is None else rest[:place]))
            if place is None:
                return Line(number, key, fields)
            rest = rest[place + 1:]

    @staticmethod
    def _outside_quotes(text, wanted):
        quoted = False
        for place, character in enumerate(text):
            if character == '"':
                quoted = not quoted
            elif character == wanted and not quoted:
                return place
        return None

    @staticmethod
    def _unquoted(text):
        text = text.strip()
        if len(text) >= 2 and text[0] == text[-1] == '"':
            return text[1:-1].replace('""', '"')
        return text

    # ---- %strings% ----

    def _substituted(self, line):
        return Line(line.number, line.key if line.key is None else self._replace(line.key, line.number),
                    [self._replace(field, line.number) for field in line.fields])

    def _replace(self, text, number):
        def one(match):
            name = match.group(1)
            if not name:
                return "%"
            if name.isdigit():
                return match.group(0)  # a directory id
            if name.lower() not in self.strings:
                raise InfError(f"line {number}: %{name}% is not in [Strings]")
            self.used_strings.add(name.lower())
            return self.strings[name.lower()]
        return re.sub(r"%([^%\n]*)%", one, text)

    # ---- reading ----

    def has(self, section):
        return section.lower() in self.sections

    def lines(self, section):
        return self.sections.get(section.lower(), [])

    def values(self, section):
        """key (lower) -> fields, of lines with a key."""
        return {line.key.lower(): line.fields for line in self.lines(section) if line.key is not None}

    def value(self, section, key):
        fields = self.values(section).get(key.lower())
        return fields[0] if fields else None
