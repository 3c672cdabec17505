// SPDX-License-Identifier: GPL-2.0-only
/*
 * loader/daemon/view.c and what is written from it: metrics.c, status.c, page.c. Who is who, text
 * that would be HTML, and what is said of a daemon without a balancer.
 */
#include "../../loader/daemon/view.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/daemon/metrics.h"
#include "../../loader/daemon/page.h"
#include "../../loader/daemon/status.h"
#include "unit.h"

/* Nothing is checked here. */
int check_begin(struct daemon *daemon, struct watched_backend *backend)
{
	(void)daemon, (void)backend;
	return -EINVAL;
}

void check_end(struct watched_backend *backend)
{
	(void)backend;
}

void probe_forget(struct watched_backend *backend)
{
	(void)backend;
}

int agent_begin(struct watched_backend *backend)
{
	(void)backend;
	return -EINVAL;
}

void agent_end(struct watched_backend *backend)
{
	(void)backend;
}

#define HTML "<script>alert('1')</script>&\""

/* ---- a balancer, and a daemon that knows of it ------------------------------------------------
 */

/*
 * 192.0.2.1:80/tcp has 10.0.0.1 and 10.0.0.2, which the file has in the other order, and 10.0.0.9,
 * which the daemon has not seen yet; 192.0.2.2:53/udp is not in the file.
 */
static struct health_options health = { .check = { .type = CHECK_HTTP },
					.agent = { .on = true },
					.passive = { .on = true } };
static const struct check_options unchecked = { .type = CHECK_OFF };
static struct watched_backend watched[3];
static struct watched_backend *watched_list[] = { &watched[0], &watched[1], &watched[2] };
static struct watched_service service, other;
static struct watched_service *services[] = { &other, &service };
static struct service_counts service_counts[2];
static struct backend_counts backend_counts[4];
static struct rates service_rates[2], backend_rates[4];
static struct history history[2];
static __u64 cpus[] = { 300, 100 };
static struct sample sample;
static struct daemon one;
static struct view view;

static void address_set(__be32 addr[4], __u32 number)
{
	memset(addr, 0, 4 * sizeof(*addr));
	addr[0] = htonl(number);
}

static void counts_begin(void)
{
	static const __u8 last[] = { 1, 2, 9, 1 };

	for (int i = 0; i < 2; i++) {
		service_counts[i] = (struct service_counts){
			.id = i + 1,
			.at = { .port = htons(i ? 53 : 80),
				.proto = i ? IPPROTO_UDP : IPPROTO_TCP },
			.forward = XDPLB_NAT,
			.counts = { .packets = 100, .active = 7 },
			.first = i ? 3 : 0,
			.backends = i ? 1 : 3,
		};
		address_set(service_counts[i].at.addr, 0xc0000201 + i);
		service_rates[i] = (struct rates){ .known = i == 0, .packets = 1234, .bits = 56e6 };
		for (int j = 0; j < HISTORY; j++)
			history[i].packets[j] = j < 30 ? NAN : (float)j;
	}
	for (int i = 0; i < 4; i++) {
		backend_counts[i] = (struct backend_counts){ .port = htons(i == 3 ? 53 : 8080),
							     .weight = 10 + i,
							     .state = XDPLB_UP,
							     .counts = { .packets = 1000 + i,
									 .active = 20 + i } };
		address_set(backend_counts[i].addr, 0x0a000000 + last[i]);
		backend_rates[i] = (struct rates){ .known = true, .packets = 100 * i };
	}
	backend_counts[1].state = XDPLB_DOWN;
}

static void watched_begin_two(void)
{
	memset(watched, 0, sizeof(watched));
	for (int i = 0; i < 3; i++) {
		watched[i] = (struct watched_backend){
			.service = &service,
			.options = i == 2 ? &unchecked : &health.check,
			.place = { .port = htons(8080), .weight = 11, .state = XDPLB_UP }
		};
		address_set(watched[i].place.addr, 0x0a000002 - i);
	}
	/* The first of the file is the second of the set: 10.0.0.2, down by its checks. */
	watched[0].place.state = XDPLB_DOWN;
	watched[0].place.own_state = XDPLB_UP;
	watched[0].place.own_weight = 22;
	watched[0].check = (struct check){ .verdict = CHECK_FAILED,
					   .took = 2500,
					   .took_all = 7500000,
					   .passed = 3,
					   .failed = 4,
					   .not_run = 5 };
	snprintf(watched[0].check.reason, sizeof(watched[0].check.reason), "%s", HTML);
	watched[0].health.since = 1000000;
	watched[0].health.damped = true;
	watched[0].agent.percent = 35;
	watched[0].unanswered = true;
	watched[1].health.up = true;
	watched[1].check.verdict = CHECK_PASSED;
	watched[1].agent.silent = true;
	watched[1].agent.percent = 100;
	address_set(watched[2].place.addr, 0x0a0000aa);
}

static int begin(void **state)
{
	(void)state;
	counts_begin();
	watched_begin_two();
	service = (struct watched_service){ .daemon = &one,
					    .at = service_counts[0].at,
					    .forward = XDPLB_NAT,
					    .options = &health,
					    .backend = watched_list,
					    .backends = 3,
					    .suspect = true };
	other = (struct watched_service){ .daemon = &one, .options = &health };
	one = (struct daemon){
		.file = "/etc/" HTML, .service = services, .services = 2, .loaded = 1700000000
	};
	sample = (struct sample){ .counts = { .time = 61,
					      .service = service_counts,
					      .services = 2,
					      .backend = backend_counts,
					      .backends = 4,
					      .cpu = cpus,
					      .cpus = 2,
					      .fill = { .flows = 25, .room = 200 } },
				  .seconds = 1,
				  .service = service_rates,
				  .history = history,
				  .backend = backend_rates,
				  .total = { .known = true, .packets = 5000 } };
	sample.counts.reason[XDPLB_DROP_NO_PORT] = 42;
	if (view_make(&view, &one, &sample))
		return -1;
	view.host = "lb<1>";
	view.found = true;
	view.time.tv_sec = 1700000100;
	return 0;
}

static int end(void **state)
{
	(void)state;
	view_free(&view);
	return 0;
}

/* ---- what is written ---------------------------------------------------------------------------
 */

static char *written;

static FILE *out_begin(size_t *size)
{
	free(written);
	written = NULL;
	return open_memstream(&written, size);
}

static const char *page(void)
{
	size_t size;
	FILE *out = out_begin(&size);

	page_print(out, &view, "0123");
	fclose(out);
	return written;
}

static const char *metrics(void)
{
	static const struct process process = { .cpu = 1.5, .memory = 4096, .descriptors = 9 };
	size_t size;
	FILE *out = out_begin(&size);

	metrics_print(out, &view, &process);
	fclose(out);
	return written;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("there is no %s in %s", part, text);
}

static void assert_has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("there is %s in %s", part, text);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

static void who_is_who(void **state)
{
	(void)state;
	assert_ptr_equal(view.service[0], &service);
	assert_null(view.service[1]);
	assert_ptr_equal(view.backend[0], &watched[1]);
	assert_ptr_equal(view.backend[1], &watched[0]);
	assert_null(view.backend[2]);
	assert_null(view.backend[3]);
	assert_int_equal(view_wanted(&service), 3);
	assert_int_equal(service_healthy(&service), 2);
	view_free(&view);
	service.gone = true;
	assert_int_equal(view_make(&view, &one, &sample), 0);
	assert_null(view.service[0]);
	assert_null(view.backend[0]);
	view_free(&view);
	one.services = 0;
	assert_int_equal(view_make(&view, &one, &sample), 0);
	assert_null(view.service[0]);
}

static void a_fallback_counts_as_no_backend(void **state)
{
	(void)state;
	watched[1].fallback = true;
	watched[1].place.state = XDPLB_BACKUP;
	assert_int_equal(view_wanted(&service), 2);
	assert_int_equal(service_healthy(&service), 1);
	assert_false(view_is_checked(&watched[1]));
}

static void metrics_of_services_and_backends(void **state)
{
#define BACKEND "{service=\"192.0.2.1:80/tcp\",backend=\"10.0.0.2:8080\""
	static const char *const right[] = {
		"\nxdplb_service_backends{service=\"192.0.2.1:80/tcp\"} 3\n",
		"\nxdplb_service_healthy_backends{service=\"192.0.2.1:80/tcp\"} 2\n",
		"\nxdplb_service_floor{service=\"192.0.2.1:80/tcp\"} 1\n",
		"\nxdplb_check_healthy" BACKEND "} 0\n",
		"\nxdplb_check_held" BACKEND "} 1\n",
		"\nxdplb_check_results_total" BACKEND ",result=\"failed\"} 4\n",
		"\nxdplb_check_results_total" BACKEND ",result=\"not_run\"} 5\n",
		"\nxdplb_check_duration_seconds_sum" BACKEND "} 7.500000\n",
		"\nxdplb_check_duration_seconds_count" BACKEND "} 7\n",
		"\nxdplb_check_last_duration_seconds" BACKEND "} 0.002500\n",
		"\nxdplb_agent_ratio" BACKEND "} 0.35\n",
		"\nxdplb_backend_unanswered" BACKEND "} 1\n",
		"\nxdplb_agent_silent" BACKEND "} 0\n",
		"\nxdplb_check_healthy{service=\"192.0.2.1:80/tcp\",backend=\"10.0.0.1:8080\"} 1\n",
		"\nxdplb_backend_packets_total" BACKEND "} 1001\n",
		"\nxdplb_cpu_packets_total{cpu=\"1\"} 100\n",
		"\nxdplb_configuration_last_load_successful 1\n",
		"\nxdplb_configuration_load_timestamp_seconds 1700000000.000\n",
		"\nxdplb_counters_timestamp_seconds 1700000100.000\n",
		"\nxdplb_balancer_found 1\n",
		"\nprocess_cpu_seconds_total 1.500000\n",
		"\nprocess_resident_memory_bytes 4096\n",
	};
	const char *text = metrics();

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++)
		assert_has(text, right[i]);
	/* Who is not watched has no health, and who is not checked neither. */
	assert_has_not(text, "xdplb_service_backends{service=\"192.0.2.2");
	assert_has_not(text, "xdplb_check_healthy{service=\"192.0.2.1:80/tcp\",backend=\"10.0.0.9");
	watched[1].options = &unchecked;
	assert_has_not(metrics(),
		       "xdplb_check_healthy{service=\"192.0.2.1:80/tcp\",backend=\"10.0.0.1");
	one.rejected = true;
	assert_has(metrics(), "\nxdplb_configuration_last_load_successful 0\n");
}

static void metrics_without_a_balancer(void **state)
{
	const char *text;

	(void)state;
	view.found = false;
	text = metrics();
	assert_has(text, "\nxdplb_balancer_found 0\n");
	assert_has(text, "\nprocess_open_fds 9\n");
	assert_has_not(text, "xdplb_service_");
	assert_has_not(text, "xdplb_flows");
	view.time.tv_sec = 0;
	assert_has_not(metrics(), "xdplb_counters_timestamp");
}

static void text_is_made_text(void **state)
{
	size_t size;
	FILE *out = out_begin(&size);

	(void)state;
	page_text(out, HTML);
	fclose(out);
	assert_string_equal(written, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;");
	/* In the page the one script is ours; the file's name and the reason are seen. */
	page();
	assert_has_not(written, "<script>");
	assert_has_not(written, "lb<1>");
	assert_has(written, "lb&lt;1&gt;</title>");
	assert_has(written, "/etc/&lt;script&gt;");
	assert_has(written, "in 2.5 ms: &lt;script&gt;alert(");
	assert_has(written, "<script nonce=\"0123\">");
}

static void page_says_what_is_wrong(void **state)
{
	(void)state;
	page();
	assert_has(written, "<title>! 2 of 3 healthy: ");
	assert_has(written, "192.0.2.1:80/tcp: 2 of 3 backends healthy, so the last good ones are");
	assert_has(written, "<b>down</b> (wanted up)");
	assert_has(written, "answers nobody");
	assert_has(written, "held out, it failed too often");
	assert_has(written, "failing for 60 s");
	assert_has(written, ">11 of 22</td>");
	assert_has(written, "not in the file");
	assert_has(written, "no_port</td><td data-n=\"packets\">42</td>");
	assert_has(written, "<dd>12.5 %</dd>");
	assert_has(written, "<dt>CPU 0</dt><dd>75.0 %</dd>");
	assert_has(written, "1.23k packets/s, 56.0M bits/s, 7 active");
	assert_has(written, "- packets/s, - bits/s, 7 active");
	assert_has(written, " 0,20.0 ");
	assert_has(written, " 59,1.0 59,20\"/>");
	one.rejected = true;
	assert_has(page(), "could not be put in force");
}

static void page_has_nothing_to_complain_of(void **state)
{
	(void)state;
	watched[0].health.up = true;
	service.suspect = false;
	page();
	assert_has_not(written, "class=\"trouble\"");
	assert_has(written, "<title>3 of 3 healthy: ");
}

static void page_without_a_balancer(void **state)
{
	static struct sample none;

	(void)state;
	view_free(&view);
	assert_int_equal(view_make(&view, &one, &none), 0);
	view.host = "lb";
	page();
	assert_has(written, "There is no balancer");
	assert_has_not(written, "<table>");
	assert_has(written, "</main>");
}

static void json(void **state)
{
	struct json_object *object = status_json(&view), *service_0, *backend_1, *check;

	(void)state;
	service_0 = json_object_array_get_idx(json_object_object_get(object, "services"), 0);
	backend_1 = json_object_array_get_idx(json_object_object_get(service_0, "backends"), 1);
	check = json_object_object_get(backend_1, "check");
#define INT(object, key) json_object_get_int(json_object_object_get(object, key))
#define TEXT(object, key) json_object_get_string(json_object_object_get(object, key))
	assert_string_equal(TEXT(service_0, "service"), "192.0.2.1:80/tcp");
	assert_int_equal(INT(service_0, "healthy_backends"), 2);
	assert_int_equal(INT(service_0, "packets_per_second"), 1234);
	assert_string_equal(TEXT(backend_1, "address"), "10.0.0.2");
	assert_string_equal(TEXT(backend_1, "state"), "down");
	assert_string_equal(TEXT(backend_1, "wanted_state"), "up");
	assert_int_equal(INT(backend_1, "packets"), 1001);
	assert_string_equal(TEXT(check, "reason"), HTML);
	assert_string_equal(TEXT(check, "result"), "failed");
	assert_int_equal(INT(check, "not_run"), 5);
	assert_int_equal(INT(json_object_object_get(backend_1, "agent"), "percent"), 35);
	json_object_put(object);
	view.found = false;
	object = status_json(&view);
	assert_null(json_object_object_get(object, "services"));
	assert_int_equal(INT(object, "balancer"), 0);
	json_object_put(object);
}

static int last(void **state)
{
	(void)state;
	free(written);
	return 0;
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(who_is_who),
		TEST(a_fallback_counts_as_no_backend),
		TEST(metrics_of_services_and_backends),
		TEST(metrics_without_a_balancer),
		TEST(text_is_made_text),
		TEST(page_says_what_is_wrong),
		TEST(page_has_nothing_to_complain_of),
		TEST(page_without_a_balancer),
		TEST(json),
	};

	return cmocka_run_group_tests(tests, NULL, last);
}
