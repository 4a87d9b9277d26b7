/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_options.c - the command line: what is taken, and that everything else is one clear line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/options.h"

enum { WORDS_MAX = 24 };

/* Parses "run" and the words; what goes to stderr ends up in `said`. */
static enum options_outcome parse(struct run_options *options, char *said, size_t size, const char *const *words)
{
    char *argv[WORDS_MAX + 2] = {"run"};
    int argc = 1;
    for (; words[argc - 1]; ++argc)
        argv[argc] = (char *)words[argc - 1];
    int ends[2], saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(pipe(ends), 0);
    fflush(stderr);
    dup2(ends[1], STDERR_FILENO);
    enum options_outcome outcome = run_options_parse(options, argc, argv);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t length = read(ends[0], said, size - 1);
    said[length > 0 ? length : 0] = 0;
    close(ends[0]);
    return outcome;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct run_options taken(const char *const *words)
{
    struct run_options options;
    char said[512];
    enum options_outcome outcome = parse(&options, said, sizeof(said), words);
    assert_string_equal(said, "");
    assert_int_equal(outcome, OPTIONS_RUN);
    return options;
}

static void refused_with(const char *part, const char *const *words)
{
    struct run_options options;
    char said[512];
    assert_int_equal(parse(&options, said, sizeof(said), words), OPTIONS_REFUSED);
    if (strncmp(said, "ndishost: ", 10) != 0 || !strstr(said, part) || strchr(said, '\n') != said + strlen(said) - 1)
        fail_msg("not one clear line about %s: %s", part, said);
    run_options_free(&options);
}

static void the_defaults_are_qemu_on_pc_with_tap_and_one_adapter(void **state)
{
    (void)state;
    struct run_options options = taken(WORDS("x.sys"));
    assert_string_equal(options.image, "x.sys");
    assert_int_equal(options.device.kind, CHOICE_QEMU);
    assert_false(options.device.transitional);
    assert_string_equal(options.device.properties, "");
    assert_memory_equal(options.device.mac, ((uint8_t[]){0x52, 0x54, 0, 0x12, 0x34, 0x56}), 6);
    assert_string_equal(options.machine, "pc");
    assert_int_equal(options.network, NETWORK_TAP);
    assert_int_equal(options.interrupts, ADAPTER_INTERRUPTS_AUTO);
    assert_int_equal(options.message_limit, 8);
    assert_int_equal(options.adapters, 1);
    assert_int_equal(options.rounds, 0);
}

static void qemu_properties_are_passed_on_and_the_mac_is_taken_out(void **state)
{
    (void)state;
    struct run_options options = taken(WORDS("--device", "qemu:transitional,mrg_rxbuf=off,mac=52:54:00:aa:bb:cc,vectors=2", "x.sys"));
    assert_true(options.device.transitional);
    assert_string_equal(options.device.properties, "mrg_rxbuf=off,vectors=2");
    assert_memory_equal(options.device.mac, ((uint8_t[]){0x52, 0x54, 0, 0xaa, 0xbb, 0xcc}), 6);
}

static void the_model_device_takes_what_check_takes(void **state)
{
    (void)state;
    struct run_options options = taken(
        WORDS("--device", "model:contract,vectors=3,queue=64,move=isr,mac=52:54:00:aa:bb:cc,fault=slow@5,fault=interrupt-lost", "x.sys"));
    const struct model_options *model = &options.device.model;
    assert_int_equal(options.device.kind, CHOICE_MODEL);
    assert_int_equal(model->layout, MODEL_LAYOUT_CONTRACT);
    assert_int_equal(model->moved, MODEL_MOVED_ISR);
    assert_int_equal(model->vectors, 3);
    assert_int_equal(model->queue_sizes[0], 64);
    assert_int_equal(model->fault_count, 2);
    assert_int_equal(model->faults[0].kind, model_fault_find("slow"));
    assert_int_equal(model->faults[0].at, 5);
    assert_memory_equal(options.device.mac, ((uint8_t[]){0x52, 0x54, 0, 0xaa, 0xbb, 0xcc}), 6);
    assert_true(device_choice_misbehaves(&options.device));

    options = taken(WORDS("--device", "model", "x.sys"));
    assert_int_equal(options.device.kind, CHOICE_MODEL);
    assert_false(device_choice_misbehaves(&options.device));
    assert_true(taken(WORDS("--device", "model:transitional,random,seed=7", "x.sys")).device.model.transitional);
}

static void a_plugin_keeps_its_options_as_they_are(void **state)
{
    (void)state;
    struct run_options options = taken(WORDS("--device", "plugin:./card.so,mac=1,,x", "x.sys"));
    assert_int_equal(options.device.kind, CHOICE_PLUGIN);
    assert_string_equal(options.device.plugin, "./card.so");
    assert_string_equal(options.device.plugin_options, "mac=1,,x");
    assert_string_equal(taken(WORDS("--device", "plugin:card.so", "x.sys")).device.plugin_options, "");
}

static void addresses_count_up(void **state)
{
    (void)state;
    struct run_options options = taken(WORDS("--device", "model:mac=52:54:00:00:00:fe", "x.sys"));
    uint8_t mac[6];
    device_choice_mac(&options.device, 3, mac);
    assert_memory_equal(mac, ((uint8_t[]){0x52, 0x54, 0, 0, 0, 1}), 6);
}

static void interrupts_may_carry_a_number_of_messages(void **state)
{
    (void)state;
    assert_int_equal(taken(WORDS("--interrupts", "intx", "x.sys")).interrupts, ADAPTER_INTERRUPTS_LINE);
    struct run_options options = taken(WORDS("--interrupts", "msix:2", "x.sys"));
    assert_int_equal(options.interrupts, ADAPTER_INTERRUPTS_MESSAGES);
    assert_int_equal(options.message_limit, 2);
}

static void keywords_are_split_at_the_first_equals_sign(void **state)
{
    (void)state;
    struct run_options options = taken(WORDS("--set", "A=1", "x.sys", "--set", "NetworkAddress=x=y", "--set", "Empty="));
    assert_int_equal(options.keywords.count, 3);
    assert_string_equal(options.keywords.rows[0].name, "A");
    assert_string_equal(options.keywords.rows[0].value, "1");
    assert_string_equal(options.keywords.rows[1].value, "x=y");
    assert_string_equal(options.keywords.rows[2].value, "");
    run_options_free(&options);
}

static void a_second_driver_has_device_interrupts_and_keywords_of_its_own(void **state)
{
    (void)state;
    struct run_options options = taken(WORDS("--device", "qemu,vectors=2", "x.sys", "--cpus", "4", "--set", "A=1", "--", "y.sys",
                                             "--device", "qemu:transitional", "--interrupts", "intx", "--set", "B=2", "--adapters", "3"));
    assert_non_null(options.also);
    assert_string_equal(options.image, "x.sys");
    assert_string_equal(options.device.properties, "vectors=2");
    assert_int_equal(options.processors, 4);
    assert_true(options.keywords.count == 1 && strcmp(options.keywords.rows[0].name, "A") == 0);
    assert_string_equal(options.also->image, "y.sys");
    assert_true(options.also->device.transitional && options.also->interrupts == ADAPTER_INTERRUPTS_LINE && options.also->adapters == 3);
    assert_true(options.also->keywords.count == 1 && strcmp(options.also->keywords.rows[0].name, "B") == 0);
    run_options_free(&options);
    assert_null(options.also);

    refused_with("--net is about the whole run", WORDS("x.sys", "--", "y.sys", "--net", "tap"));
    refused_with("which image", WORDS("x.sys", "--"));
    refused_with("at most 4", WORDS("x.sys", "--adapters", "3", "--", "y.sys", "--adapters", "2"));
    refused_with("--device none", WORDS("x.sys", "--device", "none", "--", "y.sys"));
}

static void what_is_wrong_is_named_in_one_line(void **state)
{
    (void)state;
    refused_with("which image", WORDS("--trace"));
    refused_with("y.sys", WORDS("x.sys", "y.sys"));
    refused_with("unknown option --speed", WORDS("x.sys", "--speed"));
    refused_with("unknown option -z", WORDS("x.sys", "-z"));
    refused_with("--trace=1 takes no value", WORDS("x.sys", "--trace=1"));
    refused_with("--net wants a value", WORDS("x.sys", "--net"));
    refused_with("tap, user", WORDS("x.sys", "--net", "token-ring"));
    refused_with("pc, q35", WORDS("x.sys", "--machine", "isapc"));
    refused_with("auto, intx, msix", WORDS("x.sys", "--interrupts", "msi"));
    refused_with("from 1 to", WORDS("x.sys", "--interrupts", "msix:0"));
    refused_with("from 1 to 4", WORDS("x.sys", "--adapters", "5"));
    refused_with("not \"-1\"", WORDS("x.sys", "--cpus", "-1"));
    refused_with("not \"2x\"", WORDS("x.sys", "--rounds", "2x"));
    refused_with("--for", WORDS("x.sys", "--for", "nan"));
    refused_with("--for", WORDS("x.sys", "--for", "-3"));
    refused_with("KEYWORD=VALUE", WORDS("x.sys", "--set", "=1"));
    refused_with("model, qemu, plugin:FILE.so or none, not \"e1000\"", WORDS("x.sys", "--device", "e1000"));
    refused_with("not \"models\"", WORDS("x.sys", "--device", "models"));
    refused_with("not \"\"", WORDS("x.sys", "--device", ""));
    refused_with("not \"\"", WORDS("x.sys", "--device", ",vectors=2"));
    refused_with("none has no properties", WORDS("x.sys", "--device", "none,vectors=2"));
    refused_with("wants a shared object", WORDS("x.sys", "--device", "plugin"));
    refused_with("wants a shared object", WORDS("x.sys", "--device", "plugin:,x"));
    refused_with("transitional", WORDS("x.sys", "--device", "qemu:legacy"));
    refused_with("vectors=VALUE", WORDS("x.sys", "--device", "qemu,vectors"));
    refused_with("no property \"colour\"", WORDS("x.sys", "--device", "model,colour=1"));
    refused_with("vectors=VALUE", WORDS("x.sys", "--device", "model:vectors"));
    refused_with("powers of two", WORDS("x.sys", "--device", "model:queue=100"));
    refused_with("no feature \"speed\"", WORDS("x.sys", "--device", "model:features=default+speed"));
    refused_with("needs, too", WORDS("x.sys", "--device", "model:features=none+ctrl_rx"));
    refused_with("no misbehaviour \"lies\"", WORDS("x.sys", "--device", "model:fault=lies"));
    refused_with("from 1 to", WORDS("x.sys", "--device", "model:fault=slow@0"));
    refused_with("multicast", WORDS("x.sys", "--device", "model:mac=53:54:00:00:00:01"));
    refused_with("six bytes", WORDS("x.sys", "--device", "qemu,mac=52:54"));
    refused_with("multicast", WORDS("x.sys", "--device", "qemu,mac=53:54:00:00:00:01"));
    refused_with("--rounds moves no traffic", WORDS("x.sys", "--rounds", "2", "--exec", "true"));
    refused_with("a model device's cable", WORDS("x.sys", "--device", "model", "--net", "user"));
    refused_with("a plugin's cable", WORDS("x.sys", "--net", "user", "--", "y.sys", "--device", "plugin:z.so"));
    refused_with("without devices", WORDS("x.sys", "--device", "none", "--net", "user"));
}

static void too_many_keywords_are_refused(void **state)
{
    (void)state;
    struct run_options options;
    char *argv[2 * KEYWORDS_MAX + 5] = {"run", "x.sys"};
    int argc = 2, nowhere = dup(STDERR_FILENO);
    for (int i = 0; i <= KEYWORDS_MAX; ++i) {
        argv[argc++] = "--set";
        argv[argc++] = "A=1";
    }
    assert_non_null(freopen("/dev/null", "w", stderr));
    enum options_outcome outcome = run_options_parse(&options, argc, argv);
    fflush(stderr);
    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
    assert_int_equal(outcome, OPTIONS_REFUSED);
    run_options_free(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_qemu_on_pc_with_tap_and_one_adapter),
        cmocka_unit_test(qemu_properties_are_passed_on_and_the_mac_is_taken_out),
        cmocka_unit_test(the_model_device_takes_what_check_takes),
        cmocka_unit_test(a_plugin_keeps_its_options_as_they_are),
        cmocka_unit_test(addresses_count_up),
        cmocka_unit_test(interrupts_may_carry_a_number_of_messages),
        cmocka_unit_test(keywords_are_split_at_the_first_equals_sign),
        cmocka_unit_test(a_second_driver_has_device_interrupts_and_keywords_of_its_own),
        cmocka_unit_test(what_is_wrong_is_named_in_one_line),
        cmocka_unit_test(too_many_keywords_are_refused),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
