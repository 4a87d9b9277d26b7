/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* guest_driver.c - the tests' driver: everything goes through the function's mappings, as the .sys would. */
#include "guest_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "exec/trap.h"

enum { NEXT = 1, WRITE = 2, INDIRECT = 4, NO_VECTOR = 0xffff, ISR_QUEUE = 1, ISR_CONFIG = 2 };

/* Both rings behind the descriptors, each aligned far more than needed. */
enum { AVAIL_AT = 16 * GUEST_QUEUE_MAX, USED_AT = AVAIL_AT + 4096, RINGS_SIZE = USED_AT + 3 * 4096, TABLES_AT = RINGS_SIZE - 4096 };

/* ---- registers ---- */

uint64_t guest_read(uint8_t *address, unsigned width)
{
    uint64_t value = 0;
    assert_true(trap_region_access((uintptr_t)address, width, false, &value));
    return value;
}

void guest_write(uint8_t *address, unsigned width, uint64_t value)
{
    assert_true(trap_region_access((uintptr_t)address, width, true, &value));
}

static uint32_t config_value(struct guest_driver *driver, unsigned offset, unsigned width)
{
    uint32_t value = 0;
    assert_int_equal(pci_function_config_read(driver->function, offset, &value, width), width);
    return value;
}

static uint8_t *structure_map(struct guest_driver *driver, unsigned capability, size_t *size)
{
    struct pci_bar bar = pci_function_bar(driver->function, config_value(driver, capability + 4, 1));
    *size = config_value(driver, capability + 12, 4);
    uint8_t *address = pci_function_map(driver->function, bar.address + config_value(driver, capability + 8, 4), *size);
    assert_non_null(address);
    return address;
}

/* ---- interrupts ---- */

static void sink_line(void *context, bool asserted)
{
    struct guest_driver *driver = context;
    pthread_mutex_lock(&driver->lock);
    driver->line = asserted;
    pthread_cond_broadcast(&driver->interrupted);
    pthread_mutex_unlock(&driver->lock);
}

static void sink_message(void *context, unsigned message)
{
    struct guest_driver *driver = context;
    pthread_mutex_lock(&driver->lock);
    driver->message_counts[message]++;
    pthread_cond_broadcast(&driver->interrupted);
    pthread_mutex_unlock(&driver->lock);
}

/* Waits for the line, or for one of two messages; returns ISR bits, as messages: config is 0, queue n is n + 1, capped. */
static unsigned interrupt_wait(struct guest_driver *driver, unsigned message)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += GUEST_WAIT_MS / 1000;
    if (message >= driver->messages && driver->messages)
        message = 0;
    pthread_mutex_lock(&driver->lock);
    int late = 0;
    while (!late && (driver->messages ? !driver->message_counts[message] : !driver->line))
        late = pthread_cond_timedwait(&driver->interrupted, &driver->lock, &deadline);
    if (!late && driver->messages)
        driver->message_counts[message]--;
    pthread_mutex_unlock(&driver->lock);
    if (late)
        fail_msg("no interrupt came within %d ms", GUEST_WAIT_MS);
    if (driver->messages)
        return ISR_QUEUE | ISR_CONFIG;
    return (unsigned)guest_read(driver->isr, 1);
}

/* ---- life ---- */

void guest_driver_attach(struct guest_driver *driver, struct pci_function *function, unsigned messages)
{
    memset(driver, 0, sizeof *driver);
    driver->function = function;
    driver->messages = messages;
    pthread_mutex_init(&driver->lock, NULL);
    pthread_cond_init(&driver->interrupted, NULL);
    for (unsigned at = config_value(driver, 0x34, 1); at; at = config_value(driver, at + 1, 1)) {
        if (config_value(driver, at, 1) != 9)
            continue;
        switch (config_value(driver, at + 3, 1)) {
        case 1:
            driver->common = structure_map(driver, at, &driver->common_size);
            break;
        case 2:
            driver->notify = structure_map(driver, at, &driver->notify_size);
            driver->notify_multiplier = config_value(driver, at + 16, 4);
            break;
        case 3:
            driver->isr = structure_map(driver, at, &driver->isr_size);
            break;
        case 4:
            driver->device = structure_map(driver, at, &driver->device_size);
            break;
        }
    }
    assert_true(driver->common && driver->notify && driver->isr && driver->device);
    const struct pci_interrupt_sink sink = {.context = driver, .line = sink_line, .message = sink_message};
    assert_true(pci_function_interrupt_connect(function, messages, &sink));
}

void guest_driver_detach(struct guest_driver *driver)
{
    guest_driver_reset(driver);
    pci_function_interrupt_disconnect(driver->function);
    pci_function_unmap(driver->function, driver->common, driver->common_size);
    pci_function_unmap(driver->function, driver->notify, driver->notify_size);
    pci_function_unmap(driver->function, driver->isr, driver->isr_size);
    pci_function_unmap(driver->function, driver->device, driver->device_size);
    pthread_cond_destroy(&driver->interrupted);
    pthread_mutex_destroy(&driver->lock);
}

void guest_driver_reset(struct guest_driver *driver)
{
    guest_write(driver->common + 20, 1, 0);
    unsigned reads = 0;
    while (guest_read(driver->common + 20, 1) != 0)
        assert_true(++reads < 100000);
    for (unsigned i = 0; i < 2; i++) {
        struct guest_queue *queue = &driver->queues[i];
        if (queue->descriptors) {
            guest_memory_free(queue->descriptors, queue->rings_size);
            guest_memory_free(queue->buffers, (size_t)queue->size * GUEST_BUFFER_SIZE);
        }
        *queue = (struct guest_queue){0};
    }
    pthread_mutex_lock(&driver->lock);
    memset(driver->message_counts, 0, sizeof driver->message_counts);
    pthread_mutex_unlock(&driver->lock);
}

uint8_t guest_driver_negotiate(struct guest_driver *driver, uint64_t wanted, uint64_t forced)
{
    uint8_t *common = driver->common;
    guest_driver_reset(driver);
    guest_write(common + 20, 1, GUEST_ACKNOWLEDGE);
    guest_write(common + 20, 1, GUEST_ACKNOWLEDGE | GUEST_DRIVER);
    guest_write(common + 0, 4, 0);
    driver->offered = guest_read(common + 4, 4);
    guest_write(common + 0, 4, 1);
    driver->offered |= guest_read(common + 4, 4) << 32;
    uint64_t features = (driver->offered & wanted) | forced;
    guest_write(common + 8, 4, 0);
    guest_write(common + 12, 4, (uint32_t)features);
    guest_write(common + 8, 4, 1);
    guest_write(common + 12, 4, features >> 32);
    guest_write(common + 20, 1, GUEST_ACKNOWLEDGE | GUEST_DRIVER | GUEST_FEATURES_OK);
    driver->features = features;
    return guest_driver_status(driver);
}

/* Message for queue n: n + 1 when there are enough, else 0. */
static unsigned vector_for(struct guest_driver *driver, unsigned wanted)
{
    return driver->messages == 0 ? NO_VECTOR : wanted < driver->messages ? wanted : 0;
}

static void queue_start(struct guest_driver *driver, unsigned index)
{
    struct guest_queue *queue = &driver->queues[index];
    uint8_t *common = driver->common;
    guest_write(common + 22, 2, index);
    queue->index = (uint16_t)index;
    queue->size = (uint16_t)guest_read(common + 24, 2);
    assert_in_range(queue->size, 1, GUEST_QUEUE_MAX);
    queue->rings_size = RINGS_SIZE;
    queue->descriptors = guest_memory_allocate(RINGS_SIZE, 4096, &queue->rings_physical);
    queue->buffers = guest_memory_allocate((size_t)queue->size * GUEST_BUFFER_SIZE, 4096, &queue->buffers_physical);
    assert_non_null(queue->descriptors);
    assert_non_null(queue->buffers);
    memset(queue->descriptors, 0, RINGS_SIZE);
    queue->avail = (volatile uint16_t *)((uint8_t *)queue->descriptors + AVAIL_AT);
    queue->used = (volatile uint16_t *)((uint8_t *)queue->descriptors + USED_AT);

    unsigned vector = vector_for(driver, index + 1);
    guest_write(common + 26, 2, vector);
    assert_int_equal(guest_read(common + 26, 2), vector);
    uint64_t parts[3] = {queue->rings_physical, queue->rings_physical + AVAIL_AT, queue->rings_physical + USED_AT};
    for (unsigned i = 0; i < 3; i++) {
        guest_write(common + 32 + 8 * i, 4, (uint32_t)parts[i]);
        guest_write(common + 36 + 8 * i, 4, parts[i] >> 32);
    }
    queue->doorbell = driver->notify + (size_t)guest_read(common + 30, 2) * driver->notify_multiplier;
    guest_write(common + 28, 2, 1);
}

static void queue_publish(struct guest_queue *queue, uint16_t head)
{
    queue->avail[2 + queue->available % queue->size] = head;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    queue->avail[1] = ++queue->available;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool guest_driver_start(struct guest_driver *driver, uint64_t wanted, unsigned header_size)
{
    uint8_t *common = driver->common;
    if (!(guest_driver_negotiate(driver, wanted, 0) & GUEST_FEATURES_OK))
        return false;
    driver->header_size = header_size;
    unsigned vector = vector_for(driver, 0);
    guest_write(common + 16, 2, vector);
    assert_int_equal(guest_read(common + 16, 2), vector);
    queue_start(driver, GUEST_RX);
    queue_start(driver, GUEST_TX);
    guest_write(common + 20, 1, GUEST_ACKNOWLEDGE | GUEST_DRIVER | GUEST_FEATURES_OK | GUEST_DRIVER_OK);

    struct guest_queue *receive = &driver->queues[GUEST_RX];
    for (uint16_t i = 0; i < receive->size; i++) {
        receive->descriptors[i] =
            (struct guest_descriptor){receive->buffers_physical + (uint64_t)i * GUEST_BUFFER_SIZE, GUEST_BUFFER_SIZE, WRITE, 0};
        queue_publish(receive, i);
    }
    guest_write(receive->doorbell, 2, GUEST_RX);
    return true;
}

/* ---- traffic ---- */

/* Interrupt at the next used entry. */
static void queue_ask_interrupt(struct guest_queue *queue)
{
    queue->avail[2 + queue->size] = queue->used_seen;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void guest_driver_publish_head(struct guest_driver *driver, unsigned index, uint16_t head)
{
    struct guest_queue *queue = &driver->queues[index];
    queue_ask_interrupt(queue);
    queue_publish(queue, head);
    guest_write(queue->doorbell, 2, index);
}

void guest_driver_send(struct guest_driver *driver, const void *frame, size_t length, bool indirect)
{
    struct guest_queue *queue = &driver->queues[GUEST_TX];
    uint16_t slot = queue->available % (queue->size / 2), head = (uint16_t)(2 * slot);
    uint64_t physical = queue->buffers_physical + (uint64_t)slot * GUEST_BUFFER_SIZE;
    uint8_t *buffer = queue->buffers + (size_t)slot * GUEST_BUFFER_SIZE;
    assert_true(driver->header_size + length <= GUEST_BUFFER_SIZE);
    memset(buffer, 0, driver->header_size);
    memcpy(buffer + driver->header_size, frame, length);
    const struct guest_descriptor header = {physical, driver->header_size, NEXT, (uint16_t)(indirect ? 1 : head + 1)};
    const struct guest_descriptor data = {physical + driver->header_size, (uint32_t)length, 0, 0};
    if (indirect) {
        struct guest_descriptor *table = (struct guest_descriptor *)((uint8_t *)queue->descriptors + TABLES_AT);
        table[0] = header;
        table[1] = data;
        queue->descriptors[head] = (struct guest_descriptor){queue->rings_physical + TABLES_AT, 2 * sizeof *table, INDIRECT, 0};
    } else {
        queue->descriptors[head] = header;
        queue->descriptors[head + 1] = data;
    }
    guest_driver_publish_head(driver, GUEST_TX, head);
}

static uint16_t used_index(const struct guest_queue *queue)
{
    uint16_t index = queue->used[1];
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return index;
}

/* With the line, one reading of the ISR may have covered the other queue too: look again before each wait. */
void guest_driver_wait_sent(struct guest_driver *driver)
{
    struct guest_queue *queue = &driver->queues[GUEST_TX];
    while (used_index(queue) != queue->available) {
        if (used_index(queue) == queue->used_seen)
            (void)interrupt_wait(driver, GUEST_TX + 1);
        queue->used_seen = used_index(queue);
        queue_ask_interrupt(queue);
    }
    queue->used_seen = queue->available;
}

size_t guest_driver_receive(struct guest_driver *driver, void *frame, size_t size)
{
    struct guest_queue *queue = &driver->queues[GUEST_RX];
    queue_ask_interrupt(queue);
    while (used_index(queue) == queue->used_seen)
        (void)interrupt_wait(driver, GUEST_RX + 1);

    size_t total = 0;
    unsigned buffers = 1, merged = driver->header_size == 12 && (driver->features & GUEST_FEATURE(GUEST_MRG_RXBUF));
    for (unsigned i = 0; i < buffers; i++) {
        uint16_t slot = queue->used_seen % queue->size;
        uint32_t id = queue->used[2 + 4 * slot] | (uint32_t)queue->used[3 + 4 * slot] << 16;
        uint32_t length = queue->used[4 + 4 * slot] | (uint32_t)queue->used[5 + 4 * slot] << 16;
        assert_true(id < queue->size && length <= GUEST_BUFFER_SIZE);
        const uint8_t *buffer = queue->buffers + (size_t)id * GUEST_BUFFER_SIZE;
        size_t skip = i == 0 ? driver->header_size : 0;
        if (i == 0 && merged)
            buffers = buffer[10] | (unsigned)buffer[11] << 8;
        assert_true(length >= skip && total + length - skip <= size);
        memcpy((uint8_t *)frame + total, buffer + skip, length - skip);
        total += length - skip;
        queue->used_seen++;
        queue_publish(queue, (uint16_t)id);
    }
    guest_write(queue->doorbell, 2, GUEST_RX);
    return total;
}

/* ---- configuration ---- */

void guest_driver_wait_config(struct guest_driver *driver)
{
    while (!(interrupt_wait(driver, 0) & ISR_CONFIG))
        ;
}

bool guest_driver_link_up(struct guest_driver *driver)
{
    uint8_t before, after;
    uint16_t status;
    do {
        before = (uint8_t)guest_read(driver->common + 21, 1);
        status = (uint16_t)guest_read(driver->device + 6, 2);
        after = (uint8_t)guest_read(driver->common + 21, 1);
    } while (before != after);
    return status & 1;
}

uint8_t guest_driver_status(struct guest_driver *driver)
{
    return (uint8_t)guest_read(driver->common + 20, 1);
}
