// SPDX-License-Identifier: GPL-2.0-only
/* Findings about services, whatever their method. */
#include "doctor.h"
#include "output.h"
#include "sets.h"
#include "takers.h"
#include "wanted.h"

/* Takes one back in, or has the first come. */
static void no_backend_remedy(const struct doctor *doctor, __u32 id, struct json_object *finding)
{
	const struct xdplb_set *set = set_of(doctor->balancer, id);
	char service[ADDRESS_TEXT], backend[ADDRESS_TEXT];
	const struct xdplb_backend *first;

	service_name(doctor, id, service);
	if (set->backends) {
		first = &doctor->balancer->backends[set_backend(doctor->balancer, id, 0)->backend];
		finding_remedy(finding, "xdplb-config set-state%s %s %s up", doctor->which, service,
			       backend_text(set->forward, first->addr, first->port, backend));
	} else if (set->flags & XDPLB_SET_LISTEN) {
		finding_remedy(finding, "xdplb-config register %s --port PORT", service);
	} else {
		finding_remedy(finding, "xdplb-config add-backend%s %s %s", doctor->which, service,
			       set->forward == XDPLB_LOCAL ? ":PORT" : "ADDR:PORT");
	}
}

/* Nobody takes a service's packets, which are dropped and counted as no_backend. */
int find_no_backend(struct doctor *doctor)
{
	char service[ADDRESS_TEXT];
	__u32 id = 0;

	while (service_next(doctor, &id)) {
		const struct xdplb_set *set = set_of(doctor->balancer, id);
		const char *why = set->backends ? "all backends are down, drained or expired" :
						  "it has no backends";
		struct taker taker;
		__u32 place = 0;

		if (taker_next(doctor->balancer, id, &place, &taker))
			continue;
		service_name(doctor, id, service);
		if (!set->backends && set->flags & XDPLB_SET_LISTEN)
			why = "no listener has registered itself, or all have expired";
		no_backend_remedy(doctor, id,
				  finding_add(doctor, "no_backend", service,
					      "%s: %s, so its packets are dropped (no_backend)",
					      service, why));
	}
	return 0;
}
