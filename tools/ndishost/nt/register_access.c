/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * register_access.c - READ_REGISTER_x, WRITE_REGISTER_x and the port functions, which are imports on x86 (and plain instructions, which
 * trap, on x64). An address in a register mapping goes to the device; other memory is accessed as it stands.
 */
#include "nt/nt.h"

#include "exec/trap.h"
#include "rules/rules.h"

#include <string.h>

#if UINTPTR_MAX == UINT32_MAX

/* ---- registers ---- */

static uint64_t register_read(uintptr_t address, unsigned width)
{
    uint64_t value = 0;
    if (!trap_region_access(address, width, false, &value))
        memcpy(&value, (const void *)address, width);
    return value;
}

static void register_write(uintptr_t address, unsigned width, uint64_t value)
{
    if (!trap_region_access(address, width, true, &value))
        memcpy((void *)address, &value, width);
}

static uint64_t read_one(struct export_call *call, unsigned width)
{
    return register_read(arg_word(call), width);
}

static uint64_t write_one(struct export_call *call, unsigned width)
{
    uintptr_t address = arg_word(call), value = arg_word(call);
    register_write(address, width, width == 4 ? value : value & ((1u << width * 8) - 1));
    return 0;
}

static uint64_t read_many(struct export_call *call, unsigned width)
{
    uintptr_t address = arg_word(call);
    uint8_t *buffer = arg_pointer(call);
    for (uint32_t count = arg_u32(call); count > 0; count--, address += width, buffer += width) {
        uint64_t value = register_read(address, width);
        memcpy(buffer, &value, width);
    }
    return 0;
}

static uint64_t write_many(struct export_call *call, unsigned width)
{
    uintptr_t address = arg_word(call);
    const uint8_t *buffer = arg_pointer(call);
    for (uint32_t count = arg_u32(call); count > 0; count--, address += width, buffer += width) {
        uint64_t value = 0;
        memcpy(&value, buffer, width);
        register_write(address, width, value);
    }
    return 0;
}

/* ---- ports ---- */

/* Of exec/trap.h, like trap_region_access(); false also as long as exec/ does not have it. */
bool trap_port_access(uint16_t port, unsigned width, bool write, uint64_t *value) __attribute__((weak));

static uint64_t port_access(uintptr_t port, unsigned width, bool write, uint64_t value)
{
    if (port > UINT16_MAX || !trap_port_access || !trap_port_access((uint16_t)port, width, write, &value)) {
        rule_violated("HOST-PORT-ACCESS", NULL, "there is nothing at port 0x%llx", (unsigned long long)port);
        return UINT64_MAX;
    }
    return value;
}

static uint64_t port_read_one(struct export_call *call, unsigned width)
{
    return port_access(arg_word(call), width, false, 0);
}

static uint64_t port_write_one(struct export_call *call, unsigned width)
{
    uintptr_t port = arg_word(call);
    port_access(port, width, true, arg_word(call));
    return 0;
}

static uint64_t port_read_many(struct export_call *call, unsigned width)
{
    uintptr_t port = arg_word(call);
    uint8_t *buffer = arg_pointer(call);
    for (uint32_t count = arg_u32(call); count > 0; count--, buffer += width) {
        uint64_t value = port_access(port, width, false, 0);
        memcpy(buffer, &value, width);
    }
    return 0;
}

static uint64_t port_write_many(struct export_call *call, unsigned width)
{
    uintptr_t port = arg_word(call);
    const uint8_t *buffer = arg_pointer(call);
    for (uint32_t count = arg_u32(call); count > 0; count--, buffer += width) {
        uint64_t value = 0;
        memcpy(&value, buffer, width);
        port_access(port, width, true, value);
    }
    return 0;
}

#define WIDTHS(verb)                                                                                                                       \
    static uint64_t verb##_1(struct export_call *call)                                                                                     \
    {                                                                                                                                      \
        return verb(call, 1);                                                                                                              \
    }                                                                                                                                      \
    static uint64_t verb##_2(struct export_call *call)                                                                                     \
    {                                                                                                                                      \
        return verb(call, 2);                                                                                                              \
    }                                                                                                                                      \
    static uint64_t verb##_4(struct export_call *call)                                                                                     \
    {                                                                                                                                      \
        return verb(call, 4);                                                                                                              \
    }
WIDTHS(read_one)
WIDTHS(write_one)
WIDTHS(read_many)
WIDTHS(write_many)
WIDTHS(port_read_one)
WIDTHS(port_write_one)
WIDTHS(port_read_many)
WIDTHS(port_write_many)

#define ROWS(name, verb) {name "UCHAR", verb##_1, 0}, {name "USHORT", verb##_2, 0}, {name "ULONG", verb##_4, 0}

const struct export_row nt_register_exports[] = {
    ROWS("READ_REGISTER_", read_one),           ROWS("WRITE_REGISTER_", write_one),          ROWS("READ_REGISTER_BUFFER_", read_many),
    ROWS("WRITE_REGISTER_BUFFER_", write_many), ROWS("READ_PORT_", port_read_one),           ROWS("WRITE_PORT_", port_write_one),
    ROWS("READ_PORT_BUFFER_", port_read_many),  ROWS("WRITE_PORT_BUFFER_", port_write_many), EXPORT_END,
};

#else

const struct export_row nt_register_exports[] = {EXPORT_END};

#endif
