/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rtnetlink.c - builds NETLINK_ROUTE requests, one at a time, and waits for their acknowledgement. */
#include "net/rtnetlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

enum { MAC_LENGTH = 6, ATTRIBUTE_SPACE = 256, ANSWER_TIMEOUT_S = 5, LARGE_MOST = 65536 };

struct request {
    struct nlmsghdr header;
    union {
        struct ifinfomsg link;
        struct ifaddrmsg address;
        struct rtmsg route;
    } body;
    unsigned char attributes[ATTRIBUTE_SPACE];
};

int rtnetlink_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return -1;
    struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

static struct request request_of(unsigned type, unsigned flags, size_t body_length)
{
    struct request request = {0};
    request.header.nlmsg_len = NLMSG_LENGTH(body_length);
    request.header.nlmsg_type = (uint16_t)type;
    request.header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    return request;
}

/* Appends an attribute; all of ours together are far smaller than ATTRIBUTE_SPACE. Nested ones are closed by attribute_close(). */
static struct rtattr *attribute_add(struct request *request, unsigned type, const void *value, size_t length)
{
    struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
    attribute->rta_type = (uint16_t)type;
    attribute->rta_len = (uint16_t)RTA_LENGTH(length);
    if (length)
        memcpy(RTA_DATA(attribute), value, length);
    request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
    return attribute;
}

static void attribute_close(const struct request *request, struct rtattr *nest)
{
    nest->rta_len = (uint16_t)((const char *)request + request->header.nlmsg_len - (const char *)nest);
}

/* Sends the request and reads answers until its own acknowledgement. */
static int request_send(int fd, struct request *request)
{
    static _Atomic uint32_t sequence;
    request->header.nlmsg_seq = ++sequence;
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (sendto(fd, request, request->header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
        return errno;
    for (;;) {
        _Alignas(struct nlmsghdr) char buffer[4096];
        ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return errno == EAGAIN ? ETIMEDOUT : errno;
        size_t left = (size_t)length;
        for (const struct nlmsghdr *answer = (const void *)buffer; NLMSG_OK(answer, left); answer = NLMSG_NEXT(answer, left)) {
            if (answer->nlmsg_seq != request->header.nlmsg_seq || answer->nlmsg_type != NLMSG_ERROR)
                continue;
            return -((const struct nlmsgerr *)NLMSG_DATA(answer))->error;
        }
    }
}

int rtnetlink_link_set(int fd, unsigned index, const struct rtnetlink_link *link)
{
    struct request request = request_of(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
    request.body.link.ifi_index = (int)index;
    request.body.link.ifi_flags = link->up ? IFF_UP : 0;
    request.body.link.ifi_change = IFF_UP;
    if (link->mac)
        attribute_add(&request, IFLA_ADDRESS, link->mac, MAC_LENGTH);
    if (link->mtu)
        attribute_add(&request, IFLA_MTU, &(uint32_t){link->mtu}, sizeof(uint32_t));
    return request_send(fd, &request);
}

int rtnetlink_link_no_ipv6_addresses(int fd, unsigned index)
{
    struct request request = request_of(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
    request.body.link.ifi_index = (int)index;
    struct rtattr *families = attribute_add(&request, IFLA_AF_SPEC, NULL, 0);
    struct rtattr *inet6 = attribute_add(&request, AF_INET6, NULL, 0);
    attribute_add(&request, IFLA_INET6_ADDR_GEN_MODE, &(uint8_t){IN6_ADDR_GEN_MODE_NONE}, sizeof(uint8_t));
    attribute_close(&request, inet6);
    attribute_close(&request, families);
    return request_send(fd, &request);
}

int rtnetlink_bridge_create(int fd, const char *name)
{
    struct request request = request_of(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    attribute_add(&request, IFLA_IFNAME, name, strlen(name) + 1);
    struct rtattr *kind = attribute_add(&request, IFLA_LINKINFO, NULL, 0);
    attribute_add(&request, IFLA_INFO_KIND, "bridge", sizeof("bridge"));
    attribute_close(&request, kind);
    return request_send(fd, &request);
}

int rtnetlink_veth_create(int fd, const char *name, const char *other, int other_namespace)
{
    struct request request = request_of(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    attribute_add(&request, IFLA_IFNAME, name, strlen(name) + 1);
    struct rtattr *kind = attribute_add(&request, IFLA_LINKINFO, NULL, 0);
    attribute_add(&request, IFLA_INFO_KIND, "veth", sizeof("veth"));
    struct rtattr *details = attribute_add(&request, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *end = attribute_add(&request, VETH_INFO_PEER, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg));
    attribute_add(&request, IFLA_IFNAME, other, strlen(other) + 1);
    attribute_add(&request, IFLA_NET_NS_FD, &(uint32_t){(uint32_t)other_namespace}, sizeof(uint32_t));
    attribute_close(&request, end);
    attribute_close(&request, details);
    attribute_close(&request, kind);
    return request_send(fd, &request);
}

int rtnetlink_link_master(int fd, unsigned index, unsigned bridge)
{
    struct request request = request_of(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
    request.body.link.ifi_index = (int)index;
    attribute_add(&request, IFLA_MASTER, &(uint32_t){bridge}, sizeof(uint32_t));
    return request_send(fd, &request);
}

int rtnetlink_link_large_size(int fd, unsigned index, unsigned bytes)
{
    struct request request = request_of(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
    request.body.link.ifi_index = (int)index;
    attribute_add(&request, IFLA_GSO_MAX_SIZE, &(uint32_t){bytes && bytes < LARGE_MOST ? bytes : LARGE_MOST}, sizeof(uint32_t));
    return request_send(fd, &request);
}

int rtnetlink_address_add(int fd, unsigned index, int family, const void *address, unsigned prefix_length)
{
    size_t length = family == AF_INET ? 4 : 16;
    struct request request = request_of(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct ifaddrmsg));
    request.body.address.ifa_family = (uint8_t)family;
    request.body.address.ifa_prefixlen = (uint8_t)prefix_length;
    request.body.address.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
    request.body.address.ifa_index = index;
    attribute_add(&request, IFA_LOCAL, address, length);
    attribute_add(&request, IFA_ADDRESS, address, length);
    return request_send(fd, &request);
}

int rtnetlink_default_route_add(int fd, unsigned index, int family, const void *gateway)
{
    size_t length = family == AF_INET ? 4 : 16;
    struct request request = request_of(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct rtmsg));
    request.body.route.rtm_family = (uint8_t)family;
    request.body.route.rtm_table = RT_TABLE_MAIN;
    request.body.route.rtm_protocol = RTPROT_STATIC;
    request.body.route.rtm_scope = RT_SCOPE_UNIVERSE;
    request.body.route.rtm_type = RTN_UNICAST;
    attribute_add(&request, RTA_GATEWAY, gateway, length);
    attribute_add(&request, RTA_OIF, &(uint32_t){index}, sizeof(uint32_t));
    return request_send(fd, &request);
}
