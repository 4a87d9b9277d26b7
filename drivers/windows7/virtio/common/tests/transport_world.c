/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* transport_world.c - makes and drops the world of transport_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "transport_world.h"

struct register_device device;
struct virtio_pci_modern transport;

void make_world_with(uint32_t multiplier)
{
    struct virtio_pci_capabilities capabilities = register_device_capabilities(&device, multiplier);
    struct virtio_pci_platform platform = register_device_platform(&device);

    assert_int_equal(virtio_pci_modern_init(&transport, &platform, &capabilities), VIRTIO_PCI_OK);
}

void make_world(void)
{
    register_device_make(&device);
    make_world_with(4);
}

static void expect_no_complaint(void)
{
    if (device.broken)
        fail_msg("the device complains: %s", device.broken);
}

void drop_world(void)
{
    virtio_pci_modern_release(&transport);
    expect_no_complaint();
    assert_int_equal(device.map_count, device.unmap_count);
    register_device_drop(&device);
}

uint64_t offered_to_decide, answer;

virtio_u64 decide(void *context, virtio_u64 offered)
{
    assert_ptr_equal(context, &device);
    offered_to_decide = offered;
    return answer;
}

enum virtio_pci_result negotiate(uint64_t *accepted)
{
    virtio_u64 offered, taken;
    enum virtio_pci_result result;

    answer = ACCEPTED;
    result = virtio_pci_modern_negotiate(&transport, decide, &device, &offered, &taken);
    if (accepted)
        *accepted = taken;
    return result;
}

struct virtio_pci_queue_setup queue_setup(uint16_t queue)
{
    struct virtio_pci_queue_setup setup = {0};

    setup.queue = queue;
    setup.size = 256;
    setup.vector = MSI_NO_VECTOR;
    setup.descriptors = 0x1122334455667000ull;
    setup.available = 0x8899AABBCCDDEE02ull;
    setup.used = 0x123456789ABCDEF4ull;
    return setup;
}
