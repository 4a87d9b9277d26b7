/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * io.h - the I/O manager as a driver with a device object sees it: names, symbolic links, security, handles, IRPs. Device objects are made
 * by IoCreateDevice and, for NdisRegisterDeviceEx, by the NDIS layer; the user's side (open, control, read, write, close) is for scenarios.
 *
 * A device that is deleted loses its name at once, as on Windows; the object, and the routines of the driver behind it, stay in use until
 * the last handle is closed. All functions run on a context; the user's side at PASSIVE_LEVEL.
 */
#ifndef NDISHOST_NT_IO_H
#define NDISHOST_NT_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/nt_types.h"

enum { IO_MAJOR_FUNCTIONS = 28, IO_NAME_SIZE = 128, IO_SECURITY_SIZE = 256 };

/* ---- device objects (io_device.c) ---- */

struct io_device;
struct io_device_options {
    nt_DRIVER_OBJECT *driver;
    const uintptr_t *major_functions; /* lives as long as the device; NULL: the driver object's, as they are at each request */
    const char *name;                 /* "\Device\Name"; "": none */
    const char *security;             /* SDDL; NULL: what Windows gives a device that says nothing */
    uint32_t extension_size, type, characteristics;
    bool exclusive;              /* one handle at a time */
    void (*gone)(void *context); /* the object is about to be freed: no handle refers to it any more. May be NULL */
    void *context;
};
/* NT status. A string that is no security descriptor is violation HOST-SDDL. */
uint32_t io_device_create(const struct io_device_options *options, struct io_device **device);
nt_DEVICE_OBJECT *io_device_object(const struct io_device *device);
/* Its name and its links go now; the object goes with its last handle. */
void io_device_delete(struct io_device *device);

/* NULL: `object` is no device object that a handle could lead to. */
struct io_device *io_device_of_object(const void *object);
/* io_registration.c: a device object goes; violation HOST-DEVICE-OBJECT for what it is still registered for. */
void io_registrations_check_gone(nt_DEVICE_OBJECT *object);
/* The system shuts down: IRP_MJ_SHUTDOWN to every device object that is registered for it, youngest first. PASSIVE_LEVEL. */
void io_shutdown_notify(void);

uint32_t io_link_create(const char *link, const char *target);
uint32_t io_link_delete(const char *link);
/* Violation HOST-DEVICE-OBJECT for each link that leads to no device; they are forgotten. Returns how many there were. */
unsigned io_links_audit(const char *when);

struct io_device_facts {
    char name[IO_NAME_SIZE], link[IO_NAME_SIZE] /* "\\.\Name", "" without a link */, security[IO_SECURITY_SIZE];
    unsigned handles;
    bool deleted;
};
/* Device number `index` of a driver, deleted ones with handles included; false: there are not so many. */
bool io_device_facts(const nt_DRIVER_OBJECT *driver, unsigned index, struct io_device_facts *facts);
/* Waits until no deleted device of the driver is left, as Windows does before it unloads one; false: not within that time. */
bool io_wait_handles_closed(const nt_DRIVER_OBJECT *driver, unsigned milliseconds);

/* ---- who asks (security.c) ---- */

enum io_user { IO_USER_SYSTEM, IO_USER_ADMINISTRATOR, IO_USER_EVERYBODY, IO_USER_COUNT };
#define IO_GENERIC_READ  0x80000000u
#define IO_GENERIC_WRITE 0x40000000u
#define IO_READ_DATA     0x1u /* what FILE_READ_ACCESS of a control code asks for */
#define IO_WRITE_DATA    0x2u

struct security;
/* NULL and the place of the fault in `error`: not a security descriptor string. */
struct security *security_parse(const char *sddl, char *error, size_t error_size);
void security_free(struct security *security);
/* Whether all of `desired` is granted; `granted` gets it with the generic rights mapped to those of files. */
bool security_grants(const struct security *security, enum io_user user, uint32_t desired, uint32_t *granted);

/* ---- the user's side (io_request.c) ---- */

struct io_file;
struct io_result {
    uint32_t status;
    uintptr_t information; /* as the driver left it, also where Windows does not tell the caller */
};
/* `path`: "\\.\Name", "\\.\Name\rest", or "\Device\Name". */
uint32_t io_open(const char *path, enum io_user user, uint32_t access, struct io_file **file);
/*
 * DeviceIoControl. The output buffer is written as Windows does it: never behind what Information says, and not at all for an error.
 * `cancel_after_ms`: a request that pends that long is cancelled; 0: after io_patience_ms, and a driver that has not completed it a
 * while after that breaks DEV-06.
 */
struct io_result io_control(struct io_file *file, uint32_t code, const void *input, uint32_t input_length, void *output,
                            uint32_t output_length, unsigned cancel_after_ms);
/* Any other request with a buffer: `major` decides whether it is read or written. */
struct io_result io_transfer(struct io_file *file, uint8_t major, void *buffer, uint32_t length);
/* IRP_MJ_CLEANUP, IRP_MJ_CLOSE; no request of the file may be under way. */
void io_close(struct io_file *file);

/* A request of the system's own, without file and buffers. */
struct io_result io_send(struct io_device *device, uint8_t major);

extern unsigned io_patience_ms;

/* ---- between the files ---- */

/* Finds a device by path and takes a reference for a handle; NT status. */
uint32_t io_device_reference(const char *path, enum io_user user, uint32_t access, uint32_t *granted, struct io_device **device);
void io_device_dereference(struct io_device *device);
uintptr_t io_device_routine(const struct io_device *device, uint8_t major);
const char *io_major_name(uint8_t major);
void io_cancel_lock_release(uint8_t irql);
/* An IRP that io_request.c made for a user and the driver has not completed. */
bool io_request_is_live(const void *irp);
/* io_irp.c: an IRP of the driver's own, allocated or initialised. */
bool io_irp_is_own(const void *irp);
/* IofCompleteRequest: of whichever kind. `who` called it. */
void io_complete(nt_IRP *irp, uintptr_t who);
/* The same for IRPs of the driver's own; false: it is none. */
bool io_irp_complete(nt_IRP *irp, uintptr_t who);
/* IRPs that the driver initialised lie in memory that goes away: violation HOST-IRP for one that a device object has. */
void io_irps_forget(const void *start, size_t size, uintptr_t who);

#endif
