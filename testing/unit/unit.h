/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all unit tests share: cmocka, random numbers that are the same in every
 * run, and what the tested code said instead of printing it.
 */
#ifndef XDPLB_UNIT_H
#define XDPLB_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The loader has a fail() of its own. */
#undef fail
#undef fail_msg
#define fail_msg(...)                      \
	do {                               \
		print_error(__VA_ARGS__);  \
		_fail(__FILE__, __LINE__); \
	} while (0)

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A random number; XDPLB_SEED=N in the environment gives other ones. */
uint64_t random_64(void);
/* One from `low` to `high`, both included. */
uint32_t random_from(uint32_t low, uint32_t high);

/* Lines said by fail(), misuse() and warn() since said_reset(), and the last. */
void said_reset(void);
int said_lines(void);
const char *said(void);

/* Exactly one line was said, and it has `part` in it; `input` says where. */
void assert_said(const char *input, const char *part);

#endif
