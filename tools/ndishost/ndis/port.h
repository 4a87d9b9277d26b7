/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* port.h - the ports of an adapter as the audit sees them. */
#ifndef NDISHOST_NDIS_PORT_H
#define NDISHOST_NDIS_PORT_H

struct ndis_port;

void port_discard(struct ndis_port *port);

#endif
