/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where in a file a value stands, kept with what was read, so that what is found
 * wrong with it later has its place in the error line as well.
 */
#ifndef XDPLB_PLACE_H
#define XDPLB_PLACE_H

/* Both count from 1; line 0: it is from no file. */
struct place {
	unsigned int line, column;
};

/* The file that all places are of, as it was given; it stays the caller's. */
void place_file(const char *path);

/*
 * Error lines speak of this place from now on, and of its key unless that is NULL.
 * NULL, or of no file: of none.
 */
void place_here(const struct place *place, const char *key);

#endif
