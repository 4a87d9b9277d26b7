/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_world.c - memory, interrupt wires, registers and bring-up of the test's driver. */
#include "model_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGE = 4096, FIRST_PAGE = 1 << 20, BAR_STRIDE = 1 << 24, RESET_READS = 1000, GUARD = 1 << 20 };

/* ---- wires ---- */

static void interrupt_count(struct world *world)
{
    const uint64_t one = 1;
    assert_int_equal(write(world->interrupted, &one, sizeof one), sizeof one);
}

static void wire_line(void *context, bool asserted)
{
    struct world *world = context;
    world->line = asserted;
    world->line_count += asserted;
    if (asserted)
        interrupt_count(world);
}

static void wire_message(void *context, uint64_t address, uint32_t data)
{
    struct world *world = context;
    uint64_t first_address;
    uint32_t first_data;
    (void)world->device.ops->message_target(world->device.state, 0, &first_address, &first_data);
    if (address == first_address && data >= first_data)
        world->messages[(data - first_data) % 64]++;
    world->message_total++;
    interrupt_count(world);
}

static void wire_failed(void *context, const char *why)
{
    struct world *world = context;
    world->failures++;
    print_message("the device failed: %s\n", why);
}

static void frame_left(void *context, const uint8_t *frame, size_t length)
{
    struct world *world = context;
    assert_true(length <= sizeof world->last);
    memcpy(world->last, frame, length);
    world->last_length = length;
    world->frames++;
    if (world->on_frame)
        world->on_frame(world, frame, length);
}

static const struct model_peer_ops far_end = {.frame = frame_left};

/* ---- life ---- */

struct world *world_open_options(const struct model_options *options)
{
    char error[256] = "";
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    rules_reset();
    /* What lies before and after guest memory faults: a device that leaves it is noticed. */
    uint8_t *reserved = mmap(NULL, WORLD_RAM + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(reserved != MAP_FAILED);
    world->ram = reserved + GUARD;
    assert_int_equal(mprotect(world->ram, WORLD_RAM, PROT_READ | PROT_WRITE), 0);
    world->next_page = FIRST_PAGE;
    world->interrupted = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(world->interrupted >= 0);
    world->host = (struct ndishost_pci_host){.context = world,
                                             .ram = world->ram,
                                             .ram_size = WORLD_RAM,
                                             .ram_fd = -1,
                                             .line = wire_line,
                                             .message = wire_message,
                                             .failed = wire_failed};
    world->options = *options;
    world->options.stepped_by_caller = true;
    world->receive_bytes = 2048;
    if (!model_device_create(&world->options, &world->host, &world->device, error, sizeof error))
        fail_msg("%s", error);
    world->model = model_of(&world->device);
    assert_non_null(world->model);
    model_set_peer(world->model, &far_end, world);
    return world;
}

struct world *world_open(const char *text)
{
    struct model_options options;
    char error[256] = "";
    if (!model_options_parse(text, &options, error, sizeof error))
        fail_msg("%s", error);
    return world_open_options(&options);
}

void world_close(struct world *world)
{
    assert_int_equal(world->failures, 0);
    world->device.ops->destroy(world->device.state);
    for (unsigned i = 0; i < WORLD_QUEUES; i++) {
        free(world->queues[i].free_list);
        free(world->queues[i].chain_length);
        free(world->queues[i].members);
        free(world->queues[i].cookie);
        free(world->queues[i].cookie_length);
    }
    close(world->interrupted);
    munmap(world->ram - GUARD, WORLD_RAM + 2 * GUARD);
    free(world);
}

void world_drain(struct world *world)
{
    assert_true(model_drain(world->model, WORLD_STEPS));
}

static void report_print(const struct rule_report *report, void *context)
{
    (void)context;
    print_message("%s %s (%u): %s\n", report->warning ? "warning" : "violation", report->id, report->count, report->detail);
}

void world_assert_clean(struct world *world, bool warnings_allowed)
{
    char text[1024];
    if (rules_violation_count() == 0 && (warnings_allowed || rules_warning_count() == 0))
        return;
    rules_visit_reports(report_print, NULL);
    fail_msg("--device model%s is not clean", model_options_text(&world->options, text, sizeof text));
}

uint64_t world_memory(struct world *world, size_t bytes)
{
    uint64_t address = world->next_page;
    world->next_page += (bytes + PAGE - 1) / PAGE * PAGE;
    assert_true(world->next_page <= WORLD_RAM);
    return address;
}

void *world_at(struct world *world, uint64_t physical)
{
    return world->ram + physical;
}

/* ---- registers ---- */

static uint64_t place_read(struct world *world, const struct world_place *place, unsigned offset, unsigned width)
{
    return world->device.ops->bar_read(world->device.state, place->bar, place->offset + offset, width);
}

static void place_write(struct world *world, const struct world_place *place, unsigned offset, unsigned width, uint64_t value)
{
    world->device.ops->bar_write(world->device.state, place->bar, place->offset + offset, width, value);
}

uint64_t read_common(struct world *world, unsigned offset, unsigned width)
{
    return place_read(world, &world->common, offset, width);
}

void write_common(struct world *world, unsigned offset, unsigned width, uint64_t value)
{
    place_write(world, &world->common, offset, width, value);
}

uint64_t read_config(struct world *world, unsigned offset, unsigned width)
{
    return place_read(world, &world->config, offset, width);
}

uint8_t read_isr(struct world *world)
{
    return (uint8_t)place_read(world, &world->isr, 0, 1);
}

void ring_doorbell(struct world *world, unsigned queue)
{
    place_write(world, &world->notify, world->queues[queue].notify_off * world->multiplier, 2, queue);
}

static uint32_t config_space(struct world *world, unsigned offset, unsigned width)
{
    return world->device.ops->config_read(world->device.state, offset, width);
}

/* ---- bring-up ---- */

static void capability_take(struct world *world, unsigned at)
{
    unsigned type = config_space(world, at + CAP_TYPE, 1), bar = config_space(world, at + CAP_BAR, 1);
    struct world_place *places[] = {NULL, &world->common, &world->notify, &world->isr, &world->config};
    if (type < CAP_COMMON || type > CAP_DEVICE || places[type]->found || bar >= PCI_BASE_ADDRESS_COUNT)
        return;
    assert_true(config_space(world, at + CAP_LENGTH, 1) >= (type == CAP_NOTIFY ? CAP_NOTIFY_BYTES : CAP_BYTES));
    *places[type] = (struct world_place){true, bar, config_space(world, at + CAP_OFFSET, 4), config_space(world, at + CAP_SIZE, 4)};
    if (type == CAP_NOTIFY)
        world->multiplier = config_space(world, at + CAP_MULTIPLIER, 4);
}

static void msix_enable(struct world *world, unsigned at)
{
    struct ndishost_pci_device *device = &world->device;
    uint32_t table = config_space(world, at + MSIX_TABLE, 4), bar = table & 7, offset = table & ~UINT32_C(7);
    world->vectors = (config_space(world, at + MSIX_CONTROL, 2) & 0x7ff) + 1;
    for (unsigned i = 0; i < world->vectors; i++) {
        uint64_t address;
        uint32_t data;
        assert_true(device->ops->message_target(device->state, i, &address, &data));
        uint64_t entry = offset + (uint64_t)i * MSIX_ENTRY;
        device->ops->bar_write(device->state, bar, entry + MSIX_ENTRY_ADDRESS, 4, (uint32_t)address);
        device->ops->bar_write(device->state, bar, entry + MSIX_ENTRY_ADDRESS_HIGH, 4, address >> 32);
        device->ops->bar_write(device->state, bar, entry + MSIX_ENTRY_DATA, 4, data);
        device->ops->bar_write(device->state, bar, entry + MSIX_ENTRY_CONTROL, 4, 0);
    }
    device->ops->config_write(device->state, at + MSIX_CONTROL, 2, MSIX_CONTROL_ENABLE);
}

/* Addresses for the base address registers, and what a bus driver reads from them first. */
static void bars_assign(struct world *world)
{
    struct ndishost_pci_device *device = &world->device;
    for (unsigned i = 0; i < PCI_BASE_ADDRESS_COUNT; i++) {
        unsigned offset = PCI_BASE_ADDRESSES + 4 * i;
        device->ops->config_write(device->state, offset, 4, UINT32_MAX);
        uint32_t low = config_space(world, offset, 4);
        if (!low)
            continue;
        device->ops->config_write(device->state, offset, 4, 0xe0000000u + i * BAR_STRIDE);
        if (!(low & PCI_BAR_PORT) && (low & PCI_BAR_64BIT))
            device->ops->config_write(device->state, 0x10 + 4 * ++i, 4, 0);
    }
}

void driver_find(struct world *world)
{
    assert_int_equal(config_space(world, 0, 4), 0x10411af4);
    bars_assign(world);
    unsigned at = config_space(world, PCI_CAPABILITIES, 1), steps = 0, msix = 0;
    for (; at && steps < 48; steps++, at = config_space(world, at + 1, 1)) {
        assert_true(at % 4 == 0 && at >= PCI_HEADER_END);
        if (config_space(world, at, 1) == PCI_CAP_VENDOR)
            capability_take(world, at);
        if (config_space(world, at, 1) == PCI_CAP_MSIX)
            msix = at;
    }
    assert_int_equal(at, 0);
    assert_true(world->common.found && world->notify.found && world->isr.found && world->config.found);
    world->device.ops->config_write(world->device.state, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    if (msix)
        msix_enable(world, msix);
}

bool driver_reset(struct world *world)
{
    write_common(world, REG_STATUS, 1, 0);
    for (unsigned i = 0; i < RESET_READS; i++) {
        if (read_common(world, REG_STATUS, 1) == 0)
            return true;
    }
    return false;
}

void driver_acknowledge(struct world *world)
{
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE);
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
}

uint64_t driver_offered(struct world *world)
{
    write_common(world, REG_DEVICE_FEATURE_SELECT, 4, 0);
    uint64_t low = read_common(world, REG_DEVICE_FEATURE, 4);
    write_common(world, REG_DEVICE_FEATURE_SELECT, 4, 1);
    world->offered = read_common(world, REG_DEVICE_FEATURE, 4) << 32 | low;
    return world->offered;
}

void driver_accept(struct world *world, uint64_t features)
{
    world->accepted = features;
    write_common(world, REG_DRIVER_FEATURE_SELECT, 4, 0);
    write_common(world, REG_DRIVER_FEATURE, 4, (uint32_t)features);
    write_common(world, REG_DRIVER_FEATURE_SELECT, 4, 1);
    write_common(world, REG_DRIVER_FEATURE, 4, features >> 32);
}

bool driver_features_ok(struct world *world)
{
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    bool contract = model_options_is_contract(&world->options);
    world->header_bytes = contract && !(world->accepted & FEATURE_BIT(FEATURE_MRG_RXBUF)) ? HEADER_CONTRACT_BYTES : HEADER_MODERN_BYTES;
    return read_common(world, REG_STATUS, 1) & STATUS_FEATURES_OK;
}

void driver_read_mac(struct world *world)
{
    if (!(world->accepted & FEATURE_BIT(FEATURE_MAC)))
        return;
    for (unsigned tries = 0; tries < 20; tries++) {
        uint64_t generation = read_common(world, REG_GENERATION, 1);
        for (unsigned i = 0; i < 6; i++)
            world->mac[i] = (uint8_t)read_config(world, NET_CONFIG_MAC + i, 1);
        if (read_common(world, REG_GENERATION, 1) == generation)
            return;
    }
}

bool driver_vectors(struct world *world)
{
    if (!world->vectors)
        return true;
    write_common(world, REG_CONFIG_VECTOR, 2, 0);
    return read_common(world, REG_CONFIG_VECTOR, 2) == 0;
}

bool driver_queue_setup(struct world *world, unsigned index)
{
    struct world_queue *queue = &world->queues[index];
    write_common(world, REG_QUEUE_SELECT, 2, index);
    uint16_t size = (uint16_t)read_common(world, REG_QUEUE_SIZE, 2);
    if (size == 0 || (size & (size - 1)))
        return false;
    free(queue->free_list);
    free(queue->chain_length);
    free(queue->members);
    free(queue->cookie);
    free(queue->cookie_length);
    *queue = (struct world_queue){.index = index, .size = size, .free_count = size};
    queue->notify_off = (uint16_t)read_common(world, REG_QUEUE_NOTIFY_OFF, 2);
    queue->descriptors = world_memory(world, (size_t)size * DESC_BYTES);
    queue->driver_area = world_memory(world, 6 + 2 * (size_t)size);
    queue->device_area = world_memory(world, 6 + 8 * (size_t)size);
    queue->indirect = world_memory(world, (size_t)size * 8 * DESC_BYTES);
    queue->free_list = calloc(size, sizeof *queue->free_list);
    queue->chain_length = calloc(size, sizeof *queue->chain_length);
    queue->members = calloc(size, sizeof *queue->members);
    queue->cookie = calloc(size, sizeof *queue->cookie);
    queue->cookie_length = calloc(size, sizeof *queue->cookie_length);
    for (unsigned i = 0; i < size; i++)
        queue->free_list[i] = (uint16_t)(size - 1 - i);
    if (world->vectors) {
        write_common(world, REG_QUEUE_VECTOR, 2, index % world->vectors);
        (void)read_common(world, REG_QUEUE_VECTOR, 2);
    }
    const uint64_t areas[] = {queue->descriptors, queue->driver_area, queue->device_area};
    for (unsigned i = 0; i < 3; i++) {
        write_common(world, REG_QUEUE_DESC + 8 * i, 4, (uint32_t)areas[i]);
        write_common(world, REG_QUEUE_DESC + 8 * i + 4, 4, areas[i] >> 32);
    }
    write_common(world, REG_QUEUE_ENABLE, 2, 1);
    return true;
}

void driver_ok(struct world *world)
{
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
}

uint64_t driver_features(void)
{
    return FEATURE_BIT(FEATURE_VERSION_1) | FEATURE_BIT(FEATURE_INDIRECT_DESC) | FEATURE_BIT(FEATURE_EVENT_IDX) | FEATURE_BIT(FEATURE_MAC) |
           FEATURE_BIT(FEATURE_STATUS) | FEATURE_BIT(FEATURE_MRG_RXBUF) | FEATURE_BIT(FEATURE_CSUM) | FEATURE_BIT(FEATURE_GUEST_CSUM) |
           FEATURE_BIT(FEATURE_GUEST_TSO4) | FEATURE_BIT(FEATURE_GUEST_TSO6) | FEATURE_BIT(FEATURE_GUEST_ECN) |
           FEATURE_BIT(FEATURE_HOST_TSO4) | FEATURE_BIT(FEATURE_HOST_TSO6) | FEATURE_BIT(FEATURE_HOST_ECN) | FEATURE_BIT(FEATURE_HOST_USO) |
           FEATURE_BIT(FEATURE_CTRL_VQ) | FEATURE_BIT(FEATURE_CTRL_RX) | FEATURE_BIT(FEATURE_CTRL_RX_EXTRA) |
           FEATURE_BIT(FEATURE_CTRL_VLAN) | FEATURE_BIT(FEATURE_CTRL_MAC_ADDR) | FEATURE_BIT(FEATURE_CTRL_GUEST_OFFLOADS) |
           FEATURE_BIT(FEATURE_GUEST_ANNOUNCE) | FEATURE_BIT(FEATURE_MTU) | FEATURE_BIT(FEATURE_ACCESS_PLATFORM) |
           FEATURE_BIT(FEATURE_ORDER_PLATFORM);
}

/* Buffers as large as what was negotiated asks for (N5, N9). */
static void receive_bytes_choose(struct world *world)
{
    uint64_t large = FEATURE_BIT(FEATURE_GUEST_TSO4) | FEATURE_BIT(FEATURE_GUEST_TSO6);
    uint32_t needed = world->header_bytes + ETHERNET_HEADER + (world->accepted & FEATURE_BIT(FEATURE_MTU) ? world->options.mtu : 1500u);
    bool merge = world->accepted & FEATURE_BIT(FEATURE_MRG_RXBUF);
    uint32_t buffers = merge ? world->queues[RX].size < 64 ? world->queues[RX].size : 64 : 1;
    if (!merge && (world->accepted & large))
        needed = RECEIVE_BUFFER_LARGE;
    if ((uint64_t)world->receive_bytes * buffers < needed)
        world->receive_bytes = needed;
}

bool driver_start(struct world *world, uint64_t wanted)
{
    if (!world->common.found)
        driver_find(world);
    if (!driver_reset(world))
        return false;
    driver_acknowledge(world);
    uint64_t features = driver_offered(world) & wanted;
    if (!(features & FEATURE_BIT(FEATURE_CTRL_VQ)))
        features &= ~FEATURE_BIT(FEATURE_CTRL_RX_EXTRA);
    driver_accept(world, features);
    if (!driver_features_ok(world))
        return false;
    driver_read_mac(world);
    if (!driver_vectors(world))
        return false;
    bool control = world->accepted & FEATURE_BIT(FEATURE_CTRL_VQ);
    for (unsigned i = 0; i < (control ? 3u : 2u); i++) {
        if (!driver_queue_setup(world, i))
            return false;
    }
    receive_bytes_choose(world);
    driver_ok(world);
    driver_post(world, 64);
    return true;
}
