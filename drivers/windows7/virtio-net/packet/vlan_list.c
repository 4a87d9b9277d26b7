/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vlan_list.c - reads lists of VLAN ids. */
#include "packet/vlan_list.h"

void vlan_list_add(struct vlan_list *list, virtio_u32 id)
{
    virtio_u32 i;

    for (i = 0; i < list->count; i++) {
        if (list->ids[i] == id)
            return;
    }
    if (id < VLAN_ID_MINIMUM || id > VLAN_ID_MAXIMUM || list->count == VLAN_LIST_MAX)
        list->rejected++;
    else
        list->ids[list->count++] = (virtio_u16)id;
}

static virtio_u32 unit_at(const virtio_u8 *text, virtio_u32 index)
{
    return text[2 * index] | (virtio_u32)text[2 * index + 1] << 8;
}

/* The units from `begin` up to `end`; 0, which is no VLAN, for what is not a decimal number. */
static virtio_u32 read_number(const virtio_u8 *text, virtio_u32 begin, virtio_u32 end)
{
    virtio_u32 number = 0, unit;

    while (begin < end && (unit_at(text, begin) == ' ' || unit_at(text, begin) == '\t'))
        begin++;
    while (begin < end && (unit_at(text, end - 1) == ' ' || unit_at(text, end - 1) == '\t'))
        end--;
    for (; begin < end; begin++) {
        unit = unit_at(text, begin);
        if (unit < '0' || unit > '9')
            return 0;
        number = number * 10 + (unit - '0');
        if (number > VLAN_ID_MAXIMUM)
            return 0;
    }
    return number;
}

void vlan_list_read(struct vlan_list *list, const virtio_u8 *text, virtio_u32 length)
{
    virtio_u32 units = length / 2, begin = 0, end;

    while (begin < units) {
        end = begin;
        while (end < units && unit_at(text, end) != 0)
            end++;
        if (end != begin)
            vlan_list_add(list, read_number(text, begin, end));
        begin = end + 1;
    }
}
