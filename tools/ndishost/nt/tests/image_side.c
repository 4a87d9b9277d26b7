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

enum { CONTENDERS_MAX = 4 };

void image_side_set_up(void)
{
    rules_reset();
    static bool registered;
    trap_install(); /* each time: cmocka takes the signals for itself before each test */
    if (!registered)
        nt_exports_register();
    registered = true;
}

uintptr_t import(const char *name)
{
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
    image_side_set_up();
    if (sched_start(processors) != 0)
        claim_failed(__FILE__, __LINE__, "sched_start", processors, 0);
    sched_run("test", thread_body, (void *)(uintptr_t)body);
    CLAIM_EQUAL(sched_stop(), 0);
}

struct contest {
    void(IMAGE_ENTRY *body)(uintptr_t number);
    unsigned count;
};

struct contender {
    const struct contest *contest;
    uintptr_t number;
};

static void contend(void *argument)
{
    const struct contender *contender = argument;
    image_call("contender", (uintptr_t)contender->contest->body, 1, &contender->number);
}

/* Joining is host code: it needs the host's stack. */
static void start_contenders(void *argument)
{
    const struct contest *contest = argument;
    struct contender contenders[CONTENDERS_MAX];
    struct sched_thread *threads[CONTENDERS_MAX];
    for (unsigned i = 0; i < contest->count; i++) {
        contenders[i] = (struct contender){contest, i};
        threads[i] = sched_thread_start("contender", i % sched_processor_count(), contend, &contenders[i]);
    }
    for (unsigned i = 0; i < contest->count; i++)
        sched_thread_join(threads[i]);
}

void run_contenders(unsigned processors, unsigned count, void(IMAGE_ENTRY *body)(uintptr_t number))
{
    struct contest contest = {body, count};
    CLAIM(count <= CONTENDERS_MAX);
    CLAIM_EQUAL(sched_start(processors), 0);
    sched_run("contenders", start_contenders, &contest);
    CLAIM_EQUAL(sched_stop(), 0);
}

void claim_failed(const char *file, int line, const char *what, unsigned long long a, unsigned long long b)
{
    fprintf(stderr, "%s:%d: %s does not hold (0x%llx, 0x%llx)\n", file, line, what, a, b);
    _Exit(1);
}
