# SPDX-License-Identifier: MIT OR Apache-2.0
"""The driver packages: what each is, as the INF, the catalogue and the media have to agree on it."""
import dataclasses
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRIVERS = ROOT / "drivers/windows7"

_NO_FEATURE = "the package takes no feature for it"


@dataclasses.dataclass(frozen=True)
class Package:
    name: str  # of service, image, INF and catalogue
    folder: str
    inf: pathlib.Path
    hardware_id: str
    description: str
    messages: bool  # asks for message-signaled interrupts
    settings_not_offered: dict  # keyword of the driver -> why the INF leaves it out


PACKAGES = {
    "aero_virtio_net": Package(
        name="aero_virtio_net",
        folder="virtio-net",
        inf=DRIVERS / "virtio-net/inf/aero_virtio_net.inf",
        hardware_id=r"PCI\VEN_1AF4&DEV_1041&REV_01",
        description="Aero VirtIO Ethernet Adapter",
        messages=True,
        settings_not_offered={},
    ),
    "aerovnet": Package(
        name="aerovnet",
        folder="virtio-net-transitional",
        inf=DRIVERS / "virtio-net-transitional/aerovnet.inf",
        hardware_id=r"PCI\VEN_1AF4&DEV_1000",
        description="Aero Virtio Ethernet Adapter",
        messages=False,
        settings_not_offered={
            **{keyword: _NO_FEATURE for keyword in (
                "ReceiveBufferSize", "*IPChecksumOffloadIPv4", "*TCPChecksumOffloadIPv4", "*TCPChecksumOffloadIPv6", "*UDPChecksumOffloadIPv4",
                "*UDPChecksumOffloadIPv6", "*LsoV2IPv4", "*LsoV2IPv6", "*JumboPacket", "*SpeedDuplex",
                "*InterruptModeration")},
        },
    ),
}
