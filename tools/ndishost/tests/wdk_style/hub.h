/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * hub.h - a virtual miniport as a driver kit's sample would be: its adapters have no hardware and hear each other over a software hub.
 *
 * Locks, outermost first: HubLock (adapters of the hub; read at DISPATCH_LEVEL) -> HUB_ADAPTER.Lock. No NDIS function that calls back into
 * the driver is called with either held.
 */
#ifndef WDK_STYLE_HUB_H
#define WDK_STYLE_HUB_H

#include <ndis.h>

#define HUB_TAG           ((ULONG)'uHdW')
#define HUB_MTU           1500
#define HUB_HEADER        14
#define HUB_FRAME_MAXIMUM (HUB_MTU + HUB_HEADER)
#define HUB_LINK_SPEED    1000000000UI64
#define HUB_MULTICAST_MAX 32
#define HUB_FILTERS                                                                                                                        \
    (NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST | NDIS_PACKET_TYPE_BROADCAST |                \
     NDIS_PACKET_TYPE_PROMISCUOUS)
#define HUB_RECEIVES       128
#define HUB_TICK_MS        20
#define HUB_TICKS_PER_WORK 4

/* Counters of a processor; only touched on it, at DISPATCH_LEVEL. */
typedef struct _HUB_PROCESSOR {
    ULONG Rounds, Visits;
    ULONG Unused[14]; /* a cache line of its own */
} HUB_PROCESSOR;

typedef enum _HUB_STATE { HubHalted, HubPaused, HubRunning, HubPausing } HUB_STATE;

typedef struct _HUB_ADAPTER {
    LIST_ENTRY Link; /* in Adapters; HubLock */
    NDIS_HANDLE Handle;
    PDEVICE_OBJECT PhysicalDevice;
    UNICODE_STRING InterfaceName;
    BOOLEAN OnPci;
    ULONG Index;
    UCHAR PermanentAddress[6], Address[6];

    NDIS_SPIN_LOCK Lock; /* guards from here to the next blank line */
    HUB_STATE State;
    ULONG Sends, Receives; /* not completed, not returned */
    LIST_ENTRY SendQueue, ReceiveQueue;
    ULONG PacketFilter, Lookahead;
    ULONG MulticastCount;
    UCHAR Multicast[HUB_MULTICAST_MAX][6];
    ULONG64 FramesOut[3], FramesIn[3], BytesOut[3], BytesIn[3]; /* by HubClass() */
    ULONG64 NoBuffer;

    KDPC SendDpc, ReceiveDpc;
    SLIST_HEADER FreeReceives; /* interlocked */
    NDIS_HANDLE ListPool, BufferPool;
    NDIS_HANDLE Timer, WorkItem;
    LONG WorkQueued; /* interlocked */
    NDIS_EVENT WorkDone;
    ULONG Ticks;                /* timer only */
    ULONG LastUpTime, LastTime; /* work item only */
} HUB_ADAPTER, *PHUB_ADAPTER;

/* A send under way: the caller's list, and a clone of it that the hub reads. */
typedef struct _HUB_SEND {
    LIST_ENTRY Link;
    PNET_BUFFER_LIST List, Clone;
} HUB_SEND, *PHUB_SEND;

/* A receive buffer with all that describes it, made once. */
typedef struct _HUB_RECEIVE {
    SLIST_ENTRY Free; /* first: SLISTs need its alignment */
    LIST_ENTRY Link;
    PNET_BUFFER_LIST List;
    PMDL Mdl;
    UCHAR Frame[HUB_FRAME_MAXIMUM];
} HUB_RECEIVE, *PHUB_RECEIVE;

/* entry.c */
extern NDIS_HANDLE DriverHandle;
extern PNDIS_RW_LOCK_EX HubLock;
extern LIST_ENTRY Adapters;
extern NPAGED_LOOKASIDE_LIST SendLookaside;
extern HUB_PROCESSOR *Processors;
extern ULONG ProcessorCount;

/* control.c: the control device \\.\WdkStyleHub */
#define IOCTL_HUB_COUNT CTL_CODE(FILE_DEVICE_NETWORK, 0x900, METHOD_BUFFERED, FILE_READ_ACCESS) /* a ULONG: adapters on the hub */
VOID HubControlPrepare(VOID);
NDIS_STATUS HubControlAcquire(VOID);
VOID HubControlRelease(VOID);

/* adapter.c */
MINIPORT_INITIALIZE HubInitialize;
MINIPORT_HALT HubHalt;
MINIPORT_PAUSE HubPause;
MINIPORT_RESTART HubRestart;
MINIPORT_SHUTDOWN HubShutdown;
MINIPORT_RESET HubReset;
MINIPORT_CHECK_FOR_HANG HubCheckForHang;
MINIPORT_DEVICE_PNP_EVENT_NOTIFY HubDevicePnPEventNotify;
/* With the lock held: whether a pause that was pending is complete now; the caller calls NdisMPauseComplete without it. */
BOOLEAN HubPauseDone(PHUB_ADAPTER Adapter);

/* frames.c */
MINIPORT_SEND_NET_BUFFER_LISTS HubSend;
MINIPORT_CANCEL_SEND HubCancelSend;
MINIPORT_RETURN_NET_BUFFER_LISTS HubReturn;
KDEFERRED_ROUTINE HubSendDpc;
KDEFERRED_ROUTINE HubReceiveDpc;
NDIS_STATUS HubReceivesCreate(PHUB_ADAPTER Adapter);
VOID HubReceivesDelete(PHUB_ADAPTER Adapter);
/* Drops what is queued and not begun. */
VOID HubQueuesFlush(PHUB_ADAPTER Adapter);

/* surroundings.c */
NTSTATUS HubReadParameters(PUNICODE_STRING RegistryPath);
NDIS_STATUS HubPublish(PHUB_ADAPTER Adapter);
VOID HubUnpublish(PHUB_ADAPTER Adapter);
VOID HubVisitProcessors(VOID);

/* requests.c */
MINIPORT_OID_REQUEST HubOidRequest;
MINIPORT_DIRECT_OID_REQUEST HubDirectOidRequest;
MINIPORT_CANCEL_OID_REQUEST HubCancelOidRequest;
ULONG HubOids(const NDIS_OID **List);

#endif
