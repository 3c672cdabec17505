// SPDX-License-Identifier: GPL-2.0-only
#include "sparkline.h"

#include <math.h>
#include <string.h>

#define LEVELS 8 /* the first is nothing at all */

static const char *const blocks[LEVELS] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const letters[LEVELS] = { "_", ".", ":", "-", "=", "+", "*", "#" };

/* The mean of the values that are known, NAN: none is. */
static double mean(const float *values, int from, int to)
{
	double sum = 0;
	int known = 0;

	for (int i = from; i < to; i++) {
		if (isnan(values[i]))
			continue;
		sum += values[i];
		known++;
	}
	return known ? sum / known : NAN;
}

static double cell_value(const float *values, int count, int cells, int cell)
{
	return mean(values, cell * count / cells, (cell + 1) * count / cells);
}

const char *sparkline(const float *values, int count, int cells, bool utf8, char *text)
{
	const char *const *levels = utf8 ? blocks : letters;
	double most = 0;
	char *end = text;

	for (int i = 0; i < cells; i++)
		most = fmax(most, cell_value(values, count, cells, i));
	for (int i = 0; i < cells; i++) {
		double value = cell_value(values, count, cells, i);
		/* what is there at all is seen */
		int level = value > 0 ? (int)ceil(value / most * (LEVELS - 1)) : 0;

		end = stpcpy(end, isnan(value) ? " " : levels[level]);
	}
	*end = '\0';
	return text;
}
