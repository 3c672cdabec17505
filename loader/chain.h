/* SPDX-License-Identifier: GPL-2.0-only */
/* Which programs an interface has, asked of libxdp. */
#ifndef XDPLB_CHAIN_H
#define XDPLB_CHAIN_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <xdp/libxdp.h>

#define LOOPBACK 1 /* the index of lo in every network namespace */
#define CHAIN_MAX 64 /* interfaces with a balancer that are looked at */

struct chain_program {
	char interface[IF_NAMESIZE];
	int ifindex;
	__u32 id; /* of the program */
	char program[BPF_OBJ_NAME_LEN]; /* xdplb or xdplb_encap */
	int place; /* 1 .. programs */
	int programs; /* in the chain */
	int priority; /* of the program, in a dispatcher */
	bool dispatcher; /* or attached alone */
	char chain[256]; /* names in order */
	enum xdp_attach_mode mode;
};

/* native, skb or hw. */
const char *mode_name(enum xdp_attach_mode mode);

/* The index of an interface, or a negative errno after an error line. */
int interface_index(const char *name);

/*
 * The xdplb program of an interface: 0, or -ENOENT after an error line when it
 * has none.
 */
int chain_find(const char *interface, struct chain_program *found);

/* Likewise, but says nothing and returns 1 when there is one, 0 when not. */
int chain_look(int ifindex, struct chain_program *found);

/*
 * The balancers of all interfaces, each set of maps once; `list` gets their
 * interfaces' names. Returns how many, or a negative errno after an error line.
 */
int chain_balancers(struct chain_program *found, int max, char *list, size_t size);

/* All interfaces with an xdplb program. How many, or a negative errno after an error line. */
int chain_interfaces(struct chain_program *found, int max);

/* Those of the balancer with this balancer_id(). Likewise. */
int chain_of(__u32 id, struct chain_program *found, int max);

/*
 * The ids of the maps a program uses: *count is the room for them, then how many
 * there are. 0, or -errno of the kernel and nothing said; map_info() likewise.
 */
#define PROGRAM_MAPS 64
int program_maps(__u32 program, __u32 *ids, __u32 *count);
int map_info(int fd, struct bpf_map_info *info);

/* The id of the xdplb_config map that a program uses, 0: none. */
__u32 program_config_map(__u32 program);

#endif
