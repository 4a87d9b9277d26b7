/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * settings_table.h - the adapter's registry keywords: the one place that states them, for the driver, its INF and the tests that compare
 * the two. The order is part of the event log's meaning (AerovnetReasonSettingRange names the index): append only.
 *
 *     X(Field, Keyword, Default, Minimum, Maximum)
 *
 * Field is a ULONG of AEROVNET_SETTINGS. A value that is missing, of another type, or out of its range has the default's effect.
 */
#ifndef AEROVNET_SETTINGS_TABLE_H
#define AEROVNET_SETTINGS_TABLE_H

/* Values of the checksum keywords: bit 0 transmit, bit 1 receive. */
#define AEROVNET_CHECKSUM_TRANSMIT 1
#define AEROVNET_CHECKSUM_RECEIVE  2
/* Values of *PriorityVLANTag: bit 0 priority, bit 1 VLAN. */
#define AEROVNET_TAG_OF_PRIORITY 1
#define AEROVNET_TAG_OF_VLAN     2

#define AEROVNET_SETTING_TABLE(X)                                                                                                          \
    X(ReceiveBuffers, "*ReceiveBuffers", 512, 16, 4096)        /* owned by the adapter, posted or with the stack */                        \
    X(ReceiveBufferSize, "ReceiveBufferSize", 2048, 128, 4096) /* bytes of one, where the device merges buffers */                         \
    X(TransmitBuffers, "*TransmitBuffers", 256, 16, 1024)      /* frames that may be with the device at once */                            \
    X(IpChecksumIpv4, "*IPChecksumOffloadIPv4", 3, 0, 3)       /* AEROVNET_CHECKSUM_* */                                                   \
    X(TcpChecksumIpv4, "*TCPChecksumOffloadIPv4", 3, 0, 3)     /* AEROVNET_CHECKSUM_* */                                                   \
    X(TcpChecksumIpv6, "*TCPChecksumOffloadIPv6", 3, 0, 3)     /* AEROVNET_CHECKSUM_* */                                                   \
    X(UdpChecksumIpv4, "*UDPChecksumOffloadIPv4", 3, 0, 3)     /* AEROVNET_CHECKSUM_* */                                                   \
    X(UdpChecksumIpv6, "*UDPChecksumOffloadIPv6", 3, 0, 3)     /* AEROVNET_CHECKSUM_* */                                                   \
    X(LargeSendIpv4, "*LsoV2IPv4", 1, 0, 1)                    /* segmentation by the device */                                            \
    X(LargeSendIpv6, "*LsoV2IPv6", 1, 0, 1)                    /* segmentation by the device */                                            \
    X(PriorityVlanTag, "*PriorityVLANTag", 3, 0, 3)            /* AEROVNET_TAG_OF_* */                                                     \
    X(VlanId, "VlanID", 0, 0, 4094)                            /* the one VLAN of the adapter; 0: none */                                  \
    X(JumboPacket, "*JumboPacket", 1514, 1514, 9014)           /* bytes of the longest frame, Ethernet header included */                  \
    X(InterruptModeration, "*InterruptModeration", 1, 0, 1)    /* 1: completions may wait for more of them */                              \
    X(SpeedDuplex, "*SpeedDuplex", 0, 0, 0)                    /* automatic: the device says how fast its link is */

#endif
