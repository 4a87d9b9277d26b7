/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* interrupt.h - the interrupt of an adapter: ISRs, their DPCs and the receive throttle. */
#ifndef NDISHOST_NDIS_INTERRUPT_H
#define NDISHOST_NDIS_INTERRUPT_H

#include <stdbool.h>

struct adapter;
struct interrupt;

/* Called by the receive path for NBLs indicated on this processor: counts them against the throttle of the DPC that is running. */
void interrupt_count_indicated(struct adapter *adapter, unsigned nbl_count);
/* INT-17: calls the driver's disable and enable handlers at DIRQL; interrupts must arrive afterwards as before. PASSIVE_LEVEL. */
void interrupt_mask_and_unmask(struct adapter *adapter);
/* Disconnects and frees an interrupt that the image left registered. */
void interrupt_discard(struct interrupt *interrupt);

#endif
