// SPDX-License-Identifier: GPL-2.0-only
#include "wanted.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "names.h"
#include "words.h"

int parse_service(const char *text, struct service_address *service)
{
	const char *slash = strchr(text, '/');
	const char *proto = slash ? slash + 1 : "tcp";
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	int err;

	memset(service, 0, sizeof(*service));
	if (!strcmp(proto, "tcp"))
		service->proto = IPPROTO_TCP;
	else if (!strcmp(proto, "udp"))
		service->proto = IPPROTO_UDP;
	else
		return fail(EINVAL, "%s: the protocol is tcp or udp, as in 192.0.2.10:80/tcp",
			    text);
	if (length >= 2 && !strncmp(text + length - 2, ":*", 2))
		return fail(EINVAL, "%s: a service of every port is not in this version yet", text);
	err = parse_own_endpoint(text, length, service->addr, &service->port);
	if (!err && !service->port)
		return fail(EINVAL,
			    "%s: a service has a port, as in 192.0.2.10:80/tcp or "
			    "[2001:db8::10]:80/tcp",
			    text);
	return err;
}

bool mac_given(const __u8 mac[6])
{
	static const __u8 none[6];

	return memcmp(mac, none, sizeof(none));
}

/* Six numbers of one or two hexadecimal digits with colons between. */
static bool mac_digits(const char *text, __u8 mac[6])
{
	for (int i = 0; i < 6; i++) {
		size_t digits = strspn(text, "0123456789abcdefABCDEF");

		if (digits < 1 || digits > 2 || text[digits] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = strtoul(text, NULL, 16);
		text += digits + 1;
	}
	return true;
}

static int parse_mac(const char *text, __u8 mac[6])
{
	if (!mac_digits(text, mac) || mac[0] & 1 || !mac_given(mac))
		return fail(EINVAL, "mac=%s: a station's MAC such as 02:00:00:00:00:01 is expected",
			    text);
	return 0;
}

int parse_backend_option(const char *option, struct wanted_backend *backend)
{
	long weight;
	int state, err;

	if (!strncmp(option, "weight=", 7)) {
		err = parse_number(option + 7, "weight", 1, XDPLB_WEIGHT_MAX, &weight);
		if (!err)
			backend->weight = weight;
		return err;
	}
	if (!strncmp(option, "state=", 6)) {
		state = state_number(option + 6);
		if (state > 0)
			backend->state = state;
		return state < 0 ? state : 0;
	}
	if (!strncmp(option, "mac=", 4))
		return parse_mac(option + 4, backend->mac);
	return fail(EINVAL, "%s: a backend's options are weight=, state= and mac=", option);
}

/* :PORT, of a listener at the service's address. */
static int parse_listener(const char *text, size_t length, const struct service_address *service,
			  struct wanted_backend *backend)
{
	char port[WORD];
	long number;
	int err;

	if (word_copy(port, text, length))
		return fail(EINVAL, "%s: too long for a port", text);
	err = parse_number(port + 1, port, 1, 65535, &number);
	if (err)
		return err;
	memcpy(backend->addr, service->addr, sizeof(backend->addr));
	backend->port = htons(number);
	return 0;
}

int parse_backend(const char *text, const struct service_address *service,
		  struct wanted_backend *backend)
{
	size_t length = strcspn(text, ",");
	const char *whole = text;
	char option[WORD];
	int err;

	memset(backend, 0, sizeof(*backend));
	backend->weight = 1;
	backend->state = XDPLB_UP;
	backend->renew = true;
	if (memchr(text, '/', length))
		return fail(EINVAL, "%s: not a backend such as 10.0.0.1:8080,weight=2", text);
	err = *text == ':' ? parse_listener(text, length, service, backend) :
			     parse_endpoint(text, length, backend->addr, &backend->port);
	if (err)
		return err;
	if (!backend->port)
		backend->port = service->port;
	for (text += length; *text == ','; text += length) {
		text++;
		length = strcspn(text, ",");
		if (!length)
			return fail(EINVAL,
				    "%s: empty after a comma; a backend's options are weight=, "
				    "state= and mac=",
				    whole);
		if (word_copy(option, text, length))
			return fail(EINVAL, "%s: too long for an option of a backend", text);
		err = parse_backend_option(option, backend);
		if (err)
			return err;
	}
	return 0;
}

const char *backend_text(__u8 forward, const __be32 addr[4], __be16 port, char *text)
{
	if (forward != XDPLB_LOCAL)
		return endpoint_text(addr, port, text);
	snprintf(text, ADDRESS_TEXT, ":%u", ntohs(port));
	return text;
}

const char *mac_text(const __u8 mac[6], char *text)
{
	snprintf(text, ADDRESS_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}

const char *service_text(const struct service_address *service, char *text)
{
	size_t length = strlen(endpoint_text(service->addr, service->port, text));

	snprintf(text + length, ADDRESS_TEXT - length, "/%s", proto_name(service->proto));
	return text;
}

int service_order(const struct service_address *a, const struct service_address *b)
{
	int order = memcmp(a->addr, b->addr, sizeof(a->addr));

	if (!order)
		order = memcmp(&a->port, &b->port, sizeof(a->port));
	return order ? order : a->proto - b->proto;
}

bool same_place(const struct wanted_backend *a, const struct wanted_backend *b)
{
	return a->port == b->port && same_address(a->addr, b->addr);
}

int wanted_index(const struct wanted_service *wanted, const struct wanted_backend *backend)
{
	for (int i = 0; i < wanted->backends; i++)
		if (same_place(&wanted->backend[i], backend))
			return i;
	return -1;
}

int parse_backend_place(const char *text, const struct service_address *service,
			struct wanted_backend *backend)
{
	if (strchr(text, ','))
		return fail(EINVAL, "%s: only ADDR[:PORT] is expected here", text);
	return parse_backend(text, service, backend);
}

int wanted_need(const struct wanted_service *wanted, const char *word)
{
	char service[ADDRESS_TEXT], text[ADDRESS_TEXT];
	struct wanted_backend backend;
	int err = parse_backend_place(word, &wanted->at, &backend), index;

	if (err)
		return err;
	index = wanted_index(wanted, &backend);
	if (index >= 0)
		return index;
	return fail(ENOENT, "%s: not a backend of %s; see: xdplb-config list",
		    endpoint_text(backend.addr, backend.port, text),
		    service_text(&wanted->at, service));
}

bool forward_wraps(__u8 forward)
{
	return forward == XDPLB_IPIP || forward == XDPLB_GUE;
}

bool forward_keeps_port(__u8 forward)
{
	return forward == XDPLB_DSR || forward_wraps(forward);
}

bool wanted_each(const struct wanted_service *wanted)
{
	bool turns = wanted->scheduler == XDPLB_RR || wanted->scheduler == XDPLB_WRR;

	return wanted->forward == XDPLB_LOCAL && wanted->at.proto == IPPROTO_UDP && turns &&
	       !wanted->affinity && wanted->udp != WANTED_UDP_TRACKED;
}

bool wanted_listens(const struct wanted_service *wanted)
{
	return wanted->forward == XDPLB_LOCAL &&
	       wanted->registration.mode != XDPLB_REGISTRATION_OFF;
}

bool scheduler_hashes(__u8 scheduler)
{
	return scheduler == XDPLB_MAGLEV || scheduler == XDPLB_SH;
}

const __be32 *wanted_source(const struct wanted_service *wanted, const __be32 to[4])
{
	for (int i = 0; i < wanted->snats; i++)
		if (same_family(wanted->snat[i], to))
			return wanted->snat[i];
	return NULL;
}

static const struct wanted_key *key_find(const struct wanted_service *wanted, const char *name)
{
	for (int i = 0; i < WANTED_KEYS; i++)
		if (wanted->key[i].name && !strcmp(wanted->key[i].name, name))
			return &wanted->key[i];
	return NULL;
}

void wanted_here(const struct wanted_service *wanted, const char *key)
{
	const struct wanted_key *found = key_find(wanted, key);

	if (!found)
		found = key_find(wanted, "service");
	place_here(found ? &found->place : NULL, found ? found->name : NULL);
}

void backend_here(const struct wanted_backend *backend)
{
	place_here(&backend->place, "backends");
}

/* Of the same, the one that is later in a file is behind. */
static int compare_backends(const void *a, const void *b)
{
	const struct wanted_backend *x = a, *y = b;
	int order = memcmp(x->addr, y->addr, sizeof(x->addr));

	if (!order)
		order = memcmp(&x->port, &y->port, sizeof(x->port));
	if (!order)
		order = (x->place.line > y->place.line) - (x->place.line < y->place.line);
	return order ? order :
		       (x->place.column > y->place.column) - (x->place.column < y->place.column);
}

static int check_twice(const struct wanted_service *wanted)
{
	size_t size = wanted->backends * sizeof(*wanted->backend);
	struct wanted_backend *sorted = malloc(size ? size : 1);
	char text[ADDRESS_TEXT];
	int err = 0;

	if (!sorted)
		return fail(ENOMEM, "no memory for %d backends", wanted->backends);
	if (size)
		memcpy(sorted, wanted->backend, size);
	qsort(sorted, wanted->backends, sizeof(*sorted), compare_backends);
	for (int i = 1; i < wanted->backends && !err; i++) {
		if (!same_place(&sorted[i - 1], &sorted[i]))
			continue;
		backend_here(&sorted[i]);
		err = fail(EEXIST, "backend %s is given twice: once is right",
			   endpoint_text(sorted[i].addr, sorted[i].port, text));
	}
	free(sorted);
	return err;
}

static int check_snats(const struct wanted_service *wanted)
{
	bool one = forward_wraps(wanted->forward);
	char text[ADDRESS_TEXT];

	if (wanted->snats && (wanted->forward == XDPLB_DNAT || wanted->forward == XDPLB_DSR ||
			      wanted->forward == XDPLB_LOCAL))
		return fail(EINVAL, "--snat %s: %s keeps the client's address; leave out --snat",
			    address_text(wanted->snat[0], text), forward_name(wanted->forward));
	for (int i = 0; i < wanted->snats; i++) {
		address_text(wanted->snat[i], text);
		if (wanted->forward == XDPLB_NAT && !same_family(wanted->snat[i], wanted->at.addr))
			return fail(EINVAL,
				    "--snat %s: nat needs an %s address here, as the service's",
				    text, family_name(wanted->at.addr));
		if (one && same_address(wanted->snat[i], wanted->at.addr))
			return fail(EINVAL,
				    "--snat %s is the service's address, which the backends have "
				    "too: another is needed",
				    text);
		for (int j = 0; j < i; j++) {
			if (same_address(wanted->snat[i], wanted->snat[j]))
				return fail(EEXIST, "--snat %s is given twice: once is right",
					    text);
			if (one && same_family(wanted->snat[i], wanted->snat[j]))
				return fail(EINVAL,
					    "--snat %s: %s takes one source address for IPv4 and "
					    "one for IPv6",
					    text, forward_name(wanted->forward));
		}
	}
	return 0;
}

/* A listener has the service's address, and is resolved by nobody. */
static int check_listener(const struct wanted_service *wanted, const struct wanted_backend *backend)
{
	char text[ADDRESS_TEXT];

	endpoint_text(backend->addr, backend->port, text);
	if (!same_address(backend->addr, wanted->at.addr))
		return fail(EINVAL,
			    "backend %s: local reaches listeners on this machine: :%u is expected",
			    text, ntohs(backend->port));
	if (mac_given(backend->mac))
		return fail(EINVAL, "backend :%u: a listener on this machine has no mac=",
			    ntohs(backend->port));
	return 0;
}

/* Registrations are for listeners on this machine, and from elsewhere only with a key. */
static int check_registration(const struct wanted_service *wanted)
{
	const struct wanted_registration *registration = &wanted->registration;
	char text[ADDRESS_TEXT];

	if (!wanted->forward || !registration->mode)
		return 0;
	service_text(&wanted->at, text);
	if (wanted->forward != XDPLB_LOCAL)
		return fail(EINVAL,
			    "--registration: %s is forwarded by %s; only with --forward "
			    "local do listeners register",
			    text, forward_name(wanted->forward));
	if (registration->anywhere && !registration->keyed) {
		wanted_here(wanted, "registration-from");
		return fail(EINVAL,
			    "--registration-from any: without a key anybody could take "
			    "%s's traffic; give --registration-key FILE",
			    text);
	}
	wanted_here(wanted, "backends");
	if (wanted->backends > XDPLB_LISTENERS)
		return fail(E2BIG, "%d backends: with registration a service has at most %d",
			    wanted->backends, XDPLB_LISTENERS);
	return 0;
}

/* Datagrams by themselves: only listeners on one machine can share a client. */
static int check_each(const struct wanted_service *wanted)
{
	if (wanted->udp != WANTED_UDP_EACH || !wanted->scheduler || !wanted->forward ||
	    wanted_each(wanted))
		return 0;
	return fail(EINVAL, "--udp each: a udp service with --forward local, rr or wrr, and no "
			    "affinity is needed, or --udp tracked");
}

/* What the forward method asks of a backend; all may be behind the service's address. */
static int check_backend(const struct wanted_service *wanted, const struct wanted_backend *backend)
{
	char text[ADDRESS_TEXT];

	endpoint_text(backend->addr, backend->port, text);
	if (wanted->forward == XDPLB_LOCAL)
		return check_listener(wanted, backend);
	if (wanted->forward && backend->port != wanted->at.port &&
	    same_address(backend->addr, wanted->at.addr))
		return fail(EINVAL,
			    "backend :%u: %s reaches other machines; --forward local reaches "
			    "listeners on this one",
			    ntohs(backend->port), forward_name(wanted->forward));
	if (backend->port == wanted->at.port && same_address(backend->addr, wanted->at.addr))
		return fail(EINVAL,
			    "backend %s is the service itself: another address or port is "
			    "needed",
			    text);
	if (!wanted->forward)
		return 0;
	if (forward_keeps_port(wanted->forward) && backend->port != wanted->at.port)
		return fail(EINVAL,
			    "backend %s: %s changes no port, so it is the service's, %u; leave it "
			    "out",
			    text, forward_name(wanted->forward), ntohs(wanted->at.port));
	if (!forward_wraps(wanted->forward) && !same_family(backend->addr, wanted->at.addr))
		return fail(EINVAL,
			    "backend %s: %s needs an %s address here, as the service's; ipip and "
			    "gue take both",
			    text, forward_name(wanted->forward), family_name(wanted->at.addr));
	return 0;
}

/* UDP without memory: each datagram's hash must be enough to find its backend. */
static int check_stateless(const struct wanted_service *wanted)
{
	char text[ADDRESS_TEXT];

	if (wanted->udp != WANTED_UDP_STATELESS)
		return 0;
	if (wanted->at.proto != IPPROTO_UDP)
		return fail(EINVAL, "udp stateless: %s is no udp service; leave it out",
			    service_text(&wanted->at, text));
	if (wanted->scheduler && !scheduler_hashes(wanted->scheduler))
		return fail(EINVAL,
			    "udp stateless: %s remembers its flows; maglev or sh is needed, or "
			    "--udp tracked",
			    scheduler_name(wanted->scheduler));
	if (wanted->forward && !forward_keeps_port(wanted->forward))
		return fail(EINVAL,
			    "udp stateless: %s remembers its flows; dsr, ipip or gue is needed, or "
			    "--udp tracked",
			    forward_name(wanted->forward));
	if (wanted->affinity)
		return fail(EINVAL, "udp stateless: affinity remembers clients; --affinity none is "
				    "needed, or --udp tracked");
	return 0;
}

/* A table that was given earlier may stay while another scheduler has no use for it. */
static int check_table(const struct wanted_service *wanted)
{
	bool hashes = scheduler_hashes(wanted->scheduler);

	if (!wanted->table)
		return 0;
	if (wanted->table_given && wanted->scheduler && !hashes)
		return fail(EINVAL, "--table-size %u: %s has no table; only maglev and sh do",
			    wanted->table, scheduler_name(wanted->scheduler));
	if (hashes && wanted->table < (__u32)wanted->backends)
		return fail(EINVAL,
			    "--table-size %u: too small for %d backends; 100 for each is good, "
			    "as auto takes",
			    wanted->table, wanted->backends);
	return 0;
}

/* What the service's address, and the number of its backends, allow. */
static int check_service(const struct wanted_service *wanted)
{
	char text[ADDRESS_TEXT];

	wanted_here(wanted, "service");
	if (wanted->forward && wanted->forward != XDPLB_LOCAL && is_loopback(wanted->at.addr))
		return fail(EINVAL,
			    "%s: not the address of a host on a network; only --forward "
			    "local serves this machine alone",
			    address_text(wanted->at.addr, text));
	wanted_here(wanted, "backends");
	if (wanted->backends > XDPLB_SET_BACKENDS_MAX)
		return fail(E2BIG, "%d backends: a service has at most %d", wanted->backends,
			    XDPLB_SET_BACKENDS_MAX);
	return 0;
}

int wanted_check(const struct wanted_service *wanted)
{
	static const struct {
		const char *key;
		int (*check)(const struct wanted_service *wanted);
	} checks[] = {
		{ "snat", check_snats },       { "udp", check_stateless },
		{ "udp", check_each },	       { "registration", check_registration },
		{ "table-size", check_table }, { "backends", check_twice },
	};
	int err = check_service(wanted);

	for (int i = 0; !err && i < wanted->backends; i++) {
		backend_here(&wanted->backend[i]);
		err = check_backend(wanted, &wanted->backend[i]);
	}
	for (size_t i = 0; !err && i < sizeof(checks) / sizeof(*checks); i++) {
		wanted_here(wanted, checks[i].key);
		err = checks[i].check(wanted);
	}
	place_here(NULL, NULL);
	return err;
}

void wanted_free(struct wanted_service *wanted)
{
	free(wanted->backend);
	wanted->backend = NULL;
	wanted->backends = 0;
}
