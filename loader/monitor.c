// SPDX-License-Identifier: GPL-2.0-only
#include "monitor.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "names.h"
#include "output.h"

/* ICMP has no ports, and neither have fragments but the first. */
static bool has_ports(const struct xdplb_event *event)
{
	return (event->proto == IPPROTO_TCP || event->proto == IPPROTO_UDP) &&
	       (event->sport || event->dport);
}

/* Whatever came by may be a source: the family is the event's, and not told by the address. */
static const char *packet_address(const struct xdplb_event *event, const __be32 addr[4],
				  char text[ADDRESS_TEXT])
{
	inet_ntop(event->v6 ? AF_INET6 : AF_INET, addr, text, ADDRESS_TEXT);
	return text;
}

static const char *packet_end(const struct xdplb_event *event, const __be32 addr[4], __be16 port,
			      char text[ADDRESS_TEXT])
{
	char address[ADDRESS_TEXT];

	packet_address(event, addr, address);
	if (!has_ports(event))
		snprintf(text, ADDRESS_TEXT, "%s", address);
	else if (event->v6)
		snprintf(text, ADDRESS_TEXT, "[%.46s]:%u", address, ntohs(port));
	else
		snprintf(text, ADDRESS_TEXT, "%.15s:%u", address, ntohs(port));
	return text;
}

/* Where the packet was going, as a service is written. */
static const char *packet_service(const struct xdplb_event *event, char text[ADDRESS_TEXT])
{
	size_t length = strlen(packet_end(event, event->daddr, event->dport, text));

	switch (event->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		snprintf(text + length, ADDRESS_TEXT - length, "/%s", proto_name(event->proto));
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		snprintf(text + length, ADDRESS_TEXT - length, "/icmp");
		break;
	default: /* a later fragment, whose first header is any */
		snprintf(text + length, ADDRESS_TEXT - length, "/%u", event->proto);
	}
	return text;
}

/* A backend that has the service's own address is a listener. */
static const char *event_backend(const struct xdplb_event *event, char text[ADDRESS_TEXT])
{
	bool listener =
		event->kind != XDPLB_EVENT_FLOW || same_address(event->backend_addr, event->daddr);

	return backend_text(listener ? XDPLB_LOCAL : XDPLB_NAT, event->backend_addr,
			    event->backend_port, text);
}

static const char *event_reason(const struct xdplb_event *event)
{
	return event->reason < XDPLB_DROPS ? reason_name(event->reason) : "?";
}

static bool is_packet(const struct xdplb_event *event)
{
	return event->kind == XDPLB_EVENT_FLOW || event->kind == XDPLB_EVENT_DROP;
}

struct service_address monitor_service(const struct xdplb_event *event,
				       const struct xdplb_service *record)
{
	struct service_address at = { .port = event->dport, .proto = event->proto };

	memcpy(at.addr, event->daddr, sizeof(at.addr));
	if (is_packet(event))
		return at;
	at.proto = 0;
	if (record && same_address(record->addr, event->daddr)) {
		at.port = record->port;
		at.proto = record->proto;
	}
	return at;
}

/* ---- text ---------------------------------------------------------------------- */

static void packet_line(const struct xdplb_event *event, char *text)
{
	char client[ADDRESS_TEXT], service[ADDRESS_TEXT], backend[ADDRESS_TEXT];

	packet_end(event, event->saddr, event->sport, client);
	packet_service(event, service);
	if (event->kind == XDPLB_EVENT_DROP)
		snprintf(text, MONITOR_TEXT, "%s -> %s dropped: %s", client, service,
			 event_reason(event));
	else
		snprintf(text, MONITOR_TEXT, "%s -> %s -> %s", client, service,
			 event_backend(event, backend));
}

static void registration_line(const struct xdplb_event *event,
			      const struct service_address *service, char *text)
{
	const char *handed = event->kind == XDPLB_EVENT_HANDED ? ", to the registrar" : "";
	char name[ADDRESS_TEXT] = "?", backend[ADDRESS_TEXT];

	if (service->proto)
		service_text(service, name);
	event_backend(event, backend);
	if (event->weight)
		snprintf(text, MONITOR_TEXT, "registration %s %s weight %u lifetime %u s%s", name,
			 backend, event->weight, event->lifetime, handed);
	else
		snprintf(text, MONITOR_TEXT, "registration %s %s goodbye%s", name, backend, handed);
}

static void refusal_line(const struct xdplb_event *event, char *text)
{
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT];

	packet_end(event, event->saddr, event->sport, from);
	packet_end(event, event->daddr, event->dport, to);
	snprintf(text, MONITOR_TEXT, "registration from %s to %s refused: %s", from, to,
		 event_reason(event));
}

const char *monitor_text(const struct xdplb_event *event, const struct service_address *service,
			 char *text)
{
	if (is_packet(event))
		packet_line(event, text);
	else if (event->kind == XDPLB_EVENT_REFUSED)
		refusal_line(event, text);
	else
		registration_line(event, service, text);
	return text;
}

/* ---- JSON ---------------------------------------------------------------------- */

static const char *event_name(const struct xdplb_event *event)
{
	switch (event->kind) {
	case XDPLB_EVENT_FLOW:
		return "flow";
	case XDPLB_EVENT_DROP:
		return "drop";
	case XDPLB_EVENT_REFUSED:
		return "refused";
	case XDPLB_EVENT_HANDED:
		return "handed";
	default:
		return event->weight ? "registered" : "goodbye";
	}
}

static void json_add_client(struct json_object *object, const struct xdplb_event *event)
{
	char text[ADDRESS_TEXT];

	json_add_text(object, "client", packet_address(event, event->saddr, text));
	if (has_ports(event))
		json_add_number(object, "client_port", ntohs(event->sport));
	else
		json_object_object_add(object, "client_port", NULL);
}

static void json_add_service(struct json_object *object, const struct xdplb_event *event,
			     const struct service_address *service)
{
	char text[ADDRESS_TEXT];

	if (is_packet(event))
		json_add_text(object, "service", packet_service(event, text));
	else if (service->proto)
		json_add_text(object, "service", service_text(service, text));
	else
		json_object_object_add(object, "service", NULL);
}

struct json_object *monitor_json(const struct xdplb_event *event,
				 const struct service_address *service, const struct timespec *time)
{
	struct json_object *object = json_object_new_object();
	char text[ADDRESS_TEXT];

	json_add_time(object, time);
	json_add_text(object, "event", event_name(event));
	json_add_client(object, event);
	json_add_service(object, event, service);
	if (event->kind == XDPLB_EVENT_REFUSED)
		json_add_text(object, "destination",
			      packet_end(event, event->daddr, event->dport, text));
	if (event->kind == XDPLB_EVENT_DROP || event->kind == XDPLB_EVENT_REFUSED)
		json_add_text(object, "reason", event_reason(event));
	else
		json_add_text(object, "backend", event_backend(event, text));
	if (event->kind == XDPLB_EVENT_HANDED ||
	    (event->kind == XDPLB_EVENT_REGISTERED && event->weight)) {
		json_add_number(object, "weight", event->weight);
		json_add_number(object, "lifetime", event->lifetime);
	}
	return object;
}
