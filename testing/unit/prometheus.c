// SPDX-License-Identifier: GPL-2.0-only
/* loader/prometheus.c: labels, and families that are each in one piece. */
#include "../../loader/prometheus.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void assert_label(const char *value, const char *right)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	prometheus_label(out, value);
	fclose(out);
	assert_string_equal(text, right);
	free(text);
}

static void labels(void **state)
{
	(void)state;
	assert_label("", "");
	assert_label("[2001:db8::1]:80/tcp", "[2001:db8::1]:80/tcp");
	assert_label("a\"b\\c\nd", "a\\\"b\\\\c\\nd");
	assert_label("\\\\", "\\\\\\\\");
	assert_label("{},=#", "{},=#");
}

static struct service_counts services[] = {
	{ .id = 1, .at = { .proto = IPPROTO_TCP }, .forward = XDPLB_NAT, .backends = 1 },
	{ .id = 2,
	  .at = { .proto = IPPROTO_UDP },
	  .forward = XDPLB_LOCAL,
	  .first = 1,
	  .backends = 1 },
};
static struct backend_counts backends[2];
static __u64 cpus[] = { 5, 4 };

static char *printed(__u32 count)
{
	struct all_counts all = {
		.service = services, .services = count, .backend = backends, .backends = count
	};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (__u32 i = 0; i < count; i++) {
		services[i].at.addr[0] = htonl(0xc0000201);
		services[i].at.port = htons(80 + i);
		services[i].counts.packets = 10 + i;
		backends[i].addr[0] = htonl(0x0a000001);
		backends[i].port = htons(8080);
		backends[i].weight = 3;
		backends[i].state = XDPLB_DRAIN;
		backends[i].counts.active = 18446744073709551615ULL;
	}
	all.cpu = cpus;
	all.cpus = COUNT(cpus);
	all.reason[XDPLB_DROP_TTL] = 7;
	all.verdict[XDP_TX] = 9;
	all.fill = (struct fill){ .services = 2, .backends = 2, .flows = 5, .room = 64 };
	prometheus_print(out, &all);
	fclose(out);
	return text;
}

static void samples(void **state)
{
	static const char *const right[] = {
		"xdplb_service_packets_total{service=\"192.0.2.1:80/tcp\"} 10",
		"xdplb_service_packets_total{service=\"192.0.2.1:81/udp\"} 11",
		"xdplb_backend_active_flows{service=\"192.0.2.1:80/"
		"tcp\",backend=\"10.0.0.1:8080\"} "
		"18446744073709551615",
		"xdplb_backend_weight{service=\"192.0.2.1:81/udp\",backend=\":8080\"} 3",
		"xdplb_backend_state{service=\"192.0.2.1:80/tcp\",backend=\"10.0.0.1:8080\",state="
		"\"drain\"} 1",
		"xdplb_backend_state{service=\"192.0.2.1:80/tcp\",backend=\"10.0.0.1:8080\",state="
		"\"up\"} 0",
		"xdplb_drops_total{reason=\"ttl\"} 7",
		"xdplb_verdicts_total{verdict=\"tx\"} 9",
		"xdplb_cpu_packets_total{cpu=\"0\"} 5",
		"xdplb_cpu_packets_total{cpu=\"1\"} 4",
		"xdplb_flows_max 64",
	};
	char *text = printed(2), line[256];

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		snprintf(line, sizeof(line), "\n%s\n", right[i]);
		if (!strstr(text, line))
			fail_msg("there is no line %s", right[i]);
	}
	free(text);
}

/* Help, type, then samples of that name alone; no name comes twice, no sample either. */
static void in_one_piece(void **state)
{
	(void)state;
	for (__u32 count = 0; count <= 2; count++) {
		char *text = printed(count), *rest = text, *line;
		char name[128] = "", seen[8192] = "\n", mark[140];

		while ((line = strsep(&rest, "\n")) && rest) {
			if (!strncmp(line, "# HELP ", 7)) {
				sscanf(line + 7, "%127s", name);
				snprintf(mark, sizeof(mark), "\n%s\n", name);
				assert_null(strstr(seen, mark));
				strcat(strcat(seen, name), "\n");
				line = strsep(&rest, "\n");
				assert_int_equal(strncmp(line, "# TYPE ", 7), 0);
				assert_int_equal(strncmp(line + 7, name, strlen(name)), 0);
				continue;
			}
			assert_int_equal(strncmp(line, name, strlen(name)), 0);
			assert_true(strchr("{ ", line[strlen(name)]) != NULL);
		}
		assert_non_null(strstr(seen, "xdplb_backend_state"));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels),
		cmocka_unit_test(samples),
		cmocka_unit_test(in_one_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
