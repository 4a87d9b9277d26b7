/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * example_device.c - a complete virtio-net device as an ndishost plugin, in one file: a modern PCI function with one BAR and INTA#, two
 * split queues, a thread that moves frames between them and its cable.
 *
 *   cc -shared -fPIC -O2 -pthread -I<folder with ndishost/pci_device.h> example_device.c -o example_device.so       (-m32 for x86 drivers)
 *   ndishost run driver.sys --device plugin:./example_device.so --exec 'ping -c 3 192.0.2.2'
 *
 * Options: "echo" sends every frame back to the driver, addresses exchanged, instead of letting it out.
 *
 * What it reads from guest memory is the driver's: indices, addresses and lengths are checked, loops are bounded; a malformed ring puts the
 * device into DEVICE_NEEDS_RESET. Numbers without another word are from the virtio 1.x and PCI specifications.
 */
#include <errno.h>
#include <ndishost/pci_device.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    RECEIVE,
    TRANSMIT,
    QUEUES,
    QUEUE_SIZE = 256,
    CONFIG_BYTES = 256,
    BAR = 4,
    BAR_BYTES = 0x4000,
    COMMON = 0x0000,
    NOTIFY = 0x1000,
    ISR = 0x2000,
    NET = 0x3000,
    PAGE = 0x1000, /* offsets in the BAR, a page each */
    COMMAND_MEMORY = 2,
    COMMAND_MASTER = 4,
    COMMAND_LINE_DISABLE = 0x400,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_NEEDS_RESET = 0x40,
    ISR_QUEUE = 1,
    ISR_CONFIG = 2,
    LINK_UP = 1,
    DESCRIPTOR_NEXT = 1,
    DESCRIPTOR_WRITE = 2,
    DESCRIPTOR_INDIRECT = 4,
    NO_INTERRUPT = 1,
    NET_HEADER = 12,
    FRAME_MIN = 14,
    FRAME_MAX = 1514 + 4,
    NO_VECTOR = 0xffff,
};
#define BIT(number) (UINT64_C(1) << (number))
/* VERSION_1, INDIRECT_DESC, STATUS, MAC */
static const uint64_t OFFERED = BIT(32) | BIT(28) | BIT(16) | BIT(5);

struct queue {
    uint16_t size, enabled;
    uint64_t area[3]; /* descriptors, driver (available), device (used): physical addresses */
    uint16_t taken, used;
};

struct device {
    const struct ndishost_pci_host *host;
    int network_fd, wake_fd;
    bool echo;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the rest; operations and the thread take it */
    bool stopping, notified, line;
    uint8_t config[CONFIG_BYTES], writable[CONFIG_BYTES];
    uint8_t net[8]; /* mac, status */
    uint32_t device_feature_select, driver_feature_select;
    uint64_t accepted;
    uint8_t status, isr, generation;
    uint16_t queue_select;
    struct queue queues[QUEUES];
    uint64_t frames_out, frames_in, frames_dropped;
    char description[160];
};

static void put(uint8_t *bytes, unsigned offset, unsigned width, uint64_t value)
{
    memcpy(bytes + offset, &value, width);
}

/* ---- interrupt ---- */

static void line_update(struct device *device)
{
    bool asserted = device->isr && !(device->config[5] & (COMMAND_LINE_DISABLE >> 8));
    device->config[6] = (uint8_t)(0x10 | (device->isr ? 8 : 0)); /* capabilities list; interrupt pending */
    if (asserted != device->line) {
        device->line = asserted;
        device->host->line(device->host->context, asserted);
    }
}

static void raise_interrupt(struct device *device, uint8_t cause)
{
    device->isr |= cause;
    line_update(device);
}

static void needs_reset(struct device *device)
{
    if (device->status & STATUS_NEEDS_RESET)
        return;
    device->status |= STATUS_NEEDS_RESET;
    device->generation++;
    if (device->status & STATUS_DRIVER_OK)
        raise_interrupt(device, ISR_CONFIG);
}

/* ---- rings ---- */

/* `length` bytes at a physical address, or NULL when not all of them are memory. */
static uint8_t *memory(const struct device *device, uint64_t address, uint64_t length)
{
    const struct ndishost_pci_host *host = device->host;
    return address <= host->ram_size && length <= host->ram_size - address ? host->ram + address : NULL;
}

/* The 16-bit field at `offset` of an area; the driver writes them at any time. The areas were checked when the queue was enabled. */
static uint16_t *field(const struct device *device, const struct queue *queue, unsigned area, unsigned offset)
{
    return (uint16_t *)(void *)(device->host->ram + queue->area[area] + offset);
}

static bool queue_runs(const struct device *device, unsigned index)
{
    return device->queues[index].enabled && (device->config[4] & COMMAND_MASTER) &&
           (device->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET)) == STATUS_DRIVER_OK;
}

struct part {
    uint8_t *bytes;
    uint32_t length;
};
struct chain {
    uint16_t head;
    unsigned count;
    size_t length;
    struct part parts[QUEUE_SIZE];
};

/* Collects the buffers of a table from entry `index` on; all of one direction. */
static bool follow(const struct device *device, struct chain *chain, uint64_t table, unsigned entries, unsigned index, bool writable)
{
    for (;;) {
        const uint8_t *entry = index < entries ? memory(device, table + 16 * index, 16) : NULL;
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
        if (!entry || chain->count == QUEUE_SIZE)
            return false;
        memcpy(&address, entry, 8);
        memcpy(&length, entry + 8, 4);
        memcpy(&flags, entry + 12, 2);
        memcpy(&next, entry + 14, 2);
        if (flags & DESCRIPTOR_INDIRECT) { /* only as the whole chain, only once */
            if (chain->count || (flags & DESCRIPTOR_NEXT) || table != device->queues[writable ? RECEIVE : TRANSMIT].area[0] || length % 16)
                return false;
            return follow(device, chain, address, length / 16, 0, writable);
        }
        struct part part = {memory(device, address, length), length};
        if (!part.bytes || !!(flags & DESCRIPTOR_WRITE) != writable)
            return false;
        chain->parts[chain->count++] = part;
        chain->length += length;
        if (!(flags & DESCRIPTOR_NEXT))
            return true;
        index = next;
    }
}

/* Takes the next available chain; false when there is none, or the ring is malformed (the device needs a reset then). */
static bool take(struct device *device, unsigned index, struct chain *chain)
{
    struct queue *queue = &device->queues[index];
    /* Acquire pairs with the driver's barrier before it moves the index. */
    uint16_t available = (uint16_t)(__atomic_load_n(field(device, queue, 1, 2), __ATOMIC_ACQUIRE) - queue->taken);
    if (available == 0)
        return false;
    chain->count = 0;
    chain->length = 0;
    chain->head = *field(device, queue, 1, 4 + 2 * (queue->taken % queue->size));
    if (available > queue->size || !follow(device, chain, queue->area[0], queue->size, chain->head, index == RECEIVE)) {
        needs_reset(device);
        return false;
    }
    queue->taken++;
    return true;
}

static void give_back(struct device *device, unsigned index, const struct chain *chain, uint32_t written)
{
    struct queue *queue = &device->queues[index];
    uint32_t entry[2] = {chain->head, written};
    memcpy(field(device, queue, 2, 4 + 8 * (queue->used % queue->size)), entry, sizeof entry);
    queue->used++;
    /* Release pairs with the driver's barrier between index and entry; the fence with the one before it looks at the index again. */
    __atomic_store_n(field(device, queue, 2, 2), queue->used, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!(*field(device, queue, 1, 0) & NO_INTERRUPT))
        raise_interrupt(device, ISR_QUEUE);
}

/* Copies between a chain, from byte `offset` on, and `bytes`. */
static void copy(const struct chain *chain, size_t offset, uint8_t *bytes, size_t length, bool into_chain)
{
    for (unsigned i = 0; i < chain->count && length; i++) {
        const struct part *part = &chain->parts[i];
        if (offset >= part->length) {
            offset -= part->length;
            continue;
        }
        size_t step = part->length - offset < length ? part->length - offset : length;
        memcpy(into_chain ? part->bytes + offset : bytes, into_chain ? bytes : part->bytes + offset, step);
        bytes += step;
        length -= step;
        offset = 0;
    }
}

/* ---- frames ---- */

static bool deliver(struct device *device, uint8_t *frame, size_t length)
{
    static const uint8_t header[NET_HEADER] = {[10] = 1}; /* num_buffers */
    struct chain chain;
    if (!queue_runs(device, RECEIVE) || !take(device, RECEIVE, &chain))
        return false;
    if (chain.length < NET_HEADER + length) {
        needs_reset(device);
        return false;
    }
    copy(&chain, 0, (uint8_t *)header, NET_HEADER, true);
    copy(&chain, NET_HEADER, frame, length, true);
    device->frames_in++;
    give_back(device, RECEIVE, &chain, (uint32_t)(NET_HEADER + length));
    return true;
}

static void send_out(struct device *device, uint8_t *frame, size_t length)
{
    bool sent;
    if (device->echo) {
        uint8_t destination[6];
        memcpy(destination, frame, 6);
        memcpy(frame, frame + 6, 6);
        memcpy(frame + 6, destination, 6);
        sent = deliver(device, frame, length);
    } else {
        sent = device->network_fd >= 0 && write(device->network_fd, frame, length) == (ssize_t)length;
    }
    device->frames_out++;
    device->frames_dropped += !sent;
}

static void transmit_run(struct device *device)
{
    struct chain chain;
    uint8_t frame[FRAME_MAX];
    while (queue_runs(device, TRANSMIT) && take(device, TRANSMIT, &chain)) {
        if (chain.length >= NET_HEADER + FRAME_MIN && chain.length <= NET_HEADER + FRAME_MAX) {
            copy(&chain, NET_HEADER, frame, chain.length - NET_HEADER, false);
            send_out(device, frame, chain.length - NET_HEADER);
        } else {
            device->frames_dropped++;
        }
        give_back(device, TRANSMIT, &chain, 0);
    }
}

/* A frame is taken from the cable only when there is a buffer for it: the cable queues what comes too fast. */
static bool receive_possible(const struct device *device)
{
    const struct queue *queue = &device->queues[RECEIVE];
    return !device->echo && device->network_fd >= 0 && queue_runs(device, RECEIVE) &&
           __atomic_load_n(field(device, queue, 1, 2), __ATOMIC_ACQUIRE) != queue->taken;
}

static void *run(void *argument)
{
    struct device *device = argument;
    uint8_t frame[FRAME_MAX];
    pthread_mutex_lock(&device->lock);
    while (!device->stopping) {
        struct pollfd wait[2] = {{.fd = device->wake_fd, .events = POLLIN}, {.fd = device->network_fd, .events = POLLIN}};
        nfds_t count = receive_possible(device) ? 2 : 1;
        uint64_t wakes;
        pthread_mutex_unlock(&device->lock);
        poll(wait, count, -1);
        if (wait[0].revents && read(device->wake_fd, &wakes, sizeof wakes) < 0 && errno != EAGAIN)
            device->host->failed(device->host->context, "the example's event descriptor broke");
        pthread_mutex_lock(&device->lock);
        if (device->notified)
            transmit_run(device);
        device->notified = false;
        ssize_t length;
        while (receive_possible(device) && (length = read(device->network_fd, frame, sizeof frame)) >= FRAME_MIN)
            device->frames_dropped += !deliver(device, frame, (size_t)length);
    }
    pthread_mutex_unlock(&device->lock);
    return NULL;
}

static void wake(struct device *device)
{
    uint64_t one = 1;
    device->notified = true;
    if (write(device->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        device->host->failed(device->host->context, "the example's event descriptor broke");
}

/* ---- registers ---- */

static void reset(struct device *device)
{
    memset(device->queues, 0, sizeof device->queues);
    for (unsigned i = 0; i < QUEUES; i++)
        device->queues[i].size = QUEUE_SIZE;
    device->device_feature_select = device->driver_feature_select = 0;
    device->accepted = 0;
    device->status = device->isr = 0;
    device->queue_select = 0;
    line_update(device);
}

static void set_status(struct device *device, uint8_t value)
{
    if (value == 0) {
        reset(device);
        return;
    }
    if ((value & STATUS_FEATURES_OK) && ((device->accepted & ~OFFERED) || !(device->accepted & BIT(32))))
        value &= (uint8_t)~STATUS_FEATURES_OK;
    device->status = (uint8_t)((value & ~STATUS_NEEDS_RESET) | (device->status & STATUS_NEEDS_RESET));
    wake(device);
}

/* Descriptor table, available ring, used ring: their sizes, and the alignments that the specification demands. */
static void enable(struct device *device, struct queue *queue)
{
    const uint64_t length[3] = {16u * queue->size, 6 + 2u * queue->size, 6 + 8u * queue->size}, alignment[3] = {16, 2, 4};
    for (unsigned i = 0; i < 3; i++) {
        if (queue->area[i] % alignment[i] || !memory(device, queue->area[i], length[i])) {
            needs_reset(device);
            return;
        }
    }
    queue->enabled = 1;
}

static uint64_t common_read(const struct device *device, unsigned offset, unsigned width)
{
    const struct queue none = {0}, *queue = device->queue_select < QUEUES ? &device->queues[device->queue_select] : &none;
    uint8_t image[64] = {0};
    uint64_t value = 0;
    put(image, 0, 4, device->device_feature_select);
    put(image, 4, 4, device->device_feature_select < 2 ? OFFERED >> (32 * device->device_feature_select) : 0);
    put(image, 8, 4, device->driver_feature_select);
    put(image, 12, 4, device->driver_feature_select < 2 ? device->accepted >> (32 * device->driver_feature_select) : 0);
    put(image, 16, 2, NO_VECTOR);
    put(image, 18, 2, QUEUES);
    image[20] = device->status;
    image[21] = device->generation;
    put(image, 22, 2, device->queue_select);
    put(image, 24, 2, queue->size);
    put(image, 26, 2, NO_VECTOR);
    put(image, 28, 2, queue->enabled);
    for (unsigned i = 0; i < 3; i++)
        put(image, 32 + 8 * i, 8, queue->area[i]);
    if (offset < sizeof image - 8)
        memcpy(&value, image + offset, width);
    return value;
}

static void common_write(struct device *device, unsigned offset, unsigned width, uint64_t value)
{
    struct queue *queue = device->queue_select < QUEUES ? &device->queues[device->queue_select] : NULL;
    if (offset == 0 && width == 4)
        device->device_feature_select = (uint32_t)value;
    else if (offset == 8 && width == 4)
        device->driver_feature_select = (uint32_t)value;
    else if (offset == 12 && width == 4 && device->driver_feature_select < 2 && !(device->status & STATUS_FEATURES_OK))
        put((uint8_t *)&device->accepted, 4 * device->driver_feature_select, 4, value);
    else if (offset == 20 && width == 1)
        set_status(device, (uint8_t)value);
    else if (offset == 22 && width == 2)
        device->queue_select = (uint16_t)value;
    else if (!queue || queue->enabled)
        return;
    else if (offset == 24 && width == 2 && value && value <= QUEUE_SIZE && !(value & (value - 1)))
        queue->size = (uint16_t)value;
    else if (offset == 28 && width == 2 && value == 1)
        enable(device, queue);
    else if (offset >= 32 && offset + width <= 56 && width >= 4 && offset % width == 0)
        put((uint8_t *)queue->area, offset - 32, width, value);
}

/* ---- operations: the host calls one at a time ---- */

static uint32_t config_read(void *state, unsigned offset, unsigned width)
{
    struct device *device = state;
    uint32_t value = 0;
    pthread_mutex_lock(&device->lock);
    if (offset + width <= CONFIG_BYTES)
        memcpy(&value, device->config + offset, width);
    pthread_mutex_unlock(&device->lock);
    return value;
}

static void config_write(void *state, unsigned offset, unsigned width, uint32_t value)
{
    struct device *device = state;
    pthread_mutex_lock(&device->lock);
    for (unsigned i = 0; i < width && offset + i < CONFIG_BYTES; i++) {
        uint8_t mask = device->writable[offset + i], byte = (uint8_t)(value >> (8 * i));
        device->config[offset + i] = (uint8_t)((device->config[offset + i] & ~mask) | (byte & mask));
    }
    line_update(device);
    wake(device);
    pthread_mutex_unlock(&device->lock);
}

static uint64_t bar_read(void *state, unsigned bar, uint64_t offset, unsigned width)
{
    struct device *device = state;
    pthread_mutex_lock(&device->lock);
    uint64_t value = bar == BAR && (device->config[4] & COMMAND_MEMORY) ? 0 : UINT64_MAX;
    if (value == 0 && offset < COMMON + PAGE) {
        value = common_read(device, (unsigned)offset, width);
    } else if (value == 0 && offset == ISR) {
        value = device->isr; /* reading takes the line back */
        device->isr = 0;
        line_update(device);
    } else if (value == 0 && offset >= NET && offset - NET < sizeof device->net && width <= sizeof device->net - (offset - NET)) {
        memcpy(&value, device->net + (offset - NET), width);
    }
    pthread_mutex_unlock(&device->lock);
    return value;
}

static void bar_write(void *state, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    struct device *device = state;
    pthread_mutex_lock(&device->lock);
    if (bar != BAR || !(device->config[4] & COMMAND_MEMORY))
        ;
    else if (offset < COMMON + PAGE)
        common_write(device, (unsigned)offset, width, value);
    else if (offset >= NOTIFY && offset < NOTIFY + PAGE)
        wake(device); /* notify_off_multiplier is 0: one address for both queues, and the thread looks at both */
    pthread_mutex_unlock(&device->lock);
}

static bool set_link(void *state, bool up)
{
    struct device *device = state;
    pthread_mutex_lock(&device->lock);
    device->net[6] = up ? LINK_UP : 0;
    device->generation++;
    if (device->status & STATUS_DRIVER_OK)
        raise_interrupt(device, ISR_CONFIG);
    pthread_mutex_unlock(&device->lock);
    return true;
}

static const char *describe(void *state)
{
    struct device *device = state;
    pthread_mutex_lock(&device->lock);
    snprintf(device->description, sizeof device->description, "example virtio-net plugin (%s): %llu frames out, %llu in, %llu dropped",
             device->echo ? "echo" : "cable", (unsigned long long)device->frames_out, (unsigned long long)device->frames_in,
             (unsigned long long)device->frames_dropped);
    pthread_mutex_unlock(&device->lock);
    return device->description;
}

static void destroy(void *state)
{
    struct device *device = state;
    pthread_mutex_lock(&device->lock);
    device->stopping = true;
    wake(device);
    pthread_mutex_unlock(&device->lock);
    pthread_join(device->thread, NULL);
    pthread_mutex_destroy(&device->lock);
    close(device->wake_fd);
    free(device);
}

static const struct ndishost_pci_ops operations = {
    .config_read = config_read,
    .config_write = config_write,
    .bar_read = bar_read,
    .bar_write = bar_write,
    .set_link = set_link,
    .describe = describe,
    .destroy = destroy,
};

/* ---- creation ---- */

static void config_fill(struct device *device)
{
    static const struct {
        uint8_t type;
        uint32_t offset, length;
    } structures[] = {{1, COMMON, 56}, {2, NOTIFY, 4}, {3, ISR, 1}, {4, NET, sizeof device->net}};
    uint8_t *config = device->config;
    unsigned at = 0x40;
    put(config, 0x00, 4, 0x10411af4); /* modern virtio-net */
    put(config, 0x08, 4, 0x02000001); /* Ethernet controller, revision 1 */
    put(config, 0x2c, 4, 0x11001af4); /* subsystem */
    config[0x06] = 0x10;              /* there are capabilities */
    config[0x34] = (uint8_t)at;
    config[0x3d] = 1; /* INTA# */
    device->writable[0x3c] = 0xff;
    put(device->writable, 0x04, 2, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_LINE_DISABLE);
    put(device->writable, 0x10 + 4 * BAR, 4, ~(uint32_t)(BAR_BYTES - 1));
    for (unsigned i = 0; i < 4; i++) {
        unsigned length = structures[i].type == 2 ? 20 : 16; /* notify_off_multiplier follows, and is 0 */
        config[at] = 0x09;
        config[at + 1] = (uint8_t)(i < 3 ? at + length : 0);
        config[at + 2] = (uint8_t)length;
        config[at + 3] = structures[i].type;
        config[at + 4] = BAR;
        put(config, at + 8, 4, structures[i].offset);
        put(config, at + 12, 4, structures[i].length);
        at += length;
    }
}

static bool create(const struct ndishost_pci_plugin_order *order, const struct ndishost_pci_host *host, struct ndishost_pci_device *created,
                   char *error, size_t error_size)
{
    if (order->options[0] && strcmp(order->options, "echo") != 0) {
        snprintf(error, error_size, "the only option is \"echo\", not \"%s\"", order->options);
        return false;
    }
    struct device *device = calloc(1, sizeof *device);
    int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!device || wake_fd < 0) {
        snprintf(error, error_size, "out of memory or descriptors");
        free(device);
        if (wake_fd >= 0)
            close(wake_fd);
        return false;
    }
    device->host = host;
    device->network_fd = order->network_fd;
    device->wake_fd = wake_fd;
    device->echo = order->options[0] != 0;
    memcpy(device->net, order->mac, sizeof order->mac);
    device->net[6] = LINK_UP;
    pthread_mutex_init(&device->lock, NULL);
    config_fill(device);
    reset(device);
    if (pthread_create(&device->thread, NULL, run, device) != 0) {
        snprintf(error, error_size, "no thread for the device");
        close(wake_fd);
        free(device);
        return false;
    }
    *created = (struct ndishost_pci_device){.ops = &operations, .state = device};
    return true;
}

const struct ndishost_pci_plugin *ndishost_pci_plugin(void)
{
    static const struct ndishost_pci_plugin plugin = {.version = NDISHOST_PCI_PLUGIN_VERSION, .create = create};
    return &plugin;
}
