/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* minimal_device.c - registers, interrupts and the frame loop of the minimal virtio-net device. */
#include "minimal_device.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "minimal_config.h"
#include "minimal_queue.h"

#define FEATURE(bit) (UINT64_C(1) << (bit))

enum {
    QUEUE_RECEIVE,
    QUEUE_TRANSMIT,
    QUEUE_COUNT,
    VECTORS_MAX = 64,
    NO_VECTOR = 0xffff,
    MSIX_ENTRY_SIZE = 16,
    ISR_QUEUE = 1,
    ISR_CONFIG = 2,
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_NEEDS_RESET = 0x40,
    COMMON_SIZE = 0x40,
    NET_CONFIG_SIZE = 10,
    NET_STATUS = 6,
    LINK_UP = 1,
    FRAME_MIN = 14,
    FRAME_MAX = 65550,
    CONTRACT_FRAME_MAX = 1522,
    BACKLOG_FRAMES = 256,
    HEADER_MAX = 12,
};

static const uint64_t FEATURES_USUAL = FEATURE(32) | FEATURE(28) | FEATURE(5) | FEATURE(16);
static const uint64_t FEATURES_POSSIBLE = FEATURE(32) | FEATURE(29) | FEATURE(28) | FEATURE(16) | FEATURE(15) | FEATURE(5);
static const uint64_t FEATURE_MERGE = FEATURE(15), FEATURE_INDIRECT = FEATURE(28), FEATURE_EVENT_IDX = FEATURE(29),
                      FEATURE_VERSION_1 = FEATURE(32);

/* Message addresses that message_target() gives out; nothing is there. */
static const uint64_t MESSAGE_ADDRESS = 0xfee00000;

struct frame {
    struct frame *next;
    size_t length;
    uint8_t bytes[];
};

struct minimal_device {
    const struct ndishost_pci_host *host;
    bool contract;
    uint64_t offered;
    unsigned vectors;
    const struct minimal_layout *layout;
    pthread_t worker;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t work, idle;
    bool stopping, busy;
    bool notified[QUEUE_COUNT];

    struct minimal_config config;
    uint8_t msix_table[VECTORS_MAX * MSIX_ENTRY_SIZE];
    uint64_t msix_pending;
    uint8_t isr;
    bool line;

    uint32_t device_feature_select, driver_feature_select;
    uint64_t accepted;
    uint8_t status, generation;
    uint16_t config_vector, queue_select;
    struct minimal_queue queues[QUEUE_COUNT];
    uint8_t net_config[NET_CONFIG_SIZE];

    struct frame *backlog, **backlog_end; /* frames on their way back */
    unsigned backlog_count;
    struct minimal_chain chain;
    uint8_t frame_buffer[FRAME_MAX];
};

/* ---- interrupts ---- */

static void line_update(struct minimal_device *device)
{
    bool pending = device->isr && !minimal_config_msix_enabled(&device->config);
    bool asserted = pending && !minimal_config_line_disabled(&device->config);
    minimal_config_set_interrupt(&device->config, pending);
    if (asserted != device->line) {
        device->line = asserted;
        device->host->line(device->host->context, asserted);
    }
}

static uint32_t table_word(const struct minimal_device *device, unsigned vector, unsigned offset)
{
    uint32_t word;
    memcpy(&word, device->msix_table + vector * MSIX_ENTRY_SIZE + offset, sizeof word);
    return word;
}

/* Sends what is pending and not masked. */
static void messages_flush(struct minimal_device *device)
{
    if (!minimal_config_msix_enabled(&device->config) || minimal_config_msix_masked(&device->config) ||
        !minimal_config_master_enabled(&device->config))
        return;
    for (unsigned vector = 0; vector < device->vectors; vector++) {
        if ((device->msix_pending >> vector & 1) && !(table_word(device, vector, 12) & 1)) {
            device->msix_pending &= ~(UINT64_C(1) << vector);
            device->host->message(device->host->context, (uint64_t)table_word(device, vector, 4) << 32 | table_word(device, vector, 0),
                                  table_word(device, vector, 8));
        }
    }
}

static void interrupt_raise(struct minimal_device *device, uint16_t vector, uint8_t isr)
{
    if (minimal_config_msix_enabled(&device->config)) {
        if (vector < device->vectors)
            device->msix_pending |= UINT64_C(1) << vector;
        messages_flush(device);
        return;
    }
    device->isr |= isr;
    line_update(device);
}

static void config_changed(struct minimal_device *device)
{
    device->generation++;
    if (device->status & STATUS_DRIVER_OK)
        interrupt_raise(device, device->config_vector, ISR_CONFIG);
}

static void needs_reset(struct minimal_device *device)
{
    if (device->status & STATUS_NEEDS_RESET)
        return;
    device->status |= STATUS_NEEDS_RESET;
    config_changed(device);
}

/* ---- frames ---- */

static unsigned header_size(const struct minimal_device *device)
{
    return device->contract && !(device->accepted & FEATURE_MERGE) ? 10 : 12;
}

static bool queue_runs(const struct minimal_device *device, unsigned index)
{
    return device->queues[index].enabled && (device->status & STATUS_DRIVER_OK) && !(device->status & STATUS_NEEDS_RESET) &&
           minimal_config_master_enabled(&device->config);
}

static void backlog_clear(struct minimal_device *device)
{
    struct frame *frame;
    while ((frame = device->backlog) != NULL) {
        device->backlog = frame->next;
        free(frame);
    }
    device->backlog_end = &device->backlog;
    device->backlog_count = 0;
}

/* A frame comes back with its addresses swapped; a full backlog or a link that is down loses it. */
static void frame_return(struct minimal_device *device, const uint8_t *bytes, size_t length)
{
    struct frame *frame;
    if (!(device->net_config[NET_STATUS] & LINK_UP) || device->backlog_count == BACKLOG_FRAMES || !(frame = malloc(sizeof *frame + length)))
        return;
    frame->next = NULL;
    frame->length = length;
    memcpy(frame->bytes, bytes + 6, 6);
    memcpy(frame->bytes + 6, bytes, 6);
    memcpy(frame->bytes + 12, bytes + 12, length - 12);
    *device->backlog_end = frame;
    device->backlog_end = &frame->next;
    device->backlog_count++;
}

/* One transmit chain: header, then the frame. What is out of range is dropped, and still completed. */
static void chain_transmit(struct minimal_device *device)
{
    const struct minimal_chain *chain = &device->chain;
    uint64_t length = minimal_chain_length(chain, false);
    unsigned header = header_size(device);
    uint64_t limit = device->contract ? CONTRACT_FRAME_MAX : FRAME_MAX;
    if (minimal_chain_length(chain, true) == 0 && length >= header + FRAME_MIN && length - header <= limit) {
        size_t frame_length = minimal_chain_read(chain, header, device->frame_buffer, (size_t)(length - header));
        frame_return(device, device->frame_buffer, frame_length);
    }
}

static void transmit_run(struct minimal_device *device)
{
    struct minimal_queue *queue = &device->queues[QUEUE_TRANSMIT];
    do {
        enum minimal_pop popped;
        while ((popped = minimal_queue_pop(queue, &device->chain)) == MINIMAL_POP_CHAIN) {
            chain_transmit(device);
            minimal_queue_complete(queue, device->chain.head, 0);
        }
        if (minimal_queue_publish(queue))
            interrupt_raise(device, queue->vector, ISR_QUEUE);
        if (popped == MINIMAL_POP_MALFORMED) {
            needs_reset(device);
            return;
        }
    } while (minimal_queue_rearm(queue));
}

enum delivery { DELIVERED, NO_BUFFERS, TOO_LONG, BUFFERS_MALFORMED };

/* Writes one frame into as many chains as it takes (one without MRG_RXBUF); nothing is consumed unless it is delivered. */
static enum delivery frame_deliver(struct minimal_device *device, const struct frame *frame)
{
    struct minimal_queue *queue = &device->queues[QUEUE_RECEIVE];
    bool merge = device->accepted & FEATURE_MERGE;
    unsigned header = header_size(device);
    uint16_t heads[MINIMAL_QUEUE_MAX];
    uint32_t written[MINIMAL_QUEUE_MAX];
    uint8_t *buffer_count[2] = {NULL, NULL}; /* the bytes of num_buffers, which is known at the end */
    unsigned count = 0;
    size_t done = 0;
    uint8_t net_header[HEADER_MAX] = {0};
    while (done < frame->length) {
        enum minimal_pop popped = count < queue->size ? minimal_queue_pop(queue, &device->chain) : MINIMAL_POP_EMPTY;
        if (popped == MINIMAL_POP_CHAIN) {
            heads[count] = device->chain.head;
            written[count++] = 0;
        }
        uint64_t room = popped == MINIMAL_POP_CHAIN ? minimal_chain_length(&device->chain, true) : 0;
        unsigned skip = count == 1 ? header : 0;
        bool sound = popped == MINIMAL_POP_CHAIN && minimal_chain_length(&device->chain, false) == 0 && room > skip;
        bool fits = merge || room >= skip + frame->length;
        if (!sound || !fits) {
            minimal_queue_unpop(queue, count);
            return popped == MINIMAL_POP_EMPTY ? NO_BUFFERS : popped == MINIMAL_POP_MALFORMED || !sound ? BUFFERS_MALFORMED : TOO_LONG;
        }
        if (skip) {
            minimal_chain_write(&device->chain, 0, net_header, header);
            for (unsigned i = 0; header == HEADER_MAX && i < 2; i++)
                buffer_count[i] = minimal_chain_byte(&device->chain, 10 + i);
        }
        size_t step = minimal_chain_write(&device->chain, skip, frame->bytes + done, frame->length - done);
        done += step;
        written[count - 1] = (uint32_t)(skip + step);
    }
    unsigned buffers = merge ? count : 1;
    for (unsigned i = 0; i < 2; i++) {
        if (buffer_count[i])
            *buffer_count[i] = (uint8_t)(buffers >> (8 * i));
    }
    for (unsigned i = 0; i < count; i++)
        minimal_queue_complete(queue, heads[i], written[i]);
    return DELIVERED;
}

static void receive_run(struct minimal_device *device)
{
    struct minimal_queue *queue = &device->queues[QUEUE_RECEIVE];
    enum delivery delivery = DELIVERED;
    do {
        while (device->backlog && (delivery = frame_deliver(device, device->backlog)) != NO_BUFFERS && delivery != BUFFERS_MALFORMED) {
            struct frame *frame = device->backlog;
            device->backlog = frame->next;
            device->backlog_count--;
            if (!device->backlog)
                device->backlog_end = &device->backlog;
            free(frame);
        }
        if (minimal_queue_publish(queue))
            interrupt_raise(device, queue->vector, ISR_QUEUE);
        if (delivery == BUFFERS_MALFORMED) {
            needs_reset(device);
            return;
        }
    } while (minimal_queue_rearm(queue) && device->backlog);
}

static void *worker_run(void *argument)
{
    struct minimal_device *device = argument;
    pthread_mutex_lock(&device->lock);
    while (!device->stopping) {
        if (!device->notified[QUEUE_RECEIVE] && !device->notified[QUEUE_TRANSMIT]) {
            device->busy = false;
            pthread_cond_broadcast(&device->idle);
            pthread_cond_wait(&device->work, &device->lock);
            continue;
        }
        bool transmit = device->notified[QUEUE_TRANSMIT];
        device->notified[QUEUE_RECEIVE] = device->notified[QUEUE_TRANSMIT] = false;
        if (transmit && queue_runs(device, QUEUE_TRANSMIT))
            transmit_run(device);
        if (queue_runs(device, QUEUE_RECEIVE))
            receive_run(device);
    }
    pthread_mutex_unlock(&device->lock);
    return NULL;
}

static void queue_notify(struct minimal_device *device, unsigned index)
{
    if (index >= QUEUE_COUNT)
        return;
    device->notified[index] = true;
    device->busy = true;
    pthread_cond_signal(&device->work);
}

/* ---- common configuration ---- */

static void device_reset(struct minimal_device *device)
{
    device->device_feature_select = device->driver_feature_select = 0;
    device->accepted = 0;
    device->status = 0;
    device->queue_select = 0;
    device->config_vector = NO_VECTOR;
    device->isr = 0;
    device->msix_pending = 0;
    for (unsigned i = 0; i < QUEUE_COUNT; i++) {
        struct minimal_queue *queue = &device->queues[i];
        *queue = (struct minimal_queue){.ram = device->host->ram,
                                        .ram_size = device->host->ram_size,
                                        .maximum = queue->maximum,
                                        .size = queue->maximum,
                                        .vector = NO_VECTOR};
        device->notified[i] = false;
    }
    backlog_clear(device);
    line_update(device);
}

static struct minimal_queue *queue_selected(struct minimal_device *device)
{
    return device->queue_select < QUEUE_COUNT ? &device->queues[device->queue_select] : NULL;
}

static void status_write(struct minimal_device *device, uint8_t value)
{
    if (value == 0) {
        device_reset(device);
        return;
    }
    uint8_t added = value & ~device->status;
    if ((added & STATUS_FEATURES_OK) && ((device->accepted & ~device->offered) || !(device->accepted & FEATURE_VERSION_1)))
        value &= (uint8_t)~STATUS_FEATURES_OK;
    /* NEEDS_RESET is the device's own. */
    device->status = (uint8_t)(value & ~STATUS_NEEDS_RESET) | (device->status & STATUS_NEEDS_RESET);
    if (added & STATUS_DRIVER_OK) {
        queue_notify(device, QUEUE_RECEIVE);
        queue_notify(device, QUEUE_TRANSMIT);
    }
}

static void queue_enable(struct minimal_device *device, struct minimal_queue *queue)
{
    queue->indirect = device->accepted & FEATURE_INDIRECT;
    queue->event_idx = device->accepted & FEATURE_EVENT_IDX;
    /* Areas outside memory or misaligned are found when they are used; offsets added to them must not wrap. */
    bool sound = queue->descriptor_area % 16 == 0 && queue->driver_area % 2 == 0 && queue->device_area % 4 == 0 &&
                 queue->descriptor_area < queue->ram_size && queue->driver_area < queue->ram_size && queue->device_area < queue->ram_size;
    if (sound)
        queue->enabled = true;
    else
        needs_reset(device);
}

static void common_image(const struct minimal_device *device, uint8_t image[COMMON_SIZE])
{
    const struct minimal_queue *queue = device->queue_select < QUEUE_COUNT ? &device->queues[device->queue_select] : NULL;
    uint32_t offered = device->device_feature_select < 2 ? (uint32_t)(device->offered >> (32 * device->device_feature_select)) : 0;
    uint32_t accepted = device->driver_feature_select < 2 ? (uint32_t)(device->accepted >> (32 * device->driver_feature_select)) : 0;
    uint16_t queue_count = QUEUE_COUNT;
    memset(image, 0, COMMON_SIZE);
    memcpy(image + 0, &device->device_feature_select, 4);
    memcpy(image + 4, &offered, 4);
    memcpy(image + 8, &device->driver_feature_select, 4);
    memcpy(image + 12, &accepted, 4);
    memcpy(image + 16, &device->config_vector, 2);
    memcpy(image + 18, &queue_count, 2);
    image[20] = device->status;
    image[21] = device->generation;
    memcpy(image + 22, &device->queue_select, 2);
    if (queue) {
        uint16_t enabled = queue->enabled;
        memcpy(image + 24, &queue->size, 2);
        memcpy(image + 26, &queue->vector, 2);
        memcpy(image + 28, &enabled, 2);
        memcpy(image + 30, &device->queue_select, 2); /* queue_notify_off(q) = q */
        memcpy(image + 32, &queue->descriptor_area, 8);
        memcpy(image + 40, &queue->driver_area, 8);
        memcpy(image + 48, &queue->device_area, 8);
    }
}

static uint16_t vector_accept(const struct minimal_device *device, uint64_t value)
{
    return value < device->vectors ? (uint16_t)value : NO_VECTOR;
}

/* One half, or the whole, of an area's address; `shift` is 32 for the upper half. */
static void area_write(uint64_t *area, unsigned width, unsigned shift, uint64_t value)
{
    uint64_t mask = width == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << shift;
    *area = (*area & ~mask) | (value << shift & mask);
}

static void queue_field_write(struct minimal_device *device, struct minimal_queue *queue, unsigned offset, unsigned width, uint64_t value)
{
    if (offset == 26 && width == 2) {
        queue->vector = vector_accept(device, value);
        return;
    }
    if (queue->enabled)
        return;
    if (offset == 24 && width == 2) {
        if (value && value <= queue->maximum && !(value & (value - 1)))
            queue->size = (uint16_t)value;
    } else if (offset == 28 && width == 2) {
        if (value == 1)
            queue_enable(device, queue);
    } else if (offset >= 32 && offset < 56 && (width == 4 || (width == 8 && offset % 8 == 0))) {
        uint64_t *areas[] = {&queue->descriptor_area, &queue->driver_area, &queue->device_area};
        area_write(areas[(offset - 32) / 8], width, offset % 8 ? 32 : 0, value);
    }
}

/* Accesses of another width than the field's have no effect. */
static void common_write(struct minimal_device *device, unsigned offset, unsigned width, uint64_t value)
{
    switch (offset << 4 | width) {
    case 0 << 4 | 4:
        device->device_feature_select = (uint32_t)value;
        break;
    case 8 << 4 | 4:
        device->driver_feature_select = (uint32_t)value;
        break;
    case 12 << 4 | 4:
        if (device->driver_feature_select < 2 && !(device->status & STATUS_FEATURES_OK))
            area_write(&device->accepted, 4, 32 * device->driver_feature_select, value);
        break;
    case 16 << 4 | 2:
        device->config_vector = vector_accept(device, value);
        break;
    case 20 << 4 | 1:
        status_write(device, (uint8_t)value);
        break;
    case 22 << 4 | 2:
        device->queue_select = (uint16_t)value;
        break;
    default:
        if (queue_selected(device))
            queue_field_write(device, queue_selected(device), offset, width, value);
        break;
    }
}

/* ---- operations ---- */

static uint32_t device_config_read(void *state, unsigned offset, unsigned width)
{
    struct minimal_device *device = state;
    pthread_mutex_lock(&device->lock);
    uint32_t value = minimal_config_read(&device->config, offset, width);
    pthread_mutex_unlock(&device->lock);
    return value;
}

static void device_config_write(void *state, unsigned offset, unsigned width, uint32_t value)
{
    struct minimal_device *device = state;
    pthread_mutex_lock(&device->lock);
    bool mastered = minimal_config_master_enabled(&device->config);
    minimal_config_write(&device->config, offset, width, value);
    line_update(device);
    messages_flush(device);
    if (!mastered && minimal_config_master_enabled(&device->config)) {
        queue_notify(device, QUEUE_RECEIVE);
        queue_notify(device, QUEUE_TRANSMIT);
    }
    pthread_mutex_unlock(&device->lock);
}

static bool range_holds(const struct minimal_range *range, uint64_t offset, unsigned width)
{
    return offset >= range->offset && width <= range->length && offset - range->offset <= range->length - width;
}

/* Copies `width` bytes out of a structure; what lies behind its end is zero. */
static uint64_t image_read(const uint8_t *image, size_t size, uint64_t offset, unsigned width)
{
    uint64_t value = 0;
    if (offset < size)
        memcpy(&value, image + offset, width <= size - offset ? width : (size_t)(size - offset));
    return value;
}

static uint64_t registers_read(struct minimal_device *device, uint64_t offset, unsigned width)
{
    const struct minimal_layout *layout = device->layout;
    if (range_holds(&layout->common, offset, width)) {
        uint8_t image[COMMON_SIZE];
        common_image(device, image);
        return image_read(image, sizeof image, offset - layout->common.offset, width);
    }
    if (range_holds(&layout->device, offset, width))
        return image_read(device->net_config, NET_CONFIG_SIZE, offset - layout->device.offset, width);
    if (offset == layout->isr.offset) {
        uint8_t isr = device->isr;
        device->isr = 0;
        line_update(device);
        return isr;
    }
    return 0;
}

static uint64_t device_bar_read(void *state, unsigned bar, uint64_t offset, unsigned width)
{
    struct minimal_device *device = state;
    uint64_t value = 0;
    if (width > 8)
        return UINT64_MAX;
    pthread_mutex_lock(&device->lock);
    if (!minimal_config_memory_enabled(&device->config)) {
        value = UINT64_MAX;
    } else if (bar == device->layout->bar) {
        value = registers_read(device, offset, width);
    } else if (device->vectors && bar == device->layout->msix_bar) {
        if (offset < device->vectors * MSIX_ENTRY_SIZE)
            value = image_read(device->msix_table, device->vectors * MSIX_ENTRY_SIZE, offset, width);
        else if (offset >= MINIMAL_PBA_OFFSET)
            value = image_read((const uint8_t *)&device->msix_pending, sizeof device->msix_pending, offset - MINIMAL_PBA_OFFSET, width);
    }
    pthread_mutex_unlock(&device->lock);
    return value;
}

static void device_bar_write(void *state, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    struct minimal_device *device = state;
    const struct minimal_layout *layout = device->layout;
    pthread_mutex_lock(&device->lock);
    if (!minimal_config_memory_enabled(&device->config)) {
        /* Not decoded. */
    } else if (bar == layout->bar && range_holds(&layout->common, offset, width)) {
        common_write(device, (unsigned)(offset - layout->common.offset), width, value);
    } else if (bar == layout->bar && range_holds(&layout->notify, offset, width)) {
        if ((width == 2 || width == 4) && (offset - layout->notify.offset) == (value & 0xffff) * MINIMAL_NOTIFY_MULTIPLIER)
            queue_notify(device, value & 0xffff);
    } else if (device->vectors && bar == layout->msix_bar && offset % 4 == 0 && width == 4 && offset < device->vectors * MSIX_ENTRY_SIZE) {
        uint32_t word = (uint32_t)value;
        memcpy(device->msix_table + offset, &word, sizeof word);
        messages_flush(device);
    }
    pthread_mutex_unlock(&device->lock);
}

static bool device_message_target(void *state, unsigned vector, uint64_t *address, uint32_t *data)
{
    struct minimal_device *device = state;
    if (vector >= device->vectors)
        return false;
    *address = MESSAGE_ADDRESS;
    *data = 0x4000 | vector;
    return true;
}

static bool device_set_link(void *state, bool up)
{
    struct minimal_device *device = state;
    pthread_mutex_lock(&device->lock);
    device->net_config[NET_STATUS] = up ? LINK_UP : 0;
    config_changed(device);
    pthread_mutex_unlock(&device->lock);
    return true;
}

static const char *device_describe(void *state)
{
    const struct minimal_device *device = state;
    return device->contract ? "minimal virtio-net, contract AERO-W7-VIRTIO v1" : "minimal virtio-net, virtio 1.x";
}

static void device_destroy(void *state)
{
    struct minimal_device *device = state;
    pthread_mutex_lock(&device->lock);
    device->stopping = true;
    pthread_cond_signal(&device->work);
    pthread_mutex_unlock(&device->lock);
    pthread_join(device->worker, NULL);
    backlog_clear(device);
    pthread_cond_destroy(&device->idle);
    pthread_cond_destroy(&device->work);
    pthread_mutex_destroy(&device->lock);
    free(device);
}

static const struct ndishost_pci_ops minimal_ops = {
    .config_read = device_config_read,
    .config_write = device_config_write,
    .bar_read = device_bar_read,
    .bar_write = device_bar_write,
    .message_target = device_message_target,
    .set_link = device_set_link,
    .describe = device_describe,
    .destroy = device_destroy,
};

/* ---- life ---- */

bool minimal_device_create(const struct minimal_device_options *options, const struct ndishost_pci_host *host,
                           struct ndishost_pci_device *created)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0xae, 0x30, 0x01};
    unsigned queue_size = options->queue_size ? options->queue_size : 256;
    if ((options->features & ~FEATURES_POSSIBLE) || options->vectors > VECTORS_MAX || queue_size > MINIMAL_QUEUE_MAX ||
        (queue_size & (queue_size - 1)))
        return false;
    struct minimal_device *device = calloc(1, sizeof *device);
    if (!device)
        return false;
    device->host = host;
    device->contract = options->contract;
    device->offered = options->features ? options->features : FEATURES_USUAL;
    device->vectors = options->vectors;
    device->layout = minimal_layout(options->contract);
    minimal_config_init(&device->config, options->contract, options->vectors);
    for (unsigned i = 0; i < options->vectors; i++)
        device->msix_table[i * MSIX_ENTRY_SIZE + 12] = 1; /* masked after reset */
    for (unsigned i = 0; i < QUEUE_COUNT; i++)
        device->queues[i].maximum = (uint16_t)queue_size;
    memcpy(device->net_config, mac, sizeof mac);
    device->net_config[NET_STATUS] = LINK_UP;
    device->net_config[8] = 1; /* max_virtqueue_pairs */
    device->backlog_end = &device->backlog;
    pthread_mutex_init(&device->lock, NULL);
    pthread_cond_init(&device->work, NULL);
    pthread_cond_init(&device->idle, NULL);
    device_reset(device);
    if (pthread_create(&device->worker, NULL, worker_run, device)) {
        free(device);
        return false;
    }
    *created = (struct ndishost_pci_device){.ops = &minimal_ops, .state = device};
    return true;
}

void minimal_device_drain(const struct ndishost_pci_device *drained)
{
    struct minimal_device *device = drained->state;
    pthread_mutex_lock(&device->lock);
    while (device->busy)
        pthread_cond_wait(&device->idle, &device->lock);
    pthread_mutex_unlock(&device->lock);
}
