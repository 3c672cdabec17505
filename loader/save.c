// SPDX-License-Identifier: GPL-2.0-only
#include "save.h"

#include "error.h"
#include "lines.h"

static void print_lines(FILE *out, const char *first, const char *others, const struct lines *lines)
{
	for (int i = 0; i < lines->count; i++)
		fprintf(out, "%s%s\n", i ? others : first, lines->line[i].text);
}

static int save_service(FILE *out, const struct wanted_service *service)
{
	struct lines options = {}, backends = {};
	bool full;

	service_lines(service, &options);
	backends_lines(service, &backends);
	full = options.full || backends.full;
	print_lines(out, "  - ", "    ", &options);
	fprintf(out, "    backends:%s\n", backends.count ? "" : " []");
	print_lines(out, "      - ", "      - ", &backends);
	lines_free(&options);
	lines_free(&backends);
	return full ? fail(ENOMEM, "no memory for a service's lines") : 0;
}

int save_print(FILE *out, const struct configuration *configuration)
{
	struct lines settings = {};
	int err = 0;

	fprintf(out, "# A balancer as xdplb-config save found it; see xdplb.yaml(5).\n");
	settings_lines(&configuration->settings, &settings);
	if (settings.count)
		fprintf(out, "settings:\n");
	print_lines(out, "  ", "  ", &settings);
	lines_free(&settings);
	fprintf(out, "services:%s\n", configuration->services ? "" : " []");
	for (int i = 0; !err && i < configuration->services; i++)
		err = save_service(out, &configuration->service[i]);
	return err;
}
