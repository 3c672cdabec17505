// SPDX-License-Identifier: GPL-2.0-only
/* doctor: what keeps packets from flowing, and what to type about it. Changes nothing. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addresses.h"
#include "command.h"
#include "doctor.h"
#include "error.h"
#include "output.h"
#include "show.h"

/* In the order in which a packet would meet them. */
static finding_function *const findings[] = {
	/* on the way in */
	find_lro,
	find_generic_mode,
	find_checksums,
	find_stale,
	find_eaten,
	find_drained,
	find_unanswered,
	find_address,
	find_encap_missing,
	find_no_backend,
	find_service_twice,
	find_flows_full,
	find_ports_full,
	find_sets_full,
	find_rooms_full,
	find_listeners_full,
	/* on the way out */
	find_forwarding_off,
	find_no_route,
	find_backend_here,
	find_source_held,
	find_no_neighbour,
	find_no_redirect,
	find_mtu,
	find_silent,
	find_replies_unseen,
	find_rp_filter,
	/* listeners on this machine */
	find_loopback,
	find_lookup,
	find_registrar,
	find_listener,
	find_shadowed,
	find_replies,
};

#define FINDINGS (sizeof(findings) / sizeof(*findings))

/* ---- what findings are made with --------------------------------------------------------- */

static void sentence_add(struct json_object *object, const char *key, const char *format,
			 va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		return;
	json_add_text(object, key, text);
	free(text);
}

struct json_object *finding_add(struct doctor *doctor, const char *finding, const char *subject,
				const char *format, ...)
{
	struct json_object *object = json_object_new_object();
	va_list args;

	json_add_text(object, "finding", finding);
	json_add_text(object, "subject", subject);
	va_start(args, format);
	sentence_add(object, "text", format, args);
	va_end(args);
	json_object_array_add(doctor->findings, object);
	return object;
}

void finding_remedy(struct json_object *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sentence_add(finding, "remedy", format, args);
	va_end(args);
}

bool is_asked(const struct doctor *doctor, const struct chain_program *at)
{
	return !doctor->only || !strcmp(doctor->only, at->interface);
}

bool service_next(const struct doctor *doctor, __u32 *id)
{
	while (++*id < XDPLB_SERVICES)
		if (service_is_live(doctor->balancer, *id))
			return true;
	return false;
}

const char *service_name(const struct doctor *doctor, __u32 id, char *text)
{
	struct service_address at;

	service_address_of(&doctor->balancer->services[id], &at);
	return service_text(&at, text);
}

bool services_name(const struct doctor *doctor, service_test *test, char text[SERVICES_TEXT])
{
	__u32 id = 0;
	int count = 0;
	size_t length;

	while (service_next(doctor, &id))
		if (test(doctor, id) && !count++)
			service_name(doctor, id, text);
	if (count < 2)
		return count;
	length = strlen(text);
	snprintf(text + length, SERVICES_TEXT - length, " and %d more", count - 1);
	return true;
}

/* ---- which balancers ----------------------------------------------------------------------- */

/* How commands say which balancer, where they must. */
static void which_set(struct doctor *doctor, bool needed)
{
	doctor->which[0] = '\0';
	if (needed && doctor->count)
		snprintf(doctor->which, sizeof(doctor->which), " -d %s",
			 doctor->found[0].interface);
	else if (needed && doctor->pins)
		snprintf(doctor->which, sizeof(doctor->which), " -p %s", doctor->pins);
}

/* Looks at one balancer. `found` are all interfaces here that have one. */
static int doctor_one(struct doctor *doctor, const struct balancer_choice *choice,
		      const struct balancer *balancer, const struct chain_program *found, int count)
{
	bool others = false;
	int err = 0;

	doctor->balancer = balancer;
	doctor->id = balancer_id(balancer);
	doctor->pins = balancer_pins(choice, doctor->id);
	doctor->count = 0;
	for (int i = 0; i < count; i++) {
		if (program_config_map(found[i].id) == doctor->id)
			doctor->found[doctor->count++] = found[i];
		else
			others = true;
	}
	which_set(doctor, others || choice->pins);
	for (size_t i = 0; !err && i < FINDINGS; i++)
		err = findings[i](doctor);
	return err;
}

static int doctor_named(struct doctor *doctor, const struct balancer_choice *choice,
			const struct chain_program *found, int count)
{
	struct balancer balancer;
	int err = balancer_open(&balancer, choice, false);

	if (err)
		return err;
	err = doctor_one(doctor, choice, &balancer, found, count);
	balancer_close(&balancer);
	return err;
}

static int doctor_all(struct doctor *doctor, const struct balancer_choice *choice,
		      const struct chain_program *found, int count)
{
	struct chain_program one[CHAIN_MAX];
	char list[CHAIN_MAX * (IF_NAMESIZE + 1)];
	struct balancer balancer;
	int lock = balancer_lock(false), balancers, err;

	if (lock < 0)
		return lock;
	balancers = chain_balancers(one, CHAIN_MAX, list, sizeof(list));
	err = balancers < 0 ? balancers : 0;
	doctor->all = true;
	for (int i = 0; !err && i < balancers; i++) {
		err = balancer_open_program(&balancer, one[i].id);
		if (err)
			break;
		err = doctor_one(doctor, choice, &balancer, found, count);
		balancer_close(&balancer);
	}
	close(lock);
	return err;
}

/* ---- the command ----------------------------------------------------------------------------- */

static void findings_print(struct json_object *all)
{
	size_t count = json_object_array_length(all);

	for (size_t i = 0; i < count; i++) {
		struct json_object *finding = json_object_array_get_idx(all, i);

		printf("%s\n    %s\n",
		       json_object_get_string(json_object_object_get(finding, "text")),
		       json_object_get_string(json_object_object_get(finding, "remedy")));
	}
	if (!count)
		printf("nothing found\n");
}

/* The interface that is asked about says which balancer as well. */
static int interface_take(struct options *options, struct doctor *doctor)
{
	if (!options->count)
		return 0;
	doctor->only = options->arguments[0];
	if (options->choice.interface || options->choice.pins)
		return misuse("%s says which balancer, as -d and -p do: give one of them",
			      doctor->only);
	options->choice.interface = doctor->only;
	return 0;
}

int command_doctor(struct options *options)
{
	struct balancer_choice *choice = &options->choice;
	struct chain_program found[CHAIN_MAX];
	struct doctor doctor = {};
	int count, err = interface_take(options, &doctor);

	if (err)
		return err;
	count = chain_interfaces(found, CHAIN_MAX);
	if (count < 0)
		return count;
	doctor.findings = json_object_new_array();
	if (choice->interface || choice->pins || !count)
		err = doctor_named(&doctor, choice, found, count);
	else
		err = doctor_all(&doctor, choice, found, count);
	if (!err && options->json)
		json_print(doctor.findings, options->pretty);
	else if (!err)
		findings_print(doctor.findings);
	json_object_put(doctor.findings);
	return err;
}
