/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_pci_config.c - any device behind the bus: its configuration space, what its BARs say of their sizes, capabilities that lead
 * anywhere, and then any accesses of a driver. Nothing is read or written outside 256 bytes, each access is aligned; every walk ends.
 *
 * Input: configuration space (256), masks of the bits that can be written in the BARs (24), accesses of 8 bytes.
 */
#include "fuzz_target.h"

#include <string.h>

#include "bars.h"
#include "msix.h"
#include "virtio_sniffer.h"

enum { CONFIG = 256, BARS = 0x10, BARS_BYTES = 24, ACCESS = 8, READS_MAX = 1000 };

struct hostile {
    uint8_t config[CONFIG];
    uint8_t writable[BARS_BYTES];
    unsigned reads; /* since the last step */
};

static uint32_t config_read(void *state, unsigned offset, unsigned width)
{
    struct hostile *hostile = state;
    uint32_t value = 0;

    MUST(width == 1 || width == 2 || width == 4);
    MUST(offset % width == 0 && offset <= CONFIG - width);
    MUST(++hostile->reads < READS_MAX);
    memcpy(&value, hostile->config + offset, width);
    return value;
}

static void config_write(void *state, unsigned offset, unsigned width, uint32_t value)
{
    struct hostile *hostile = state;
    uint8_t bytes[4];

    MUST(width == 1 || width == 2 || width == 4);
    MUST(offset % width == 0 && offset <= CONFIG - width);
    memcpy(bytes, &value, sizeof bytes);
    for (unsigned i = 0; i < width; i++, offset++)
        if (offset >= BARS && offset < BARS + BARS_BYTES) {
            uint8_t mask = hostile->writable[offset - BARS];
            hostile->config[offset] = (uint8_t)((hostile->config[offset] & ~mask) | (bytes[i] & mask));
        }
}

static void bar_write(void *state, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    (void)state, (void)value;
    MUST(bar < PCI_BAR_COUNT && offset <= UINT32_MAX && width == 4);
}

static bool message_target(void *state, unsigned vector, uint64_t *address, uint32_t *data)
{
    (void)state;
    *address = 0xFEE00000;
    *data = vector;
    return true;
}

static const struct ndishost_pci_ops ops = {
    .config_read = config_read, .config_write = config_write, .bar_write = bar_write, .message_target = message_target};

static void check_bars(const struct pci_bar bars[PCI_BAR_COUNT])
{
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        if (!bars[i].present)
            continue;
        MUST(bars[i].size && !(bars[i].size & (bars[i].size - 1)));
        MUST(bars[i].address && bars[i].address % bars[i].size == 0);
        MUST(bars[i].address + bars[i].size <= (bars[i].is_port ? 0xF000u : 0xFC000000u));
    }
}

/* bar and width, write and value, offset; the widths that processors have. */
static void access(struct virtio_sniffer *sniffer, const uint8_t *bytes)
{
    unsigned width = 1u << (bytes[0] >> 3 & 3);
    uint64_t offset = bytes[2] | (uint64_t)bytes[3] << 8, value;
    int queue;

    memcpy(&value, bytes, sizeof value);
    value >>= 32;
    sniffer->messages_enabled = bytes[0] & 64;
    queue = virtio_sniffer_access(sniffer, bytes[0] & 7, offset, width, bytes[0] & 32, value);
    MUST(queue >= -1 && queue < VIRTIO_QUEUES_SEEN);
    if (bytes[0] & 128)
        virtio_sniffer_config_write(sniffer, bytes[1], width);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    struct hostile hostile = {.reads = 0};
    const struct ndishost_pci_device device = {&ops, &hostile};
    struct pci_bar bars[PCI_BAR_COUNT];
    struct virtio_sniffer sniffer;
    struct msix msix;
    char error[256] = "";

    if (length < CONFIG + BARS_BYTES)
        return 0;
    memcpy(hostile.config, input, CONFIG);
    memcpy(hostile.writable, input + CONFIG, BARS_BYTES);
    if (!pci_bars_assign(&device, bars, error, sizeof error)) {
        MUST(*error && !strchr(error, '\n'));
        return 0;
    }
    check_bars(bars);
    msix_discover(&msix, &device, bars);
    MUST(msix.entries <= 2048);
    if (msix_enable(&msix, msix.entries < MSIX_MAX_MESSAGES ? msix.entries : MSIX_MAX_MESSAGES))
        msix_disable(&msix);
    hostile.reads = 0;
    virtio_sniffer_init(&sniffer, &device, bars, msix.entries, 5, NULL);
    for (size_t at = CONFIG + BARS_BYTES; at + ACCESS <= length; at += ACCESS)
        access(&sniffer, input + at);
    pci_bars_release(bars);
    return 0;
}

/* ---- seeds: QEMU's layout (one 64-bit BAR of 16 KiB), MSI-X in BAR 1, a legacy port BAR 0 ---- */

static unsigned put_capability(uint8_t *config, unsigned at, unsigned type, unsigned bar, uint32_t offset, uint32_t size)
{
    static const unsigned bytes = 20;

    config[at] = 9;
    config[at + 1] = (uint8_t)(at + bytes);
    config[at + 2] = bytes;
    config[at + 3] = (uint8_t)type;
    config[at + 4] = (uint8_t)bar;
    memcpy(config + at + 8, &offset, 4);
    memcpy(config + at + 12, &size, 4);
    config[at + 16] = type == 2 ? 4 : 0;
    return at + bytes;
}

static void put_access(uint8_t *bytes, unsigned bar, unsigned log_width, bool write, unsigned offset, uint32_t value)
{
    bytes[0] = (uint8_t)(bar | log_width << 3 | (write ? 32u : 0u));
    bytes[2] = (uint8_t)offset;
    bytes[3] = (uint8_t)(offset >> 8);
    memcpy(bytes + 4, &value, 4);
}

/* A driver's first steps, and its first doorbell. */
static size_t put_accesses(uint8_t *bytes)
{
    static const struct {
        uint8_t log_width, offset, write;
        uint32_t value;
    } steps[] = {{0, 20, 1, 0}, {0, 20, 0, 0}, {0, 20, 1, 1}, {0, 20, 1, 3},  {2, 0, 1, 0},   {2, 4, 0, 0x20}, {2, 0, 1, 1},
                 {2, 4, 0, 1},  {2, 8, 1, 1},  {2, 12, 1, 1}, {0, 20, 1, 11}, {0, 20, 0, 11}, {1, 22, 1, 1},   {1, 24, 0, 256},
                 {1, 30, 0, 1}, {1, 26, 1, 1}, {1, 26, 0, 1}, {2, 32, 1, 0},  {2, 36, 1, 0},  {1, 28, 1, 1},   {0, 20, 1, 15}};
    size_t at = 0;

    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++, at += ACCESS)
        put_access(bytes + at, 4, steps[i].log_width, steps[i].write, steps[i].offset, steps[i].value);
    put_access(bytes + at, 4, 1, true, 0x3004, 1);
    return at + ACCESS;
}

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    unsigned at = 0x40;

    if (index >= 2)
        return 0;
    memset(bytes, 0, CONFIG + BARS_BYTES + 64 * ACCESS);
    memcpy(bytes, "\xF4\x1A\x41\x10", 4);
    bytes[6] = 0x10;
    bytes[0x34] = 0x40;
    bytes[0x20] = 4 | 8; /* BAR 4: 64 bits, prefetchable, 16 KiB */
    memcpy(bytes + CONFIG + 16, "\x00\xC0\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    memcpy(bytes + CONFIG + 4, "\x00\xF0\xFF\xFF", 4); /* BAR 1: 4 KiB */
    at = put_capability(bytes, at, 1, 4, 0x0000, 0x1000);
    at = put_capability(bytes, at, 3, 4, 0x1000, 0x1000);
    at = put_capability(bytes, at, 4, 4, 0x2000, 0x1000);
    at = put_capability(bytes, at, 2, 4, 0x3000, 0x1000);
    memcpy(bytes + at, "\x11\x00\x02\x00\x01\x00\x00\x00\x01\x08\x00\x00", 12);
    if (index == 1) { /* transitional */
        bytes[0x10] = 1;
        memcpy(bytes + CONFIG, "\xE0\xFF\xFF\xFF", 4);
        bytes[3] = 0x10;
        bytes[2] = 0x00;
    }
    return CONFIG + BARS_BYTES + put_accesses(bytes + CONFIG + BARS_BYTES);
}
