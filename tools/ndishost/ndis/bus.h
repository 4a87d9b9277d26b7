/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* bus.h - the register mappings and port ranges that an adapter holds, and the resources it is given. */
#ifndef NDISHOST_NDIS_BUS_H
#define NDISHOST_NDIS_BUS_H

#include <stdint.h>

struct adapter;
struct pci_bar;

/* Takes away every mapping and port range that is left; returns how many there were. */
unsigned bus_mappings_discard(struct adapter *adapter);

/* resources.c: what the resource descriptors of a BAR say, offered or assigned. */
uint8_t resource_bar_type(const struct pci_bar *bar);
uint16_t resource_bar_flags(const struct pci_bar *bar);

/* resources.c: decides line or messages and writes adapter->resources as the PCI bus driver would. */
void resources_assign(struct adapter *adapter, unsigned message_limit);
/* The same with the line, whatever the function offers. */
void resources_assign_line(struct adapter *adapter);
/* Writes the processors of the messages into what was assigned (adapter->message_affinity). */
void resources_describe_affinity(struct adapter *adapter);
/* Takes back what was assigned. */
void resources_release(struct adapter *adapter);

#endif
