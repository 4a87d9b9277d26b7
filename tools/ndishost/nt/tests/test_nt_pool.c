/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pool blocks are placed as on Windows, and every misuse of one is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "exec/sched.h"
#include "image_side.h"
#include "nt/pool.h"
#include "rules/rules.h"

enum { TAG = 0x74736554 /* "Test" */, OTHER_TAG = 0x72687441 };

static int fresh(void **state)
{
    (void)state;
    rules_reset();
    pool_guard_pages = false;
    return 0;
}

static void *allocate(size_t size)
{
    void *block = pool_allocate(size, TAG, NULL, 0x1000, false);
    assert_non_null(block);
    return block;
}

static void blocks_are_aligned_and_filled_and_do_not_cross_pages(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 8, 31, 32, 33, 100, 480, 1000, 2016, 2017, 4000, 4064, 4065, 4095, 4096, 5000, 65536, 1 << 20};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *block = allocate(sizes[i]);
        assert_int_equal((uintptr_t)block % 16, 0);
        if (sizes[i] >= 4096)
            assert_int_equal((uintptr_t)block % 4096, 0);
        else
            assert_int_equal((uintptr_t)block / 4096, ((uintptr_t)block + sizes[i] - 1) / 4096);
        assert_int_equal(block[0], 0xCD);
        assert_int_equal(block[sizes[i] - 1], 0xCD);
        assert_true(pool_contains(block, sizes[i]));
        assert_false(pool_contains(block, sizes[i] + 1));
        assert_true(pool_free(block, TAG, 0));
        assert_false(pool_contains(block, 1));
    }
    assert_int_equal(rules_violation_count(), 0);
}

static void zeroed_blocks_are_zero(void **state)
{
    (void)state;
    uint8_t *block = pool_allocate(3000, TAG, NULL, 0, true);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(block[i], 0);
    pool_free(block, 0, 0);
}

static void writes_beyond_a_block_are_found_when_it_is_freed(void **state)
{
    (void)state;
    static const size_t sizes[] = {40, 4090, 5000};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t *block = allocate(sizes[i]);
        block[sizes[i]] = 0;
        assert_true(pool_free(block, TAG, 0));
        assert_int_equal(rules_report_count("HOST-POOL-OVERRUN"), i + 1);
    }
    uint8_t *block = allocate(40);
    block[-1] = 0;
    assert_int_equal(pool_check(), 1);
    block[-1] = 0xBD;
    pool_free(block, TAG, 0);
    assert_int_equal(rules_report_count("HOST-POOL-OVERRUN"), 4);
}

static void a_block_is_freed_once_and_with_its_tag(void **state)
{
    (void)state;
    void *block = allocate(64);
    assert_true(pool_free(block, OTHER_TAG, 0));
    assert_int_equal(rules_report_count("HOST-POOL-TAG"), 1);
    assert_false(pool_free(block, TAG, 0));
    assert_int_equal(rules_report_count("HOST-POOL-DOUBLE-FREE"), 1);
    void *big = allocate(9000);
    assert_true(pool_free(big, TAG, 0));
    assert_false(pool_free(big, TAG, 0));
    assert_int_equal(rules_report_count("HOST-POOL-DOUBLE-FREE"), 2);
}

static void what_is_no_block_is_not_freed(void **state)
{
    (void)state;
    int local;
    uint8_t *block = allocate(64);
    assert_false(pool_free(&local, 0, 0));
    assert_false(pool_free(block + 8, 0, 0));
    assert_int_equal(rules_report_count("HOST-POOL-FOREIGN"), 2);
    assert_true(pool_free(block, TAG, 0));
    void *behind_an_object = pool_allocate_block(64, TAG, NULL, 0, POOL_UNTRACKED);
    assert_false(pool_free(behind_an_object, TAG, 0));
    assert_int_equal(rules_report_count("HOST-POOL-FOREIGN"), 3);
    assert_true(pool_free_untracked(behind_an_object, 0));
}

static void writes_to_freed_blocks_are_found(void **state)
{
    (void)state;
    uint8_t *block = allocate(100);
    pool_free(block, TAG, 0);
    block[50] = 1;
    assert_int_equal(pool_check(), 1);
    assert_int_equal(rules_report_count("HOST-POOL-AFTER-FREE"), 1);
    block[50] = 0xDD;
    assert_int_equal(pool_check(), 0);
}

static sigjmp_buf fault;
static void on_fault(int number)
{
    siglongjmp(fault, number);
}

static bool readable(const volatile uint8_t *address)
{
    struct sigaction action = {.sa_handler = on_fault}, before;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &before);
    bool result = sigsetjmp(fault, 1) == 0;
    if (result)
        (void)*address;
    sigaction(SIGSEGV, &before, NULL);
    return result;
}

static void big_blocks_are_inaccessible_beyond_their_pages_and_once_freed(void **state)
{
    (void)state;
    uint8_t *block = allocate(8192);
    assert_true(readable(block + 8191));
    assert_false(readable(block + 8192));
    pool_free(block, TAG, 0);
    assert_false(readable(block));
}

static void with_guard_pages_one_byte_too_far_faults(void **state)
{
    (void)state;
    pool_guard_pages = true;
    uint8_t *block = allocate(48);
    assert_true(readable(block + 47));
    assert_false(readable(block + 48));
    pool_free(block, TAG, 0);
    assert_false(readable(block));
    assert_int_equal(rules_violation_count(), 0);
}

static void blocks_of_any_size_come_and_go_without_growth(void **state)
{
    (void)state;
    void *blocks[64] = {0};
    uint32_t seed = 7;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned at = seed >> 8 & 63;
        if (blocks[at])
            assert_true(pool_free(blocks[at], TAG, 0));
        blocks[at] = allocate(1 + (seed >> 14) % ((seed >> 24) % 16 ? 3000 : 60000));
    }
    for (unsigned i = 0; i < 64; i++)
        pool_free(blocks[i], TAG, 0);
    assert_int_equal(track_live_count(TRACK_POOL), 0);
    assert_int_equal(pool_check(), 0);
    assert_int_equal(rules_violation_count(), 0);
}

static void *allocate_and_free(void *argument)
{
    for (int i = 0; i < 20000; i++) {
        uint8_t *block = pool_allocate(16 + (unsigned)i % 500, TAG, NULL, 0, false);
        memset(block, (int)(uintptr_t)argument, 16 + (unsigned)i % 500);
        if (block[15] != (uint8_t)(uintptr_t)argument || !pool_free(block, TAG, 0))
            return argument;
    }
    return NULL;
}

static void threads_do_not_share_blocks(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, allocate_and_free, (void *)(i + 1));
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(rules_violation_count(), 0);
}

/* ---- the exports ---- */

static void IMAGE_ENTRY use_exports(void)
{
    void *block = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(0, 100, TAG);
    CLAIM(pool_contains(block, 100));
    STDCALL(void, "ExFreePoolWithTag", void *, uint32_t)(block, TAG);
    block = STDCALL(void *, "ExAllocatePool", uint32_t, uintptr_t)(1, 100);
    STDCALL(void, "ExFreePool", void *)(block);
    CLAIM_EQUAL(rules_violation_count(), 0);

    void *leaked = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(0, 24, TAG);
    CLAIM_EQUAL(track_audit(NULL, "test"), 1);
    STDCALL(void, "ExFreePool", void *)(leaked);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void the_exports_allocate_and_free(void **state)
{
    (void)state;
    run_image(1, use_exports);
}

static void IMAGE_ENTRY misuse_exports(void)
{
    void *block = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(0, 100, 0);
    CLAIM_ONLY("MEM-13", 1);
    STDCALL(void, "ExFreePool", void *)(block);
    uint8_t irql = irql_raise(IRQL_DISPATCH);
    block = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(1, 100, TAG);
    CLAIM_ONLY("MEM-13", 2);
    STDCALL(void, "ExFreePool", void *)(block);
    CLAIM_ONLY("MEM-13", 3);
    irql_lower(irql);
    block = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(512, 100, TAG);
    CLAIM_EQUAL(rules_report_count("HOST-POOL-TYPE"), 1);
    STDCALL(void, "ExFreePool", void *)(block);
}

static void misuse_of_the_exports_is_reported(void **state)
{
    (void)state;
    run_image(1, misuse_exports);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(blocks_are_aligned_and_filled_and_do_not_cross_pages, fresh),
        cmocka_unit_test_setup(zeroed_blocks_are_zero, fresh),
        cmocka_unit_test_setup(writes_beyond_a_block_are_found_when_it_is_freed, fresh),
        cmocka_unit_test_setup(a_block_is_freed_once_and_with_its_tag, fresh),
        cmocka_unit_test_setup(what_is_no_block_is_not_freed, fresh),
        cmocka_unit_test_setup(writes_to_freed_blocks_are_found, fresh),
        cmocka_unit_test_setup(big_blocks_are_inaccessible_beyond_their_pages_and_once_freed, fresh),
        cmocka_unit_test_setup(with_guard_pages_one_byte_too_far_faults, fresh),
        cmocka_unit_test_setup(blocks_of_any_size_come_and_go_without_growth, fresh),
        cmocka_unit_test_setup(threads_do_not_share_blocks, fresh),
        cmocka_unit_test_setup(the_exports_allocate_and_free, fresh),
        cmocka_unit_test_setup(misuse_of_the_exports_is_reported, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
