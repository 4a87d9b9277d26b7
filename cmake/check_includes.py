#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Knowledge flows downward only: refuses an #include that reaches where its folder may not look.

    check_includes.py ROOT

Portable driver code (virtio/common, virtio-net/packet) knows no NT header, so that hosts can compile it. The judge (tools/ndishost) knows
no header of what it judges (driver, virtio/common, sdk/ndis620), so that both cannot share a mistake; its tests may compare the two.
"""
import os
import re
import sys

NT_HEADERS = re.compile(r"^(ndis|ntddk|wdm|ntifs|ntdef|ntddndis|windows|windef|ntstatus|ntstrsafe|wmistr|wmilib|initguid|ndis_\w+|kernel_\w+)\.h$", re.I)

# folder, what it may not include by name, folders whose headers it may not include, parts that are exempt
RULES = (
    ("drivers/windows7/virtio/common", NT_HEADERS, ("sdk", "tools", "drivers/windows7/virtio-net"), ()),
    ("drivers/windows7/virtio-net/packet", NT_HEADERS, ("sdk", "tools", "drivers/windows7/virtio-net/src", "drivers/windows7/virtio-net/include"),
     ()),
    ("drivers/windows7/virtio-net/src", None, ("tools",), ()),
    ("drivers/windows7/virtio-net/include", None, ("tools",), ()),
    ("sdk/ndis620", None, ("tools", "drivers"), ()),
    ("tools/ndishost", NT_HEADERS, ("sdk", "drivers"), ("tests",)),
)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def sources(folder):
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in sorted(folders) if not name.startswith(".") and name != "out"]
        for name in sorted(names):
            if name.endswith((".c", ".h", ".S")):
                yield os.path.join(path, name)


def headers_by_name(root, folders):
    """Base name -> relative path of every header below the folders."""
    found = {}
    for folder in folders:
        for path in sources(os.path.join(root, folder)):
            if path.endswith(".h"):
                found.setdefault(os.path.basename(path), []).append(os.path.relpath(path, root))
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = os.path.abspath(sys.argv[1])
    problems, count = [], 0
    for folder, forbidden_names, forbidden_folders, exempt in RULES:
        forbidden = headers_by_name(root, forbidden_folders)
        own = headers_by_name(root, (folder,))
        for path in sources(os.path.join(root, folder)):
            relative = os.path.relpath(path, root)
            if set(relative.split(os.sep)) & set(exempt):
                continue
            count += 1
            with open(path, encoding="utf-8", errors="replace") as file:
                text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.S)
            for kind, name in INCLUDE.findall(text):
                base = os.path.basename(name)
                is_own = any(candidate.endswith(name.lstrip("./")) for candidate in own.get(base, ()))
                if is_own and ".." not in name:
                    continue
                if forbidden_names and forbidden_names.match(base) and not is_own:
                    problems.append(f"{relative}: includes {kind}{name}: an NT header does not belong here")
                    continue
                if kind == "<":
                    continue  # the system's: <time.h> is not somebody's time.h
                target = os.path.relpath(os.path.normpath(os.path.join(os.path.dirname(path), name)), root)
                reached = [candidate for candidate in forbidden.get(base, ()) if candidate == target or candidate.endswith("/" + name.lstrip("./"))]
                if reached and not (is_own and target not in reached):
                    problems.append(f"{relative}: includes {name}, which is {reached[0]}: knowledge flows downward only")
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{count} files include downward only")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
