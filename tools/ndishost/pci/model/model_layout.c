/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_layout.c - lays the structures of a model device out: the contract's way, QEMU's, one BAR each, or by the seed. */
#include "model_layout.h"

#include <stdio.h>
#include <string.h>

enum {
    NOTIFY_AREA_MAX = 16 << 20,
    BAR_MIN = 64,
    PAGE = 0x1000,
    CONFIG_ROOM = PCI_CONFIG_SIZE - PCI_HEADER_END,
    SHARED_MEMORY_BYTES = 24,
    POWER_BYTES = 8,
};

/* ---- chance ---- */

uint64_t model_random_next(struct model_random *random)
{
    uint64_t mixed = random->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

uint32_t model_random_below(struct model_random *random, uint32_t below)
{
    return (uint32_t)((model_random_next(random) >> 32) * below >> 32);
}

bool model_random_chance(struct model_random *random, unsigned percent)
{
    return model_random_below(random, 100) < percent;
}

/* ---- sizes ---- */

unsigned model_queue_count(const struct model_options *options)
{
    unsigned pairs = options->features & FEATURE_BIT(FEATURE_MQ) ? options->pairs : 1;
    return 2 * pairs + !!(options->features & FEATURE_BIT(FEATURE_CTRL_VQ));
}

uint32_t model_net_config_length(const struct model_options *options)
{
    static const struct {
        unsigned feature;
        uint32_t end;
    } fields[] = {
        {FEATURE_MAC, NET_CONFIG_MAC + 6}, {FEATURE_STATUS, NET_CONFIG_STATUS + 2},  {FEATURE_MQ, NET_CONFIG_PAIRS + 2},
        {FEATURE_MTU, NET_CONFIG_MTU + 2}, {FEATURE_SPEED_DUPLEX, NET_CONFIG_BYTES},
    };
    uint32_t length = model_options_is_contract(options) ? NET_CONFIG_PAIRS + 2 : 1;
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
        if ((options->features & FEATURE_BIT(fields[i].feature)) && length < fields[i].end)
            length = fields[i].end;
    }
    return length;
}

static uint32_t power_of_two_above(uint32_t value)
{
    uint32_t power = 1;
    while (power < value)
        power <<= 1;
    return power;
}

static uint32_t pending_bytes(unsigned vectors)
{
    return (vectors + 63) / 64 * 8;
}

static uint32_t notify_length(const struct model_layout *layout, unsigned queues)
{
    uint32_t longest = 0;
    for (unsigned i = 0; i < queues; i++) {
        if (layout->notify_off[i] > longest)
            longest = layout->notify_off[i];
    }
    return longest * layout->multiplier + 2;
}

/* ---- capabilities ---- */

static void capability_add(struct model_layout *layout, uint8_t id, uint8_t type, uint8_t length, const struct model_range *range)
{
    struct model_capability *added = &layout->capabilities[layout->capability_count++];
    *added = (struct model_capability){.id = id, .type = type, .length = length};
    if (range)
        added->range = *range;
}

static void virtio_capability_add(struct model_layout *layout, uint8_t type, const struct model_range *range)
{
    uint8_t length = type == CAP_NOTIFY ? CAP_NOTIFY_BYTES : type == CAP_PCI_CFG ? CAP_PCI_CFG_BYTES : CAP_BYTES;
    capability_add(layout, PCI_CAP_VENDOR, type, length, range);
}

static void msix_place(struct model_layout *layout, unsigned vectors, unsigned bar)
{
    if (!vectors)
        return;
    layout->msix_table = (struct model_range){bar, 0, vectors * MSIX_ENTRY};
    uint32_t pending = vectors * MSIX_ENTRY <= 0x800 ? 0x800 : vectors * MSIX_ENTRY;
    layout->msix_pending = (struct model_range){bar, pending, pending_bytes(vectors)};
    layout->bars[bar].size = power_of_two_above(pending + pending_bytes(vectors) > PAGE ? pending + pending_bytes(vectors) : PAGE);
}

/* ---- the fixed layouts ---- */

/* One structure further on than the contract has it, still in BAR0 and on nothing else: a layout that virtio 1.x allows. */
static void contract_break(struct model_layout *layout, enum model_moved moved)
{
    struct model_range *ranges[] = {[MODEL_MOVED_COMMON] = &layout->common,
                                    [MODEL_MOVED_NOTIFY] = &layout->notify,
                                    [MODEL_MOVED_ISR] = &layout->isr,
                                    [MODEL_MOVED_DEVICE] = &layout->device};
    if (moved)
        ranges[moved]->offset += CONTRACT_MOVED_BY;
}

static void contract_build(struct model_layout *layout, unsigned vectors, enum model_moved moved)
{
    layout->bars[0] = (struct model_bar){.size = 0x4000, .is_64bit = true};
    layout->common = (struct model_range){0, 0x0000, 0x100};
    layout->notify = (struct model_range){0, 0x1000, 0x100};
    layout->isr = (struct model_range){0, 0x2000, 0x20};
    layout->device = (struct model_range){0, 0x3000, 0x100};
    contract_break(layout, moved);
    msix_place(layout, vectors, 2);
    virtio_capability_add(layout, CAP_COMMON, &layout->common);
    virtio_capability_add(layout, CAP_NOTIFY, &layout->notify);
    virtio_capability_add(layout, CAP_ISR, &layout->isr);
    virtio_capability_add(layout, CAP_DEVICE, &layout->device);
    if (vectors)
        capability_add(layout, PCI_CAP_MSIX, 0, MSIX_LENGTH, NULL);
}

static void qemu_build(struct model_layout *layout, unsigned vectors, unsigned queues, bool transitional)
{
    static const struct model_range nowhere = {0, 0, 0};
    uint32_t notify = notify_length(layout, queues) > PAGE ? power_of_two_above(notify_length(layout, queues)) : PAGE;
    layout->common = (struct model_range){4, 0x0000, PAGE};
    layout->isr = (struct model_range){4, 0x1000, PAGE};
    layout->device = (struct model_range){4, 0x2000, PAGE};
    layout->notify = (struct model_range){4, 0x3000, notify};
    layout->bars[4] = (struct model_bar){.size = power_of_two_above(0x3000 + notify), .is_64bit = true, .prefetchable = true};
    if (transitional)
        layout->bars[0] = (struct model_bar){.size = LEGACY_PORTS, .is_port = true};
    msix_place(layout, vectors, 1);
    if (vectors)
        capability_add(layout, PCI_CAP_MSIX, 0, MSIX_LENGTH, NULL);
    virtio_capability_add(layout, CAP_PCI_CFG, &nowhere);
    virtio_capability_add(layout, CAP_NOTIFY, &layout->notify);
    virtio_capability_add(layout, CAP_DEVICE, &layout->device);
    virtio_capability_add(layout, CAP_ISR, &layout->isr);
    virtio_capability_add(layout, CAP_COMMON, &layout->common);
}

static void spread_build(struct model_layout *layout, unsigned vectors, unsigned queues)
{
    uint32_t notify = notify_length(layout, queues) > PAGE ? power_of_two_above(notify_length(layout, queues)) : PAGE;
    layout->device = (struct model_range){0, 0, 0x40};
    layout->isr = (struct model_range){1, 0, 1};
    layout->notify = (struct model_range){2, 0, notify};
    layout->common = (struct model_range){3, 0, 0x40};
    layout->bars[0].size = layout->bars[1].size = layout->bars[3].size = PAGE;
    layout->bars[2].size = notify;
    msix_place(layout, vectors, 4);
    virtio_capability_add(layout, CAP_ISR, &layout->isr);
    virtio_capability_add(layout, CAP_COMMON, &layout->common);
    if (vectors)
        capability_add(layout, PCI_CAP_MSIX, 0, MSIX_LENGTH, NULL);
    virtio_capability_add(layout, CAP_DEVICE, &layout->device);
    virtio_capability_add(layout, CAP_NOTIFY, &layout->notify);
}

/* ---- the random layout ---- */

/* Which base address registers exist, and how far each is filled. */
struct bar_plan {
    unsigned bars[PCI_BASE_ADDRESS_COUNT], count; /* those for memory */
    uint32_t filled[PCI_BASE_ADDRESS_COUNT];
};

static void bars_plan(struct model_layout *layout, struct model_random *random, struct bar_plan *plan)
{
    *plan = (struct bar_plan){.count = 0};
    for (unsigned slot = 0; slot < PCI_BASE_ADDRESS_COUNT;) {
        struct model_bar *bar = &layout->bars[slot];
        bool last_chance = slot == PCI_BASE_ADDRESS_COUNT - 1 && plan->count == 0;
        if (!last_chance && model_random_chance(random, 30)) {
            slot++;
        } else if (!last_chance && model_random_chance(random, 10)) {
            *bar = (struct model_bar){.size = 32, .is_port = true};
            slot++;
        } else {
            bar->is_64bit = slot + 1 < PCI_BASE_ADDRESS_COUNT && model_random_chance(random, 50);
            bar->prefetchable = bar->is_64bit && model_random_chance(random, 50);
            bar->size = BAR_MIN;
            plan->bars[plan->count++] = slot;
            slot += bar->is_64bit ? 2 : 1;
        }
    }
}

/* Puts `length` bytes behind what a random BAR holds already, with a gap now and then. */
static struct model_range range_place(struct model_random *random, struct bar_plan *plan, uint32_t length, uint32_t alignment)
{
    unsigned bar = plan->bars[model_random_below(random, plan->count)];
    uint32_t gap = model_random_chance(random, 60) ? model_random_below(random, model_random_chance(random, 20) ? 0x3000 : 0x40) : 0;
    uint32_t offset = (plan->filled[bar] + gap + alignment - 1) / alignment * alignment;
    plan->filled[bar] = offset + length;
    return (struct model_range){bar, offset, length};
}

static uint32_t longer(struct model_random *random, uint32_t length)
{
    static const uint32_t extra[] = {0, 0, 0, 1, 4, 8, 0x40, 0xfc8, 0x1000};
    return length + extra[model_random_below(random, sizeof extra / sizeof *extra)];
}

static void structures_place(struct model_layout *layout, const struct model_options *options, struct model_random *random,
                             struct bar_plan *plan)
{
    unsigned order[6] = {0, 1, 2, 3, 4, 5}, queues = model_queue_count(options);
    uint32_t common = options->features & FEATURE_BIT(FEATURE_RING_RESET) ? COMMON_BYTES_LONG : COMMON_BYTES;
    for (unsigned i = 5; i > 0; i--) {
        unsigned other = model_random_below(random, i + 1), moved = order[i];
        order[i] = order[other];
        order[other] = moved;
    }
    for (unsigned i = 0; i < 6; i++) {
        switch (order[i]) {
        case 0:
            layout->common = range_place(random, plan, longer(random, common), 4);
            break;
        case 1:
            layout->notify = range_place(random, plan, longer(random, notify_length(layout, queues)), 2);
            break;
        case 2:
            layout->isr = range_place(random, plan, longer(random, 1), 1);
            break;
        case 3:
            layout->device = range_place(random, plan, longer(random, model_net_config_length(options)), 4);
            break;
        case 4:
            if (options->vectors)
                layout->msix_table = range_place(random, plan, options->vectors * MSIX_ENTRY, 8);
            break;
        default:
            if (options->vectors)
                layout->msix_pending = range_place(random, plan, pending_bytes(options->vectors), 8);
            break;
        }
    }
}

static void notify_choose(struct model_layout *layout, struct model_random *random, unsigned queues)
{
    static const uint32_t multipliers[] = {0, 2, 4, 4, 8, 16, 64, 256, 4096};
    unsigned way = model_random_below(random, 4);
    layout->multiplier = multipliers[model_random_below(random, sizeof multipliers / sizeof *multipliers)];
    for (unsigned i = 0; i < queues; i++)
        layout->notify_off[i] = (uint16_t)(way == 0 ? i : way == 1 ? queues - 1 - i : way == 2 ? 0 : model_random_below(random, 16));
}

/* Room that the list takes so far; capabilities start at multiples of four. */
static unsigned capabilities_bytes(const struct model_layout *layout)
{
    unsigned bytes = 0;
    for (unsigned i = 0; i < layout->capability_count; i++)
        bytes += (layout->capabilities[i].length + 3u) & ~3u;
    return bytes;
}

/* Things of other people in the list: they have to be skipped. One that names a reserved BAR may even stand for a known structure. */
static void junk_add(struct model_layout *layout, struct model_random *random)
{
    static const uint8_t strange_types[] = {0, 6, 7, CAP_SHARED_MEMORY, CAP_VENDOR_DATA, 10, 0x55, 0xff};
    while (layout->capability_count < MODEL_CAPABILITIES_MAX - 1 && model_random_chance(random, 55)) {
        unsigned room = CONFIG_ROOM - capabilities_bytes(layout);
        uint8_t type = strange_types[model_random_below(random, sizeof strange_types)];
        struct model_range range = {model_random_below(random, 8), (uint32_t)model_random_next(random),
                                    (uint32_t)model_random_next(random)};
        if (model_random_chance(random, 20) && room >= POWER_BYTES) {
            capability_add(layout, PCI_CAP_POWER, 0, POWER_BYTES, NULL);
        } else if (model_random_chance(random, 30) && room >= CAP_NOTIFY_BYTES) {
            range.bar = 6 + model_random_below(random, 250);
            capability_add(layout, PCI_CAP_VENDOR, (uint8_t)(CAP_COMMON + model_random_below(random, 4)), CAP_NOTIFY_BYTES, &range);
        } else if (room >= SHARED_MEMORY_BYTES) {
            uint8_t length = type == CAP_SHARED_MEMORY ? SHARED_MEMORY_BYTES : (uint8_t)(CAP_BYTES + 4 * model_random_below(random, 3));
            capability_add(layout, PCI_CAP_VENDOR, type, length, &range);
        } else {
            break;
        }
    }
}

static void capabilities_shuffle(struct model_layout *layout, struct model_random *random)
{
    for (unsigned i = layout->capability_count - 1; i > 0; i--) {
        unsigned other = model_random_below(random, i + 1);
        struct model_capability moved = layout->capabilities[i];
        layout->capabilities[i] = layout->capabilities[other];
        layout->capabilities[other] = moved;
    }
}

/* Second instances of known structures, behind the first ones: they are real places, but a driver is to prefer the first. */
static void repetitions_add(struct model_layout *layout, struct model_random *random, struct bar_plan *plan)
{
    static const uint8_t types[] = {CAP_COMMON, CAP_NOTIFY, CAP_ISR, CAP_DEVICE};
    for (unsigned i = 0; i < 4; i++) {
        const struct model_range *first[] = {&layout->common, &layout->notify, &layout->isr, &layout->device};
        uint8_t bytes = types[i] == CAP_NOTIFY ? CAP_NOTIFY_BYTES : CAP_BYTES;
        if (!model_random_chance(random, 15) || capabilities_bytes(layout) + bytes > CONFIG_ROOM ||
            layout->capability_count == MODEL_CAPABILITIES_MAX)
            continue;
        struct model_range range = range_place(random, plan, first[i]->length, 4);
        virtio_capability_add(layout, types[i], &range);
    }
}

static void random_build(struct model_layout *layout, const struct model_options *options)
{
    static const struct model_range nowhere = {0, 0, 0};
    struct model_random random = {options->seed ^ UINT64_C(0x6c61796f7574)};
    struct bar_plan plan;
    unsigned queues = model_queue_count(options);
    if (options->multiplier == MODEL_MULTIPLIER_OF_LAYOUT)
        notify_choose(layout, &random, queues);
    bars_plan(layout, &random, &plan);
    structures_place(layout, options, &random, &plan);

    virtio_capability_add(layout, CAP_COMMON, &layout->common);
    virtio_capability_add(layout, CAP_NOTIFY, &layout->notify);
    virtio_capability_add(layout, CAP_ISR, &layout->isr);
    virtio_capability_add(layout, CAP_DEVICE, &layout->device);
    if (options->vectors)
        capability_add(layout, PCI_CAP_MSIX, 0, MSIX_LENGTH, NULL);
    if (model_random_chance(&random, 70))
        virtio_capability_add(layout, CAP_PCI_CFG, &nowhere);
    /* A longer cap_len is to be accepted. */
    for (unsigned i = 0; i < layout->capability_count; i++) {
        struct model_capability *capability = &layout->capabilities[i];
        if (capability->id == PCI_CAP_VENDOR && capability->type != CAP_PCI_CFG && model_random_chance(&random, 20))
            capability->length += (uint8_t)(4 * (1 + model_random_below(&random, 2)));
    }
    junk_add(layout, &random);
    capabilities_shuffle(layout, &random);
    repetitions_add(layout, &random, &plan);

    for (unsigned i = 0; i < plan.count; i++) {
        struct model_bar *bar = &layout->bars[plan.bars[i]];
        uint32_t needed = plan.filled[plan.bars[i]];
        bar->size = power_of_two_above(needed > BAR_MIN ? needed : BAR_MIN) << model_random_below(&random, 3);
    }
}

bool model_layout_build(struct model_layout *layout, const struct model_options *options, char *error, size_t error_size)
{
    unsigned queues = model_queue_count(options);
    *layout = (struct model_layout){.multiplier = options->multiplier == MODEL_MULTIPLIER_OF_LAYOUT ? 4 : options->multiplier};
    for (unsigned i = 0; i < queues; i++)
        layout->notify_off[i] = (uint16_t)i;
    if ((uint64_t)layout->multiplier * queues > (options->layout == MODEL_LAYOUT_CONTRACT ? 0x100 : NOTIFY_AREA_MAX)) {
        snprintf(error, error_size, "multiplier %u is too large for %u queues", layout->multiplier, queues);
        return false;
    }
    switch (options->layout) {
    case MODEL_LAYOUT_CONTRACT:
        contract_build(layout, options->vectors, options->moved);
        break;
    case MODEL_LAYOUT_QEMU:
        qemu_build(layout, options->vectors, queues, options->transitional);
        break;
    case MODEL_LAYOUT_SPREAD:
        spread_build(layout, options->vectors, queues);
        break;
    case MODEL_LAYOUT_RANDOM:
        random_build(layout, options);
        break;
    }
    return true;
}
