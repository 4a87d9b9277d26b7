/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * network.h - where frames come from and go to. Every adapter has two sides:
 *   above: Linux's TCP/IP over a TAP in the guest's network namespace, spoken to by the NDIS layer's upper edge;
 *   below: what the device is plugged into: a TAP in the peer's namespace (`tap`) or QEMU's slirp (`user`).
 * Namespaces are unnamed and vanish with the process. Without root a user namespace is made first.
 */
#ifndef NDISHOST_NET_NETWORK_H
#define NDISHOST_NET_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum network_kind { NETWORK_TAP, NETWORK_USER };

struct network_world; /* the namespaces of a run */
/*
 * Creates the namespaces (call before any other thread exists: it may unshare the user namespace). On failure NULL and one line in
 * `error` (no /dev/net/tun; user namespaces forbidden and not root; ...).
 *
 * Linux trusts a frame whose vnet header calls its checksum partial, and does not cut a large frame that it delivers to itself. With
 * `referee` (NETWORK_TAP) the peer therefore lies behind a third namespace, the cable: a bridge from the TAP to a veth that has neither
 * checksum nor segmentation offload, so that everything is completed and cut there and verified by the peer.
 */
struct network_world *network_world_create(enum network_kind kind, bool referee, char *error, size_t error_size);
/* Ends whatever still runs in the namespaces. */
void network_world_destroy(struct network_world *world);

enum network_side { SIDE_GUEST, SIDE_PEER };
/*
 * Packets that this side's TCP/IP threw away because of a checksum, of any protocol; `text`, when there are any, gets "Tcp 3, Udp 1".
 */
uint64_t network_bad_checksums(const struct network_world *world, enum network_side side, char *text, size_t size);
/* The namespace's descriptor, the world's own: for a child that is to live there (QEMU belongs to the peer's side). */
int network_world_namespace(const struct network_world *world, enum network_side side);
/*
 * A listening, non-blocking abstract unix socket inside a namespace: commands there reach this process by `name`, nobody else does,
 * and no file remains. -1 and errno on failure.
 */
int network_world_listen(const struct network_world *world, enum network_side side, const char *name);

struct network;
/*
 * Adapter `index` (0, 1, ...): tap: guest 192.0.2.1/24 2001:db8::1/64, peer 192.0.2.2 2001:db8::2; adapter 1: 198.51.100.1/24,
 * 2001:db8:1::1/64 and so on; user: guest 10.0.2.15/24 via 10.0.2.2, fec0::15 via fec0::2 (adapter 1: 10.0.3.15, fec0:0:0:1::15, no
 * default route). `mac`: the address of the adapter, set on the guest's TAP; its carrier starts down.
 * The TAPs are called aero0 and peer0, aero1 and peer1, ... IPv6 addresses without duplicate address detection.
 */
struct network *network_create(struct network_world *world, unsigned index, const uint8_t mac[6], char *error, size_t error_size);

/* Who takes the frames below the device. */
enum network_cable {
    CABLE_QEMU,   /* network_netdev(): a TAP with vnet headers, or slirp */
    CABLE_FRAMES, /* network_cable(): a TAP of plain frames; NETWORK_TAP only */
    CABLE_NONE,   /* nobody: there is no TAP below */
};
/*
 * An adapter that differs from what network_create() makes (SIDE_GUEST, CABLE_QEMU). With `above` SIDE_PEER the TAP above the driver lies
 * in the peer's namespace and has the peer's addresses of adapter `subnet`: two adapters of one hub are each other's peers.
 */
struct network_shape {
    enum network_side above;
    enum network_cable cable;
    unsigned subnet; /* addresses are those of adapter `subnet` */
};
struct network *network_create_shaped(struct network_world *world, unsigned index, const uint8_t mac[6], const struct network_shape *shape,
                                      char *error, size_t error_size);
void network_destroy(struct network *network);

/* The addresses of the guest's TAP; IPv6 is :: when the MTU has no room for it. */
struct network_addresses {
    uint8_t ipv4[4], ipv6[16];
};
struct network_addresses network_addresses(const struct network *network);

/* ---- below: for the back-ends ---- */
/* The -netdev argument (id=n0) and the descriptors to inherit; *descriptor_count: room on entry, number on return (one at most). */
const char *network_netdev(const struct network *network, int *descriptors, unsigned *descriptor_count);
/* CABLE_FRAMES: each read() and write() is one frame, non-blocking; the network's own. Else -1. */
int network_cable(const struct network *network);

/* ---- above: for the upper edge ---- */
int network_fd(const struct network *network); /* to poll for readability */
/* What Linux asks for with a frame, and what a receiver says of one; the vnet header's meaning, not its layout. */
enum network_large { LARGE_NOT, LARGE_TCP4, LARGE_TCP6 };
struct network_request {
    bool checksum;                            /* from Linux: the sum from checksum_start on is to be completed */
    bool checksum_verified;                   /* to Linux: whoever received it has verified it */
    uint16_t checksum_start, checksum_offset; /* the partial sum stands at start + offset */
    enum network_large large;                 /* cut into segments of segment_size */
    uint16_t segment_size;
};
/* What Linux may leave to the adapter. A frame that it asked something for before that was less may still come. */
struct network_offload {
    bool checksum, large4, large6;
    unsigned largest; /* longest TCP payload of a large frame, 0: Linux's own limit */
};
/* Any thread; does not block for long. Starts with nothing. */
void network_set_offload(struct network *network, const struct network_offload *offload);
/* One frame from Linux and what it asks for with it. Returns its length, 0 when none waits, -1 with errno. */
ssize_t network_read(struct network *network, void *frame, size_t size, struct network_request *request);
/* One frame to Linux. Returns false when Linux did not take it (counted). Never blocks. */
bool network_write(struct network *network, const struct iovec *parts, unsigned part_count, const struct network_request *request);
void network_set_carrier(struct network *network, bool up); /* TUNSETCARRIER on the guest's TAP */
uint64_t network_refused(const struct network *network);    /* frames Linux did not take */
/* Applies the adapter's real MAC and MTU to the guest's TAP (and the MTU to the peer's); addresses and routes are put back. */
bool network_configure(struct network *network, const uint8_t mac[6], unsigned mtu);

/* ---- commands in the namespaces (sh -c) ---- */
/* Starts a command in its own process group; returns the pid. It is killed with this process. */
pid_t network_command_start(struct network_world *world, enum network_side side, const char *command);

/* ---- capture: pcapng, one interface per side, nanosecond timestamps ---- */
struct capture;
struct capture *capture_open(const char *path, char *error, size_t error_size);
unsigned capture_add_interface(struct capture *capture, const char *name);
void capture_frame(struct capture *capture, unsigned interface, bool outbound, const struct iovec *parts,
                   unsigned part_count);     /* any thread */
bool capture_close(struct capture *capture); /* false when something could not be written */

#endif
