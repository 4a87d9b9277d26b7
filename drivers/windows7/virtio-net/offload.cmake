# SPDX-License-Identifier: MIT OR Apache-2.0
# The portable part of the offloads, both ways, for host tests; the driver's build finds the same translation units in src/.
set(VIRTIO_NET_OFFLOAD_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/src/virtio_net_hdr_offload.c
  ${CMAKE_CURRENT_LIST_DIR}/src/aero_virtio_net_offload.c
  ${CMAKE_CURRENT_LIST_DIR}/src/aero_virtio_net_receive.c)
set(VIRTIO_NET_OFFLOAD_INCLUDES ${CMAKE_CURRENT_LIST_DIR}/include)
