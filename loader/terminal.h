/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_TERMINAL_H
#define XDPLB_TERMINAL_H

#include <stdbool.h>

/* Standard input and output are a terminal, of a kind that can be written all over. */
bool terminal_is_there(void);

#endif
