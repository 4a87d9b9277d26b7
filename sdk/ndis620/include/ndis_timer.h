/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ndis_timer.h - timer objects and work items. */
#ifndef NDIS620_TIMER_H
#define NDIS620_TIMER_H

/* --- timers; the function runs at DISPATCH_LEVEL */
typedef VOID(NTAPI NDIS_TIMER_FUNCTION)(PVOID SystemSpecific1, PVOID FunctionContext, PVOID SystemSpecific2, PVOID SystemSpecific3);
typedef NDIS_TIMER_FUNCTION(*PNDIS_TIMER_FUNCTION);

#define NDIS_TIMER_CHARACTERISTICS_REVISION_1 1
typedef struct _NDIS_TIMER_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header;
    ULONG AllocationTag;
    PNDIS_TIMER_FUNCTION TimerFunction;
    PVOID FunctionContext;
} NDIS_TIMER_CHARACTERISTICS, *PNDIS_TIMER_CHARACTERISTICS;
#define NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_TIMER_CHARACTERISTICS, FunctionContext)

EXPORT NDIS_STATUS NTAPI NdisAllocateTimerObject(NDIS_HANDLE NdisHandle, PNDIS_TIMER_CHARACTERISTICS TimerCharacteristics,
                                                 PNDIS_HANDLE pTimerObject);
/* Not while the timer is set, and not from its own function. */
EXPORT VOID NTAPI NdisFreeTimerObject(NDIS_HANDLE TimerObject);
/* TRUE when the timer was already in the queue. DueTime negative: relative, in units of 100 ns. */
EXPORT BOOLEAN NTAPI NdisSetTimerObject(NDIS_HANDLE TimerObject, LARGE_INTEGER DueTime, LONG MillisecondsPeriod, PVOID FunctionContext);
EXPORT BOOLEAN NTAPI NdisSetCoalescableTimerObject(NDIS_HANDLE TimerObject, LARGE_INTEGER DueTime, LONG MillisecondsPeriod,
                                                   PVOID FunctionContext, ULONG Tolerance);
/* TRUE when the timer was in the queue; FALSE: its function has run, runs now, or will run. */
EXPORT BOOLEAN NTAPI NdisCancelTimerObject(NDIS_HANDLE TimerObject);

/* --- work items; the routine runs at PASSIVE_LEVEL in a system thread */
typedef VOID(NTAPI NDIS_IO_WORKITEM_FUNCTION)(PVOID WorkItemContext, NDIS_HANDLE NdisIoWorkItemHandle);
typedef NDIS_IO_WORKITEM_FUNCTION(*NDIS_IO_WORKITEM_ROUTINE);

EXPORT NDIS_HANDLE NTAPI NdisAllocateIoWorkItem(NDIS_HANDLE NdisObjectHandle);
EXPORT VOID NTAPI NdisFreeIoWorkItem(NDIS_HANDLE NdisIoWorkItemHandle);
EXPORT VOID NTAPI NdisQueueIoWorkItem(NDIS_HANDLE NdisIoWorkItemHandle, NDIS_IO_WORKITEM_ROUTINE Routine, PVOID WorkItemContext);

#endif
