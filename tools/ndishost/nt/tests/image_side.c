/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* image_side.c - tests of exports from the image's side of the door. */
#include "image_side.h"

#include "exec/call.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "nt/nt.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>

static void set_up(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    trap_install();
    nt_exports_register();
}

uintptr_t import(const char *name)
{
    set_up();
    uintptr_t address = export_resolve("ntoskrnl.exe", name);
    if (!address)
        address = export_resolve("hal.dll", name);
    if (!address) {
        fprintf(stderr, "nobody exports %s\n", name);
        exit(1);
    }
    return address;
}

static void thread_body(void *argument)
{
    image_call("test", (uintptr_t)argument, 0, NULL);
}

void run_image(unsigned processors, void(IMAGE_ENTRY *body)(void))
{
    set_up();
    rules_reset();
    if (sched_start(processors) != 0)
        claim_failed(__FILE__, __LINE__, "sched_start", processors, 0);
    sched_run("test", thread_body, (void *)(uintptr_t)body);
    CLAIM_EQUAL(sched_stop(), 0);
}

void claim_failed(const char *file, int line, const char *what, unsigned long long a, unsigned long long b)
{
    fprintf(stderr, "%s:%d: %s does not hold (0x%llx, 0x%llx)\n", file, line, what, a, b);
    _Exit(1);
}
