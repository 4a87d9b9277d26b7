/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* loop_device.c - see loop_device.h. Interrupts by the line, or by message 0 once MSI-X is enabled. */
#include "loop_device.h"

#include <stdlib.h>
#include <string.h>

enum { MSIX_CAPABILITY = 0x40, MSIX_BAR = 1, BAR1_SIZE = 0x1000 };

struct loop_device {
    const struct ndishost_pci_host *host;
    uint8_t config[256];
    uint32_t registers[8];
    uint8_t table[BAR1_SIZE];
    unsigned vectors;
};

static void set_word(struct loop_device *device, unsigned offset, uint32_t value, unsigned width)
{
    memcpy(device->config + offset, &value, width);
}

static uint32_t config_read(void *state, unsigned offset, unsigned width)
{
    struct loop_device *device = state;
    uint32_t value = 0;

    memcpy(&value, device->config + offset, width);
    return value;
}

/* Writable: command, BARs (their low bits read as size and type), MSI-X control. */
static void config_write(void *state, unsigned offset, unsigned width, uint32_t value)
{
    struct loop_device *device = state;

    if (offset == 0x10 || offset == 0x14)
        value &= ~(LOOP_BAR_SIZE - 1u);
    else if (offset >= 0x18 && offset < 0x28)
        value = 0;
    else if (offset != 0x04 && offset != MSIX_CAPABILITY + 2)
        return;
    if (offset == MSIX_CAPABILITY + 2)
        value = (value & 0xC000) | (device->vectors - 1);
    memcpy(device->config + offset, &value, width);
}

static bool messages_enabled(const struct loop_device *device)
{
    return device->vectors && (device->config[MSIX_CAPABILITY + 3] & 0x80);
}

static void interrupt(struct loop_device *device)
{
    uint64_t address;
    uint32_t data;

    if (!messages_enabled(device)) {
        device->registers[LOOP_STATUS / 4] = 1;
        device->host->line(device->host->context, true);
        return;
    }
    memcpy(&address, device->table, 8);
    memcpy(&data, device->table + 8, 4);
    device->host->message(device->host->context, address, data);
}

static uint64_t bar_read(void *state, unsigned bar, uint64_t offset, unsigned width)
{
    struct loop_device *device = state;
    uint64_t value = 0;

    if (bar == MSIX_BAR) {
        memcpy(&value, device->table + offset, width);
        return value;
    }
    if (offset == LOOP_STATUS) {
        value = device->registers[LOOP_STATUS / 4];
        device->registers[LOOP_STATUS / 4] = 0;
        if (value)
            device->host->line(device->host->context, false);
    }
    return value;
}

static void bar_write(void *state, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    struct loop_device *device = state;
    uint64_t source = device->registers[LOOP_SOURCE / 4], destination = device->registers[LOOP_DESTINATION / 4];

    if (bar == MSIX_BAR) {
        memcpy(device->table + offset, &value, width);
        return;
    }
    if (offset == LOOP_RING) {
        interrupt(device);
        return;
    }
    if (offset == LOOP_LENGTH && value < 65536 && source + value <= device->host->ram_size && destination + value <= device->host->ram_size)
        memcpy(device->host->ram + destination, device->host->ram + source, value);
    if (offset <= LOOP_DESTINATION)
        device->registers[offset / 4] = (uint32_t)value;
}

static bool message_target(void *state, unsigned vector, uint64_t *address, uint32_t *data)
{
    struct loop_device *device = state;

    *address = 0xFEE00000u;
    *data = 0x40 + vector;
    return vector < device->vectors;
}

static const char *describe(void *state)
{
    (void)state;
    return "loop device";
}

static void destroy(void *state)
{
    free(state);
}

struct ndishost_pci_device loop_device_create(const struct ndishost_pci_host *host, unsigned vectors)
{
    static const struct ndishost_pci_ops ops = {config_read, config_write, bar_read, bar_write, message_target, NULL, describe, destroy};
    struct loop_device *device = calloc(1, sizeof(*device));

    if (!device)
        abort();
    device->host = host;
    device->vectors = vectors;
    set_word(device, 0x00, 0x47115678u, 4); /* device, vendor: nobody's */
    set_word(device, 0x08, 0x02000001u, 4); /* Ethernet, revision 1 */
    device->config[0x3D] = 1;               /* INTA# */
    if (vectors) {
        device->config[0x06] = 0x10; /* has capabilities */
        device->config[0x34] = MSIX_CAPABILITY;
        device->config[MSIX_CAPABILITY] = 0x11;
        set_word(device, MSIX_CAPABILITY + 2, vectors - 1, 2);
        set_word(device, MSIX_CAPABILITY + 4, MSIX_BAR, 4);
        set_word(device, MSIX_CAPABILITY + 8, 0x800 | MSIX_BAR, 4);
    }
    return (struct ndishost_pci_device){&ops, device};
}
