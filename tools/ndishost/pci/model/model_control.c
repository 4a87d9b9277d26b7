/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_control.c - the control queue: receive filter, addresses, VLANs, announcements, offloads; and the filter that they make. */
#include <inttypes.h>
#include <string.h>

#include "model_state.h"

enum { COMMAND_BYTES = 2, DATA_MAX = 8192, ETHERTYPE_VLAN = 0x8100, VLAN_HIGHEST = 4094, VLANS_OF_A_FLOOD = 1024 };

/* A command as it came. */
struct command {
    uint8_t class, command;
    const uint8_t *data;
    size_t length;
};

static const uint64_t OFFLOADS = FEATURE_BIT(FEATURE_GUEST_CSUM) | FEATURE_BIT(FEATURE_GUEST_TSO4) | FEATURE_BIT(FEATURE_GUEST_TSO6) |
                                 FEATURE_BIT(FEATURE_GUEST_ECN) | FEATURE_BIT(FEATURE_GUEST_UFO) | FEATURE_BIT(FEATURE_GUEST_USO4) |
                                 FEATURE_BIT(FEATURE_GUEST_USO6);

void model_filter_reset(struct model *model)
{
    model->filter = (struct model_filter){
        .promiscuous = true, .guest_offloads = model->accepted & OFFLOADS, .vlans_filtered = model_accepted(model, FEATURE_CTRL_VLAN)};
    memcpy(model->filter.mac, model->options.mac, 6);
    model->protocol.vlan_count = 0;
}

/* N38: a command's data have the length that the command has. */
static bool length_is(struct model *model, const struct command *command, size_t length)
{
    if (command->length == length)
        return true;
    MODEL_BROKEN(model, "N38", "control command %u/%u came with %zu bytes of data, not %zu", command->class, command->command,
                 command->length, length);
    return false;
}

/* The class of commands was negotiated. */
static bool class_is_accepted(struct model *model, const struct command *command, unsigned feature, const char *rule)
{
    if (model_accepted(model, feature))
        return true;
    MODEL_BROKEN(model, rule, "control command %u/%u was sent, whose feature bit %u was not negotiated", command->class, command->command,
                 feature);
    return false;
}

/* ---- classes ---- */

static bool receive_mode(struct model *model, const struct command *command)
{
    struct model_filter *filter = &model->filter;
    bool *const modes[] = {&filter->promiscuous,  &filter->all_multicast, &filter->all_unicast,
                           &filter->no_multicast, &filter->no_unicast,    &filter->no_broadcast};
    unsigned feature = command->command <= CTRL_RX_ALLMULTI ? FEATURE_CTRL_RX : FEATURE_CTRL_RX_EXTRA;
    if (!class_is_accepted(model, command, feature, "N27") || !length_is(model, command, 1))
        return false;
    if (command->command > CTRL_RX_NOBCAST || command->data[0] > 1) {
        MODEL_BROKEN(model, "N38", "control command 0/%u with value %u does not exist", command->command, command->data[0]);
        return false;
    }
    if (!filter->programmed)
        filter->promiscuous = false;
    filter->programmed = true;
    *modes[command->command] = command->data[0];
    return true;
}

/* One table of addresses: le32 count, then the addresses. Advances *data. */
static bool table_take(struct model *model, const uint8_t **data, size_t *left, bool multicast)
{
    struct model_filter *filter = &model->filter;
    unsigned *count = multicast ? &filter->multicast_count : &filter->unicast_count;
    uint32_t entries;
    if (*left < sizeof entries)
        return false;
    memcpy(&entries, *data, sizeof entries);
    *data += sizeof entries;
    *left -= sizeof entries;
    if (entries > *left / 6)
        return false;
    for (uint32_t i = 0; i < entries; i++) {
        const uint8_t *address = *data + 6 * (size_t)i;
        if ((address[0] & 1) != multicast)
            MODEL_BROKEN(model, "N28", "the %s table has a%s address", multicast ? "multicast" : "unicast",
                         multicast ? " unicast" : " multicast");
        if (i < MODEL_TABLE_MAX)
            memcpy(multicast ? filter->multicast[i] : filter->unicast[i], address, 6);
    }
    *count = entries;
    *data += 6 * (size_t)entries;
    *left -= 6 * (size_t)entries;
    return true;
}

static bool address_command(struct model *model, const struct command *command)
{
    static const uint8_t nobody[6];
    if (command->command == CTRL_MAC_ADDR_SET) {
        if (!class_is_accepted(model, command, FEATURE_CTRL_MAC_ADDR, "N28") || !length_is(model, command, 6))
            return false;
        if (command->data[0] & 1) {
            MODEL_BROKEN(model, "N28", "MAC_ADDR_SET with a multicast address");
            return false;
        }
        if (memcmp(command->data, nobody, 6) == 0) {
            MODEL_BROKEN(model, "N28", "MAC_ADDR_SET with an address of zeros");
            return false;
        }
        memcpy(model->filter.mac, command->data, 6);
        return true;
    }
    const uint8_t *data = command->data;
    size_t left = command->length;
    if (command->command != CTRL_MAC_TABLE_SET) {
        MODEL_BROKEN(model, "N38", "control command 1/%u does not exist", command->command);
        return false;
    }
    if (!class_is_accepted(model, command, FEATURE_CTRL_RX, "N28"))
        return false;
    if (!table_take(model, &data, &left, false) || !table_take(model, &data, &left, true) || left) {
        MODEL_BROKEN(model, "N28", "TABLE_SET with %zu bytes of data, which are not two tables", command->length);
        return false;
    }
    if (!model->filter.programmed)
        model->filter.promiscuous = false;
    model->filter.programmed = true;
    return true;
}

static bool vlan_command(struct model *model, const struct command *command)
{
    if (!class_is_accepted(model, command, FEATURE_CTRL_VLAN, "N38") || !length_is(model, command, 2))
        return false;
    unsigned vlan = command->data[0] | (unsigned)command->data[1] << 8;
    /* 0 stands for frames that have a priority and no VLAN. */
    if (command->command > CTRL_VLAN_DEL || vlan > VLAN_HIGHEST) {
        MODEL_BROKEN(model, "N38", "control command 2/%u for VLAN %u does not exist", command->command, vlan);
        return false;
    }
    uint8_t bit = (uint8_t)(1u << vlan % 8), *byte = &model->filter.vlans[vlan / 8];
    bool passes = *byte & bit, shall = command->command == CTRL_VLAN_ADD;
    if (passes == shall)
        MODEL_WARNED(model, "HOST-CONTROL-VLAN", "VLAN %u is %s, and was already", vlan, shall ? "added" : "deleted");
    *byte = shall ? *byte | bit : *byte & (uint8_t)~bit;
    model->protocol.vlan_count += shall && !passes;
    model->protocol.vlan_count -= !shall && passes;
    if (model->protocol.vlan_count == VLANS_OF_A_FLOOD && shall && !passes)
        MODEL_BROKEN(model, "HOST-CONTROL-VLAN", "%u VLANs were added: that is no configuration", model->protocol.vlan_count);
    return true;
}

static bool announce_command(struct model *model, const struct command *command)
{
    uint8_t *status = &model->net_config[NET_CONFIG_STATUS];
    if (!class_is_accepted(model, command, FEATURE_GUEST_ANNOUNCE, "N29") || !length_is(model, command, 0))
        return false;
    if (command->command != CTRL_ANNOUNCE_ACK) {
        MODEL_BROKEN(model, "N38", "control command 3/%u does not exist", command->command);
        return false;
    }
    if (!model->protocol.announce_owed)
        MODEL_WARNED(model, "N29", "ANNOUNCE_ACK although no announcement was asked for");
    model->protocol.announce_owed = false;
    *status &= (uint8_t)~NET_STATUS_ANNOUNCE;
    return true;
}

static bool offloads_command(struct model *model, const struct command *command)
{
    uint64_t offloads;
    if (!class_is_accepted(model, command, FEATURE_CTRL_GUEST_OFFLOADS, "N33") || !length_is(model, command, 8))
        return false;
    if (command->command != CTRL_OFFLOADS_SET) {
        MODEL_BROKEN(model, "N38", "control command 5/%u does not exist", command->command);
        return false;
    }
    memcpy(&offloads, command->data, sizeof offloads);
    if (offloads & ~(model->accepted & OFFLOADS)) {
        MODEL_BROKEN(model, "N33", "offloads 0x%" PRIx64 " were enabled, of which 0x%" PRIx64 " were negotiated", offloads,
                     model->accepted & OFFLOADS);
        return false;
    }
    model->filter.guest_offloads = offloads;
    return true;
}

static bool command_execute(struct model *model, const struct command *command)
{
    switch (command->class) {
    case CTRL_RX:
        return receive_mode(model, command);
    case CTRL_MAC:
        return address_command(model, command);
    case CTRL_VLAN:
        return vlan_command(model, command);
    case CTRL_ANNOUNCE:
        return announce_command(model, command);
    case CTRL_MQ:
        /* MQ is offered, never served: FEATURES_OK is refused to who accepts it. */
        return class_is_accepted(model, command, FEATURE_MQ, "N30");
    case CTRL_OFFLOADS:
        return offloads_command(model, command);
    default:
        MODEL_BROKEN(model, "N38", "control class %u does not exist, or was not negotiated", command->class);
        return false;
    }
}

/* ---- the queue ---- */

static void chain_execute(struct model *model, struct model_queue *queue, const struct model_chain *chain)
{
    uint8_t bytes[COMMAND_BYTES + DATA_MAX], ack = CTRL_ACK_ERROR;
    if (chain->readable < COMMAND_BYTES || chain->readable > sizeof bytes || chain->writable != 1) {
        MODEL_BROKEN(model, "N38", "control chain %u has %" PRIu64 " bytes of command and %" PRIu64 " for the acknowledgement", chain->head,
                     chain->readable, chain->writable);
    } else {
        size_t length = model_chain_read(queue, chain, 0, bytes, sizeof bytes);
        const struct command command = {bytes[0], bytes[1], bytes + COMMAND_BYTES, length - COMMAND_BYTES};
        TRACE("model", "control command %u/%u, %zu bytes", command.class, command.command, command.length);
        model->counts.control_commands++;
        bool refused = model_fault_due(&model->faults, FAULT_CONTROL_REFUSED);
        if (refused && command.class == CTRL_ANNOUNCE)
            model->protocol.announce_owed = false; /* the driver did what it owed */
        if (!refused && command_execute(model, &command))
            ack = CTRL_ACK_OK;
        if (ack != CTRL_ACK_OK)
            model->counts.control_refused++;
        else if (model->peer && model->peer->changed)
            model->peer->changed(model->peer_context);
    }
    if (model_fault_noise(&model->faults, &model->random))
        ack = (uint8_t)model_random_next(&model->random);
    if (model_fault_due(&model->faults, FAULT_CONTROL_ACK_GARBAGE))
        ack = (uint8_t)(2 + model_random_below(&model->random, 254));
    model_chain_write(queue, chain, 0, &ack, 1);
}

/* How many bytes the completion of a command claims. */
static uint32_t completion_length(struct model *model, const struct model_chain *chain)
{
    static const uint32_t lies[] = {0, 2, 255, 65536, UINT32_MAX};
    if (model_fault_due(&model->faults, FAULT_CONTROL_ACK_LENGTH))
        return lies[model_random_below(&model->random, sizeof lies / sizeof *lies)];
    return chain->writable ? 1 : 0;
}

void model_control_serve(struct model *model, const struct model_chain *chain)
{
    chain_execute(model, &model->queues[ROLE_CONTROL], chain);
    if (model_fault_due(&model->faults, FAULT_CONTROL_NEVER_COMPLETES))
        return;
    const struct model_delayed answer = {
        .role = ROLE_CONTROL, .head = chain->head, .written = completion_length(model, chain), .room = (uint32_t)chain->writable};
    if (model->control_held && !model->control_owed) {
        model->control_answer = answer;
        model->control_owed = true;
        return;
    }
    model_complete(model, answer.role, answer.head, answer.written, answer.room);
}

void model_control_hold(struct model *model, bool hold)
{
    pthread_mutex_lock(&model->lock);
    model->control_held = hold;
    pthread_mutex_unlock(&model->lock);
}

bool model_control_answer(struct model *model)
{
    pthread_mutex_lock(&model->lock);
    bool owed = model->control_owed && model_is_live(model);
    const struct model_delayed answer = model->control_answer;
    model->control_owed = false;
    if (owed)
        model_complete(model, answer.role, answer.head, answer.written, answer.room);
    pthread_mutex_unlock(&model->lock);
    return owed;
}

/* ---- the filter ---- */

static bool table_has(const uint8_t (*table)[6], unsigned count, const uint8_t *address)
{
    for (unsigned i = 0; i < count && i < MODEL_TABLE_MAX; i++) {
        if (memcmp(table[i], address, 6) == 0)
            return true;
    }
    return count > MODEL_TABLE_MAX; /* more than it keeps: everything of that kind */
}

bool model_filter_passes(const struct model *model, const uint8_t *frame, size_t length)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const struct model_filter *filter = &model->filter;
    if (filter->vlans_filtered && length >= ETHERNET_HEADER + VLAN_TAG && (frame[12] << 8 | frame[13]) == ETHERTYPE_VLAN) {
        unsigned vlan = (unsigned)(frame[14] << 8 | frame[15]) & 0xfff;
        if (!(filter->vlans[vlan / 8] >> vlan % 8 & 1))
            return false;
    }
    if (filter->promiscuous)
        return true;
    if (memcmp(frame, broadcast, 6) == 0)
        return !filter->no_broadcast;
    if (frame[0] & 1)
        return !filter->no_multicast && (filter->all_multicast || table_has(filter->multicast, filter->multicast_count, frame));
    if (filter->no_unicast)
        return false;
    return filter->all_unicast || memcmp(frame, filter->mac, 6) == 0 || table_has(filter->unicast, filter->unicast_count, frame);
}
