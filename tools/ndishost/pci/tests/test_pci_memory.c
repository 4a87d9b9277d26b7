/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_pci_memory.c - guest memory: placement, alignment, reuse, exhaustion, threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pci/function.h"
#include "rules/rules.h"

enum { MIB = 1 << 20, SIZE = 16 * MIB, PAGE = 4096 };

static const struct guest_memory *memory;

static int memory_setup(void **state)
{
    (void)state;
    memory = guest_memory_create(SIZE);
    return memory ? 0 : -1;
}

static void blocks_are_pages_above_the_first_mebibyte(void **state)
{
    (void)state;
    uint64_t physical = 0;
    uint8_t *block = guest_memory_allocate(1, 1, &physical);
    assert_non_null(block);
    assert_int_equal(physical, MIB);
    assert_ptr_equal(block, memory->base + physical);
    assert_int_equal(guest_memory_physical(block + 17), physical + 17);
    assert_int_equal(guest_memory_in_use(), PAGE);
    guest_memory_free(block, 1);
    assert_int_equal(guest_memory_in_use(), 0);
}

static void alignment_is_kept(void **state)
{
    (void)state;
    uint64_t small, large;
    void *first = guest_memory_allocate(100, 16, &small);
    void *second = guest_memory_allocate(3 * PAGE, MIB, &large);
    assert_non_null(second);
    assert_int_equal(large % MIB, 0);
    assert_true(large >= small + PAGE);
    guest_memory_free(first, 100);
    guest_memory_free(second, 3 * PAGE);
}

static void freed_blocks_are_overwritten_and_used_again(void **state)
{
    (void)state;
    uint64_t before, after;
    uint8_t *block = guest_memory_allocate(2 * PAGE, PAGE, &before);
    memset(block, 0x11, 2 * PAGE);
    guest_memory_free(block, 2 * PAGE);
    uint8_t *again = guest_memory_allocate(2 * PAGE, PAGE, &after);
    assert_int_equal(before, after);
    for (unsigned i = 0; i < 2 * PAGE; i++)
        assert_int_equal(again[i], 0xdd);
    guest_memory_free(again, 2 * PAGE);
}

/* As a device would: through the descriptor, not through our mapping. */
static void late_write(uint8_t *address)
{
    assert_int_equal(pwrite(memory->fd, "x", 1, (off_t)guest_memory_physical(address)), 1);
}

static void writing_to_freed_memory_is_reported(void **state)
{
    (void)state;
    uint64_t physical;
    unsigned before = rules_report_count("HOST-DMA-FREED");
    uint8_t *block = guest_memory_allocate(3 * PAGE, PAGE, &physical);
    guest_memory_free(block, 3 * PAGE);
    assert_int_equal(guest_memory_audit(), 0);
    late_write(block + PAGE + 5);
    assert_int_equal(guest_memory_audit(), 1);
    assert_int_equal(guest_memory_audit(), 0);
    late_write(block + 2 * PAGE);
    block = guest_memory_allocate(3 * PAGE, PAGE, &physical);
    assert_int_equal(rules_report_count("HOST-DMA-FREED"), before + 2);
    guest_memory_free(block, 3 * PAGE);
}

static void full_memory_refuses_and_recovers(void **state)
{
    (void)state;
    uint64_t physical;
    uint8_t *blocks[16];
    unsigned count = 0;
    while ((blocks[count] = guest_memory_allocate(MIB, PAGE, &physical)) != NULL)
        assert_true(++count < 16);
    assert_int_equal(count, 15);
    assert_null(guest_memory_allocate(1, 1, &physical));
    guest_memory_free(blocks[7], MIB);
    assert_null(guest_memory_allocate(MIB + 1, PAGE, &physical));
    blocks[7] = guest_memory_allocate(MIB, PAGE, &physical);
    assert_non_null(blocks[7]);
    for (unsigned i = 0; i < count; i++)
        guest_memory_free(blocks[i], MIB);
    assert_int_equal(guest_memory_in_use(), 0);
}

static void impossible_requests_are_refused(void **state)
{
    (void)state;
    uint64_t physical;
    assert_null(guest_memory_allocate(0, PAGE, &physical));
    assert_null(guest_memory_allocate(SIZE, PAGE, &physical));
    assert_null(guest_memory_allocate(SIZE_MAX, PAGE, &physical));
    assert_null(guest_memory_allocate(PAGE, 3 * PAGE, &physical));
    assert_null(guest_memory_create(SIZE)); /* one machine, one memory */
    int outside;
    assert_true(guest_memory_physical(&outside) == UINT64_MAX);
    assert_true(guest_memory_physical(memory->base + SIZE) == UINT64_MAX);
}

/* Each thread fills its blocks with its own byte and finds them unchanged. */
static void *thread_allocate(void *argument)
{
    uint8_t mark = *(uint8_t *)argument;
    for (unsigned round = 0; round < 300; round++) {
        uint64_t physical;
        size_t size = (round % 5 + 1) * PAGE;
        uint8_t *block = guest_memory_allocate(size, PAGE, &physical);
        if (!block)
            return "no memory";
        memset(block, mark, size);
        for (size_t i = 0; i < size; i++) {
            if (block[i] != mark)
                return "block shared between threads";
        }
        guest_memory_free(block, size);
    }
    return NULL;
}

static void threads_do_not_share_blocks(void **state)
{
    (void)state;
    pthread_t threads[4];
    uint8_t marks[4] = {1, 2, 3, 4};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_allocate, &marks[i]), 0);
    for (unsigned i = 0; i < 4; i++) {
        void *trouble = NULL;
        pthread_join(threads[i], &trouble);
        assert_null(trouble);
    }
    assert_int_equal(guest_memory_in_use(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_pages_above_the_first_mebibyte),
        cmocka_unit_test(alignment_is_kept),
        cmocka_unit_test(freed_blocks_are_overwritten_and_used_again),
        cmocka_unit_test(writing_to_freed_memory_is_reported),
        cmocka_unit_test(full_memory_refuses_and_recovers),
        cmocka_unit_test(impossible_requests_are_refused),
        cmocka_unit_test(threads_do_not_share_blocks),
    };
    return cmocka_run_group_tests_name("guest memory", tests, memory_setup, NULL);
}
