/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_FUZZ_H
#define XDPLB_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* What libFuzzer calls with each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a string, malloc()ed so that a byte read past it is noticed. */
char *fuzz_string(const uint8_t *data, size_t size);

/* Ends the run, the input being kept. */
void fuzz_check(int good, const char *what);

#endif
