/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* bars.c - sizes base address registers as a PCI bus driver does and places them in the windows of this machine. */
#include "bars.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MAX_RANGES = 96, PAGE = 4096 };

static const uint64_t MEMORY_WINDOW = 0xe0000000, MEMORY_WINDOW_END = 0xfc000000;
static const uint64_t PORT_WINDOW = 0xc000, PORT_WINDOW_END = 0xf000;

/* Ranges in use, ordered by address; memory and ports never meet. */
struct range {
    uint64_t start, end;
};
static struct range ranges[MAX_RANGES];
static unsigned range_count;
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;

/* Lowest free, naturally aligned range in a window, or 0. */
static uint64_t range_acquire(uint64_t window, uint64_t window_end, uint64_t size)
{
    uint64_t start = (window + size - 1) & ~(size - 1);
    unsigned i;
    pthread_mutex_lock(&ranges_lock);
    for (i = 0; i < range_count && ranges[i].start < start + size; i++) {
        if (ranges[i].end > start)
            start = (ranges[i].end + size - 1) & ~(size - 1);
    }
    bool fits = range_count < MAX_RANGES && start < window_end && size <= window_end - start;
    if (fits) {
        memmove(&ranges[i + 1], &ranges[i], (range_count - i) * sizeof *ranges);
        ranges[i] = (struct range){start, start + size};
        range_count++;
    }
    pthread_mutex_unlock(&ranges_lock);
    return fits ? start : 0;
}

static void range_release(uint64_t start)
{
    pthread_mutex_lock(&ranges_lock);
    for (unsigned i = 0; i < range_count; i++) {
        if (ranges[i].start == start) {
            range_count--;
            memmove(&ranges[i], &ranges[i + 1], (range_count - i) * sizeof *ranges);
            break;
        }
    }
    pthread_mutex_unlock(&ranges_lock);
}

/* Reads what a register answers to all ones: the size is what its writable bits leave. */
static struct pci_bar bar_size(const struct ndishost_pci_device *device, unsigned index)
{
    unsigned offset = 0x10 + 4 * index;
    device->ops->config_write(device->state, offset, 4, UINT32_MAX);
    uint32_t low = device->ops->config_read(device->state, offset, 4);
    struct pci_bar bar = {0};
    if (low == 0)
        return bar;
    bar.present = true;
    bar.is_port = low & 1;
    bar.is_64bit = !bar.is_port && (low & 6) == 4;
    bar.prefetchable = !bar.is_port && (low & 8);
    uint64_t writable;
    if (bar.is_port) {
        /* A port BAR may implement 16 bits only. */
        writable = UINT64_C(0xffffffffffff0000) | (low & ~UINT32_C(3));
    } else if (bar.is_64bit && index + 1 < PCI_BAR_COUNT) {
        device->ops->config_write(device->state, offset + 4, 4, UINT32_MAX);
        writable = (uint64_t)device->ops->config_read(device->state, offset + 4, 4) << 32 | (low & ~UINT32_C(15));
    } else {
        writable = UINT64_C(0xffffffff00000000) | (low & ~UINT32_C(15));
    }
    bar.size = ~writable + 1;
    return bar;
}

static bool bar_place(const struct ndishost_pci_device *device, unsigned index, struct pci_bar *bar, char *error, size_t error_size)
{
    unsigned offset = 0x10 + 4 * index;
    if (bar->size == 0 || (bar->size & (bar->size - 1)) || (bar->is_64bit && index + 1 >= PCI_BAR_COUNT)) {
        snprintf(error, error_size, "BAR%u of the device is malformed", index);
        return false;
    }
    /* Memory ranges of different BARs share no page, so that each can be mapped alone. */
    uint64_t aligned = !bar->is_port && bar->size < PAGE ? PAGE : bar->size;
    bar->address =
        bar->is_port ? range_acquire(PORT_WINDOW, PORT_WINDOW_END, aligned) : range_acquire(MEMORY_WINDOW, MEMORY_WINDOW_END, aligned);
    if (!bar->address) {
        snprintf(error, error_size, "no room for BAR%u of %" PRIu64 " bytes", index, bar->size);
        return false;
    }
    device->ops->config_write(device->state, offset, 4, (uint32_t)bar->address);
    if (bar->is_64bit)
        device->ops->config_write(device->state, offset + 4, 4, (uint32_t)(bar->address >> 32));
    return true;
}

bool pci_bars_assign(const struct ndishost_pci_device *device, struct pci_bar bars[PCI_BAR_COUNT], char *error, size_t error_size)
{
    memset(bars, 0, PCI_BAR_COUNT * sizeof *bars);
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        struct pci_bar bar = bar_size(device, i);
        if (!bar.present)
            continue;
        if (!bar_place(device, i, &bar, error, error_size)) {
            pci_bars_release(bars);
            return false;
        }
        bars[i] = bar;
        i += bar.is_64bit;
    }
    return true;
}

void pci_bars_release(const struct pci_bar bars[PCI_BAR_COUNT])
{
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        if (bars[i].present)
            range_release(bars[i].address);
    }
}
