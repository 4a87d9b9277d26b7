/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio_pci_modern_miniport.h - the modern virtio-pci transport over any BARs: finds the structures, maps them through the caller,
 * and gives typed verbs for the common configuration, device configuration, ISR and notifications.
 *
 * Locks: the selectors of the common configuration are device-global; the caller serialises every function marked "selector".
 * Widths: every access has the width of its field; 64-bit fields are written as two 32-bit halves (P3).
 */
#ifndef VIRTIO_PCI_MODERN_MINIPORT_H
#define VIRTIO_PCI_MODERN_MINIPORT_H

#include "virtio_pci_capabilities.h"
#include "virtio_types.h"

/* What the operating system does for the transport. All functions are called at the caller's IRQL. */
struct virtio_pci_platform {
    void *context;
    /* Maps `length` bytes at `offset` of BAR `bar` as registers; NULL when the BAR is absent, not memory, or too short. */
    void *(*map)(void *context, virtio_u8 bar, virtio_u32 offset, virtio_u32 length);
    void (*unmap)(void *context, void *address, virtio_u32 length);
    virtio_u8 (*read8)(void *context, const void *address);
    virtio_u16 (*read16)(void *context, const void *address);
    virtio_u32 (*read32)(void *context, const void *address);
    void (*write8)(void *context, void *address, virtio_u8 value);
    void (*write16)(void *context, void *address, virtio_u16 value);
    void (*write32)(void *context, void *address, virtio_u32 value);
    /* Waits about `microseconds` (<= 1000 at PASSIVE; busy at DISPATCH). */
    void (*stall)(void *context, virtio_u32 microseconds);
};

struct virtio_pci_modern {
    struct virtio_pci_platform platform;
    virtio_u8 *common; /* common configuration */
    virtio_u8 *isr;
    virtio_u8 *device; /* device configuration; NULL when the device has none */
    virtio_u8 *notify;
    virtio_u32 common_length, isr_length, device_length, notify_length; /* mapped bytes */
    virtio_u32 notify_multiplier;
    virtio_u8 status_set; /* the bits this driver has set since its last reset; what the device adds is not copied into it */
};

enum virtio_pci_result {
    VIRTIO_PCI_OK = 0,
    VIRTIO_PCI_MAP_FAILED,       /* a structure could not be mapped */
    VIRTIO_PCI_RESET_TIMEOUT,    /* status did not read 0 in time (P13, G9) */
    VIRTIO_PCI_FEATURES_REFUSED, /* FEATURES_OK did not stick (G13) */
    VIRTIO_PCI_MISSING_FEATURE,  /* a required bit is not offered */
    VIRTIO_PCI_GONE,             /* reads give all ones: the device was removed */
    VIRTIO_PCI_QUEUE_ABSENT,     /* queue_size reads 0 */
    VIRTIO_PCI_QUEUE_BAD,        /* queue_size or notify_off make no sense */
    VIRTIO_PCI_VECTOR_REFUSED,   /* a vector did not read back (P20) */
    VIRTIO_PCI_CONFIG_UNSTABLE   /* config_generation never settled (G10) */
};

/* Maps the four structures of `capabilities` (only what is needed, P8). On failure nothing stays mapped. */
enum virtio_pci_result virtio_pci_modern_init(struct virtio_pci_modern *transport, const struct virtio_pci_platform *platform,
                                              const struct virtio_pci_capabilities *capabilities);
void virtio_pci_modern_release(struct virtio_pci_modern *transport);

/* ---- status ---- */
virtio_u8 virtio_pci_modern_status(struct virtio_pci_modern *transport);
/* ORs `bits` into the status the driver has set so far; never clears one (G1, G2). */
void virtio_pci_modern_add_status(struct virtio_pci_modern *transport, virtio_u8 bits);
/* Writes 0 and waits until it reads 0, at most `timeout_us` (P13). Also safe on a device that is gone: GONE after a bounded look. */
enum virtio_pci_result virtio_pci_modern_reset(struct virtio_pci_modern *transport, virtio_u32 timeout_us);
/* Writes 0 without waiting: for shutdown at any IRQL. */
void virtio_pci_modern_reset_no_wait(struct virtio_pci_modern *transport);

/* ---- features (selector) ---- */
virtio_u64 virtio_pci_modern_offered_features(struct virtio_pci_modern *transport);
void virtio_pci_modern_write_features(struct virtio_pci_modern *transport, virtio_u64 features);

/* ---- initialisation up to FEATURES_OK (selector): reset, ACKNOWLEDGE, DRIVER, read, decide, write, FEATURES_OK, read back ---- */
/* `decide` gets what is offered and returns what to accept, or 0 to refuse (it has then noted why): FAILED is set (G8). */
enum virtio_pci_result virtio_pci_modern_negotiate(struct virtio_pci_modern *transport,
                                                   virtio_u64 (*decide)(void *context, virtio_u64 offered), void *context,
                                                   virtio_u64 *offered, virtio_u64 *accepted);
/* Sets DRIVER_OK: from here on notifications are allowed (G16). */
void virtio_pci_modern_driver_ok(struct virtio_pci_modern *transport);
void virtio_pci_modern_fail(struct virtio_pci_modern *transport); /* sets FAILED (G15) */

/* ---- queues (selector) ---- */
virtio_u16 virtio_pci_modern_queue_count(struct virtio_pci_modern *transport);
/* Size the device offers for a queue; 0: absent. Not more than 32768, a power of two, else QUEUE_BAD. */
enum virtio_pci_result virtio_pci_modern_queue_size(struct virtio_pci_modern *transport, virtio_u16 queue, virtio_u16 *size);
struct virtio_pci_queue_setup {
    virtio_u16 queue;
    virtio_u16 size;                         /* power of two, <= the device's */
    virtio_u16 vector;                       /* message, or VIRTIO_MSI_NO_VECTOR */
    virtio_u64 descriptors, available, used; /* physical */
};
/*
 * Writes all fields, reads the vector back, then enables (P12). `*doorbell` is the address for notifications, checked to lie inside
 * the notify structure.
 */
enum virtio_pci_result virtio_pci_modern_setup_queue(struct virtio_pci_modern *transport, const struct virtio_pci_queue_setup *setup,
                                                     void **doorbell);
virtio_u16 virtio_pci_modern_queue_vector(struct virtio_pci_modern *transport, virtio_u16 queue);
/*
 * One 16-bit write of the queue index (P21). No lock, any IRQL. Before DRIVER_OK, and after a reset, it writes nothing (G16): buffers that
 * were published earlier need a notification after virtio_pci_modern_driver_ok().
 */
void virtio_pci_modern_notify(struct virtio_pci_modern *transport, void *doorbell, virtio_u16 queue);

/* ---- vectors ---- */
/* Writes msix_config and reads it back (P20). */
enum virtio_pci_result virtio_pci_modern_set_config_vector(struct virtio_pci_modern *transport, virtio_u16 vector);
virtio_u16 virtio_pci_modern_config_vector(struct virtio_pci_modern *transport);

/* ---- device configuration ---- */
/*
 * Copies bytes [offset, offset + length) of the device configuration, repeated until config_generation is the same before and after
 * (G10), at most 16 times. The range must lie inside what the device provides, else MAP_FAILED.
 *
 * Widths (P3): a read of 2 bytes at a multiple of 2 is one 16-bit access, one of 4 (8) bytes at a multiple of 4 is one (two) 32-bit
 * accesses, anything else goes byte by byte. So read one field, or one array of bytes, with each call.
 */
enum virtio_pci_result virtio_pci_modern_read_config(struct virtio_pci_modern *transport, virtio_u32 offset, void *buffer,
                                                     virtio_u32 length);
virtio_u8 virtio_pci_modern_config_generation(struct virtio_pci_modern *transport);

/* ---- ISR: reading acknowledges and deasserts the line. 0xFF (device gone) is returned as it is. Any IRQL. ---- */
virtio_u8 virtio_pci_modern_read_isr(struct virtio_pci_modern *transport);

#endif
