/* SPDX-License-Identifier: GPL-2.0-only */
/* A balancer's settings that `set` changes. */
#ifndef XDPLB_SETTINGS_H
#define XDPLB_SETTINGS_H

#include <linux/types.h>
#include <stdbool.h>

#include "../xdp/xdplb.h"

struct settings {
	bool echo; /* echo requests to services' addresses are answered */
	__u16 gue_port; /* host order */
	__u16 registration_port; /* host order */
	__u32 icmp_rate; /* answers "too big" a second and CPU, at most */
	__u64 seed[2]; /* both 0: a balancer that was never configured has none yet */
};

/* What a balancer begins with; its seed is both 0. */
extern const struct settings default_settings;

/* What is in force, or in a balancer that was never configured what it begins with. */
void settings_get(const struct xdplb_config *config, struct settings *settings);
void settings_put(struct xdplb_config *config, const struct settings *settings);

/* Takes a key that nobody knows. 0, or a negative errno after an error line. */
int random_key(__u64 key[2]);

/* The seed as it is given, 32 digits, or "random" where there is none yet. */
#define SEED_TEXT 33
const char *seed_text(const struct settings *settings, char text[SEED_TEXT]);

/* Reads one NAME=VALUE. 0, or a negative errno after an error line. */
int settings_read(const char *word, struct settings *settings);

#endif
