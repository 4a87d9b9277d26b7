/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_random.c - chooses a device that the specification allows, by a seed. */
#include "model_device.h"

#include "model_constants.h"
#include "model_features.h"
#include "model_layout.h"

/* Most devices are ordinary in most respects; each respect is now and then extreme. */
static uint16_t queue_size_choose(struct model_random *random)
{
    static const uint16_t usual[] = {64, 128, 256, 256, 512, 1024};
    if (model_random_chance(random, 60))
        return usual[model_random_below(random, sizeof usual / sizeof *usual)];
    return (uint16_t)(1u << model_random_below(random, 16));
}

static unsigned vectors_choose(struct model_random *random)
{
    static const uint16_t usual[] = {1, 2, 3, 3, 4, 4, 8, 64, 65, 2048};
    if (model_random_chance(random, 30))
        return 0;
    return model_random_chance(random, 80) ? usual[model_random_below(random, sizeof usual / sizeof *usual)]
                                           : 1 + model_random_below(random, MSIX_VECTORS_MAX);
}

/* VERSION_1 always; bits that somebody else's specification may define later are offered, too: they are to be ignored. */
static uint64_t features_choose(struct model_random *random)
{
    uint64_t served = model_features_all(), defined = model_features_defined(), features = FEATURE_BIT(FEATURE_VERSION_1);
    unsigned density = model_random_chance(random, 50) ? 85 : 40;
    for (unsigned bit = 0; bit < 64; bit++) {
        unsigned percent = served >> bit & 1 ? density : defined >> bit & 1 ? 8 : 4;
        if (bit == FEATURE_MAC || bit == FEATURE_STATUS || bit == FEATURE_INDIRECT_DESC)
            percent = 100; /* drivers demand them; what happens without them is no matter of chance */
        if (model_random_chance(random, percent))
            features |= FEATURE_BIT(bit);
    }
    return model_features_close(features);
}

void model_options_random(struct model_options *options, uint64_t seed)
{
    struct model_random random = {seed * 2 + 1};
    model_options_default(options);
    options->seed = seed;
    options->layout = model_random_chance(&random, 85) ? MODEL_LAYOUT_RANDOM : (enum model_layout_kind)model_random_below(&random, 3);
    options->features = features_choose(&random);
    for (unsigned i = 0; i < 3; i++)
        options->queue_sizes[i] = queue_size_choose(&random);
    options->pairs = (uint16_t)(1 + model_random_below(&random, MODEL_PAIRS_MAX));
    options->vectors = vectors_choose(&random);
    options->mac[4] = (uint8_t)model_random_next(&random);
    options->mac[5] = (uint8_t)model_random_next(&random);
    options->mtu = model_random_chance(&random, 50) ? 1500 : (uint16_t)(NET_MTU_MIN + model_random_below(&random, 65536 - NET_MTU_MIN));
    options->speed = model_random_chance(&random, 80) ? 1u << model_random_below(&random, 18) : (uint32_t)model_random_next(&random);
    options->duplex = (uint8_t)(model_random_chance(&random, 80) ? 1 : model_random_next(&random));
    /* Revision 1 on most: an INF may bind that one only. The contract's subsystem would be a claim to its layout. */
    options->revision = (uint8_t)(model_random_chance(&random, 90) ? CONTRACT_REVISION : 1 + model_random_below(&random, 255));
    options->subsystem = (uint16_t)(model_random_chance(&random, 50) ? 0x1100 : 2 + model_random_below(&random, 65534));
    options->receive_sums = MODEL_SUMS_MIXED;
}
