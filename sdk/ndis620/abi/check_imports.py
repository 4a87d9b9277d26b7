#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keeps a driver's imports within what Windows 7 exports.

definition  reads lib/MODULE.def (names only), refuses every name that Windows 7's own import libraries do not have, and writes the
            machine's .def for llvm-dlltool: on x86 with the decoration of the calling convention.
image       reads the import table of a linked .sys and refuses every import that no given .def lists for its module.
unused      reads all linked drivers and refuses a listed name that none of them imports.
"""
import argparse
import csv
import os
import re
import subprocess
import sys


class CheckFailed(Exception):
    pass


def read_functions(path):
    """Rows of functions.csv, and of macro-targets.csv beside it: what header macros call is in the former only as their expansion."""
    functions = {}
    with open(path, newline="") as file:
        functions.update((row["name"], row) for row in csv.DictReader(file))
    expansions = {word for row in functions.values() for word in re.findall(r"\w+", row["expands_to"])}
    with open(os.path.join(os.path.dirname(os.path.abspath(path)), "macro-targets.csv"), newline="") as file:
        for row in csv.DictReader(file):
            if row["name"] not in expansions:
                raise CheckFailed(f"macro-targets.csv: {row['name']} is not what any macro expands to")
            functions.setdefault(row["name"], row)
    return functions


def read_definition(path):
    """Returns (library name, export names in order). Accepts LIBRARY, EXPORTS, names, and ; comments: nothing else."""
    library, names, in_exports = None, [], False
    with open(path, encoding="ascii", errors="backslashreplace") as file:
        for number, line in enumerate(file, 1):
            text = line.split(";", 1)[0].strip()
            if not text:
                continue
            match = re.fullmatch(r"LIBRARY\s+(\S+)", text)
            if match:
                library = match.group(1)
            elif text == "EXPORTS":
                in_exports = True
            elif in_exports and re.fullmatch(r"@?[A-Za-z_][A-Za-z0-9_]*(@[0-9]+)?", text):
                names.append(text)
            else:
                raise CheckFailed(f"{path}:{number}: not understood: {text}")
    if not library:
        raise CheckFailed(f"{path}: no LIBRARY line")
    return library, names


def undecorated(name):
    """_Name@8, @Name@4 and Name are the export Name."""
    return re.sub(r"@[0-9]+$", "", name).lstrip("@")


def module_of(row, arch):
    """The module that exports a function on one machine: the dll column is one name, or x64:NAME|x86:NAME."""
    modules = dict(part.split(":", 1) if ":" in part else ("any", part) for part in row["dll"].split("|") if part)
    return modules.get(arch, modules.get("any", ""))


def command_definition(args):
    functions = read_functions(args.functions)
    library, names = read_definition(args.input)
    if names != sorted(names) or len(names) != len(set(names)):
        raise CheckFailed(f"{args.input}: names are not sorted and unique")
    lines = []
    for name in names:
        row = functions.get(name)
        if row is None:
            raise CheckFailed(f"{args.input}: {name} is not in {args.functions}")
        if "y" not in (row["win7lib_x64"], row["win7lib_x86"]):
            raise CheckFailed(f"{args.input}: Windows 7 does not export {name} on any machine")
        if row["win7lib_" + args.arch] != "y":
            continue  # inline or a macro on this machine
        module = module_of(row, args.arch)
        if module and module.lower() != library.lower():
            if module_of(row, "x86" if args.arch == "x64" else "x64").lower() == library.lower():
                continue  # another module exports it on this machine
            raise CheckFailed(f"{args.input}: {name} is exported by {module}, not by {library}")
        if args.arch == "x86":
            name = row["x86_decoration"]
            if not name:
                raise CheckFailed(f"{args.input}: no x86 decoration known for {row['name']}")
            name = name[1:] if name.startswith("_") else name
        lines.append(name)
    with open(args.output, "w") as file:
        file.write(f"LIBRARY {library}\nEXPORTS\n" + "".join(f"    {name}\n" for name in lines))


def read_imports(readobj, image):
    """(module in small letters, name) of every import; the name is empty for an import by ordinal."""
    dump = subprocess.run([readobj, "--coff-imports", image], check=True, capture_output=True, text=True).stdout
    module = None
    for line in dump.splitlines():
        text = line.strip()
        if text.startswith("Name: "):
            module = text[6:].strip().lower()
        elif text.startswith("Symbol: "):
            yield module, re.sub(r"\s*\(\d+\)$", "", text[8:].strip())


def read_allowed(definitions):
    allowed = {}
    for path in definitions:
        library, names = read_definition(path)
        allowed[library.lower()] = {undecorated(name) for name in names}
    return allowed


def command_image(args):
    allowed = read_allowed(args.definitions)
    problems = []
    for module, name in read_imports(args.readobj, args.image):
        if module not in allowed:
            problems.append(f"imports {name} from {module}, which is not on the list")
        elif not name:
            problems.append(f"imports from {module} by ordinal")
        elif name not in allowed[module]:
            problems.append(f"imports {module}!{name}, which no .def lists")
    if problems:
        raise CheckFailed("".join(f"{args.image}: {problem}\n" for problem in problems).rstrip())


def command_unused(args):
    imported = {pair for image in args.image for pair in read_imports(args.readobj, image)}
    unused = [f"{module}!{name}" for module, names in sorted(read_allowed(args.definitions).items()) for name in sorted(names)
              if (module, name) not in imported]
    if unused:
        raise CheckFailed("no driver imports these any more; take them out of lib/*.def: " + " ".join(unused))
    print(f"{len(imported)} imports, exactly those listed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    definition = commands.add_parser("definition")
    definition.add_argument("--arch", choices=("x64", "x86"), required=True)
    definition.add_argument("--functions", required=True)
    definition.add_argument("--input", required=True)
    definition.add_argument("--output", required=True)
    definition.set_defaults(run=command_definition)
    image = commands.add_parser("image")
    image.add_argument("--readobj", required=True)
    image.add_argument("--image", required=True)
    image.add_argument("definitions", nargs="+")
    image.set_defaults(run=command_image)
    unused = commands.add_parser("unused")
    unused.add_argument("--readobj", required=True)
    unused.add_argument("--image", action="append", required=True)
    unused.add_argument("definitions", nargs="+")
    unused.set_defaults(run=command_unused)
    args = parser.parse_args()
    try:
        args.run(args)
    except CheckFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
