/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* host_block.c - interrupts and failures of a back-end on their way to the function's users. */
#include "host_block.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/rules.h"

static pthread_mutex_t unused_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pci_host_block *unused_blocks; /* youngest first */

/* ---- what the device calls ---- */

static void block_line(void *context, bool asserted)
{
    struct pci_host_block *block = context;
    pthread_mutex_lock(&block->lock);
    bool changed = block->line_asserted != asserted;
    block->line_asserted = asserted;
    if (changed && block->connected && !block->by_messages) {
        block->line_interrupts += asserted;
        TRACE("interrupt", "line %s", asserted ? "asserted" : "deasserted");
        block->sink.line(block->sink.context, asserted);
    }
    pthread_mutex_unlock(&block->lock);
}

static void block_message(void *context, uint64_t address, uint32_t data)
{
    struct pci_host_block *block = context;
    int message = msix_find(&block->msix, address, data);
    pthread_mutex_lock(&block->lock);
    if (message >= 0 && block->connected && block->by_messages) {
        block->messages[message < 8 ? message : 7]++;
        TRACE("interrupt", "message %d", message);
        block->sink.message(block->sink.context, (unsigned)message);
    } else {
        TRACE("interrupt", "message 0x%08x to 0x%" PRIx64 " goes nowhere", data, address);
    }
    pthread_mutex_unlock(&block->lock);
}

static void block_failed(void *context, const char *why)
{
    struct pci_host_block *block = context;
    void (*callback)(void *) = NULL;
    void *callback_context = NULL;
    pthread_mutex_lock(&block->lock);
    if (!block->failed) {
        block->failed = true;
        snprintf(block->failure, sizeof block->failure, "%s", why);
        callback = block->on_failure;
        callback_context = block->on_failure_context;
    }
    pthread_mutex_unlock(&block->lock);
    TRACE("device", "failed: %s", why);
    if (callback)
        callback(callback_context);
}

/* ---- the sink ---- */

void pci_host_block_connect(struct pci_host_block *block, bool by_messages, const struct pci_interrupt_sink *sink)
{
    pthread_mutex_lock(&block->lock);
    block->sink = *sink;
    block->connected = true;
    block->by_messages = by_messages;
    if (!by_messages && block->line_asserted) {
        block->line_interrupts++;
        sink->line(sink->context, true);
    }
    pthread_mutex_unlock(&block->lock);
}

void pci_host_block_disconnect(struct pci_host_block *block)
{
    pthread_mutex_lock(&block->lock);
    if (block->connected && !block->by_messages && block->line_asserted)
        block->sink.line(block->sink.context, false);
    block->connected = false;
    pthread_mutex_unlock(&block->lock);
}

/* ---- life ---- */

struct ndishost_pci_host *pci_host_block_create(const struct guest_memory *memory)
{
    struct pci_host_block *block = calloc(1, sizeof *block);
    if (!block)
        return NULL;
    pthread_mutex_init(&block->lock, NULL);
    block->host = (struct ndishost_pci_host){.context = block,
                                             .ram = memory->base,
                                             .ram_size = memory->size,
                                             .ram_fd = memory->fd,
                                             .line = block_line,
                                             .message = block_message,
                                             .failed = block_failed};
    pthread_mutex_lock(&unused_lock);
    block->next = unused_blocks;
    unused_blocks = block;
    pthread_mutex_unlock(&unused_lock);
    return &block->host;
}

struct pci_host_block *pci_host_block_take(const struct ndishost_pci_host *host)
{
    pthread_mutex_lock(&unused_lock);
    struct pci_host_block **link = &unused_blocks;
    while (host && *link && &(*link)->host != host)
        link = &(*link)->next;
    struct pci_host_block *block = *link;
    if (block)
        *link = block->next;
    pthread_mutex_unlock(&unused_lock);
    return block;
}

void pci_host_block_free(struct pci_host_block *block)
{
    pthread_mutex_destroy(&block->lock);
    free(block);
}

void pci_host_block_destroy(struct ndishost_pci_host *host)
{
    struct pci_host_block *block = host ? pci_host_block_take(host) : NULL;
    if (block)
        pci_host_block_free(block);
}
