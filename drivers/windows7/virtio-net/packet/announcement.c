/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* announcement.c - reads lists of network addresses, and writes the frames that announce them. */
#include "packet/announcement.h"
#include "packet/checksum.h"

/* ---- lists ---- */

/* NDIS_PROTOCOL_ID_* */
#define PROTOCOL_ANY  0u
#define PROTOCOL_IPV4 2u
#define PROTOCOL_IPV6 3u

/* NETWORK_ADDRESS: USHORT AddressLength, USHORT AddressType, then NETWORK_ADDRESS_IP or NETWORK_ADDRESS_IP6 with natural alignment. */
#define ENTRY_BYTES         4u
#define IPV4_ADDRESS_OFFSET 4u /* behind the port */
#define IPV6_ADDRESS_OFFSET 8u /* behind port and flow label */

static virtio_u32 read16(const virtio_u8 *bytes)
{
    return bytes[0] | (virtio_u32)bytes[1] << 8;
}

static void copy(virtio_u8 *to, const virtio_u8 *from, virtio_u32 length)
{
    while (length-- != 0)
        *to++ = *from++;
}

static virtio_bool is_station_ipv4(const virtio_u8 *address)
{
    return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

static virtio_bool is_station_ipv6(const virtio_u8 *address)
{
    virtio_u32 i;

    if (address[0] == 0xFF)
        return VIRTIO_FALSE;
    for (i = 0; i < ANNOUNCEMENT_IPV6_BYTES - 1; i++) {
        if (address[i] != 0)
            return VIRTIO_TRUE;
    }
    return address[i] > 1; /* neither :: nor ::1 */
}

static void add_ipv4(struct announcement_addresses *addresses, const virtio_u8 *address)
{
    if (!is_station_ipv4(address))
        return;
    if (addresses->ipv4_count == ANNOUNCEMENT_ADDRESSES_MAX)
        addresses->left_out++;
    else
        copy(addresses->ipv4[addresses->ipv4_count++], address, ANNOUNCEMENT_IPV4_BYTES);
}

static void add_ipv6(struct announcement_addresses *addresses, const virtio_u8 *address)
{
    if (!is_station_ipv6(address))
        return;
    if (addresses->ipv6_count == ANNOUNCEMENT_ADDRESSES_MAX)
        addresses->left_out++;
    else
        copy(addresses->ipv6[addresses->ipv6_count++], address, ANNOUNCEMENT_IPV6_BYTES);
}

/* Walks the entries. With `addresses` NULL it only looks whether they fit, and which kinds there are (bit PROTOCOL_*). */
static virtio_bool walk(struct announcement_addresses *addresses, const virtio_u8 *list, virtio_u32 length, virtio_u32 count,
                        virtio_u32 *kinds)
{
    const virtio_u8 *entry = list + ANNOUNCEMENT_LIST_BYTES;
    virtio_u32 left = length - ANNOUNCEMENT_LIST_BYTES, bytes, type;

    *kinds = 0;
    for (; count != 0; count--) {
        if (left < ENTRY_BYTES)
            return VIRTIO_FALSE;
        bytes = read16(entry);
        type = read16(entry + 2);
        if (bytes > left - ENTRY_BYTES)
            return VIRTIO_FALSE;
        if (type == PROTOCOL_IPV4 && bytes >= IPV4_ADDRESS_OFFSET + ANNOUNCEMENT_IPV4_BYTES) {
            *kinds |= 1u << PROTOCOL_IPV4;
            if (addresses != 0)
                add_ipv4(addresses, entry + ENTRY_BYTES + IPV4_ADDRESS_OFFSET);
        }
        if (type == PROTOCOL_IPV6 && bytes >= IPV6_ADDRESS_OFFSET + ANNOUNCEMENT_IPV6_BYTES) {
            *kinds |= 1u << PROTOCOL_IPV6;
            if (addresses != 0)
                add_ipv6(addresses, entry + ENTRY_BYTES + IPV6_ADDRESS_OFFSET);
        }
        entry += ENTRY_BYTES + bytes;
        left -= ENTRY_BYTES + bytes;
    }
    return VIRTIO_TRUE;
}

enum announcement_result announcement_read_list(struct announcement_addresses *addresses, const virtio_u8 *list, virtio_u32 length)
{
    virtio_u32 count = read16(list) | read16(list + 2) << 16;
    virtio_u32 kinds, type;

    if (count > 0x7FFFFFFFu)
        return ANNOUNCEMENT_INVALID; /* a LONG */
    /* Ends although the count is anybody's: each entry takes at least four bytes of what there is. */
    if (!walk(0, list, length, count, &kinds))
        return ANNOUNCEMENT_SHORT;
    if (count == 0) {
        type = read16(list + 4);
        kinds = type == PROTOCOL_ANY ? 1u << PROTOCOL_IPV4 | 1u << PROTOCOL_IPV6 : type <= PROTOCOL_IPV6 ? 1u << type : 0;
    }
    if ((kinds & 1u << PROTOCOL_IPV4) != 0)
        addresses->ipv4_count = 0;
    if ((kinds & 1u << PROTOCOL_IPV6) != 0)
        addresses->ipv6_count = 0;
    addresses->left_out = 0;
    (void)walk(addresses, list, length, count, &kinds);
    return ANNOUNCEMENT_OK;
}

/* ---- frames ---- */

#define ETHERNET_FRAME_MINIMUM 60u /* without check sequence */
#define ARP_BYTES              28u
#define IPV6_HEADER_BYTES      40u
#define ADVERTISEMENT_BYTES    32u /* of ICMPv6: header, flags, target, one option */
#define NEXT_HEADER_ICMPV6     58u

static const virtio_u8 everybody[ETHERNET_ADDRESS_BYTES] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static const virtio_u8 all_nodes_group[ETHERNET_ADDRESS_BYTES] = {0x33, 0x33, 0x00, 0x00, 0x00, 0x01};
static const virtio_u8 all_nodes[ANNOUNCEMENT_IPV6_BYTES] = {0xFF, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01};

static void write16(virtio_u8 *bytes, virtio_u32 value)
{
    bytes[0] = (virtio_u8)(value >> 8);
    bytes[1] = (virtio_u8)value;
}

static virtio_u32 write_ethernet(virtio_u8 *frame, const virtio_u8 *destination, const virtio_u8 *station, virtio_u16 vlan, virtio_u32 type)
{
    virtio_u32 length = ETHERNET_TYPE_OFFSET, i;

    for (i = 0; i < ANNOUNCEMENT_FRAME_MAX; i++)
        frame[i] = 0;
    copy(frame, destination, ETHERNET_ADDRESS_BYTES);
    copy(frame + ETHERNET_ADDRESS_BYTES, station, ETHERNET_ADDRESS_BYTES);
    if (vlan != 0) {
        write16(frame + length, ETHERNET_TYPE_VLAN);
        write16(frame + length + 2, vlan);
        length += ETHERNET_VLAN_BYTES;
    }
    write16(frame + length, type);
    return length + 2;
}

virtio_u32 announcement_write_arp(virtio_u8 frame[ANNOUNCEMENT_FRAME_MAX], const virtio_u8 station[ETHERNET_ADDRESS_BYTES], virtio_u16 vlan,
                                  const virtio_u8 address[ANNOUNCEMENT_IPV4_BYTES])
{
    /* Ethernet, IPv4, their lengths; a request, in which sender and target are the same (RFC 5227, section 3). */
    static const virtio_u8 fixed[8] = {0, 1, 0x08, 0x00, 6, 4, 0, 1};
    virtio_u32 header = write_ethernet(frame, everybody, station, vlan, ETHERNET_TYPE_ARP);
    virtio_u8 *arp = frame + header;

    copy(arp, fixed, sizeof fixed);
    copy(arp + 8, station, ETHERNET_ADDRESS_BYTES);
    copy(arp + 14, address, ANNOUNCEMENT_IPV4_BYTES);
    copy(arp + 24, address, ANNOUNCEMENT_IPV4_BYTES); /* the target's hardware address is not known: zero */
    return header + ARP_BYTES < ETHERNET_FRAME_MINIMUM ? ETHERNET_FRAME_MINIMUM : header + ARP_BYTES;
}

virtio_u32 announcement_write_neighbour(virtio_u8 frame[ANNOUNCEMENT_FRAME_MAX], const virtio_u8 station[ETHERNET_ADDRESS_BYTES],
                                        virtio_u16 vlan, const virtio_u8 address[ANNOUNCEMENT_IPV6_BYTES])
{
    static const virtio_u8 pseudo_tail[8] = {0, 0, 0, ADVERTISEMENT_BYTES, 0, 0, 0, NEXT_HEADER_ICMPV6};
    virtio_u32 header = write_ethernet(frame, all_nodes_group, station, vlan, ETHERNET_TYPE_IPV6);
    virtio_u8 *ip = frame + header;
    virtio_u8 *icmp = ip + IPV6_HEADER_BYTES;
    struct checksum checksum;

    ip[0] = 0x60;
    write16(ip + 4, ADVERTISEMENT_BYTES);
    ip[6] = NEXT_HEADER_ICMPV6;
    ip[7] = 255; /* hop limit: it was not forwarded (RFC 4861, section 7.1.2) */
    copy(ip + 8, address, ANNOUNCEMENT_IPV6_BYTES);
    copy(ip + 24, all_nodes, ANNOUNCEMENT_IPV6_BYTES);

    icmp[0] = 136;  /* neighbour advertisement */
    icmp[4] = 0x20; /* override what is cached; not solicited */
    copy(icmp + 8, address, ANNOUNCEMENT_IPV6_BYTES);
    icmp[24] = 2; /* target link-layer address, one unit of eight bytes */
    icmp[25] = 1;
    copy(icmp + 26, station, ETHERNET_ADDRESS_BYTES);

    checksum_begin(&checksum);
    checksum_add(&checksum, ip + 8, 2 * ANNOUNCEMENT_IPV6_BYTES);
    checksum_add(&checksum, pseudo_tail, sizeof pseudo_tail);
    checksum_add(&checksum, icmp, ADVERTISEMENT_BYTES);
    write16(icmp + 2, (virtio_u32)~checksum_value(&checksum) & 0xFFFFu);
    return header + IPV6_HEADER_BYTES + ADVERTISEMENT_BYTES;
}
