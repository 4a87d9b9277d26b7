/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_registers.c - finds the structure behind a BAR access; doorbells, ISR status, MSI-X table; faults that count accesses. */
#include <inttypes.h>
#include <string.h>

#include "model_state.h"

static bool range_holds(const struct model_range *range, unsigned bar, uint64_t offset, unsigned width)
{
    return bar == range->bar && offset >= range->offset && width <= range->length && offset - range->offset <= range->length - width;
}

static uint64_t bytes_read(const void *bytes, size_t size, uint64_t offset, unsigned width)
{
    uint64_t value = 0;
    if (offset < size)
        memcpy(&value, (const uint8_t *)bytes + offset, width <= size - offset ? width : (size_t)(size - offset));
    return value;
}

/* P5: a later instance of a structure that came before. It is a real place, but nothing answers there. */
static void repetition_check(struct model *model, unsigned bar, uint64_t offset, unsigned width)
{
    for (unsigned i = 0; i < model->layout.capability_count; i++) {
        const struct model_capability *capability = &model->layout.capabilities[i];
        if (capability->id == PCI_CAP_VENDOR && capability->type >= CAP_COMMON && capability->type <= CAP_DEVICE &&
            range_holds(&capability->range, bar, offset, width))
            MODEL_WARNED(model, "P5", "a structure of type %u was accessed at BAR%u+0x%" PRIx64 ", but an instance before it is usable",
                         capability->type, bar, offset);
    }
}

/* ---- doorbells ---- */

/* P21, G16. */
static void notify_write(struct model *model, uint32_t offset, unsigned width, uint64_t value)
{
    unsigned index = (unsigned)value & 0xffff;
    if (width != 2 && !(model->contract && width == 4))
        MODEL_BROKEN(model, "P21", "queue %u was notified by a write of %u bytes", index, width);
    if (index >= model->queue_count || (width == 4 && value >> 16)) {
        MODEL_BROKEN(model, "P21", "0x%" PRIx64 " was written as a notification; there are %u queues", value, model->queue_count);
        return;
    }
    if (offset != model->layout.notify_off[index] * model->layout.multiplier)
        MODEL_BROKEN(model, "P21", "queue %u was notified at +0x%x, its place is +0x%x", index, offset,
                     model->layout.notify_off[index] * model->layout.multiplier);
    if (!(model->status & STATUS_DRIVER_OK)) {
        MODEL_BROKEN(model, "G16", "queue %u was notified before DRIVER_OK", index);
        return;
    }
    if (!model->queues[index].enabled) {
        MODEL_BROKEN(model, "HOST-DEVICE-PROTOCOL", "queue %u was notified and is not enabled", index);
        return;
    }
    if (index < ROLE_COUNT)
        model->counts.doorbells[index]++;
    model_queue_notified(&model->queues[index]);
    model_wake(model);
}

/* ---- faults and checks that go with every access ---- */

/* False: the device is gone, or goes with this access. */
static bool access_begin(struct model *model)
{
    model->counts.accesses++;
    if (model_fault_due(&model->faults, FAULT_GONE)) {
        model->vanished = true;
        model_interrupt_update(model);
    }
    if (model->vanished)
        return false;
    /* A driver resets the device before it begins: what was wrong until then it cannot know. */
    if (model->status != 0 && model_fault_due(&model->faults, FAULT_NEEDS_RESET_AT_ACCESS))
        model_fail(model);
    /* A register access is a moment when the driver's rings can be looked at, too. */
    for (unsigned i = 0; i < model->queue_count; i++)
        model_queue_look(&model->queues[i]);
    return model_config_space_command(&model->config, PCI_COMMAND_MEMORY);
}

uint64_t model_register_read(struct model *model, unsigned bar, uint64_t offset, unsigned width)
{
    const struct model_layout *layout = &model->layout;
    if (!access_begin(model))
        return UINT64_MAX;
    if (range_holds(&layout->common, bar, offset, width))
        return model_common_read(model, (uint32_t)(offset - layout->common.offset), width);
    if (range_holds(&layout->device, bar, offset, width))
        return model_net_config_read(model, (uint32_t)(offset - layout->device.offset), width);
    if (range_holds(&layout->isr, bar, offset, width)) {
        if (width != 1 || offset != layout->isr.offset)
            MODEL_BROKEN(model, "P3", "%u bytes were read at +%u of the ISR status, a field of 1 byte", width,
                         (unsigned)(offset - layout->isr.offset));
        return offset == layout->isr.offset ? model_interrupt_isr_read(model) : 0;
    }
    if (range_holds(&layout->msix_table, bar, offset, width))
        return bytes_read(model->msix_table, layout->msix_table.length, offset - layout->msix_table.offset, width);
    if (range_holds(&layout->msix_pending, bar, offset, width))
        return bytes_read(model->msix_pending, layout->msix_pending.length, offset - layout->msix_pending.offset, width);
    if (!range_holds(&layout->notify, bar, offset, width)) /* reads of doorbells give 0 */
        repetition_check(model, bar, offset, width);
    return 0;
}

void model_register_write(struct model *model, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    const struct model_layout *layout = &model->layout;
    if (!access_begin(model))
        return;
    if (range_holds(&layout->common, bar, offset, width)) {
        model_common_write(model, (uint32_t)(offset - layout->common.offset), width, value);
    } else if (range_holds(&layout->notify, bar, offset, width)) {
        notify_write(model, (uint32_t)(offset - layout->notify.offset), width, value);
    } else if (range_holds(&layout->device, bar, offset, width)) {
        MODEL_BROKEN(model, "N2", "the device configuration was written at +%u", (unsigned)(offset - layout->device.offset));
    } else if (range_holds(&layout->isr, bar, offset, width)) {
        MODEL_BROKEN(model, "HOST-DEVICE-PROTOCOL", "the ISR status was written");
    } else if (range_holds(&layout->msix_table, bar, offset, width)) {
        uint32_t inside = (uint32_t)(offset - layout->msix_table.offset);
        for (unsigned i = 0; i < width && inside % 4 == 0 && width % 4 == 0; i += 4)
            /* NOLINTNEXTLINE(clang-analyzer-core.BitwiseShift): no access is wider than 8 bytes */
            model_interrupt_table_write(model, inside + i, (uint32_t)(value >> (8 * i)));
    } else {
        repetition_check(model, bar, offset, width);
    }
}
