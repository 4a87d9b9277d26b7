/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_device.c - the model device as a PCI back-end: life, reset, the operations, what the outside may do to it. */
#include "model_device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_cable.h"
#include "model_features.h"
#include "model_state.h"

/* Where messages go: nothing is there, the host recognises them. */
static const uint64_t MESSAGE_ADDRESS = 0xfee00000;
enum { MESSAGE_DATA = 0x5000, ONES_WIDTH_MAX = 8 };

/* ---- reset and failure ---- */

bool model_is_live(const struct model *model)
{
    return (model->status & STATUS_DRIVER_OK) && !(model->status & STATUS_NEEDS_RESET) && !model->vanished &&
           model_config_space_command(&model->config, PCI_COMMAND_MASTER);
}

unsigned model_header_bytes(const struct model *model)
{
    return model->contract && !model_accepted(model, FEATURE_MRG_RXBUF) ? HEADER_CONTRACT_BYTES : HEADER_MODERN_BYTES;
}

void model_wake(struct model *model)
{
    if (!model->options.stepped_by_caller)
        sched_agent_wake(&model->agent);
}

void model_reset(struct model *model)
{
    bool reset_once = model->protocol.reset_once;
    for (unsigned i = 0; i < model->queue_count; i++)
        model_queue_disable(&model->queues[i]);
    model->protocol = (struct model_protocol){.reset_once = reset_once};
    model->device_feature_select = model->driver_feature_select = 0;
    model->accepted = 0;
    model->status = 0;
    model->status_reads_until_reset = 0;
    model->queue_select = 0;
    model->config_vector = NO_VECTOR;
    model->net_config[NET_CONFIG_STATUS] &= (uint8_t)~NET_STATUS_ANNOUNCE;
    model->isr = 0;
    memset(model->msix_pending, 0, (model->options.vectors + 63) / 64 * sizeof *model->msix_pending);
    model->storm_left = 0;
    model->announcements_left = 0;
    model->delayed_count = 0;
    model->control_owed = false;
    model->stalled = false;
    model_filter_reset(model);
    model_receive_clear(model);
    model_interrupt_update(model);
}

void model_fail(struct model *model)
{
    if (model->status & STATUS_NEEDS_RESET)
        return;
    model->status |= STATUS_NEEDS_RESET;
    model->delayed_count = 0;
    model_net_config_changed(model);
}

/* ---- operations ---- */

static uint64_t ones(unsigned width)
{
    return width >= ONES_WIDTH_MAX ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
}

/* The window of the PCI_CFG capability is accessed (P17): where it leads, if it leads to a place. */
static bool window_find(struct model *model, unsigned offset, unsigned width, bool write, unsigned *bar, uint64_t *place)
{
    unsigned at = model->config.pci_cfg;
    if (!at || offset < at + CAP_PCI_CFG_DATA || offset >= at + CAP_PCI_CFG_BYTES)
        return false;
    uint32_t length = model_config_space_read(&model->config, at + CAP_SIZE, 4);
    *bar = model_config_space_read(&model->config, at + CAP_BAR, 1);
    *place = model_config_space_read(&model->config, at + CAP_OFFSET, 4);
    bool sound = (length == 1 || length == 2 || length == 4) && length == width && offset == at + CAP_PCI_CFG_DATA &&
                 *place % length == 0 && *bar < PCI_BASE_ADDRESS_COUNT && *place < model->layout.bars[*bar].size;
    /* A window that nobody set up is read by whoever reads the whole configuration space. */
    if (!sound && (write || length))
        MODEL_BROKEN(model, "P17", "%u bytes of pci_cfg_data were accessed at +%u; the window is %u bytes at BAR%u+0x%" PRIx64, width,
                     offset - at - CAP_PCI_CFG_DATA, length, *bar, *place);
    return sound;
}

static uint32_t device_config_read(void *state, unsigned offset, unsigned width)
{
    struct model *model = state;
    unsigned bar;
    uint64_t place;
    pthread_mutex_lock(&model->lock);
    uint32_t value = UINT32_MAX;
    if (!model->vanished)
        value = window_find(model, offset, width, false, &bar, &place) ? (uint32_t)model_register_read(model, bar, place, width)
                                                                       : model_config_space_read(&model->config, offset, width);
    pthread_mutex_unlock(&model->lock);
    return value & (uint32_t)ones(width);
}

/* P9: nothing of a virtio capability is the driver's to write, but the window. */
static void capability_write_check(struct model *model, unsigned offset, unsigned width)
{
    const uint8_t *bytes = model->config.bytes;
    unsigned at = bytes[PCI_CAPABILITIES];
    for (unsigned i = 0; at && i < MODEL_CAPABILITIES_MAX; i++, at = bytes[at + 1]) {
        unsigned end = at + (bytes[at] == PCI_CAP_VENDOR ? bytes[at + CAP_LENGTH] : 0u);
        if (offset < end && offset + width > at && at != model->config.pci_cfg)
            MODEL_BROKEN(model, "P9", "%u bytes were written at 0x%02x of the configuration space, into a virtio capability", width,
                         offset);
    }
}

static void device_config_write(void *state, unsigned offset, unsigned width, uint32_t value)
{
    struct model *model = state;
    unsigned bar;
    uint64_t place;
    pthread_mutex_lock(&model->lock);
    if (!model->vanished) {
        if (window_find(model, offset, width, true, &bar, &place)) {
            model_register_write(model, bar, place, width, value);
        } else {
            capability_write_check(model, offset, width);
            model_config_space_write(&model->config, offset, width, value);
            model_interrupt_update(model);
            model_wake(model); /* bus mastering may have been switched on */
        }
    }
    pthread_mutex_unlock(&model->lock);
}

static uint64_t device_bar_read(void *state, unsigned bar, uint64_t offset, unsigned width)
{
    struct model *model = state;
    pthread_mutex_lock(&model->lock);
    uint64_t value = model_register_read(model, bar, offset, width);
    pthread_mutex_unlock(&model->lock);
    return value & ones(width);
}

static void device_bar_write(void *state, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    struct model *model = state;
    pthread_mutex_lock(&model->lock);
    model_register_write(model, bar, offset, width, value & ones(width));
    pthread_mutex_unlock(&model->lock);
}

static bool device_message_target(void *state, unsigned vector, uint64_t *address, uint32_t *data)
{
    const struct model *model = state;
    *address = MESSAGE_ADDRESS;
    *data = MESSAGE_DATA + vector;
    return vector < model->options.vectors;
}

static bool device_set_link(void *state, bool up)
{
    return model_set_link(state, up);
}

static const char *device_describe(void *state)
{
    struct model *model = state;
    pthread_mutex_lock(&model->lock);
    int length = snprintf(model->description, sizeof model->description, "model virtio-net, %s",
                          model->contract ? "contract AERO-W7-VIRTIO v1" : "virtio 1.x");
    if (model->faults.count)
        snprintf(model->description + length, sizeof model->description - (size_t)length, ", misbehaved %" PRIu64 " times",
                 (uint64_t)model->faults.fired);
    pthread_mutex_unlock(&model->lock);
    return model->description;
}

static void model_free(struct model *model)
{
    for (unsigned i = 0; i < model->queue_count; i++)
        model_queue_disable(&model->queues[i]);
    model_receive_clear(model);
    free(model->msix_table);
    free(model->msix_pending);
    free(model->scratch);
    free(model->segment);
    pthread_mutex_destroy(&model->inject_lock);
    pthread_mutex_destroy(&model->lock);
    free(model);
}

static void device_destroy(void *state)
{
    struct model *model = state;
    model_cable_disconnect(model);
    if (!model->options.stepped_by_caller)
        sched_agent_remove(&model->agent);
    model_free(model);
}

static const struct ndishost_pci_ops model_ops = {
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

static bool agent_step(struct sched_agent *agent)
{
    return model_step(agent->context);
}

static void queues_init(struct model *model)
{
    static const char *const names[ROLE_COUNT] = {"0 (receive)", "1 (transmit)", "2 (control)"};
    for (unsigned i = 0; i < model->queue_count; i++) {
        struct model_queue *queue = &model->queues[i];
        queue->world = (struct model_queue_world){.object = model,
                                                  .name = i < ROLE_COUNT ? names[i] : "of another pair",
                                                  .ram = model->host->ram,
                                                  .ram_size = model->host->ram_size};
        queue->maximum = model->options.queue_sizes[i == ROLE_CONTROL ? 2 : i % 2];
    }
}

bool model_device_create(const struct model_options *options, const struct ndishost_pci_host *host, struct ndishost_pci_device *device,
                         char *error, size_t error_size)
{
    if (!model_options_check(options, error, error_size))
        return false;
    struct model *model = calloc(1, sizeof *model);
    if (!model) {
        snprintf(error, error_size, "no memory for the model device");
        return false;
    }
    model->host = host;
    model->options = *options;
    model->contract = model_options_is_contract(options);
    model->queue_count = model_queue_count(options);
    model->random.state = options->seed;
    model->injected_end = &model->injected;
    pthread_mutex_init(&model->lock, NULL);
    pthread_mutex_init(&model->inject_lock, NULL);
    model->msix_table = calloc(options->vectors ? options->vectors : 1, MSIX_ENTRY);
    model->msix_pending = calloc((options->vectors + 64) / 64, sizeof *model->msix_pending);
    model->scratch = malloc(MODEL_FRAME_MAX);
    model->segment = malloc(MODEL_FRAME_MAX);
    if (!model->msix_table || !model->msix_pending || !model->scratch || !model->segment) {
        snprintf(error, error_size, "no memory for the model device");
        model_free(model);
        return false;
    }
    for (unsigned i = 0; i < options->vectors; i++)
        model->msix_table[(size_t)i * MSIX_ENTRY + MSIX_ENTRY_CONTROL] = 1; /* masked, as after a reset */
    model_layout_build(&model->layout, options, error, error_size);
    model_config_space_build(&model->config, &model->layout, options);
    model_faults_init(&model->faults, options);
    model_net_config_init(model);
    queues_init(model);
    model_reset(model);
    model->device = (struct ndishost_pci_device){.ops = &model_ops, .state = model};
    *device = model->device;
    model->agent = (struct sched_agent){.step = agent_step, .name = "model device", .context = model};
    if (!options->stepped_by_caller)
        sched_agent_add(&model->agent);
    return true;
}

struct model *model_of(const struct ndishost_pci_device *device)
{
    return device->ops == &model_ops ? device->state : NULL;
}

void model_set_peer(struct model *model, const struct model_peer_ops *ops, void *context)
{
    pthread_mutex_lock(&model->lock);
    model->peer = ops;
    model->peer_context = context;
    pthread_mutex_unlock(&model->lock);
}

/* ---- events from outside ---- */

bool model_set_link(struct model *model, bool up)
{
    pthread_mutex_lock(&model->lock);
    bool possible = model_offers(model, FEATURE_STATUS) && !model->vanished;
    uint8_t before = model->net_config[NET_CONFIG_STATUS];
    uint8_t after = up ? before | NET_STATUS_LINK_UP : before & (uint8_t)~NET_STATUS_LINK_UP;
    if (possible && after != before) {
        model->net_config[NET_CONFIG_STATUS] = after;
        model_net_config_changed(model);
    }
    pthread_mutex_unlock(&model->lock);
    return possible;
}

bool model_announce(struct model *model)
{
    pthread_mutex_lock(&model->lock);
    bool possible = model_accepted(model, FEATURE_GUEST_ANNOUNCE) && model_is_live(model);
    if (possible)
        model_net_config_announce(model);
    pthread_mutex_unlock(&model->lock);
    return possible;
}

void model_set_mtu(struct model *model, uint16_t mtu)
{
    pthread_mutex_lock(&model->lock);
    memcpy(model->net_config + NET_CONFIG_MTU, &mtu, sizeof mtu);
    model->options.mtu = mtu;
    model_net_config_changed(model);
    pthread_mutex_unlock(&model->lock);
}

void model_set_speed(struct model *model, uint32_t speed, uint8_t duplex)
{
    pthread_mutex_lock(&model->lock);
    memcpy(model->net_config + NET_CONFIG_SPEED, &speed, sizeof speed);
    model->net_config[NET_CONFIG_DUPLEX] = duplex;
    model->protocol.speed_unread = model->protocol.duplex_unread = model_accepted(model, FEATURE_SPEED_DUPLEX) && model_is_live(model);
    model_net_config_changed(model);
    pthread_mutex_unlock(&model->lock);
}

void model_needs_reset(struct model *model)
{
    pthread_mutex_lock(&model->lock);
    if (!model->vanished)
        model_fail(model);
    pthread_mutex_unlock(&model->lock);
}

void model_vanish(struct model *model)
{
    pthread_mutex_lock(&model->lock);
    model->vanished = true;
    model_interrupt_update(model);
    pthread_mutex_unlock(&model->lock);
}

bool model_add_fault(struct model *model, unsigned kind, uint64_t at)
{
    pthread_mutex_lock(&model->lock);
    bool added = model_faults_add(&model->faults, kind, at);
    pthread_mutex_unlock(&model->lock);
    model_wake(model);
    return added;
}

/* ---- what happened ---- */

struct model_counts model_counts(struct model *model)
{
    pthread_mutex_lock(&model->lock);
    struct model_counts counts = model->counts;
    counts.faults_fired = model->faults.fired;
    pthread_mutex_lock(&model->inject_lock);
    counts.frames_injected = model->injected_total;
    counts.dropped_backlog = model->injected_dropped;
    pthread_mutex_unlock(&model->inject_lock);
    pthread_mutex_unlock(&model->lock);
    return counts;
}

struct model_misbehaviour model_misbehaviour(struct model *model)
{
    pthread_mutex_lock(&model->lock);
    struct model_misbehaviour sum = model_faults_sum(&model->faults);
    sum.over &= !model->vanished;
    pthread_mutex_unlock(&model->lock);
    return sum;
}

struct model_filter model_filter(struct model *model)
{
    pthread_mutex_lock(&model->lock);
    struct model_filter filter = model->filter;
    pthread_mutex_unlock(&model->lock);
    return filter;
}

struct model_condition model_condition(struct model *model)
{
    pthread_mutex_lock(&model->lock);
    struct model_condition condition = {
        .status = model->status,
        .accepted = model->accepted,
        .header_bytes = model_header_bytes(model),
        .contract = model->contract,
        .announce_owed = model->protocol.announce_owed,
        .vanished = model->vanished,
        .commands_fit = model->queues[ROLE_CONTROL].maximum >= 2,
        .link_up = !model_offers(model, FEATURE_STATUS) || (model->net_config[NET_CONFIG_STATUS] & NET_STATUS_LINK_UP),
    };
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        condition.exposed[i] = model_queue_exposed(&model->queues[i]);
    pthread_mutex_lock(&model->inject_lock);
    condition.backlog = model->injected_count;
    pthread_mutex_unlock(&model->inject_lock);
    pthread_mutex_unlock(&model->lock);
    return condition;
}
