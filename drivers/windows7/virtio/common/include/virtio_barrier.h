/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio_barrier.h - the memory barriers of a split ring as verbs, each named by what it separates.
 *
 * Three builds: on x86 and x64, where loads are not passed by loads nor stores by stores, a read or write barrier only stops the
 * compiler, and a full one is a locked instruction (SSE2's mfence does not exist on every x86 processor that runs Windows 7); elsewhere
 * every barrier is a full fence; with VIRTIO_BARRIER_RECORDER each verb calls virtio_barrier_record(), which a test provides.
 */
#ifndef VIRTIO_BARRIER_H
#define VIRTIO_BARRIER_H

#include "virtio_types.h"

#if defined(VIRTIO_BARRIER_RECORDER)

enum virtio_barrier_kind {
    VIRTIO_BARRIER_WRITE_BEFORE_PUBLISH = 1,
    VIRTIO_BARRIER_FULL_BEFORE_EVENT_CHECK,
    VIRTIO_BARRIER_READ_AFTER_USED_INDEX,
    VIRTIO_BARRIER_FULL_AFTER_INTERRUPT_REQUEST
};
void virtio_barrier_record(enum virtio_barrier_kind kind);

#define VIRTIO_BARRIER_WRITE(kind) virtio_barrier_record(kind)
#define VIRTIO_BARRIER_READ(kind)  virtio_barrier_record(kind)
#define VIRTIO_BARRIER_FULL(kind)  virtio_barrier_record(kind)

#elif defined(__GNUC__) || defined(__clang__)

#if defined(__x86_64__)
#define VIRTIO_BARRIER_COMPILER()  __asm__ __volatile__("" ::: "memory")
#define VIRTIO_BARRIER_PROCESSOR() __asm__ __volatile__("lock; orl $0, (%%rsp)" ::: "memory", "cc")
#elif defined(__i386__)
#define VIRTIO_BARRIER_COMPILER()  __asm__ __volatile__("" ::: "memory")
#define VIRTIO_BARRIER_PROCESSOR() __asm__ __volatile__("lock; orl $0, (%%esp)" ::: "memory", "cc")
#else
#define VIRTIO_BARRIER_COMPILER()  __sync_synchronize()
#define VIRTIO_BARRIER_PROCESSOR() __sync_synchronize()
#endif
#define VIRTIO_BARRIER_WRITE(kind) VIRTIO_BARRIER_COMPILER()
#define VIRTIO_BARRIER_READ(kind)  VIRTIO_BARRIER_COMPILER()
#define VIRTIO_BARRIER_FULL(kind)  VIRTIO_BARRIER_PROCESSOR()

#elif defined(_MSC_VER)

void _ReadWriteBarrier(void);
long _InterlockedOr(long volatile *value, long mask);
#pragma intrinsic(_ReadWriteBarrier)
#pragma intrinsic(_InterlockedOr)

static __inline void virtio_barrier_processor(void)
{
    long volatile place = 0;

    _InterlockedOr(&place, 0);
}
#define VIRTIO_BARRIER_WRITE(kind) _ReadWriteBarrier()
#define VIRTIO_BARRIER_READ(kind)  _ReadWriteBarrier()
#define VIRTIO_BARRIER_FULL(kind)  virtio_barrier_processor()

#else
#error "no barriers known for this compiler"
#endif

/*
 * Between filling descriptors and available ring entries, and writing avail.idx (Q7). Pairs with the device's read barrier between its
 * reading of avail.idx and of the entries.
 */
static __inline void virtio_barrier_write_before_publish(void)
{
    VIRTIO_BARRIER_WRITE(VIRTIO_BARRIER_WRITE_BEFORE_PUBLISH);
}

/*
 * Between writing avail.idx and reading used.flags or avail_event (Q8). Pairs with the device's full barrier between its asking for
 * notifications and its last look at avail.idx: one of the two sees the other's store, so no buffer is left lying. It also puts
 * avail.idx before the doorbell.
 */
static __inline void virtio_barrier_full_before_event_check(void)
{
    VIRTIO_BARRIER_FULL(VIRTIO_BARRIER_FULL_BEFORE_EVENT_CHECK);
}

/*
 * Between reading used.idx and reading the used elements it announces, and what the device wrote into their buffers. Pairs with the
 * device's write barrier before its used.idx.
 */
static __inline void virtio_barrier_read_after_used_index(void)
{
    VIRTIO_BARRIER_READ(VIRTIO_BARRIER_READ_AFTER_USED_INDEX);
}

/*
 * Between asking for an interrupt (avail.flags or used_event) and the next look at used.idx. Pairs with the device's full barrier between
 * its writing of used.idx and its decision to interrupt.
 */
static __inline void virtio_barrier_full_after_interrupt_request(void)
{
    VIRTIO_BARRIER_FULL(VIRTIO_BARRIER_FULL_AFTER_INTERRUPT_REQUEST);
}

#endif
