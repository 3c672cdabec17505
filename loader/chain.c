// SPDX-License-Identifier: GPL-2.0-only
#include "chain.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "descriptors.h"
#include "error.h"

int interface_index(const char *name)
{
	int index = if_nametoindex(name);

	return index ? index : fail(ENODEV, "%s: no such interface here; see: ip link", name);
}

const char *mode_name(enum xdp_attach_mode mode)
{
	switch (mode) {
	case XDP_MODE_NATIVE:
		return "native";
	case XDP_MODE_SKB:
		return "skb";
	case XDP_MODE_HW:
		return "hw";
	default:
		return "?";
	}
}

static bool is_ours(const struct xdp_program *program)
{
	const char *name = xdp_program__name(program);

	return name && !strncmp(name, "xdplb", 5) && program_config_map(xdp_program__id(program));
}

/* Adds a program to the chain's description. */
static void chain_add(struct chain_program *found, const struct xdp_program *program)
{
	size_t length = strlen(found->chain);

	found->programs++;
	snprintf(found->chain + length, sizeof(found->chain) - length, "%s%s", length ? " " : "",
		 xdp_program__name(program));
	if (found->id || !is_ours(program))
		return;
	found->id = xdp_program__id(program);
	found->place = found->programs;
	found->priority = xdp_program__run_prio(program);
	snprintf(found->program, sizeof(found->program), "%s", xdp_program__name(program));
}

/* Asks libxdp. False: it does not say. */
static bool chain_ask(int ifindex, struct chain_program *found)
{
	struct xdp_multiprog *chain = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *program = NULL;

	if (libxdp_get_error(chain))
		return false;
	found->mode = xdp_multiprog__attach_mode(chain);
	found->dispatcher = !xdp_multiprog__is_legacy(chain);
	if (!found->dispatcher) {
		program = xdp_multiprog__main_prog(chain);
		if (program)
			chain_add(found, program);
	} else {
		while ((program = xdp_multiprog__next_prog(program, chain)))
			chain_add(found, program);
	}
	xdp_multiprog__close(chain);
	return true;
}

/* What libxdp said of an interface when it had these programs: a chain that changes has another. */
struct answer {
	int ifindex;
	__u32 native, skb, hardware; /* ids */
	struct chain_program found;
};

/* False: it has none, or the kernel does not say. */
static bool programs_of(int ifindex, struct answer *now)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query(ifindex, 0, &query))
		return false;
	*now = (struct answer){
		.ifindex = ifindex,
		.native = query.drv_prog_id,
		.skb = query.skb_prog_id,
		.hardware = query.hw_prog_id,
	};
	return now->native || now->skb || now->hardware;
}

static bool same_question(const struct answer *a, const struct answer *b)
{
	return a->ifindex == b->ifindex && a->native == b->native && a->skb == b->skb &&
	       a->hardware == b->hardware;
}

/* A daemon looks once a second, and asks libxdp once a change. NULL: it does not say. */
static const struct answer *answer_of(const struct answer *now)
{
	static struct answer known[CHAIN_MAX];
	struct answer *answer = &known[now->ifindex % CHAIN_MAX];
	struct descriptors before;
	bool said;

	if (same_question(answer, now))
		return answer;
	*answer = *now;
	descriptors_note(&before);
	said = chain_ask(now->ifindex, &answer->found);
	descriptors_restore(&before);
	/* Somebody may be changing just that. */
	if (!answer->found.programs)
		answer->ifindex = 0;
	return said ? answer : NULL;
}

int chain_look(int ifindex, struct chain_program *found)
{
	const struct answer *answer;
	struct answer now;

	memset(found, 0, sizeof(*found));
	if (!programs_of(ifindex, &now))
		return 0;
	answer = answer_of(&now);
	if (!answer)
		return 0;
	*found = answer->found;
	found->ifindex = ifindex;
	if_indextoname(ifindex, found->interface);
	return found->id != 0;
}

int chain_find(const char *interface, struct chain_program *found)
{
	int index = interface_index(interface);

	if (index < 0)
		return index;
	if (chain_look(index, found))
		return 0;
	if (geteuid())
		return fail(EPERM, "%s: not permitted to look: run it as root", interface);
	return fail(ENOENT, "%s: has no xdplb; attach it with: xdplb-config load %s", interface,
		    interface);
}

int map_info(int fd, struct bpf_map_info *info)
{
	__u32 length = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &length) ? -errno : 0;
}

int program_maps(__u32 program, __u32 *ids, __u32 *count)
{
	struct bpf_prog_info info = { .nr_map_ids = *count, .map_ids = (__u64)(unsigned long)ids };
	__u32 length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(program), err = 0;

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		err = -errno;
	close(fd);
	*count = info.nr_map_ids < *count ? info.nr_map_ids : *count;
	return err;
}

__u32 program_config_map(__u32 program)
{
	__u32 ids[PROGRAM_MAPS], count = PROGRAM_MAPS;
	struct bpf_map_info info;

	if (program_maps(program, ids, &count))
		return 0;
	for (__u32 i = 0; i < count; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);
		bool known = fd >= 0 && !map_info(fd, &info);

		if (fd >= 0)
			close(fd);
		if (known && !strcmp(info.name, "xdplb_config"))
			return ids[i];
	}
	return 0;
}

int chain_interfaces(struct chain_program *found, int max)
{
	struct if_nameindex *all = if_nameindex();
	int count = 0;

	if (!all)
		return fail(errno, "cannot list interfaces: %s", strerror(errno));
	for (struct if_nameindex *i = all; i->if_index && count < max; i++)
		count += chain_look(i->if_index, &found[count]);
	if_freenameindex(all);
	if (!count && geteuid())
		return fail(EPERM, "not permitted to look for balancers: run it as root");
	return count;
}

int chain_of(__u32 id, struct chain_program *found, int max)
{
	int count = chain_interfaces(found, max), kept = 0;

	for (int i = 0; i < count; i++)
		if (program_config_map(found[i].id) == id)
			found[kept++] = found[i];
	return count < 0 ? count : kept;
}

int chain_balancers(struct chain_program *found, int max, char *list, size_t size)
{
	int count = chain_interfaces(found, max), kept = 0;
	__u32 map[CHAIN_MAX];

	if (count < 0)
		return count;
	list[0] = '\0';
	for (int i = 0; i < count; i++) {
		__u32 id = program_config_map(found[i].id);
		size_t length = strlen(list);
		int j = 0;

		snprintf(list + length, size - length, "%s%s", length ? " " : "",
			 found[i].interface);
		while (j < kept && map[j] != id)
			j++;
		if (j < kept)
			continue;
		map[kept] = id;
		found[kept++] = found[i];
	}
	return kept;
}
