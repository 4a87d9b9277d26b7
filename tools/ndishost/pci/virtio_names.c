/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_names.c - tables of register, status and feature names. */
#include "virtio_names.h"

#include <stdio.h>

#include "function.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const struct virtio_field common_fields[] = {
    {COMMON_DEVICE_FEATURE_SELECT, 4, 1, false, "device_feature_select"},
    {COMMON_DEVICE_FEATURE, 4, 1, true, "device_feature"},
    {COMMON_DRIVER_FEATURE_SELECT, 4, 1, false, "driver_feature_select"},
    {COMMON_DRIVER_FEATURE, 4, 1, false, "driver_feature"},
    {COMMON_CONFIG_MSIX_VECTOR, 2, 1, false, "config_msix_vector"},
    {COMMON_NUM_QUEUES, 2, 1, true, "num_queues"},
    {COMMON_DEVICE_STATUS, 1, 1, false, "device_status"},
    {COMMON_CONFIG_GENERATION, 1, 1, true, "config_generation"},
    {COMMON_QUEUE_SELECT, 2, 1, false, "queue_select"},
    {COMMON_QUEUE_SIZE, 2, 1, false, "queue_size"},
    {COMMON_QUEUE_MSIX_VECTOR, 2, 1, false, "queue_msix_vector"},
    {COMMON_QUEUE_ENABLE, 2, 1, false, "queue_enable"},
    {COMMON_QUEUE_NOTIFY_OFF, 2, 1, true, "queue_notify_off"},
    {COMMON_QUEUE_DESC, 8, 1, false, "queue_desc"},
    {COMMON_QUEUE_DRIVER, 8, 1, false, "queue_driver"},
    {COMMON_QUEUE_DEVICE, 8, 1, false, "queue_device"},
    {COMMON_QUEUE_NOTIF_CONFIG_DATA, 2, 1, true, "queue_notif_config_data"},
    {COMMON_QUEUE_RESET, 2, 1, false, "queue_reset"},
    {60, 2, 1, true, "admin_queue_index"},
    {62, 2, 1, true, "admin_queue_num"},
};

static const struct virtio_field net_config_fields[] = {
    {0, 1, 6, true, "mac"},
    {6, 2, 1, true, "status"},
    {8, 2, 1, true, "max_virtqueue_pairs"},
    {10, 2, 1, true, "mtu"},
    {12, 4, 1, true, "speed"},
    {16, 1, 1, true, "duplex"},
    {17, 1, 1, true, "rss_max_key_size"},
    {18, 2, 1, true, "rss_max_indirection_table_length"},
    {20, 4, 1, true, "supported_hash_types"},
};

/* The legacy interface without MSI-X; its device configuration follows at 20. */
static const struct virtio_field legacy_fields[] = {
    {0, 4, 1, true, "host_features"},  {4, 4, 1, false, "guest_features"},
    {8, 4, 1, false, "queue_address"}, {12, 2, 1, true, "queue_size"},
    {14, 2, 1, false, "queue_select"}, {16, 2, 1, false, "queue_notify"},
    {18, 1, 1, false, "status"},       {19, 1, 1, true, "isr"},
    {20, 1, 12, false, "config"},
};

static const struct virtio_field *field_find(const struct virtio_field *fields, size_t count, uint64_t offset)
{
    for (size_t i = 0; i < count; i++) {
        if (offset >= fields[i].offset && offset - fields[i].offset < (uint64_t)fields[i].width * fields[i].count)
            return &fields[i];
    }
    return NULL;
}

const struct virtio_field *virtio_common_field(uint64_t offset)
{
    return field_find(common_fields, COUNT_OF(common_fields), offset);
}

const struct virtio_field *virtio_net_config_field(uint64_t offset)
{
    return field_find(net_config_fields, COUNT_OF(net_config_fields), offset);
}

const struct virtio_field *virtio_legacy_field(uint64_t offset)
{
    return field_find(legacy_fields, COUNT_OF(legacy_fields), offset);
}

const char *virtio_feature_name(unsigned bit)
{
    static const char *const names[64] = {
        [0] = "CSUM",
        [1] = "GUEST_CSUM",
        [2] = "CTRL_GUEST_OFFLOADS",
        [3] = "MTU",
        [5] = "MAC",
        [6] = "GSO",
        [7] = "GUEST_TSO4",
        [8] = "GUEST_TSO6",
        [9] = "GUEST_ECN",
        [10] = "GUEST_UFO",
        [11] = "HOST_TSO4",
        [12] = "HOST_TSO6",
        [13] = "HOST_ECN",
        [14] = "HOST_UFO",
        [15] = "MRG_RXBUF",
        [16] = "STATUS",
        [17] = "CTRL_VQ",
        [18] = "CTRL_RX",
        [19] = "CTRL_VLAN",
        [20] = "CTRL_RX_EXTRA",
        [21] = "GUEST_ANNOUNCE",
        [22] = "MQ",
        [23] = "CTRL_MAC_ADDR",
        [24] = "NOTIFY_ON_EMPTY",
        [27] = "ANY_LAYOUT",
        [28] = "INDIRECT_DESC",
        [29] = "EVENT_IDX",
        [32] = "VERSION_1",
        [33] = "ACCESS_PLATFORM",
        [34] = "RING_PACKED",
        [35] = "IN_ORDER",
        [36] = "ORDER_PLATFORM",
        [37] = "SR_IOV",
        [38] = "NOTIFICATION_DATA",
        [39] = "NOTIF_CONFIG_DATA",
        [40] = "RING_RESET",
        [41] = "ADMIN_VQ",
        [51] = "DEVICE_STATS",
        [52] = "VQ_NOTF_COAL",
        [53] = "NOTF_COAL",
        [54] = "GUEST_USO4",
        [55] = "GUEST_USO6",
        [56] = "HOST_USO",
        [57] = "HASH_REPORT",
        [59] = "GUEST_HDRLEN",
        [60] = "RSS",
        [61] = "RSC_EXT",
        [62] = "STANDBY",
        [63] = "SPEED_DUPLEX",
    };
    return bit < 64 ? names[bit] : NULL;
}

/* Appends "|text"; what does not fit is cut. */
static size_t text_append(char *buffer, size_t size, size_t length, const char *text)
{
    if (length + 1 >= size)
        return length;
    int added = snprintf(buffer + length, size - length, "%s%s", length ? "|" : "", text);
    return added < 0 ? length : length + (size_t)added;
}

const char *virtio_status_text(uint8_t status, char *buffer, size_t size)
{
    static const char *const names[8] = {"ACKNOWLEDGE", "DRIVER", "DRIVER_OK", "FEATURES_OK", "0x10", "0x20", "NEEDS_RESET", "FAILED"};
    size_t length = 0;
    snprintf(buffer, size, "%s", status ? "" : "RESET");
    for (unsigned bit = 0; bit < 8; bit++) {
        if (status >> bit & 1)
            length = text_append(buffer, size, length, names[bit]);
    }
    return buffer;
}

const char *virtio_features_text(uint64_t features, char *buffer, size_t size)
{
    size_t length = 0;
    buffer[0] = 0;
    for (unsigned bit = 0; bit < 64; bit++) {
        if (features >> bit & 1) {
            char number[8];
            const char *name = virtio_feature_name(bit);
            snprintf(number, sizeof number, "%u", bit);
            length = text_append(buffer, size, length, name ? name : number);
        }
    }
    return buffer;
}
