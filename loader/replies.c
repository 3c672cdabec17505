// SPDX-License-Identifier: GPL-2.0-only
#include "replies.h"

#include <bpf/libbpf.h>
#include <net/if.h>
#include <string.h>

#include "attach.h"
#include "chain.h"
#include "egress.h"
#include "error.h"

static int attach_failed(const char *interface, int err)
{
	switch (-err) {
	case ENOENT:
		return fail(err,
			    "%s: this kernel has no clsact or no cls_bpf: modprobe sch_ingress "
			    "cls_bpf; without, listeners' replies show their own port",
			    interface);
	case EBUSY:
		return fail(err,
			    "%s: its ingress qdisc is in the way of clsact: tc qdisc del dev %s "
			    "ingress",
			    interface, interface);
	default:
		return fail(err, "%s: cannot attach the program for replies: %s", interface,
			    strerror(-err));
	}
}

int replies_attach(const struct balancer *balancer, const char *interface)
{
	int ifindex = interface_index(interface), err;
	struct bpf_object *object;
	struct bpf_program *program;

	if (ifindex < 0)
		return ifindex;
	err = object_open(NULL, balancer, PROGRAM_REPLIES, 0, &object);
	if (err)
		return err;
	err = bpf_object__load(object);
	program = bpf_object__find_program_by_name(object, PROGRAM_REPLIES);
	if (!err)
		err = program ? egress_attach(ifindex, bpf_program__fd(program)) : -ENOENT;
	bpf_object__close(object);
	return err ? attach_failed(interface, err) : 0;
}

bool replies_attached(int ifindex, __u32 id)
{
	__u32 program;

	return !egress_find(ifindex, &program) && program_config_map(program) == id;
}

const char *replies_more(int ifindex)
{
	return ifindex == LOOPBACK ? ", and without a key none can register" : "";
}

void replies_warn(const struct balancer *balancer, bool registers)
{
	struct chain_program found[CHAIN_MAX];
	int count = chain_interfaces(found, CHAIN_MAX);
	__u32 id = balancer_id(balancer);
	bool on_lo = false;

	for (int i = 0; i < count; i++) {
		if (program_config_map(found[i].id) != id)
			continue;
		on_lo |= found[i].ifindex == LOOPBACK;
		if (!replies_attached(found[i].ifindex, id))
			warn("%s: without the program for replies, what listeners answer by it "
			     "shows their own port%s; xdplb-config attach-replies -d %s",
			     found[i].interface, replies_more(found[i].ifindex),
			     found[i].interface);
	}
	if (registers && count > 0 && !on_lo)
		warn("this machine's processes register by lo, where the balancer is not; "
		     "xdplb-config load lo");
}

bool replies_found(int ifindex)
{
	__u32 program;

	return !egress_find(ifindex, &program);
}

void replies_detach(int ifindex)
{
	int err = egress_detach(ifindex);

	if (err)
		warn("cannot take the program for replies off interface %d: %s", ifindex,
		     strerror(-err));
}

void replies_detach_all(__u32 id)
{
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *i = all; i && i->if_index; i++)
		if (replies_attached(i->if_index, id))
			replies_detach(i->if_index);
	if (all)
		if_freenameindex(all);
}
