// SPDX-License-Identifier: GPL-2.0-only
/* loader/monitor.c: events as lines and as JSON. */
#include "../../loader/monitor.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "../../loader/names.h"
#include "unit.h"

/* An event of a packet between two addresses of one family. */
static struct xdplb_event event(__u8 kind, const char *from, __u16 sport, const char *to,
				__u16 dport, __u8 proto)
{
	struct xdplb_event event = { .kind = kind, .proto = proto };

	event.v6 = strchr(from, ':') != NULL;
	event.sport = htons(sport);
	event.dport = htons(dport);
	assert_int_equal(inet_pton(event.v6 ? AF_INET6 : AF_INET, from, event.saddr), 1);
	assert_int_equal(inet_pton(event.v6 ? AF_INET6 : AF_INET, to, event.daddr), 1);
	return event;
}

static void to_backend(struct xdplb_event *event, const char *address, __u16 port)
{
	assert_int_equal(inet_pton(event->v6 ? AF_INET6 : AF_INET, address, event->backend_addr),
			 1);
	event->backend_port = htons(port);
}

static void assert_line(const struct xdplb_event *event, const struct xdplb_service *record,
			const char *line)
{
	struct service_address service = monitor_service(event, record);
	char text[MONITOR_TEXT];

	assert_string_equal(monitor_text(event, &service, text), line);
}

static void assert_json(const struct xdplb_event *event, const struct xdplb_service *record,
			const char *right)
{
	struct service_address service = monitor_service(event, record);
	struct timespec time = { .tv_sec = 1700000000, .tv_nsec = 4005999 };
	struct json_object *object = monitor_json(event, &service, &time);

	assert_string_equal(json_object_to_json_string_ext(object,
							   JSON_C_TO_STRING_PLAIN |
								   JSON_C_TO_STRING_NOSLASHESCAPE),
			    right);
	json_object_put(object);
}

static void flows(void **state)
{
	struct xdplb_event it =
		event(XDPLB_EVENT_FLOW, "192.0.2.7", 4000, "192.0.2.1", 5000, IPPROTO_UDP);

	(void)state;
	to_backend(&it, "192.0.2.1", 5002);
	assert_line(&it, NULL, "192.0.2.7:4000 -> 192.0.2.1:5000/udp -> :5002");
	assert_json(
		&it, NULL,
		"{\"time\":1700000000.004005,\"event\":\"flow\",\"client\":\"192.0.2.7\","
		"\"client_port\":4000,\"service\":\"192.0.2.1:5000/udp\",\"backend\":\":5002\"}");
	to_backend(&it, "10.0.0.1", 8080);
	assert_line(&it, NULL, "192.0.2.7:4000 -> 192.0.2.1:5000/udp -> 10.0.0.1:8080");
	it = event(XDPLB_EVENT_FLOW, "2001:db8::7", 65535, "2001:db8::1", 80, IPPROTO_TCP);
	to_backend(&it, "fd00::1", 8080);
	assert_line(&it, NULL, "[2001:db8::7]:65535 -> [2001:db8::1]:80/tcp -> [fd00::1]:8080");
	to_backend(&it, "2001:db8::1", 81);
	assert_line(&it, NULL, "[2001:db8::7]:65535 -> [2001:db8::1]:80/tcp -> :81");
}

static void drops(void **state)
{
	struct xdplb_event it =
		event(XDPLB_EVENT_DROP, "192.0.2.7", 4000, "192.0.2.1", 5000, IPPROTO_UDP);

	(void)state;
	for (int reason = 0; reason < XDPLB_DROPS; reason++) {
		char line[MONITOR_TEXT];

		it.reason = reason;
		snprintf(line, sizeof(line), "192.0.2.7:4000 -> 192.0.2.1:5000/udp dropped: %s",
			 reason_name(reason));
		assert_line(&it, NULL, line);
	}
	it.reason = XDPLB_DROP_NO_BACKEND;
	assert_json(&it, NULL,
		    "{\"time\":1700000000.004005,\"event\":\"drop\",\"client\":\"192.0.2.7\","
		    "\"client_port\":4000,\"service\":\"192.0.2.1:5000/"
		    "udp\",\"reason\":\"no_backend\"}");
	it.reason = 255;
	assert_line(&it, NULL, "192.0.2.7:4000 -> 192.0.2.1:5000/udp dropped: ?");
}

/* What ICMP has in the place of ports are none; a later fragment has nothing there. */
static void no_ports(void **state)
{
	struct xdplb_event it =
		event(XDPLB_EVENT_DROP, "192.0.2.7", 769, "192.0.2.1", 5000, IPPROTO_ICMP);

	(void)state;
	it.reason = XDPLB_DROP_TTL;
	assert_line(&it, NULL, "192.0.2.7 -> 192.0.2.1/icmp dropped: ttl");
	assert_json(&it, NULL,
		    "{\"time\":1700000000.004005,\"event\":\"drop\",\"client\":\"192.0.2.7\","
		    "\"client_port\":null,\"service\":\"192.0.2.1/icmp\",\"reason\":\"ttl\"}");
	it = event(XDPLB_EVENT_DROP, "2001:db8::7", 1, "2001:db8::1", 2, IPPROTO_ICMPV6);
	it.reason = XDPLB_DROP_TTL;
	assert_line(&it, NULL, "2001:db8::7 -> 2001:db8::1/icmp dropped: ttl");
	it = event(XDPLB_EVENT_DROP, "2001:db8::7", 0, "2001:db8::1", 0, IPPROTO_DSTOPTS);
	it.reason = XDPLB_DROP_FRAGMENT;
	assert_line(&it, NULL, "2001:db8::7 -> 2001:db8::1/60 dropped: fragment");
	it = event(XDPLB_EVENT_DROP, "192.0.2.7", 0, "192.0.2.1", 0, IPPROTO_UDP);
	it.reason = XDPLB_DROP_FRAGMENT;
	assert_line(&it, NULL, "192.0.2.7 -> 192.0.2.1/udp dropped: fragment");
	/* An address that looks like IPv4 when the family is not known. */
	it = event(XDPLB_EVENT_DROP, "2001:db8::", 0, "2001:db8::1", 53, IPPROTO_UDP);
	it.daddr[3] = 0;
	it.reason = XDPLB_DROP_BAD_SOURCE;
	assert_line(&it, NULL, "[2001:db8::]:0 -> [2001:db8::]:53/udp dropped: bad_source");
}

/* The longest addresses there are. */
static void longest(void **state)
{
	static const char end[] = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
	struct xdplb_event it = event(XDPLB_EVENT_FLOW, end, 65535, end, 65535, IPPROTO_UDP);

	(void)state;
	to_backend(&it, "fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
	assert_line(&it, NULL,
		    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 -> "
		    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535/udp -> "
		    "[fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void registrations(void **state)
{
	struct xdplb_service record = { .port = htons(5000), .proto = IPPROTO_UDP };
	struct xdplb_event it =
		event(XDPLB_EVENT_REGISTERED, "192.0.2.1", 5003, "192.0.2.1", 7475, IPPROTO_UDP);

	(void)state;
	memcpy(record.addr, it.daddr, sizeof(record.addr));
	it.service = 1;
	it.backend_port = htons(5003);
	it.weight = 4;
	it.lifetime = 30;
	assert_line(&it, &record, "registration 192.0.2.1:5000/udp :5003 weight 4 lifetime 30 s");
	assert_json(&it, &record,
		    "{\"time\":1700000000.004005,\"event\":\"registered\",\"client\":\"192.0.2.1\","
		    "\"client_port\":5003,\"service\":\"192.0.2.1:5000/udp\",\"backend\":\":5003\","
		    "\"weight\":4,\"lifetime\":30}");
	it.weight = it.lifetime = 0;
	assert_line(&it, &record, "registration 192.0.2.1:5000/udp :5003 goodbye");
	it.kind = XDPLB_EVENT_HANDED;
	assert_line(&it, &record,
		    "registration 192.0.2.1:5000/udp :5003 goodbye, to the registrar");
	assert_json(&it, &record,
		    "{\"time\":1700000000.004005,\"event\":\"handed\",\"client\":\"192.0.2.1\","
		    "\"client_port\":5003,\"service\":\"192.0.2.1:5000/udp\",\"backend\":\":5003\","
		    "\"weight\":0,\"lifetime\":0}");
	it.kind = XDPLB_EVENT_REGISTERED;
	assert_json(
		&it, &record,
		"{\"time\":1700000000.004005,\"event\":\"goodbye\",\"client\":\"192.0.2.1\","
		"\"client_port\":5003,\"service\":\"192.0.2.1:5000/udp\",\"backend\":\":5003\"}");
	/* The service has gone since, or another has its id. */
	assert_line(&it, NULL, "registration ? :5003 goodbye");
	record.addr[0]++;
	assert_line(&it, &record, "registration ? :5003 goodbye");
}

static void refusals(void **state)
{
	struct xdplb_service record = { .port = htons(5000), .proto = IPPROTO_UDP };
	struct xdplb_event it =
		event(XDPLB_EVENT_REFUSED, "192.0.2.7", 5003, "192.0.2.1", 7475, IPPROTO_UDP);

	(void)state;
	memcpy(record.addr, it.daddr, sizeof(record.addr));
	it.reason = XDPLB_DROP_REG_KEY;
	assert_line(&it, NULL,
		    "registration from 192.0.2.7:5003 to 192.0.2.1:7475 refused: registration_key");
	assert_json(&it, &record,
		    "{\"time\":1700000000.004005,\"event\":\"refused\",\"client\":\"192.0.2.7\","
		    "\"client_port\":5003,\"service\":\"192.0.2.1:5000/udp\","
		    "\"destination\":\"192.0.2.1:7475\",\"reason\":\"registration_key\"}");
	assert_json(&it, NULL,
		    "{\"time\":1700000000.004005,\"event\":\"refused\",\"client\":\"192.0.2.7\","
		    "\"client_port\":5003,\"service\":null,\"destination\":\"192.0.2.1:7475\","
		    "\"reason\":\"registration_key\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows),	 cmocka_unit_test(drops),
		cmocka_unit_test(no_ports),	 cmocka_unit_test(longest),
		cmocka_unit_test(registrations), cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
