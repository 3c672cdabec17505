// SPDX-License-Identifier: GPL-2.0-only
#include "rates_json.h"

#include <linux/bpf.h>
#include <math.h>

#include "names.h"

/* A whole number, null: it is not known. */
static void json_add_rate(struct json_object *object, const char *key, bool known, double rate)
{
	json_object_object_add(object, key, known ? json_object_new_int64(llround(rate)) : NULL);
}

void json_add_rates(struct json_object *object, const struct rates *rates)
{
	json_add_rate(object, "packets_per_second", rates->known, rates->packets);
	json_add_rate(object, "bits_per_second", rates->known, rates->bits);
	json_add_rate(object, "new_flows_per_second", rates->known, rates->new_flows);
	json_add_rate(object, "replies_per_second", rates->known, rates->replies);
	json_add_rate(object, "reply_bits_per_second", rates->known, rates->reply_bits);
}

void json_add_balancer_rates(struct json_object *object, const struct sample *sample)
{
	struct json_object *verdicts = json_object_new_object();
	struct json_object *drops = json_object_new_object();

	json_add_rate(verdicts, "pass", true, sample->verdict[XDP_PASS]);
	json_add_rate(verdicts, "tx", true, sample->verdict[XDP_TX]);
	json_add_rate(verdicts, "redirect", true, sample->verdict[XDP_REDIRECT]);
	json_add_rate(verdicts, "drop", true, sample->verdict[XDP_DROP]);
	json_object_object_add(object, "verdicts_per_second", verdicts);
	for (int i = 0; i < XDPLB_DROPS; i++)
		json_add_rate(drops, reason_name(i), true, sample->reason[i]);
	json_object_object_add(object, "drops_per_second", drops);
}
