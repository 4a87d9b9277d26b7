/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device_filter.c - plans the commands that program a device's receive filter. */
#include "packet/device_filter.h"
#include "virtio_net_spec.h"

#define MODE(name) ((virtio_u8)(1u << VIRTIO_NET_CTRL_RX_##name))

/* Modes that let more in when they are on; the others keep something out when they are on. */
#define LETTING_IN (MODE(PROMISC) | MODE(ALLMULTI) | MODE(ALLUNI))
#define BASIC      (MODE(PROMISC) | MODE(ALLMULTI))
#define EVERY      ((virtio_u8)((1u << DEVICE_FILTER_MODES) - 1u))

virtio_u8 device_filter_wanted(const struct receive_filter *filter, virtio_bool extra)
{
    virtio_u32 bits = filter->packet_filter;
    virtio_u8 wanted = 0;

    if ((bits & RECEIVE_FILTER_PROMISCUOUS) != 0)
        return MODE(PROMISC);
    if ((bits & RECEIVE_FILTER_ALL_MULTICAST) != 0)
        wanted |= MODE(ALLMULTI);
    if (!extra)
        return wanted;
    if ((bits & RECEIVE_FILTER_DIRECTED) == 0)
        wanted |= MODE(NOUNI);
    if ((bits & (RECEIVE_FILTER_MULTICAST | RECEIVE_FILTER_ALL_MULTICAST)) == 0)
        wanted |= MODE(NOMULTI);
    if ((bits & RECEIVE_FILTER_BROADCAST) == 0)
        wanted |= MODE(NOBCAST);
    return wanted;
}

virtio_u8 device_filter_open(void)
{
    return MODE(PROMISC);
}

/* Appends a step for every mode in `modes`, PROMISC where it belongs: first of what lets in, last of what keeps out. */
static virtio_u32 append(virtio_u8 modes, virtio_u8 wanted, virtio_bool promiscuous_first, struct device_filter_step *steps)
{
    virtio_u32 count = 0, i;
    virtio_u8 mode;

    for (i = 0; i < DEVICE_FILTER_MODES; i++) {
        mode = (virtio_u8)(promiscuous_first ? i : DEVICE_FILTER_MODES - 1u - i); /* PROMISC is mode 0 */
        if ((modes & 1u << mode) != 0) {
            steps[count].mode = mode;
            steps[count].on = (virtio_u8)(wanted >> mode & 1u);
            count++;
        }
    }
    return count;
}

virtio_u32 device_filter_plan(const struct device_filter *known, virtio_u8 wanted, virtio_bool extra, virtio_bool table,
                              struct device_filter_step steps[DEVICE_FILTER_STEPS_MAX])
{
    virtio_u8 exist = extra ? EVERY : BASIC;
    virtio_u8 change = (virtio_u8)(exist & (~known->known | (known->on ^ wanted)));
    virtio_u8 widen = (virtio_u8)(change & (wanted ^ ~LETTING_IN)); /* becomes on and lets in, or off and kept out */
    virtio_u8 narrow = (virtio_u8)(change & ~widen);
    virtio_u32 count = 0;

    if ((narrow & MODE(PROMISC)) != 0 && (known->known & MODE(PROMISC)) == 0) {
        steps[count].mode = VIRTIO_NET_CTRL_RX_PROMISC;
        steps[count].on = 1;
        count++;
    }
    count += append(widen, wanted, VIRTIO_TRUE, &steps[count]);
    if (table) {
        steps[count].mode = DEVICE_FILTER_TABLE;
        steps[count].on = 0;
        count++;
    }
    return count + append(narrow, wanted, VIRTIO_FALSE, &steps[count]);
}

void device_filter_learn(struct device_filter *known, const struct device_filter_step *step)
{
    virtio_u8 bit = (virtio_u8)(1u << step->mode);

    known->known |= bit;
    known->on = (virtio_u8)(step->on ? known->on | bit : known->on & ~bit);
}

static virtio_u32 write_count(virtio_u8 *bytes, virtio_u32 count)
{
    bytes[0] = (virtio_u8)count;
    bytes[1] = (virtio_u8)(count >> 8);
    bytes[2] = (virtio_u8)(count >> 16);
    bytes[3] = (virtio_u8)(count >> 24);
    return 4;
}

static virtio_u32 write_address(virtio_u8 *bytes, const virtio_u8 address[ETHERNET_ADDRESS_BYTES])
{
    virtio_u32 i;

    for (i = 0; i < ETHERNET_ADDRESS_BYTES; i++)
        bytes[i] = address[i];
    return ETHERNET_ADDRESS_BYTES;
}

virtio_u32 device_filter_write_table(const struct receive_filter *filter, virtio_bool station, virtio_u8 bytes[DEVICE_FILTER_TABLE_MAX])
{
    virtio_u32 listed = filter->multicast_count < RECEIVE_FILTER_MULTICAST_MAX ? filter->multicast_count : RECEIVE_FILTER_MULTICAST_MAX;
    virtio_u32 groups = 0, length, i;
    virtio_u8 *count;

    length = write_count(bytes, station ? 1 : 0);
    if (station)
        length += write_address(&bytes[length], filter->station);
    count = &bytes[length];
    length += write_count(count, 0);
    if ((filter->packet_filter & RECEIVE_FILTER_MULTICAST) != 0) {
        for (i = 0; i < listed; i++) {
            /* Whatever the list holds, the table of groups holds groups. */
            if ((filter->multicast[i][0] & 1) != 0) {
                length += write_address(&bytes[length], filter->multicast[i]);
                groups++;
            }
        }
    }
    (void)write_count(count, groups);
    return length;
}
