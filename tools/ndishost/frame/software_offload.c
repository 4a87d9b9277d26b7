/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* software_offload.c - completing checksums and cutting large TCP packets, from the packet's own headers. */
#include "frame/software_offload.h"

#include <string.h>

#include "frame/internet_checksum.h"
#include "frame/packet.h"

enum { TCP_FLAGS = 13, FIN_AND_PSH = 0x09, CWR = 0x80, TCP_SEQUENCE = 4 };

static void put_checksum(uint8_t *at, uint16_t sum)
{
    uint16_t value = (uint16_t)~sum;

    packet_put16(at, value ? value : 0xFFFF); /* 0 would mean "none" to UDP; to everybody else the two are the same */
}

bool software_checksum(uint8_t *frame, size_t length, size_t start, size_t offset)
{
    struct internet_sum sum = {0};

    if (start >= length || offset + 2 > length - start)
        return false;
    internet_sum_add(&sum, frame + start, length - start);
    put_checksum(frame + start + offset, internet_sum_value(&sum));
    return true;
}

void software_header_checksum(uint8_t *frame, size_t network)
{
    struct internet_sum sum = {0};

    packet_put16(frame + network + PACKET_IPV4_SUM, 0);
    internet_sum_add(&sum, frame + network, (size_t)(frame[network] & 15) * 4);
    packet_put16(frame + network + PACKET_IPV4_SUM, (uint16_t)~internet_sum_value(&sum));
}

/* Makes the copied headers those of the segment that starts at `position` of the payload and ends at `length`. */
static void finish_segment(uint8_t *segment, size_t length, struct packet *packet, unsigned number, size_t position, bool last)
{
    uint8_t *network = segment + packet->network, *tcp = segment + packet->transport_at;
    uint32_t sequence = (uint32_t)packet_get16(tcp + TCP_SEQUENCE) << 16 | packet_get16(tcp + TCP_SEQUENCE + 2);

    if (packet->version == 4) {
        packet_put16(network + 2, (unsigned)(length - packet->network));
        packet_put16(network + 4, packet_get16(network + 4) + number);
        software_header_checksum(segment, packet->network);
    } else {
        packet_put16(network + 4, (unsigned)(length - packet->network - 40));
    }
    sequence += (uint32_t)position;
    packet_put16(tcp + TCP_SEQUENCE, sequence >> 16);
    packet_put16(tcp + TCP_SEQUENCE + 2, sequence & 0xFFFF);
    if (!last)
        tcp[TCP_FLAGS] &= (uint8_t)~FIN_AND_PSH;
    if (number)
        tcp[TCP_FLAGS] &= (uint8_t)~CWR;
    packet_put16(tcp + PACKET_TCP_SUM, packet_pseudo_sum(segment, packet, (uint32_t)(length - packet->transport_at)));
    software_checksum(segment, length, packet->transport_at, PACKET_TCP_SUM);
}

bool software_segment(const uint8_t *frame, size_t length, size_t segment_size, uint8_t *room,
                      bool (*emit)(void *context, const uint8_t *frame, size_t length), void *context)
{
    struct packet packet;
    size_t position = 0, left;
    unsigned number = 0;

    packet_parse(frame, length, length, &packet);
    if (packet.transport != TRANSPORT_TCP || !segment_size)
        return false;
    left = packet.end - packet.payload;
    do {
        size_t bytes = left < segment_size ? left : segment_size;

        memcpy(room, frame, packet.payload);
        memcpy(room + packet.payload, frame + packet.payload + position, bytes);
        left -= bytes;
        finish_segment(room, packet.payload + bytes, &packet, number++, position, !left);
        if (!emit(context, room, packet.payload + bytes))
            return false;
        position += bytes;
    } while (left);
    return true;
}
