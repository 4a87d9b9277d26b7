/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* log.h - the log of a miniport as the audit sees it. */
#ifndef NDISHOST_NDIS_LOG_H
#define NDISHOST_NDIS_LOG_H

struct miniport_log;

void log_discard(struct miniport_log *log);

#endif
