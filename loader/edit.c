// SPDX-License-Identifier: GPL-2.0-only
#include "edit.h"

#include "services.h"
#include "sets.h"

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
	if (!err)
		err = edit(&wanted, options->arguments + 1, options->count - 1);
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
	wanted->backend[index].renew = true;
	return 0;
}
