// SPDX-License-Identifier: GPL-2.0-only
/*
 * configuration_read(), of a file that is anything: what it takes is complete, and
 * is read as the same when it was saved, as text and as JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../loader/complete.h"
#include "../../loader/configuration.h"
#include "../../loader/difference.h"
#include "../../loader/difference_json.h"
#include "../../loader/save.h"
#include "../../loader/save_json.h"
#include "../../loader/sets.h"
#include "fuzz.h"

/* No balancer is read here. */
int set_read(const struct balancer *balancer, __u32 service, struct wanted_service *wanted)
{
	(void)balancer, (void)service, (void)wanted;
	return -1;
}

static int read_bytes(const void *bytes, size_t size, struct configuration *configuration)
{
	int fd = memfd_create("document", 0), err;
	char path[64];

	fuzz_check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "there is a file");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = configuration_read(path, configuration);
	close(fd);
	return err;
}

static void complete_check(const struct wanted_service *service)
{
	fuzz_check(service->scheduler && service->forward && service->window, "it is complete");
	fuzz_check(is_address(service->at.addr) && service->at.port, "it has an address and port");
	for (int i = 0; i < XDPLB_TIMEOUTS; i++)
		fuzz_check(service->timeout[i] > 0, "each timeout is known");
	for (int i = 0; i < service->backends; i++)
		fuzz_check(is_address(service->backend[i].addr) && service->backend[i].port &&
				   service->backend[i].weight,
			   "each backend is one");
}

static void same_check(const struct configuration *a, const struct configuration *b)
{
	struct json_object *difference = difference_json(a, b);
	const char *text = json_object_to_json_string_ext(difference, JSON_C_TO_STRING_PLAIN);
	char *lines = NULL;
	size_t size;
	FILE *out = open_memstream(&lines, &size);

	fuzz_check(a->services == b->services, "as many services");
	for (int i = 0; i < a->services; i++)
		fuzz_check(same_service(&a->service[i], &b->service[i]), "the same services");
	fuzz_check(!strcmp(text, "{\"settings\":{},\"services\":[]}"), "no difference in JSON");
	fuzz_check(!difference_print(out, a, b, false), "the difference is printed");
	fclose(out);
	fuzz_check(!size, "no difference in text");
	free(lines);
	json_object_put(difference);
}

/* What was saved, as what it was saved of. */
static void again_check(const struct configuration *configuration, const char *saved, size_t size)
{
	struct configuration again;

	fuzz_check(!read_bytes(saved, size, &again), "it reads again");
	same_check(configuration, &again);
	configuration_free(&again);
}

static void saved_check(const struct configuration *configuration)
{
	struct json_object *json = save_json(configuration);
	const char *as_json = json_object_to_json_string_ext(json, JSON_C_TO_STRING_NOSLASHESCAPE);
	char *saved = NULL;
	size_t size;
	FILE *out = open_memstream(&saved, &size);

	fuzz_check(!save_print(out, configuration), "it is saved");
	fclose(out);
	again_check(configuration, saved, size);
	again_check(configuration, as_json, strlen(as_json));
	free(saved);
	json_object_put(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct configuration configuration;

	if (read_bytes(data, size, &configuration))
		return 0;
	for (int i = 0; i < configuration.services; i++)
		complete_check(&configuration.service[i]);
	saved_check(&configuration);
	configuration_free(&configuration);
	return 0;
}
