// SPDX-License-Identifier: GPL-2.0-only
#include "edit.h"

#include <stdlib.h>

#include "error.h"
#include "services.h"
#include "sets.h"
#include "tables.h"

int registered_add(const struct balancer *balancer, __u32 id, struct wanted_service *wanted)
{
	size_t room = wanted->backends + XDPLB_LISTENERS + 1;
	struct wanted_backend *more, backend = { .state = XDPLB_UP, .registered = true };
	struct live_listener live;
	__u32 place = 0;

	more = realloc(wanted->backend, room * sizeof(*more));
	if (!more)
		return fail(ENOMEM, "no memory for listeners");
	wanted->backend = more;
	memcpy(backend.addr, wanted->at.addr, sizeof(backend.addr));
	while (listener_next(balancer, id, &place, &live)) {
		backend.port = live.port;
		backend.weight = live.weight;
		if (wanted_index(wanted, &backend) < 0)
			more[wanted->backends++] = backend;
	}
	return 0;
}

/* Takes out those of them that the operator has not spoken of. */
static void registered_drop(struct wanted_service *wanted)
{
	int left = 0;

	for (int i = 0; i < wanted->backends; i++)
		if (!wanted->backend[i].registered || wanted->backend[i].renew)
			wanted->backend[left++] = wanted->backend[i];
	wanted->backends = left;
}

int service_edit(struct options *options, edit_function *edit)
{
	struct wanted_service wanted = {};
	struct service_address at;
	struct balancer balancer;
	int err = parse_service(options->arguments[0], &at), id;

	if (!err)
		err = balancer_open(&balancer, &options->choice, true);
	if (err)
		return err;
	id = service_need(&balancer, &at);
	err = id < 0 ? id : set_read(&balancer, id, &wanted);
	if (!err && table_of(&balancer, id))
		err = registered_add(&balancer, id, &wanted);
	if (!err)
		err = edit(&wanted, options->arguments + 1, options->count - 1);
	registered_drop(&wanted);
	if (!err)
		err = service_apply(&balancer, &wanted);
	wanted_free(&wanted);
	balancer_close(&balancer);
	return err;
}

int edit_backend_state(struct wanted_service *wanted, const char *word, __u8 state)
{
	int index = wanted_need(wanted, word);

	if (index < 0)
		return index;
	wanted->backend[index].state = state;
	wanted->backend[index].own_state = 0;
	wanted->backend[index].forced = true;
	wanted->backend[index].renew = true;
	return 0;
}
