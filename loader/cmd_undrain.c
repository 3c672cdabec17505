// SPDX-License-Identifier: GPL-2.0-only
/* undrain: a balancer that was drained as a whole announces its addresses again. */
#include "command.h"
#include "daemon_lock.h"
#include "drained.h"
#include "error.h"

int command_undrain(struct options *options)
{
	(void)options;
	if (is_drained() && !daemon_runs())
		warn("xdplbd does not run: addresses are announced when it does");
	return drained_end();
}
