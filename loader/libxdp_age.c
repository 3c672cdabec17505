// SPDX-License-Identifier: GPL-2.0-only
/* Pure, but for libxdp_name(), which is in encap.c. */
#include "libxdp_age.h"

#include <stdio.h>

#define VERSION(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))

/* -1: it names none. */
static int version_read(const char *format, const char *text)
{
	int major = 0, minor = 0, patch = 0;

	if (sscanf(text, format, &major, &minor, &patch) < 2)
		return -1;
	return VERSION(major, minor, patch);
}

bool libxdp_is_too_old(const char *libxdp, const char *kernel)
{
	int library = version_read("libxdp.so.%d.%d.%d", libxdp);

	return library >= 0 && library < VERSION(1, 5, 5) &&
	       version_read("%d.%d.%d", kernel) >= VERSION(6, 12, 0);
}
