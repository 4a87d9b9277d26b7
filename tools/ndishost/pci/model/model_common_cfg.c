/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_common_cfg.c - the common configuration structure: status, features, queues; and whether the driver goes through them in order. */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "model_features.h"
#include "model_state.h"

enum { TEXT_SIZE = 768, SLOW_RESET_READS = 10, AREA_LOW_HALVES = 0x15 };

struct common_field {
    uint8_t offset, width;
    bool read_only;
    const char *name;
};
static const struct common_field fields[] = {
    {REG_DEVICE_FEATURE_SELECT, 4, false, "device_feature_select"},
    {REG_DEVICE_FEATURE, 4, true, "device_feature"},
    {REG_DRIVER_FEATURE_SELECT, 4, false, "driver_feature_select"},
    {REG_DRIVER_FEATURE, 4, false, "driver_feature"},
    {REG_CONFIG_VECTOR, 2, false, "config_msix_vector"},
    {REG_NUM_QUEUES, 2, true, "num_queues"},
    {REG_STATUS, 1, false, "device_status"},
    {REG_GENERATION, 1, true, "config_generation"},
    {REG_QUEUE_SELECT, 2, false, "queue_select"},
    {REG_QUEUE_SIZE, 2, false, "queue_size"},
    {REG_QUEUE_VECTOR, 2, false, "queue_msix_vector"},
    {REG_QUEUE_ENABLE, 2, false, "queue_enable"},
    {REG_QUEUE_NOTIFY_OFF, 2, true, "queue_notify_off"},
    {REG_QUEUE_DESC, 4, false, "queue_desc"},
    {REG_QUEUE_DESC + 4, 4, false, "queue_desc (high)"},
    {REG_QUEUE_DRIVER, 4, false, "queue_driver"},
    {REG_QUEUE_DRIVER + 4, 4, false, "queue_driver (high)"},
    {REG_QUEUE_DEVICE, 4, false, "queue_device"},
    {REG_QUEUE_DEVICE + 4, 4, false, "queue_device (high)"},
    {REG_QUEUE_NOTIF_DATA, 2, true, "queue_notif_config_data"},
    {REG_QUEUE_RESET, 2, false, "queue_reset"},
};

/* The field that is accessed, if the access is one (P3): the field's width, at its place; halves of 64 bits count as fields. */
static const struct common_field *field_find(struct model *model, uint32_t offset, unsigned width, const char *how)
{
    uint32_t end = model_offers(model, FEATURE_RING_RESET) ? COMMON_BYTES_LONG : COMMON_BYTES;
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct common_field *field = &fields[i];
        if (offset < field->offset || offset >= (uint32_t)field->offset + field->width || offset >= end)
            continue;
        if (offset == field->offset && width == field->width)
            return field;
        MODEL_BROKEN(model, "P3", "%u bytes were %s at %s+%u, a field of %u bytes", width, how, field->name, offset - field->offset,
                     field->width);
        return NULL;
    }
    MODEL_BROKEN(model, "P3", "%u bytes were %s at +0x%x of the common configuration, where there is no field", width, how, offset);
    return NULL;
}

/* ---- features ---- */

static uint32_t word_of(uint64_t features, uint32_t select)
{
    return select < 2 ? (uint32_t)(features >> (32 * select)) : 0;
}

static void driver_feature_write(struct model *model, uint32_t value)
{
    uint32_t select = model->driver_feature_select, offered = word_of(model->options.features, select);
    uint32_t unknown = value & offered & ~word_of(model_features_defined(), select);
    char text[TEXT_SIZE];
    if (model->status & STATUS_FEATURES_OK) {
        MODEL_BROKEN(model, "G14", "features were written after FEATURES_OK");
        return;
    }
    if (!(model->status & STATUS_DRIVER))
        MODEL_BROKEN(model, "G13", "features were written before DRIVER was set");
    if (select > 1) {
        if (value)
            MODEL_BROKEN(model, "G7", "features 0x%08x were accepted in word %u, which is reserved", value, select);
        return;
    }
    if (value && !(model->protocol.feature_words_read >> select & 1))
        MODEL_BROKEN(model, "G5", "bits of feature word %u were accepted, but which are offered was never read", select);
    if (value & ~offered)
        MODEL_BROKEN(model, "G5", "accepted, but not offered: %s",
                     model_features_text((uint64_t)(value & ~offered) << (32 * select), text, sizeof text));
    if (unknown)
        MODEL_BROKEN(model, "G7", "accepted, although no specification defines them: %s",
                     model_features_text((uint64_t)unknown << (32 * select), text, sizeof text));
    uint64_t mask = (uint64_t)UINT32_MAX << (32 * select);
    model->accepted = (model->accepted & ~mask) | (uint64_t)value << (32 * select);
}

/* FEATURES_OK is written: true when the device can work with what was accepted. */
static bool features_judge(struct model *model)
{
    uint64_t accepted = model->accepted, offered = model->options.features;
    const struct model_dependency *unmet;
    unsigned cursor = 0;
    char text[TEXT_SIZE];
    bool sound = true;
    while ((unmet = model_features_unmet(accepted, &cursor)) != NULL) {
        MODEL_BROKEN(model, "N1", "%s was accepted without %s", model_feature_name(unmet->feature),
                     model_features_text(unmet->needs, text, sizeof text));
        sound = false;
    }
    if ((offered & FEATURE_BIT(FEATURE_VERSION_1)) && !model_accepted(model, FEATURE_VERSION_1)) {
        MODEL_BROKEN(model, "G19", "VERSION_1 is offered and was not accepted");
        sound = false;
    }
    if (model_offers(model, FEATURE_MAC) && !model_accepted(model, FEATURE_MAC))
        MODEL_WARNED(model, "N3", "MAC is offered and was not accepted");
    if (model_offers(model, FEATURE_MTU) && !model_accepted(model, FEATURE_MTU))
        MODEL_WARNED(model, "N5", "MTU is offered and was not accepted");
    if (model_accepted(model, FEATURE_CTRL_RX_EXTRA) && !model_accepted(model, FEATURE_CTRL_VQ))
        MODEL_WARNED(model, "N8", "CTRL_RX_EXTRA was accepted without CTRL_VQ");
    if (accepted & offered & ~model_features_all())
        TRACE("model", "FEATURES_OK is refused: the model does not serve %s",
              model_features_text(accepted & offered & ~model_features_all(), text, sizeof text));
    bool refused = model_fault_due(&model->faults, FAULT_FEATURES_REFUSED);
    return sound && !refused && !(accepted & ~offered) && !(accepted & ~model_features_all());
}

/* ---- status ---- */

/* What must hold when the driver says that it is ready. */
static void driver_ok_check(struct model *model)
{
    if (!(model->status & STATUS_FEATURES_OK))
        MODEL_BROKEN(model, "G13", "DRIVER_OK was set without FEATURES_OK");
    else if (!model->protocol.features_confirmed)
        MODEL_BROKEN(model, "G13", "DRIVER_OK was set although FEATURES_OK was not read back");
    if (model->protocol.config_vector_unread)
        MODEL_BROKEN(model, "P20", "the vector of configuration changes was not read back before DRIVER_OK");
    if (model->protocol.mac_read && !model->protocol.generation_after_mac)
        MODEL_BROKEN(model, "G10", "the address was read byte by byte, and config_generation not after it");
    for (unsigned i = 0; i < model->queue_count; i++) {
        struct model_queue *queue = &model->queues[i];
        if (queue->vector_unread)
            MODEL_BROKEN(model, "P20", "the vector of queue %u was not read back before DRIVER_OK", i);
        /* Of what was made available so far, it can be told from now on: one notification will do. */
        model_queue_look(queue);
        queue->owed = queue->owed != 0;
    }
}

/* The order of bits (G1, G2, G3, G13, P13). */
static void status_check(struct model *model, uint8_t value)
{
    uint8_t before = model->status & (uint8_t)~STATUS_NEEDS_RESET, added = value & (uint8_t)~model->status;
    /* Giving up (G15) is no initialisation: FAILED alone is allowed at any time. */
    bool gives_up = (added & ~STATUS_FAILED & ~model->protocol.status_written) == 0 && (value & STATUS_FAILED);
    if (!model->protocol.reset_once && !gives_up)
        MODEL_BROKEN(model, "G13", "status 0x%02x was written to a device that was not reset first", value);
    if (model->protocol.reset_unconfirmed && !gives_up) {
        model->protocol.reset_unconfirmed = false;
        MODEL_BROKEN(model, "P13", "status 0x%02x was written before the reset was seen to be complete", value);
    }
    if (before & ~value)
        MODEL_BROKEN(model, "G2", "status bits were cleared: 0x%02x, now 0x%02x", model->status, value);
    /* Bits that the driver had written before and the device did not keep (FEATURES_OK) are no step forward. */
    if ((model->status & STATUS_FAILED) && (added & ~STATUS_FAILED & ~model->protocol.status_written))
        MODEL_BROKEN(model, "G3", "initialisation went on after FAILED without a reset: 0x%02x, now 0x%02x", model->status, value);
    if ((value & 0x30) || (added & STATUS_NEEDS_RESET))
        MODEL_BROKEN(model, "HOST-DEVICE-PROTOCOL", "status 0x%02x has bits that are not the driver's to set", value);
    if ((added & STATUS_DRIVER) && !(value & STATUS_ACKNOWLEDGE))
        MODEL_BROKEN(model, "G13", "DRIVER was set without ACKNOWLEDGE");
    if ((added & STATUS_FEATURES_OK) && !(model->status & STATUS_DRIVER))
        MODEL_BROKEN(model, "G13", "FEATURES_OK was set before DRIVER");
    if (added & STATUS_DRIVER_OK)
        driver_ok_check(model);
}

static void reset_write(struct model *model)
{
    uint8_t before = model->status;
    bool stuck = model_fault_due(&model->faults, FAULT_STATUS_STUCK), slow = model_fault_due(&model->faults, FAULT_RESET_SLOW);
    model_reset(model);
    model->counts.resets++;
    model->protocol.reset_once = model->protocol.reset_unconfirmed = true;
    model->status_before_reset = before ? before : STATUS_ACKNOWLEDGE;
    model->status_reads_until_reset = stuck ? UINT_MAX : slow ? SLOW_RESET_READS : 0;
}

static void status_write(struct model *model, uint8_t value)
{
    if (value == 0) {
        reset_write(model);
        return;
    }
    uint8_t added = value & (uint8_t)~model->status;
    status_check(model, value);
    model->protocol.status_written = value;
    if ((added & STATUS_FEATURES_OK) && ((value & STATUS_FAILED) || !features_judge(model)))
        value &= (uint8_t)~STATUS_FEATURES_OK;
    else if (added & STATUS_FEATURES_OK)
        model_filter_reset(model); /* what was accepted is what is enabled */
    model->status = (uint8_t)(value & ~STATUS_NEEDS_RESET) | (model->status & STATUS_NEEDS_RESET);
    if (!(model->status & STATUS_DRIVER_OK) && model_fault_due(&model->faults, FAULT_INTERRUPT_EARLY))
        model_interrupt_spurious(model);
    if (added & STATUS_DRIVER_OK)
        model_wake(model);
}

static uint8_t status_read(struct model *model)
{
    if (model->status_reads_until_reset) {
        if (model->status_reads_until_reset != UINT_MAX)
            model->status_reads_until_reset--;
        return model->status_before_reset;
    }
    if (model->status == 0)
        model->protocol.reset_unconfirmed = false;
    if (model->status & STATUS_FEATURES_OK)
        model->protocol.features_confirmed = true;
    return model->status;
}

/* ---- queues ---- */

static struct model_queue *queue_selected(struct model *model)
{
    return model->queue_select < model->queue_count ? &model->queues[model->queue_select] : NULL;
}

static void queue_enable(struct model *model, struct model_queue *queue, uint16_t value)
{
    unsigned index = model->queue_select;
    if (value != 1) {
        MODEL_BROKEN(model, "P12", "queue_enable <- %u for queue %u", value, index);
        return;
    }
    if (queue->enabled) {
        MODEL_BROKEN(model, "P12", "queue %u was enabled twice", index);
        return;
    }
    if ((queue->areas_written & AREA_LOW_HALVES) != AREA_LOW_HALVES)
        MODEL_BROKEN(model, "P12", "queue %u was enabled before its three areas were set", index);
    if (index >= ROLE_COUNT || (index == ROLE_CONTROL && !model_accepted(model, FEATURE_CTRL_VQ)))
        MODEL_BROKEN(model, "HOST-DEVICE-PROTOCOL", "queue %u was enabled, which needs features that were not accepted", index);
    if ((model->status & STATUS_DRIVER_OK) && !model_accepted(model, FEATURE_RING_RESET))
        MODEL_BROKEN(model, "G13", "queue %u was enabled after DRIVER_OK", index);
    queue->world.indirect = model_accepted(model, FEATURE_INDIRECT_DESC);
    queue->world.event_idx = model_accepted(model, FEATURE_EVENT_IDX);
    queue->world.in_order = model_accepted(model, FEATURE_IN_ORDER);
    queue->world.contract = model->contract;
    if (!model_queue_enable(queue))
        model_fail(model);
}

static void queue_size_write(struct model *model, struct model_queue *queue, uint16_t size)
{
    if (size == 0 || (size & (size - 1)) || size > queue->maximum)
        MODEL_BROKEN(model, "P11", "queue_size <- %u for queue %u, which has %u", size, model->queue_select, queue->maximum);
    else if (!model->contract) /* there it is read-only */
        queue->size = size;
}

static void queue_reset(struct model *model, struct model_queue *queue, uint16_t value)
{
    if (!model_accepted(model, FEATURE_RING_RESET))
        MODEL_BROKEN(model, "P14", "queue_reset was written, but RING_RESET was not negotiated");
    else if (value != 1)
        MODEL_BROKEN(model, "P14", "queue_reset <- %u", value);
    else
        model_queue_disable(queue);
}

static void queue_area_write(struct model_queue *queue, unsigned offset, uint32_t value)
{
    uint64_t *areas[] = {&queue->descriptor_area, &queue->driver_area, &queue->device_area};
    unsigned half = (offset - REG_QUEUE_DESC) / 4, shift = half % 2 * 32;
    uint64_t *area = areas[half / 2];
    *area = (*area & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
    queue->areas_written |= (uint8_t)(1u << half);
}

static void queue_field_write(struct model *model, const struct common_field *field, uint64_t value)
{
    struct model_queue *queue = queue_selected(model);
    if (!(model->status & STATUS_FEATURES_OK))
        MODEL_BROKEN(model, "G13", "%s was written before FEATURES_OK", field->name);
    if (!queue) {
        MODEL_BROKEN(model, "HOST-DEVICE-PROTOCOL", "%s was written for queue %u, of %u", field->name, model->queue_select,
                     model->queue_count);
        return;
    }
    if (queue->enabled && field->offset != REG_QUEUE_VECTOR && field->offset != REG_QUEUE_RESET && field->offset != REG_QUEUE_ENABLE) {
        MODEL_BROKEN(model, "P12", "%s was written after queue %u was enabled", field->name, model->queue_select);
        return;
    }
    switch (field->offset) {
    case REG_QUEUE_SIZE:
        queue_size_write(model, queue, (uint16_t)value);
        break;
    case REG_QUEUE_VECTOR:
        queue->vector = model_interrupt_vector(model, "queue_msix_vector", value);
        queue->vector_unread = value != NO_VECTOR;
        break;
    case REG_QUEUE_ENABLE:
        queue_enable(model, queue, (uint16_t)value);
        break;
    case REG_QUEUE_RESET:
        queue_reset(model, queue, (uint16_t)value);
        break;
    default:
        queue_area_write(queue, field->offset, (uint32_t)value);
        break;
    }
}

static uint64_t queue_size_read(struct model *model, const struct model_queue *queue)
{
    if (model_fault_due(&model->faults, FAULT_QUEUE_SIZE_ZERO))
        return 0;
    return model_fault_due(&model->faults, FAULT_QUEUE_SIZE_ODD) ? (queue->size ^ 3u) + 8u : queue->size;
}

static uint64_t queue_field_read(struct model *model, const struct common_field *field)
{
    struct model_queue *queue = queue_selected(model);
    if (!queue)
        return 0;
    const uint64_t areas[] = {queue->descriptor_area, queue->driver_area, queue->device_area};
    unsigned half = (field->offset - (unsigned)REG_QUEUE_DESC) / 4;
    switch (field->offset) {
    case REG_QUEUE_SIZE:
        return queue_size_read(model, queue);
    case REG_QUEUE_VECTOR:
        queue->vector_unread = false;
        return queue->vector;
    case REG_QUEUE_ENABLE:
        return queue->enabled;
    case REG_QUEUE_NOTIFY_OFF:
        return model->layout.notify_off[model->queue_select];
    case REG_QUEUE_NOTIF_DATA:
    case REG_QUEUE_RESET:
        return 0; /* a queue reset is complete at once */
    default:
        return areas[half / 2] >> (half % 2 * 32) & UINT32_MAX;
    }
}

/* ---- the structure ---- */

uint64_t model_common_read(struct model *model, uint32_t offset, unsigned width)
{
    const struct common_field *field = field_find(model, offset, width, "read");
    if (!field)
        return 0;
    switch (field->offset) {
    case REG_DEVICE_FEATURE_SELECT:
        return model->device_feature_select;
    case REG_DEVICE_FEATURE:
        if (!(model->status & STATUS_DRIVER))
            MODEL_BROKEN(model, "G13", "offered features were read before DRIVER was set");
        if (model->device_feature_select < 2)
            model->protocol.feature_words_read |= (uint8_t)(1u << model->device_feature_select);
        return word_of(model->options.features, model->device_feature_select);
    case REG_DRIVER_FEATURE_SELECT:
        return model->driver_feature_select;
    case REG_DRIVER_FEATURE:
        return word_of(model->accepted, model->driver_feature_select);
    case REG_CONFIG_VECTOR:
        model->protocol.config_vector_unread = false;
        return model->config_vector;
    case REG_NUM_QUEUES:
        return model_fault_due(&model->faults, FAULT_NO_QUEUES) ? 1 : model->queue_count;
    case REG_STATUS:
        return status_read(model);
    case REG_GENERATION:
        model->protocol.generation_after_mac = true;
        model->generation += model_fault_due(&model->faults, FAULT_GENERATION_CHURN);
        return model->generation;
    case REG_QUEUE_SELECT:
        return model->queue_select;
    default:
        return queue_field_read(model, field);
    }
}

void model_common_write(struct model *model, uint32_t offset, unsigned width, uint64_t value)
{
    const struct common_field *field = field_find(model, offset, width, "written");
    if (!field)
        return;
    if (field->read_only) {
        MODEL_BROKEN(model, "P10", "%s is not the driver's to write", field->name);
        return;
    }
    switch (field->offset) {
    case REG_DEVICE_FEATURE_SELECT:
        model->device_feature_select = (uint32_t)value;
        break;
    case REG_DRIVER_FEATURE_SELECT:
        model->driver_feature_select = (uint32_t)value;
        break;
    case REG_DRIVER_FEATURE:
        driver_feature_write(model, (uint32_t)value);
        break;
    case REG_CONFIG_VECTOR:
        model->config_vector = model_interrupt_vector(model, "config_msix_vector", value);
        model->protocol.config_vector_unread = value != NO_VECTOR;
        break;
    case REG_STATUS:
        status_write(model, (uint8_t)value);
        break;
    case REG_QUEUE_SELECT:
        model->queue_select = (uint16_t)value;
        break;
    default:
        queue_field_write(model, field, value);
        break;
    }
}
