/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ndis_sync.h - spin locks, reader-writer locks, events, interlocked operations and interlocked lists. */
#ifndef NDIS620_SYNC_H
#define NDIS620_SYNC_H

/* OldIrql is written by the holder between acquire and release. */
typedef struct _NDIS_SPIN_LOCK {
    KSPIN_LOCK SpinLock;
    KIRQL OldIrql;
} NDIS_SPIN_LOCK, *PNDIS_SPIN_LOCK;

#define NdisAllocateSpinLock(Lock) KeInitializeSpinLock(&(Lock)->SpinLock)
#define NdisFreeSpinLock(Lock)
/* The old IRQL is stored after the lock is held: the field belongs to the holder. */
#define NdisAcquireSpinLock(Lock)                                                                                                          \
    do {                                                                                                                                   \
        KIRQL NdisAcquireSpinLockIrql;                                                                                                     \
        KeAcquireSpinLock(&(Lock)->SpinLock, &NdisAcquireSpinLockIrql);                                                                    \
        (Lock)->OldIrql = NdisAcquireSpinLockIrql;                                                                                         \
    } while (0)
#define NdisReleaseSpinLock(Lock)    KeReleaseSpinLock(&(Lock)->SpinLock, (Lock)->OldIrql)
#define NdisDprAcquireSpinLock(Lock) KeAcquireSpinLockAtDpcLevel(&(Lock)->SpinLock)
#define NdisDprReleaseSpinLock(Lock) KeReleaseSpinLockFromDpcLevel(&(Lock)->SpinLock)

/* Reader-writer locks of NDIS 6.20: allocated, with the caller's lock state on its stack. */
typedef struct _NDIS_RW_LOCK_EX NDIS_RW_LOCK_EX, *PNDIS_RW_LOCK_EX;

typedef struct _LOCK_STATE_EX {
    KIRQL OldIrql;
    UCHAR LockState;
    UCHAR Flags;
} LOCK_STATE_EX, *PLOCK_STATE_EX;

#define NDIS_RWL_AT_DISPATCH_LEVEL 1

EXPORT PNDIS_RW_LOCK_EX NTAPI NdisAllocateRWLock(NDIS_HANDLE NdisHandle);
EXPORT VOID NTAPI NdisFreeRWLock(PNDIS_RW_LOCK_EX Lock);
EXPORT VOID NTAPI NdisAcquireRWLockRead(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState, UCHAR Flags);
EXPORT VOID NTAPI NdisAcquireRWLockWrite(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState, UCHAR Flags);
EXPORT VOID NTAPI NdisReleaseRWLock(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState);

/* Reader-writer locks of NDIS 5, still exported: the structure is the driver's, 16 bytes per processor. */
typedef union _NDIS_RW_LOCK_REFCOUNT {
    UINT RefCount;
    UCHAR cacheLine[16];
} NDIS_RW_LOCK_REFCOUNT;

typedef struct _NDIS_RW_LOCK {
    __extension__ union {
        __extension__ struct {
            KSPIN_LOCK SpinLock;
            PVOID Context;
        };
        UCHAR Reserved[16];
    };
    __extension__ union {
        NDIS_RW_LOCK_REFCOUNT RefCount[MAXIMUM_PROCESSORS];
        ULONG RefCountEx[sizeof(NDIS_RW_LOCK_REFCOUNT) / sizeof(ULONG) * MAXIMUM_PROCESSORS];
        __extension__ struct {
            KSPIN_LOCK RefCountLock;
            volatile ULONG SharedRefCount;
            volatile BOOLEAN WriterWaiting;
        };
    };
} NDIS_RW_LOCK, *PNDIS_RW_LOCK;

typedef struct _LOCK_STATE {
    USHORT LockState;
    KIRQL OldIrql;
} LOCK_STATE, *PLOCK_STATE;

EXPORT VOID NTAPI NdisInitializeReadWriteLock(PNDIS_RW_LOCK Lock);
EXPORT VOID NTAPI NdisAcquireReadWriteLock(PNDIS_RW_LOCK Lock, BOOLEAN fWrite, PLOCK_STATE LockState);
EXPORT VOID NTAPI NdisReleaseReadWriteLock(PNDIS_RW_LOCK Lock, PLOCK_STATE LockState);
EXPORT VOID NTAPI NdisDprAcquireReadWriteLock(PNDIS_RW_LOCK Lock, BOOLEAN fWrite, PLOCK_STATE LockState);
EXPORT VOID NTAPI NdisDprReleaseReadWriteLock(PNDIS_RW_LOCK Lock, PLOCK_STATE LockState);

/* A notification event: stays set until reset. */
typedef struct _NDIS_EVENT {
    KEVENT Event;
} NDIS_EVENT, *PNDIS_EVENT;

EXPORT VOID NTAPI NdisInitializeEvent(PNDIS_EVENT Event);
EXPORT VOID NTAPI NdisSetEvent(PNDIS_EVENT Event);
EXPORT VOID NTAPI NdisResetEvent(PNDIS_EVENT Event);
/* IRQL: PASSIVE_LEVEL. MsToWait 0 waits without limit; FALSE when the time went by. */
EXPORT BOOLEAN NTAPI NdisWaitEvent(PNDIS_EVENT Event, UINT MsToWait);

typedef KMUTEX NDIS_MUTEX, *PNDIS_MUTEX;
#define NDIS_INIT_MUTEX(Mutex)     KeInitializeMutex((Mutex), 0xFFFF)
#define NDIS_WAIT_FOR_MUTEX(Mutex) KeWaitForSingleObject((Mutex), Executive, KernelMode, FALSE, NULL)
#define NDIS_RELEASE_MUTEX(Mutex)  KeReleaseMutex((Mutex), FALSE)

#define NDIS_RAISE_IRQL_TO_DISPATCH(OldIrql) KeRaiseIrql(DISPATCH_LEVEL, (OldIrql))
#define NDIS_LOWER_IRQL(OldIrql, CurrentIrql)                                                                                              \
    do {                                                                                                                                   \
        if ((OldIrql) != (CurrentIrql)) {                                                                                                  \
            KeLowerIrql(OldIrql);                                                                                                          \
        }                                                                                                                                  \
    } while (0)
#define NDIS_CURRENT_IRQL()           KeGetCurrentIrql()
#define NDIS_CURRENT_PROCESSOR_NUMBER KeGetCurrentProcessorNumber()

/* --- interlocked operations */
#define NdisInterlockedIncrement(Addend)                    InterlockedIncrement(Addend)
#define NdisInterlockedDecrement(Addend)                    InterlockedDecrement(Addend)
#define NdisInterlockedAddUlong(Addend, Increment, Lock)    ExInterlockedAddUlong((Addend), (Increment), &(Lock)->SpinLock)
#define NdisInterlockedAddLargeStatistic(Addend, Increment) ExInterlockedAddLargeStatistic((PLARGE_INTEGER)(Addend), (Increment))

/* --- lists guarded by a spin lock, and sequenced lists */
#define NdisInitializeListHead(ListHead)                      InitializeListHead(ListHead)
#define NdisInterlockedInsertHeadList(ListHead, Entry, Lock)  ExInterlockedInsertHeadList((ListHead), (Entry), &(Lock)->SpinLock)
#define NdisInterlockedInsertTailList(ListHead, Entry, Lock)  ExInterlockedInsertTailList((ListHead), (Entry), &(Lock)->SpinLock)
#define NdisInterlockedRemoveHeadList(ListHead, Lock)         ExInterlockedRemoveHeadList((ListHead), &(Lock)->SpinLock)
#define NdisInterlockedPushEntryList(ListHead, Entry, Lock)   ExInterlockedPushEntryList((ListHead), (Entry), &(Lock)->SpinLock)
#define NdisInterlockedPopEntryList(ListHead, Lock)           ExInterlockedPopEntryList((ListHead), &(Lock)->SpinLock)
#define NdisInitializeSListHead(SListHead)                    ExInitializeSListHead(SListHead)
#define NdisInterlockedPushEntrySList(SListHead, Entry, Lock) ExInterlockedPushEntrySList((SListHead), (Entry), &(Lock)->SpinLock)
#define NdisInterlockedPopEntrySList(SListHead, Lock)         ExInterlockedPopEntrySList((SListHead), &(Lock)->SpinLock)
#define NdisInterlockedFlushSList(SListHead)                  ExInterlockedFlushSList(SListHead)
#define NdisQueryDepthSList(SListHead)                        ExQueryDepthSList(SListHead)

#endif
