/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* status.h - link state of an adapter as NDIS remembers it. */
#ifndef NDISHOST_NDIS_STATUS_H
#define NDISHOST_NDIS_STATUS_H

struct adapter;

/* Calls the listener with the present state, e.g. when one was just registered. */
void status_report_link(struct adapter *adapter);

#endif
