// SPDX-License-Identifier: GPL-2.0-only
#include "config.h"

#include <bpf/bpf.h>
#include <string.h>

#include "error.h"
#include "settings.h"

/* Puts all blocks into the queue, but for block 0, which is none. */
static int blocks_fill(const struct balancer *balancer)
{
	__u32 taken;

	/* What a writer that was killed has put in already would be there twice. */
	while (!bpf_map_lookup_and_delete_elem(balancer->fd[MAP_FREE], NULL, &taken))
		;
	for (__u32 id = 1; id < balancer->entries[MAP_BLOCKS]; id++)
		if (bpf_map_update_elem(balancer->fd[MAP_FREE], NULL, &id, 0))
			return fail(errno, "cannot fill xdplb_free: %s", strerror(errno));
	return 0;
}

int config_prepare(struct balancer *balancer)
{
	struct xdplb_config *config = balancer->config;
	struct settings settings;
	int err;

	if (config->abi)
		return 0;
	settings_get(config, &settings);
	err = random_key(settings.seed);
	if (!err)
		err = random_key(config->seal);
	if (err)
		return err;
	config->flow_mask = flow_buckets(balancer->entries[MAP_FLOWS]) - 1;
	config->cpus = balancer->cpus;
	settings_put(config, &settings);
	err = blocks_fill(balancer);
	if (err)
		return err;
	__atomic_store_n(&config->abi, XDPLB_ABI, __ATOMIC_RELEASE);
	return 0;
}
