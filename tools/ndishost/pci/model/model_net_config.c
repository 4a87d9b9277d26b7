/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_net_config.c - the device configuration of the network device: its fields, changes under the reader's eyes, and who may read. */
#include <inttypes.h>
#include <string.h>

#include "model_features.h"
#include "model_state.h"

enum { MTU_CHANGES_EVERY = 16 };

static void put16(uint8_t *place, uint16_t value)
{
    memcpy(place, &value, sizeof value);
}

void model_net_config_init(struct model *model)
{
    const struct model_options *options = &model->options;
    uint8_t *config = model->net_config;
    /* Without their features, address and status are not there: whoever reads them finds no address and a dead link. */
    if (model_offers(model, FEATURE_MAC))
        memcpy(config + NET_CONFIG_MAC, options->mac, 6);
    if (model_offers(model, FEATURE_STATUS))
        put16(config + NET_CONFIG_STATUS, options->link_down ? 0 : NET_STATUS_LINK_UP);
    put16(config + NET_CONFIG_PAIRS, model_offers(model, FEATURE_MQ) ? options->pairs : 1);
    put16(config + NET_CONFIG_MTU, options->mtu);
    memcpy(config + NET_CONFIG_SPEED, &options->speed, 4);
    config[NET_CONFIG_DUPLEX] = options->duplex;
}

/* A field of the configuration, and the features any of which makes it exist. */
struct net_field {
    uint32_t offset, width, count;
    uint64_t exists_with;
    const char *name;
};
static const struct net_field fields[] = {
    {NET_CONFIG_MAC, 1, 6, FEATURE_BIT(FEATURE_MAC), "mac"},
    {NET_CONFIG_STATUS, 2, 1, FEATURE_BIT(FEATURE_STATUS), "status"},
    {NET_CONFIG_PAIRS, 2, 1, FEATURE_BIT(FEATURE_MQ) | FEATURE_BIT(FEATURE_RSS), "max_virtqueue_pairs"},
    {NET_CONFIG_MTU, 2, 1, FEATURE_BIT(FEATURE_MTU), "mtu"},
    {NET_CONFIG_SPEED, 4, 1, FEATURE_BIT(FEATURE_SPEED_DUPLEX), "speed"},
    {NET_CONFIG_DUPLEX, 1, 1, FEATURE_BIT(FEATURE_SPEED_DUPLEX), "duplex"},
};

static const struct net_field *field_find(uint32_t offset)
{
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (offset >= fields[i].offset && offset - fields[i].offset < fields[i].width * fields[i].count)
            return &fields[i];
    }
    return NULL;
}

/* P3, G11: the field's width, and only fields that exist. */
static void read_check(struct model *model, uint32_t offset, unsigned width)
{
    const struct net_field *field = field_find(offset);
    if (!field) {
        MODEL_BROKEN(model, "P3", "%u bytes were read at +%u of the device configuration, where the model has no field", width, offset);
        return;
    }
    if (width != field->width || (offset - field->offset) % field->width)
        MODEL_BROKEN(model, "P3", "%u bytes were read at +%u of %s, a field of %u", width, offset - field->offset, field->name,
                     field->width);
    bool contract_field = model->contract && field->offset == NET_CONFIG_PAIRS;
    if (!contract_field && !(model->options.features & field->exists_with))
        MODEL_BROKEN(model, "G11", "%s was read, a field that this device does not have", field->name);
}

/* A device whose configuration is being changed while somebody reads it: the address counts up, generation with it. */
static void churn(struct model *model)
{
    if (model->config_churn_left == 0)
        return;
    model->config_churn_left--;
    model->net_config[NET_CONFIG_MAC + 4]++;
    model->net_config[NET_CONFIG_MAC + 5]++;
    model->generation++;
}

/* Below what the specification allows, just that, or anything. */
static uint16_t garbage_mtu(struct model *model)
{
    static const uint16_t odd[] = {0, 1, NET_MTU_MIN - 1, NET_MTU_MIN, 1500, 65535};
    unsigned choice = (unsigned)model_random_below(&model->random, 2 * sizeof odd / sizeof *odd);
    return choice < sizeof odd / sizeof *odd ? odd[choice] : (uint16_t)model_random_next(&model->random);
}

uint64_t model_net_config_read(struct model *model, uint32_t offset, unsigned width)
{
    uint64_t value = 0;
    uint8_t seen[NET_CONFIG_BYTES];
    read_check(model, offset, width);
    if (model_fault_due(&model->faults, FAULT_CONFIG_CHURN) && model_fault_fired(&model->faults, FAULT_CONFIG_CHURN) == 1)
        model->config_churn_left = 6;
    memcpy(seen, model->net_config, sizeof seen);
    if (offset == NET_CONFIG_MAC && model_fault_due(&model->faults, FAULT_MAC_MULTICAST))
        seen[NET_CONFIG_MAC] |= 1;
    if (offset == NET_CONFIG_MTU && model_fault_due(&model->faults, FAULT_MTU_TINY))
        put16(seen + NET_CONFIG_MTU, 1);
    if (model_fault_due(&model->faults, FAULT_MTU_GARBAGE))
        put16(seen + NET_CONFIG_MTU, garbage_mtu(model));
    if (model_fault_due(&model->faults, FAULT_SPEED_GARBAGE)) {
        uint32_t speed = (uint32_t)model_random_next(&model->random);
        memcpy(seen + NET_CONFIG_SPEED, &speed, sizeof speed);
        seen[NET_CONFIG_DUPLEX] = (uint8_t)model_random_next(&model->random);
    }
    if (offset < NET_CONFIG_BYTES && model_fault_noise(&model->faults, &model->random))
        seen[offset] = (uint8_t)model_random_next(&model->random);
    if (offset < NET_CONFIG_BYTES)
        memcpy(&value, seen + offset, width <= NET_CONFIG_BYTES - offset ? width : NET_CONFIG_BYTES - offset);
    if (offset < NET_CONFIG_MAC + 6) {
        model->protocol.mac_read = true;
        model->protocol.generation_after_mac = false;
    }
    if (offset == NET_CONFIG_SPEED)
        model->protocol.speed_unread = false;
    if (offset == NET_CONFIG_DUPLEX)
        model->protocol.duplex_unread = false;
    churn(model);
    return value;
}

void model_net_config_changed(struct model *model)
{
    model->generation++;
    if ((model->status & STATUS_DRIVER_OK) && !model->vanished)
        model_interrupt_config(model);
}

void model_net_config_announce(struct model *model)
{
    model->net_config[NET_CONFIG_STATUS] |= NET_STATUS_ANNOUNCE;
    model->protocol.announce_owed = true;
    model_net_config_changed(model);
}

void model_net_config_disturb(struct model *model)
{
    if (!model_fault_due(&model->faults, FAULT_MTU_CHANGES) || model_fault_fired(&model->faults, FAULT_MTU_CHANGES) % MTU_CHANGES_EVERY)
        return;
    /* The options keep the MTU that was promised: by it the driver is judged. */
    put16(model->net_config + NET_CONFIG_MTU, garbage_mtu(model));
    model_net_config_changed(model);
}
