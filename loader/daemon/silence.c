// SPDX-License-Identifier: GPL-2.0-only
#include "silence.h"

#include <stdint.h>

struct share {
	uint64_t waiting, all;
};

static struct share share_of(const struct silence *one)
{
	return (struct share){ one->waiting, (uint64_t)one->waiting + one->further };
}

static bool is_above(struct share share, __u32 percent)
{
	return share.all && share.waiting * 100 >= share.all * percent;
}

static bool is_silent(const struct silence *one, struct share total,
		      const struct passive_options *options)
{
	struct share own = share_of(one);
	struct share others = { total.waiting - own.waiting, total.all - own.all };

	return own.all >= options->flows && is_above(own, options->share) &&
	       !is_above(others, (options->share + 1) / 2);
}

void silence_judge(struct silence *silence, int count, const struct passive_options *options)
{
	__u32 left = amount_of(options->limit, count);
	struct share total = {};

	for (int i = 0; i < count; i++) {
		total.waiting += share_of(&silence[i]).waiting;
		total.all += share_of(&silence[i]).all;
	}
	/* Those that were go first. */
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < count; i++) {
			struct silence *one = &silence[i];

			if (one->was == (pass == 1))
				continue;
			one->silent = left && is_silent(one, total, options);
			left -= one->silent;
		}
	}
}
