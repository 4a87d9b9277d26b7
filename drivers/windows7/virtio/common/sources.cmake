# SPDX-License-Identifier: MIT OR Apache-2.0
# What the driver's build and the host tests compile alike: the same translation units, by absolute path.
set(VIRTIO_COMMON_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/src/virtio_pci_capabilities.c
  ${CMAKE_CURRENT_LIST_DIR}/src/virtio_contract.c
  ${CMAKE_CURRENT_LIST_DIR}/src/virtio_pci_modern_miniport.c
  ${CMAKE_CURRENT_LIST_DIR}/src/virtqueue_split_legacy.c
  ${CMAKE_CURRENT_LIST_DIR}/src/virtio_net_features.c)
set(VIRTIO_COMMON_INCLUDES ${CMAKE_CURRENT_LIST_DIR}/include)
