// SPDX-License-Identifier: GPL-2.0-only
/* Apart from what is drawn there: <term.h> makes macros of plain words such as columns. */
#include "terminal.h"

#include <curses.h>
#include <term.h>
#include <unistd.h>

bool terminal_is_there(void)
{
	const char *move;
	bool moves;
	int err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
	    setupterm(NULL, STDOUT_FILENO, &err) != OK)
		return false;
	move = tigetstr("cup"); /* -1: the name is wrong, NULL: it has none */
	moves = move && move != (char *)-1;
	del_curterm(cur_term);
	return moves;
}
