/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* seeded_image.c - see seeded_image.h. */
#include "seeded_image.h"

#include "exec/call.h"
#include "exec/sched.h"
#include "exec/trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define DELAYED_BYTES 8192

IMAGE_FUNCTION void (*any_irql)(void);

static uint64_t export_TestAnyIrql(struct export_call *call)
{
    (void)call;
    return 0;
}
static const struct export_row rows[] = {EXPORT(TestAnyIrql), EXPORT_END};

uint8_t *seeded_image_start(void)
{
    trap_install();
    export_table_register(rows);
    any_irql = (IMAGE_FUNCTION void (*)(void))export_resolve("ntoskrnl.exe", "TestAnyIrql");
    void *memory = mmap(NULL, DELAYED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("no memory for the image");
        exit(1);
    }
    sched_store_buffer_range(memory, DELAYED_BYTES);
    return memory;
}
