#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Checks the INF of a driver package: what Windows 7's setup, NDIS and the PCI bus need of it, and that it says what the driver says.

    check_inf.py [PACKAGE...]          the packages of packages.py (default: all), from the source tree

Prints one line per fault, "FILE: what is wrong and what it should be", and exits with 1 when there is one.
"""
import csv
import pathlib
import re
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "drivers/windows7/virtio-net/tests/host")]

import settings_source
from inf_file import Inf, InfError
from packages import PACKAGES

NET_CLASS = "{4d36e972-e325-11ce-bfc1-08002be10318}"
MACHINES = ("NTx86", "NTamd64")
REG_SZ, REG_DWORD, REG_EXPAND_SZ, KEY_ONLY = 0x00000000, 0x00010001, 0x00020000, 0x00000010
INTERRUPTS = r"Interrupt Management\MessageSignaledInterruptProperties"
NDIS_OF_WINDOWS_7 = (6, 20)


def version_of_product():
    text = (ROOT / "cmake/version.cmake").read_text()
    return ".".join(re.search(rf"AERO_VERSION_{part} (\d+)", text).group(1) for part in ("MAJOR", "MINOR", "PATCH", "BUILD"))


def standard_keywords():
    with open(HERE / "standard-keywords.csv", newline="") as file:
        return {row["keyword"]: row for row in csv.DictReader(file)}


class Checker:
    def __init__(self, package, inf, settings):
        self.package, self.inf, self.settings = package, inf, settings
        self.faults = []
        self.install = None

    def fault(self, text):
        self.faults.append(text)

    def expect(self, what, found, wanted):
        if (found or "").lower() != wanted.lower():
            self.fault(f"{what} is {found!r}, it should be {wanted!r}")

    # ---- the file ----

    def check_text(self):
        lines = self.inf.data.split(b"\n")
        bare = [number for number, line in enumerate(lines[:-1], 1) if not line.endswith(b"\r")]
        if bare:
            self.fault(f"line {bare[0]} ends without a carriage return, as {len(bare)} lines do: Windows' editors show one long line")
        unused = set(self.inf.strings) - self.inf.used_strings
        if unused:
            self.fault(f"[Strings] has what nobody uses: {', '.join(sorted(unused))}")

    def check_version(self):
        version = self.inf.values("Version")
        for key, wanted in (("Signature", "$Windows NT$"), ("Class", "Net"), ("ClassGUID", NET_CLASS), ("Provider", "Aero Project"),
                            ("CatalogFile", f"{self.package.name}.cat"), ("PnpLockDown", "1")):
            self.expect(f"[Version] {key}", (version.get(key.lower()) or [None])[0], wanted)
        driver = version.get("driverver") or []
        if len(driver) != 2 or not re.fullmatch(r"(0[1-9]|1[0-2])/(0[1-9]|[12]\d|3[01])/20\d\d", driver[0]):
            self.fault("[Version] DriverVer wants mm/dd/yyyy,w.x.y.z")
        else:
            self.expect("[Version] DriverVer's version", driver[1], version_of_product())

    # ---- models ----

    def check_models(self):
        manufacturers = [line for line in self.inf.lines("Manufacturer") if line.key]
        if len(manufacturers) != 1:
            self.fault(f"[Manufacturer] has {len(manufacturers)} lines, not one")
            return
        models, *decorations = manufacturers[0].fields
        if sorted(decorations) != sorted(MACHINES):
            self.fault(f"[Manufacturer] decorations are {', '.join(decorations) or 'missing'}: {' and '.join(MACHINES)} are x86 and x64")
        installs = set()
        for decoration in decorations:
            lines = self.inf.lines(f"{models}.{decoration}")
            if not lines:
                self.fault(f"[{models}.{decoration}] is missing or empty")
            ids = [one for line in lines for one in line.fields[1:]]
            if ids != [self.package.hardware_id]:
                self.fault(f"[{models}.{decoration}] matches {', '.join(ids) or 'nothing'}, it should match {self.package.hardware_id} alone")
            for line in lines:
                self.expect("the adapter's name", line.key, self.package.description)
                installs.add(line.fields[0])
        if len(installs) != 1:
            self.fault("both machines install the same section")
        elif not self.inf.has(f"{next(iter(installs))}.NT"):
            self.fault(f"[{next(iter(installs))}.NT] is missing")
        else:
            self.install = f"{next(iter(installs))}.NT"

    # ---- the install section ----

    def check_install(self):
        values = self.inf.values(self.install)
        for key, wanted, why in (("Characteristics", 0x84, "NCF_PHYSICAL | NCF_HAS_UI"), ("BusType", 5, "PCIBus"),
                                 ("*IfType", 6, "IF_TYPE_ETHERNET_CSMACD"), ("*MediaType", 0, "NdisMedium802_3"),
                                 ("*PhysicalMediaType", 14, "NdisPhysicalMedium802_3")):
            fields = values.get(key.lower())
            try:
                found = int(fields[0], 0) if fields else None
            except ValueError:
                found = fields[0]
            if found != wanted:
                self.fault(f"[{self.install}] {key} is {found}, it should be {wanted:#x} ({why}){', or NDIS starts no adapter' if key[0] == '*' else ''}")
        registry = self.registry(self.install)
        self.expect(r"Ndi\Service", registry.get(("ndi", "service"), (None, None))[1], self.package.name)
        self.expect(r"Ndi\Interfaces, UpperRange", registry.get((r"ndi\interfaces", "upperrange"), (None, None))[1], "ndis5")
        self.expect(r"Ndi\Interfaces, LowerRange", registry.get((r"ndi\interfaces", "lowerrange"), (None, None))[1], "ethernet")
        self.check_parameters(registry)
        misplaced = [key for key, _ in registry if key.startswith("interrupt management")]
        if misplaced:
            self.fault(f"[{self.install}] writes {INTERRUPTS}: below the driver's key nobody reads it; it belongs into the .HW section")

    def registry(self, section):
        """(subkey, value), both lower -> (flags, data) of all AddReg lines of a section; lines that are wrong are reported."""
        found = {}
        for name in self.inf.values(section).get("addreg", []):
            if not self.inf.has(name):
                self.fault(f"[{section}] AddReg names [{name}], which is not there")
            for line in self.inf.lines(name):
                root, subkey, value, flags, *data = [*line.fields, "", "", "", ""][:max(5, len(line.fields))]
                if line.key is not None:
                    self.fault(f"line {line.number}: a line of AddReg is root, subkey, value, flags, data, without '='")
                    continue
                if root.upper() != "HKR":
                    self.fault(f"line {line.number}: writes to {root}: only the device's own keys (HKR) are ours")
                if "\\\\" in subkey or subkey.startswith("\\") or subkey.endswith("\\"):
                    self.fault(f"line {line.number}: the key {subkey!r} has an empty part: write one backslash")
                number = int(flags or "0", 0) if re.fullmatch(r"(0x[0-9a-fA-F]+|\d+)?", flags) else None
                if number not in (REG_SZ, REG_DWORD, REG_EXPAND_SZ, KEY_ONLY):
                    self.fault(f"line {line.number}: flags {flags!r} are none of REG_SZ, REG_DWORD, REG_EXPAND_SZ, key only")
                place = (subkey.lower(), value.lower())
                if place in found:
                    self.fault(f"line {line.number}: {subkey or 'the key'}, {value} is written twice")
                found[place] = (number, data[0])
        return found

    # ---- settings ----

    def parameters(self, registry):
        """keyword -> {value: data} and keyword -> {choice: text}, in the INF's own spelling."""
        parameters, choices = {}, {}
        for name in self.inf.values(self.install).get("addreg", []):
            for line in self.inf.lines(name):
                match = re.fullmatch(r"Ndi\\params\\([^\\]+)(\\enum)?", line.fields[1] if len(line.fields) > 4 else "", re.I)
                if match:
                    (choices if match.group(2) else parameters).setdefault(match.group(1), {})[line.fields[2].lower()] = line.fields[4]
        return parameters, choices

    def check_parameters(self, registry):
        parameters, choices = self.parameters(registry)
        known = {setting.keyword: setting for setting in self.settings}
        absent = set(self.package.settings_not_offered)
        for keyword in sorted(set(known) - set(parameters) - absent):
            self.fault(f"the setting {keyword} of the driver is not offered, and packages.py does not say why")
        for keyword in sorted(absent & set(parameters)):
            self.fault(f"the setting {keyword} is offered; packages.py says it is not, because {self.package.settings_not_offered[keyword]}")
        for keyword in sorted(absent - set(known)):
            self.fault(f"packages.py mentions {keyword}, which the driver does not have")
        for keyword, values in parameters.items():
            if keyword == "NetworkAddress":
                self.check_network_address(values)
            elif keyword not in known:
                self.fault(f"{keyword} is offered, but the driver does not read it")
            else:
                self.check_parameter(known[keyword], values, choices.get(keyword, {}))
        if "NetworkAddress" not in parameters:
            self.fault("NetworkAddress is not offered")

    def check_network_address(self, values):
        for value, wanted in (("paramdesc", "Network Address"), ("type", "edit"), ("limittext", "12"), ("uppercase", "1"), ("optional", "1")):
            self.expect(f"NetworkAddress {value}", values.get(value), wanted)
        if "default" in values:
            self.fault("NetworkAddress has a default: without a value the device's own address is in force")

    def check_parameter(self, setting, values, choices):
        keyword = setting.keyword
        self.expect(f"{keyword} default", values.get("default"), str(setting.default))
        kind = values.get("type")
        if not values.get("paramdesc"):
            self.fault(f"{keyword} has no ParamDesc: Device Manager does not show it")
        if kind == "int":
            for value, wanted in (("min", setting.minimum), ("max", setting.maximum), ("step", 1), ("base", 10)):
                self.expect(f"{keyword} {value}", values.get(value), str(wanted))
        elif kind == "enum":
            wanted = {str(number) for number in range(setting.minimum, setting.maximum + 1)}
            if set(choices) != wanted:
                self.fault(f"{keyword} offers {', '.join(sorted(choices)) or 'nothing'}; the driver takes {setting.minimum} to {setting.maximum}")
        else:
            self.fault(f"{keyword} has the type {kind!r}, neither int nor enum")
        if keyword.startswith("*"):
            self.check_standard(keyword, values, choices)

    def check_standard(self, keyword, values, choices):
        """Against Microsoft's table of standardized keywords."""
        row = standard_keywords().get(keyword)
        if row is None:
            self.fault(f"{keyword} is no standardized keyword, so it must not begin with an asterisk")
            return
        if tuple(map(int, row["min_ndis"].split(" ")[0].split("."))) > NDIS_OF_WINDOWS_7:
            self.fault(f"{keyword} is of NDIS {row['min_ndis']}, later than Windows 7's")
        self.expect(f"{keyword} type", values.get("type"), row["type"])
        self.expect(f"{keyword} ParamDesc", values.get("paramdesc"), row["param_desc"])
        texts = dict(choice.split("=", 1) for choice in row["values"].split(";") if re.match(r"\d+=", choice))
        for choice, text in choices.items():
            if choice in texts:
                self.expect(f"{keyword} choice {choice}", text, texts[choice].strip())
            else:
                self.fault(f"{keyword} has no standard choice {choice}")

    # ---- interrupts ----

    def check_interrupts(self):
        hardware = f"{self.install}.HW"
        if not self.package.messages:
            if self.inf.has(hardware) or any("messagesignaled" in str(line.fields).lower() for lines in self.inf.sections.values() for line in lines):
                self.fault("asks for message-signaled interrupts, but the driver takes the line only")
            return
        registry = self.registry(hardware)
        for value, wanted in (("MSISupported", "1"), ("MessageNumberLimit", "8")):
            flags, data = registry.get((INTERRUPTS.lower(), value.lower()), (None, None))
            if flags != REG_DWORD or data != wanted:
                self.fault(f"[{hardware}] {INTERRUPTS}, {value} is {data}, it should be REG_DWORD {wanted}")

    # ---- service, event log, files ----

    def check_service(self):
        name = self.package.name
        lines = [line for line in self.inf.lines(f"{self.install}.Services") if (line.key or "").lower() == "addservice"]
        if len(lines) != 1 or len(lines[0].fields) != 4 or lines[0].fields[:2] != [name, "2"]:
            self.fault(f"[{self.install}.Services] wants AddService = {name}, 2, SERVICE, EVENTLOG (2: the service of this device)")
            return
        service, event_log = lines[0].fields[2:]
        values = self.inf.values(service)
        for key, wanted in (("ServiceType", "1"), ("StartType", "3"), ("ErrorControl", "1"), ("LoadOrderGroup", "NDIS"),
                            ("ServiceBinary", rf"%12%\{name}.sys")):
            self.expect(f"[{service}] {key}", (values.get(key.lower()) or [None])[0], wanted)
        registry = self.registry(event_log)
        flags, files = registry.get(("", "eventmessagefile"), (None, ""))
        listed = [part.lower() for part in files.split(";")]
        if flags != REG_EXPAND_SZ:
            self.fault("EventMessageFile is not REG_EXPAND_SZ (0x00020000), so %SystemRoot% stays as it is written")
        for wanted in (r"%systemroot%\system32\iologmsg.dll", r"%systemroot%\system32\netevent.dll", rf"%systemroot%\system32\drivers\{name}.sys"):
            if wanted not in listed:
                self.fault(f"EventMessageFile does not name {wanted}: Event Viewer has no text for some entries")
        self.expect("TypesSupported", registry.get(("", "typessupported"), (None, None))[1], "7")

    def check_files(self):
        file = f"{self.package.name}.sys"
        for section in self.inf.values(self.install).get("copyfiles", []):
            if [line.fields[0].lower() for line in self.inf.lines(section)] != [file]:
                self.fault(f"[{section}] copies something else than {file}")
            self.expect(f"[DestinationDirs] {section}", self.inf.value("DestinationDirs", section), "12")
        if not self.inf.values(self.install).get("copyfiles"):
            self.fault(f"[{self.install}] copies no file")
        disk = self.inf.value("SourceDisksFiles", file)
        if disk is None or self.inf.value("SourceDisksNames", disk) is None:
            self.fault(f"{file} is on no disk: [SourceDisksFiles] and [SourceDisksNames] have to name it")

    def check_all_used(self):
        """A section that nothing leads to is a misspelt one."""
        used = {"version", "manufacturer", "destinationdirs", "sourcedisksnames", "sourcedisksfiles", "strings"}
        install = (self.install or "").lower()
        used |= {install, f"{install}.hw", f"{install}.services"}
        for section, lines in self.inf.sections.items():
            for line in lines:
                if (line.key or "").lower() in ("addreg", "copyfiles", "addservice"):
                    used |= {field.lower() for field in line.fields}
            if section == "manufacturer":
                used |= {f"{line.fields[0]}.{decoration}".lower() for line in lines for decoration in line.fields[1:]}
        for section in sorted(set(self.inf.sections) - used):
            self.fault(f"[{self.inf.names[section]}] is reached from nowhere")

    def run(self):
        self.check_text()
        self.check_version()
        self.check_models()
        if self.install:
            self.check_install()
            self.check_interrupts()
            self.check_service()
            self.check_files()
            self.check_all_used()
        return self.faults


def check(package, data=None, settings=None):
    """Faults of a package's INF; `data` instead of what is in the tree."""
    try:
        inf = Inf(data if data is not None else package.inf.read_bytes(), package.inf.name)
    except (OSError, InfError) as error:
        return [str(error)]
    return Checker(package, inf, settings if settings is not None else settings_source.settings()).run()


def shared_ids(packages):
    """Hardware ids of one package that another one's id is, or begins with: Windows would have two drivers for one device."""
    faults = []
    for one in packages:
        for other in packages:
            if one is not other and (one.hardware_id + "&").lower().startswith((other.hardware_id + "&").lower()):
                faults.append(f"{one.hardware_id} of {one.name} is matched by {other.name} too ({other.hardware_id})")
    return faults


def main():
    wanted = sys.argv[1:] or list(PACKAGES)
    unknown = [name for name in wanted if name not in PACKAGES]
    if unknown:
        sys.exit(f"check_inf: there is no package {', '.join(unknown)}: {', '.join(PACKAGES)}")
    faults = shared_ids(list(PACKAGES.values()))
    for name in wanted:
        faults += [f"{PACKAGES[name].inf.name}: {fault}" for fault in check(PACKAGES[name])]
    for fault in faults:
        print(fault)
    print(f"{len(wanted)} INF files, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
