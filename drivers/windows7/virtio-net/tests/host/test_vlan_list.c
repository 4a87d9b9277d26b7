/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_vlan_list.c - VLAN ids as registry values give them, also broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "packet/vlan_list.h"

/* '|' stands for the zero behind an entry. The text lies at the end of a block, so that a sanitizer sees a byte too far. */
static struct vlan_list read_text(const char *text, virtio_u32 odd)
{
    struct vlan_list list;
    size_t length = strlen(text) * 2 + odd, i;
    virtio_u8 *bytes = calloc(1, length ? length : 1);

    assert_non_null(bytes);
    memset(&list, 0, sizeof list);
    for (i = 0; text[i] != 0; i++)
        bytes[2 * i] = (virtio_u8)(text[i] == '|' ? 0 : text[i]);
    vlan_list_read(&list, bytes, (virtio_u32)length);
    free(bytes);
    return list;
}

static void numbers_are_read_in_order(void **state)
{
    struct vlan_list list = read_text("5|4094|1||", 0);

    (void)state;
    assert_int_equal(list.count, 3);
    assert_int_equal(list.ids[0], 5);
    assert_int_equal(list.ids[1], 4094);
    assert_int_equal(list.ids[2], 1);
    assert_int_equal(list.rejected, 0);
}

static void blanks_around_and_doubles_do_not_matter(void **state)
{
    struct vlan_list list = read_text(" 7|7 |  0007\t||", 0);

    (void)state;
    assert_int_equal(list.count, 1);
    assert_int_equal(list.ids[0], 7);
    assert_int_equal(list.rejected, 0);
}

static void what_is_no_id_is_counted_and_skipped(void **state)
{
    struct vlan_list list = read_text("0|4095|-1|12x|1 2| |99999999999999999999|0x10|42||", 0);

    (void)state;
    assert_int_equal(list.count, 1);
    assert_int_equal(list.ids[0], 42);
    assert_int_equal(list.rejected, 8);
}

static void data_that_do_not_end_as_they_should_are_read_as_far_as_they_go(void **state)
{
    (void)state;
    assert_int_equal(read_text("12", 0).ids[0], 12);
    assert_int_equal(read_text("12|34", 1).count, 2);
    assert_int_equal(read_text("", 0).count, 0);
    assert_int_equal(read_text("", 1).count, 0);
    assert_int_equal(read_text("|||9||", 0).count, 1);
}

static void a_list_ends_at_sixty_four(void **state)
{
    struct vlan_list list;
    virtio_u32 id;

    (void)state;
    memset(&list, 0, sizeof list);
    for (id = 1; id <= 70; id++)
        vlan_list_add(&list, id);
    assert_int_equal(list.count, 64);
    assert_int_equal(list.rejected, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_in_order),
        cmocka_unit_test(blanks_around_and_doubles_do_not_matter),
        cmocka_unit_test(what_is_no_id_is_counted_and_skipped),
        cmocka_unit_test(data_that_do_not_end_as_they_should_are_read_as_far_as_they_go),
        cmocka_unit_test(a_list_ends_at_sixty_four),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
