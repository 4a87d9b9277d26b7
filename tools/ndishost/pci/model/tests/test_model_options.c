/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_model_options.c - what the command line may say of a model device, and what random devices and layouts look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model_world.h"
#include "pci/model/model_features.h"
#include "pci/model/model_layout.h"

static void properties_are_understood(void **state)
{
    (void)state;
    struct model_options options;
    char error[256] = "";
    assert_true(model_options_parse("", &options, error, sizeof error));
    assert_true(options.features == model_features_default());
    assert_false(model_options_is_contract(&options));
    assert_true(model_options_parse(":contract", &options, error, sizeof error));
    assert_true(model_options_is_contract(&options));
    assert_true(options.features == model_features_contract() && options.vectors == 0);
    assert_true(
        model_options_parse(":features=none+version_1+bit50-version_1,layout=spread,queue=16/8/4,vectors=7,seed=99,pairs=3,mtu=9000,"
                            "multiplier=64,mac=02:00:00:00:00:07,speed=25000,duplex=0,revision=3,subsystem=0x1234,link=down,"
                            "sums=partial,verify=no,fault=gone@12,fault=slow",
                            &options, error, sizeof error));
    assert_true(options.features == FEATURE_BIT(50));
    assert_int_equal(options.layout, MODEL_LAYOUT_SPREAD);
    assert_true(options.queue_sizes[0] == 16 && options.queue_sizes[1] == 8 && options.queue_sizes[2] == 4);
    assert_true(options.vectors == 7 && options.seed == 99 && options.pairs == 3 && options.mtu == 9000 && options.multiplier == 64);
    assert_true(options.mac[5] == 7 && options.speed == 25000 && options.duplex == 0 && options.revision == 3);
    assert_true(options.subsystem == 0x1234 && options.link_down && options.trust_sums);
    assert_int_equal(options.receive_sums, MODEL_SUMS_PARTIAL);
    assert_int_equal(options.fault_count, 2);
    assert_string_equal(model_fault_list()[options.faults[0].kind].name, "gone");
    assert_true(options.faults[0].at == 12 && options.faults[1].at == 1);
    assert_true(model_options_expect_failure(&options));
    /* Like the other back-ends: commas alone. */
    assert_true(model_options_parse(",queue=1", &options, error, sizeof error));
    assert_int_equal(options.queue_sizes[2], 1);
    /* A device that claims the contract without having its layout is one, too. */
    assert_true(model_options_parse(":subsystem=1", &options, error, sizeof error));
    assert_true(model_options_is_contract(&options));
    assert_true(model_options_parse(":layout=contract,revision=2", &options, error, sizeof error));
    assert_false(model_options_is_contract(&options));
    /* So is one that has moved a structure; without the subsystem it claims nothing, and has nothing. */
    assert_true(model_options_parse(":contract,move=isr", &options, error, sizeof error));
    assert_true(options.moved == MODEL_MOVED_ISR && model_options_is_contract(&options));
    assert_true(model_options_parse(":contract,move=isr,subsystem=0x1100", &options, error, sizeof error));
    assert_false(model_options_is_contract(&options));
    /* A transitional device has the contract's subsystem, and may have its revision: the contract is about another id. */
    assert_true(model_options_parse(":transitional,revision=1", &options, error, sizeof error));
    assert_true(options.transitional && options.subsystem == 1 && !model_options_is_contract(&options));
    assert_true(model_options_parse(":transitional,random,seed=7", &options, error, sizeof error));
    assert_true(options.transitional && options.revision == 0 && options.seed == 7);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *mention;
    } mistakes[] = {
        {"x", "colon"},
        {":nonsense", "nonsense"},
        {":nonsense=1", "nonsense"},
        {":features=all+fast", "fast"},
        {":features=lots", "lots"},
        {":features=none+bit64", "bit64"},
        {":features=none+host_tso4", "host_tso4"},
        {":queue=3", "\"3\""},
        {":queue=65536", "65536"},
        {":queue=4/", "4/"},
        {":queue=1/2/4/8", "1/2/4/8"},
        {":vectors=2049", "2049"},
        {":vectors=-1", "-1"},
        {":seed=", "seed"},
        {":layout=round", "round"},
        {":mac=1:2:3", "1:2:3"},
        {":mac=01:00:00:00:00:00", "multicast"},
        {":mtu=20", "20"},
        {":pairs=9", "9"},
        {":multiplier=3", "multiplier"},
        {":contract,multiplier=4096", "multiplier"},
        {":fault=unheard", "unheard"},
        {":fault=gone@0", "0"},
        {":fault=gone@x", "x"},
        {":link=sideways", "sideways"},
        {":contract,move=bar", "bar"},
        {":move=isr", "layout=contract"},
    };
    for (unsigned i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct model_options options;
        char error[256] = "";
        if (model_options_parse(mistakes[i].text, &options, error, sizeof error))
            fail_msg("\"%s\" is accepted", mistakes[i].text);
        if (!strstr(error, mistakes[i].mention) || strchr(error, '\n'))
            fail_msg("\"%s\" gives \"%s\"", mistakes[i].text, error);
    }
}

/* What is printed to replay a run gives the same device. */
static void options_survive_being_text(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct model_options options, again;
        char text[1024], error[256] = "";
        model_options_random(&options, seed);
        options.transitional = seed & 1;
        options.moved = options.layout == MODEL_LAYOUT_CONTRACT ? (enum model_moved)(seed % 5) : MODEL_MOVED_NONE;
        options.faults[options.fault_count++] = (struct model_fault_choice){(unsigned)seed % 40, seed + 1};
        model_options_text(&options, text, sizeof text);
        if (!model_options_parse(text, &again, error, sizeof error))
            fail_msg("%s: %s", text, error);
        char twice[1024];
        assert_string_equal(text, model_options_text(&again, twice, sizeof twice));
    }
}

static void random_devices_differ_and_repeat(void **state)
{
    (void)state;
    unsigned layouts[4] = {0}, no_vectors = 0, tiny = 0, huge = 0, capabilities = 0, ports = 0;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct model_options options, again;
        struct model_layout layout, layout_again;
        char error[256] = "", text[1024], text_again[1024];
        model_options_random(&options, seed);
        model_options_random(&again, seed);
        assert_string_equal(model_options_text(&options, text, sizeof text), model_options_text(&again, text_again, sizeof text_again));
        assert_true(model_options_check(&options, error, sizeof error));
        assert_true(model_layout_build(&layout, &options, error, sizeof error));
        assert_true(model_layout_build(&layout_again, &options, error, sizeof error));
        assert_memory_equal(&layout.common, &layout_again.common, sizeof layout.common);
        layouts[options.layout]++;
        no_vectors += options.vectors == 0;
        tiny += options.queue_sizes[0] <= 2;
        huge += options.queue_sizes[0] == 32768;
        capabilities += layout.capability_count > 8;
        for (unsigned i = 0; i < PCI_BASE_ADDRESS_COUNT; i++)
            ports += layout.bars[i].is_port;
    }
    assert_true(layouts[0] && layouts[1] && layouts[2] && layouts[3] > 2000);
    assert_true(no_vectors > 500 && tiny > 50 && huge > 20 && capabilities > 500 && ports > 200);
}

/* Inside its BAR, aligned as the specification wants it, and no two structures overlap. */
static void layouts_obey_the_specification(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5000; seed++) {
        struct model_options options;
        struct model_layout layout;
        char error[256];
        model_options_random(&options, seed);
        assert_true(model_layout_build(&layout, &options, error, sizeof error));
        const struct model_range *ranges[] = {&layout.common, &layout.notify,     &layout.isr,
                                              &layout.device, &layout.msix_table, &layout.msix_pending};
        const unsigned alignments[] = {4, 2, 1, 4, 8, 8}, count = options.vectors ? 6 : 4;
        for (unsigned i = 0; i < count; i++) {
            const struct model_bar *bar = &layout.bars[ranges[i]->bar];
            assert_true(bar->size && !bar->is_port && (bar->size & (bar->size - 1)) == 0);
            assert_true(ranges[i]->offset % alignments[i] == 0 && ranges[i]->length > 0);
            assert_true(ranges[i]->offset <= bar->size && ranges[i]->length <= bar->size - ranges[i]->offset);
            for (unsigned j = 0; j < i; j++)
                assert_true(ranges[j]->bar != ranges[i]->bar || ranges[j]->offset + ranges[j]->length <= ranges[i]->offset ||
                            ranges[i]->offset + ranges[i]->length <= ranges[j]->offset);
        }
        assert_true(layout.common.length >= COMMON_BYTES);
        assert_true(layout.multiplier == 0 || (layout.multiplier >= 2 && (layout.multiplier & (layout.multiplier - 1)) == 0));
        for (unsigned i = 0; i < model_queue_count(&options); i++)
            assert_true((uint64_t)layout.notify_off[i] * layout.multiplier + 2 <= layout.notify.length);
        unsigned bytes = 0;
        for (unsigned i = 0; i < layout.capability_count; i++)
            bytes += (layout.capabilities[i].length + 3u) & ~3u;
        assert_true(bytes <= PCI_CONFIG_SIZE - PCI_HEADER_END);
        for (unsigned i = 0; i + 1 < PCI_BASE_ADDRESS_COUNT; i++)
            assert_false(layout.bars[i].is_64bit && layout.bars[i + 1].size);
    }
}

/* A later instance of a structure is a place, but the first one is the one to use. */
static void repeated_structures_are_not_used(void **state)
{
    (void)state;
    unsigned found = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct model_options options;
        struct model_layout layout;
        char error[256];
        model_options_random(&options, seed);
        assert_true(model_layout_build(&layout, &options, error, sizeof error));
        for (unsigned i = layout.capability_count - 1; i > 0; i--) {
            const struct model_capability *capability = &layout.capabilities[i];
            if (capability->id != PCI_CAP_VENDOR || capability->type != CAP_COMMON || capability->range.bar >= PCI_BASE_ADDRESS_COUNT ||
                capability->range.offset == layout.common.offset)
                continue;
            struct world *world = world_open_options(&options);
            driver_find(world);
            assert_true(world->common.offset == layout.common.offset && world->common.bar == layout.common.bar);
            (void)world->device.ops->bar_read(world->device.state, capability->range.bar, capability->range.offset, 4);
            assert_int_equal(rules_report_count("P5"), 1);
            world_close(world);
            found++;
            break;
        }
    }
    assert_true(found > 5);
}

static void dependencies_are_complete(void **state)
{
    (void)state;
    unsigned cursor = 0;
    assert_null(model_features_unmet(model_features_default(), &cursor));
    cursor = 0;
    assert_null(model_features_unmet(model_features_all(), &cursor));
    assert_true(model_features_close(UINT64_MAX) == UINT64_MAX);
    const uint64_t alone = ~(FEATURE_BIT(FEATURE_CTRL_VQ) | FEATURE_BIT(FEATURE_CSUM));
    const uint64_t left = model_features_close(alone);
    assert_false(left & (FEATURE_BIT(FEATURE_CTRL_RX) | FEATURE_BIT(FEATURE_HOST_ECN) | FEATURE_BIT(FEATURE_RSC_EXT) |
                         FEATURE_BIT(FEATURE_HASH_TUNNEL) | FEATURE_BIT(FEATURE_MQ)));
    for (unsigned bit = 0; bit < 64; bit++) {
        const char *name = model_feature_name(bit);
        char number[8];
        snprintf(number, sizeof number, "bit%u", bit);
        assert_int_equal(model_feature_find(number, strlen(number)), bit);
        if (name)
            assert_int_equal(model_feature_find(name, strlen(name)), bit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_are_understood),      cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(options_survive_being_text),     cmocka_unit_test(random_devices_differ_and_repeat),
        cmocka_unit_test(layouts_obey_the_specification), cmocka_unit_test(repeated_structures_are_not_used),
        cmocka_unit_test(dependencies_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
