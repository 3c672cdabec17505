// SPDX-License-Identifier: GPL-2.0-only
#include "counts_json.h"

#include <linux/bpf.h>

#include "names.h"

void json_add_fill(struct json_object *object, const struct fill *fill)
{
	json_add_number(object, "services", fill->services);
	json_add_number(object, "services_max", XDPLB_SERVICES - 1);
	json_add_number(object, "backends", fill->backends);
	json_add_number(object, "backends_max", XDPLB_BACKENDS - 1);
	json_add_number(object, "flows", fill->flows);
	json_add_number(object, "flows_max", fill->room);
}

static void json_add_counts(struct json_object *object, const struct counts *counts)
{
	json_add_number(object, "packets", counts->packets);
	json_add_number(object, "bytes", counts->bytes);
	json_add_number(object, "reply_packets", counts->reply_packets);
	json_add_number(object, "reply_bytes", counts->reply_bytes);
	json_add_number(object, "new_flows", counts->new_flows);
	json_add_number(object, "active_flows", counts->active);
}

static struct json_object *json_service(const struct all_counts *all,
					const struct service_counts *service)
{
	struct json_object *object = json_object_new_object();
	struct json_object *backends = json_object_new_array();
	char text[ADDRESS_TEXT];

	json_add_text(object, "service", service_text(&service->at, text));
	json_add_counts(object, &service->counts);
	for (__u32 i = 0; i < service->backends; i++) {
		const struct backend_counts *backend = &all->backend[service->first + i];
		struct json_object *entry = json_object_new_object();

		json_add_endpoint(entry, backend->addr, backend->port);
		json_add_counts(entry, &backend->counts);
		json_object_array_add(backends, entry);
	}
	json_object_object_add(object, "backends", backends);
	return object;
}

static void json_add_reasons(struct json_object *all, const char *key, const __u64 *reason,
			     int from, int to)
{
	struct json_object *object = json_object_new_object();

	for (int i = from; i < to; i++)
		json_add_number(object, reason_name(i), reason[i]);
	json_object_object_add(all, key, object);
}

struct json_object *json_of_counts(const struct all_counts *all)
{
	struct json_object *object = json_object_new_object();
	struct json_object *services = json_object_new_array();
	struct json_object *verdicts = json_object_new_object();
	struct json_object *cpus = json_object_new_array();

	for (__u32 i = 0; i < all->services; i++)
		json_object_array_add(services, json_service(all, &all->service[i]));
	json_object_object_add(object, "services", services);
	json_add_number(verdicts, "pass", all->verdict[XDP_PASS]);
	json_add_number(verdicts, "tx", all->verdict[XDP_TX]);
	json_add_number(verdicts, "redirect", all->verdict[XDP_REDIRECT]);
	json_add_number(verdicts, "drop", all->verdict[XDP_DROP]);
	json_object_object_add(object, "verdicts", verdicts);
	for (__u32 i = 0; i < all->cpus; i++)
		json_object_array_add(cpus, json_object_new_int64(all->cpu[i]));
	json_object_object_add(object, "cpu_packets", cpus);
	json_add_reasons(object, "drops", all->reason, 0, XDPLB_DROPS);
	json_add_reasons(object, "passed", all->reason, XDPLB_DROPS, XDPLB_PASSES);
	json_add_reasons(object, "answers", all->reason, XDPLB_PASSES, XDPLB_ANSWERS);
	json_add_reasons(object, "flows", all->reason, XDPLB_ANSWERS, XDPLB_REASONS);
	return object;
}
