# SPDX-License-Identifier: MIT OR Apache-2.0
# The portable packet code, for the driver's build and for host tests alike: the same translation units.
set(VIRTIO_NET_PACKET_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/announcement.c
  ${CMAKE_CURRENT_LIST_DIR}/checksum.c
  ${CMAKE_CURRENT_LIST_DIR}/device_filter.c
  ${CMAKE_CURRENT_LIST_DIR}/ethernet_frame.c
  ${CMAKE_CURRENT_LIST_DIR}/receive_filter.c
  ${CMAKE_CURRENT_LIST_DIR}/vlan_list.c
  ${CMAKE_CURRENT_LIST_DIR}/receive_vlan.c)
# Included as "packet/...".
get_filename_component(VIRTIO_NET_PACKET_INCLUDES "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
