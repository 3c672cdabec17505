// SPDX-License-Identifier: GPL-2.0-only
#include "egress.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "netlink.h"

/* A priority of our own if we can: removing one with tc removes all that is at it. */
#define PRIORITY 20
#define PRIORITIES 64 /* from that one on, of which we take the first that nobody has */
#define HANDLE 0x786c

/* ---- qdiscs ---------------------------------------------------------------------------- */

/* What is in the one place for clsact or its forerunner, ingress. */
struct qdisc {
	int ifindex;
	bool clsact;
	bool shared; /* its ingress or egress is a block for several interfaces */
};

static int read_qdisc_attribute(const struct nlattr *attribute, void *context)
{
	struct qdisc *qdisc = context;

	switch (mnl_attr_get_type(attribute)) {
	case TCA_KIND:
		qdisc->clsact = !strcmp(mnl_attr_get_str(attribute), "clsact");
		return MNL_CB_OK;
	case TCA_INGRESS_BLOCK:
	case TCA_EGRESS_BLOCK:
		qdisc->shared = true;
		return MNL_CB_OK;
	default:
		return MNL_CB_OK;
	}
}

/* The kernel tells of all interfaces. */
static int read_qdisc(const struct nlmsghdr *message, void *context)
{
	const struct tcmsg *header = mnl_nlmsg_get_payload(message);
	struct qdisc *qdisc = context;

	if (header->tcm_ifindex != qdisc->ifindex || header->tcm_parent != TC_H_CLSACT)
		return MNL_CB_OK;
	return mnl_attr_parse(message, sizeof(*header), read_qdisc_attribute, qdisc);
}

static int dump(__u16 type, int ifindex, __u32 parent, mnl_cb_t on_reply, void *context)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct tcmsg *header;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->tcm_family = AF_UNSPEC;
	header->tcm_ifindex = ifindex;
	header->tcm_parent = parent;
	return netlink_ask(NETLINK_ROUTE, request, on_reply, context);
}

static int qdisc_read(int ifindex, struct qdisc *qdisc)
{
	*qdisc = (struct qdisc){ .ifindex = ifindex };
	return dump(RTM_GETQDISC, ifindex, 0, read_qdisc, qdisc);
}

/* ---- filters ----------------------------------------------------------------------------- */

struct filter {
	__u32 priority;
	__u32 handle;
	__u32 chain;
	__u32 program; /* its id, 0: it is no BPF program */
	bool bpf;
};

struct filters {
	int ifindex;
	const char *name; /* of our program */
	bool any;
	__u64 taken; /* bit p: priority PRIORITY + p, by whomever */
	struct filter ours; /* .program 0: none */
};

static int read_bpf_attribute(const struct nlattr *attribute, void *context)
{
	if (mnl_attr_get_type(attribute) == TCA_BPF_ID)
		((struct filter *)context)->program = mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static int read_filter_attribute(const struct nlattr *attribute, void *context)
{
	struct filter *filter = context;

	switch (mnl_attr_get_type(attribute)) {
	case TCA_KIND:
		filter->bpf = !strcmp(mnl_attr_get_str(attribute), "bpf");
		return MNL_CB_OK;
	case TCA_CHAIN:
		filter->chain = mnl_attr_get_u32(attribute);
		return MNL_CB_OK;
	case TCA_OPTIONS: /* comes behind the kind */
		return filter->bpf ? mnl_attr_parse_nested(attribute, read_bpf_attribute, filter) :
				     MNL_CB_OK;
	default:
		return MNL_CB_OK;
	}
}

/*
 * By the program's own name: the filter's is made up by who attached it, and
 * another program may be at our priority and handle. 1, 0 or a negative errno.
 */
static int is_ours(__u32 program, const char *name)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(program), err;

	if (fd == -ENOENT)
		return 0; /* it went while we looked */
	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &length) ? -errno : 0;
	close(fd);
	return err ? err : !strcmp(info.name, name);
}

/*
 * Only what could be from us is looked at closely: our kind, for all protocols, and
 * not in a block that several interfaces share, which the kernel shows with
 * another number in the interface's place.
 */
static int read_filter(const struct nlmsghdr *message, void *context)
{
	const struct tcmsg *header = mnl_nlmsg_get_payload(message);
	struct filters *filters = context;
	struct filter filter = { .priority = header->tcm_info >> 16, .handle = header->tcm_handle };
	int ours;

	mnl_attr_parse(message, sizeof(*header), read_filter_attribute, &filter);
	filters->any = true;
	if (filter.chain)
		return MNL_CB_OK; /* which has priorities of its own */
	if (filter.priority >= PRIORITY && filter.priority < PRIORITY + PRIORITIES)
		filters->taken |= 1ULL << (filter.priority - PRIORITY);
	if (filters->ours.program || !filter.program || header->tcm_ifindex != filters->ifindex ||
	    TC_H_MIN(header->tcm_info) != htons(ETH_P_ALL))
		return MNL_CB_OK;
	ours = is_ours(filter.program, filters->name);
	if (ours < 0) {
		errno = -ours;
		return MNL_CB_ERROR;
	}
	if (ours)
		filters->ours = filter;
	return MNL_CB_OK;
}

static int filters_read(int ifindex, __u32 direction, const char *name, struct filters *filters)
{
	*filters = (struct filters){ .ifindex = ifindex, .name = name };
	return dump(RTM_GETTFILTER, ifindex, TC_H_MAKE(TC_H_CLSACT, direction), read_filter,
		    filters);
}

/* None where there is no clsact, since ingress would show its own for those at egress. */
static int ours_read(int ifindex, __u32 direction, const char *name, struct filters *filters)
{
	struct qdisc qdisc;
	int err = qdisc_read(ifindex, &qdisc);

	*filters = (struct filters){ .ifindex = ifindex };
	if (err || !qdisc.clsact)
		return err;
	return filters_read(ifindex, direction, name, filters);
}

/* ---- attaching ----------------------------------------------------------------------------- */

/* Removes clsact when nothing is in it. */
static int clsact_tidy(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct filters ingress, egress;
	struct qdisc qdisc;
	int err = qdisc_read(ifindex, &qdisc);

	if (err || !qdisc.clsact || qdisc.shared)
		return err;
	err = filters_read(ifindex, TC_H_MIN_INGRESS, "", &ingress);
	if (!err)
		err = filters_read(ifindex, TC_H_MIN_EGRESS, "", &egress);
	if (err || ingress.any || egress.any)
		return err;
	return bpf_tc_hook_destroy(&hook);
}

/* Makes clsact where there is none; *made says whether. */
static int clsact_make(int ifindex, bool *made)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	struct qdisc qdisc;
	int err = bpf_tc_hook_create(&hook);

	*made = !err;
	if (err != -EEXIST)
		return err;
	/* In the older ingress a filter for egress would be put at ingress. */
	err = qdisc_read(ifindex, &qdisc);
	if (err)
		return err;
	return qdisc.clsact ? 0 : -EBUSY;
}

/* Where ours is, to be replaced, or where it shall be. */
static int place(const struct filters *filters, struct bpf_tc_opts *opts)
{
	if (filters->ours.program) {
		opts->priority = filters->ours.priority;
		opts->handle = filters->ours.handle;
		opts->flags = BPF_TC_F_REPLACE;
		return 0;
	}
	if (!~filters->taken)
		return -ENOSPC;
	opts->priority = PRIORITY + __builtin_ctzll(~filters->taken);
	opts->handle = HANDLE;
	return 0;
}

static enum bpf_tc_attach_point point_of(__u32 direction)
{
	return direction == TC_H_MIN_EGRESS ? BPF_TC_EGRESS : BPF_TC_INGRESS;
}

int filter_attach(int ifindex, __u32 direction, const char *name, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point_of(direction));
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd);
	struct filters filters;
	bool made;
	int err = clsact_make(ifindex, &made);

	if (err)
		return err;
	err = filters_read(ifindex, direction, name, &filters);
	if (!err)
		err = place(&filters, &opts);
	if (!err)
		err = bpf_tc_attach(&hook, &opts);
	if (err && made)
		clsact_tidy(ifindex);
	return err;
}

int egress_attach(int ifindex, int prog_fd)
{
	return filter_attach(ifindex, TC_H_MIN_EGRESS, PROGRAM_REPLIES, prog_fd);
}

int egress_find(int ifindex, __u32 *program)
{
	struct filters filters;
	int err = ours_read(ifindex, TC_H_MIN_EGRESS, PROGRAM_REPLIES, &filters);

	if (err)
		return err;
	*program = filters.ours.program;
	return *program ? 0 : -ENOENT;
}

int filter_detach(int ifindex, __u32 direction, const char *name)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point_of(direction));
	struct filters filters;
	bool found = false;
	int err = ours_read(ifindex, direction, name, &filters);

	/* One is all that we put there, but nobody is kept from putting another. */
	while (!err && filters.ours.program) {
		LIBBPF_OPTS(bpf_tc_opts, opts, .priority = filters.ours.priority,
			    .handle = filters.ours.handle);

		found = true;
		err = bpf_tc_detach(&hook, &opts);
		if (!err)
			err = filters_read(ifindex, direction, name, &filters);
	}
	return err || !found ? err : clsact_tidy(ifindex);
}

int egress_detach(int ifindex)
{
	return filter_detach(ifindex, TC_H_MIN_EGRESS, PROGRAM_REPLIES);
}
