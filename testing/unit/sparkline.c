// SPDX-License-Identifier: GPL-2.0-only
/* loader/sparkline.c: values as bars. */
#include "../../loader/sparkline.h"

#include <math.h>
#include <string.h>

#include "unit.h"

#define MANY 60

static void assert_bars(const float *values, int count, int cells, const char *right)
{
	char text[MANY * SPARKLINE_CELL + 1];

	assert_string_equal(sparkline(values, count, cells, false, text), right);
}

static void heights(void **state)
{
	const float even[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	const float flat[] = { 5, 5, 5 };
	const float none[] = { 0, 0, 0 };
	const float little[] = { 0.001, 1e9, 0 };
	const float large[] = { 4e30, 8e30 };

	(void)state;
	assert_bars(even, 8, 8, "_.:-=+*#");
	assert_bars(flat, 3, 3, "###");
	assert_bars(none, 3, 3, "___");
	assert_bars(little, 3, 3, ".#_");
	assert_bars(large, 2, 2, "=#");
}

static void unknown(void **state)
{
	const float begins[] = { NAN, NAN, 0, 1 };
	const float gap[] = { 1, NAN, 1 };
	const float none[] = { NAN, NAN };

	(void)state;
	assert_bars(begins, 4, 4, "  _#");
	assert_bars(gap, 3, 3, "# #");
	assert_bars(none, 2, 2, "  ");
	/* A mean is of those that are known. */
	assert_bars(begins, 4, 2, " #");
	assert_bars(begins, 4, 0, "");
}

static void fewer_cells(void **state)
{
	float values[MANY] = {};

	(void)state;
	values[0] = 7;
	assert_bars(values, MANY, 10, "#_________");
	values[MANY - 1] = 14;
	assert_bars(values, MANY, 10, "=________#");
	assert_bars(values, MANY, 7, "=_____#");
}

/* Every value is in one cell, however many there are. */
static void all_cells(void **state)
{
	char text[MANY * SPARKLINE_CELL + 1];

	(void)state;
	for (int cells = 1; cells <= MANY; cells++)
		for (int at = 0; at < MANY; at++) {
			float values[MANY] = {};
			int cell = cells - 1;

			while (cell * MANY / cells > at)
				cell--;
			values[at] = 1;
			sparkline(values, MANY, cells, false, text);
			assert_int_equal(strlen(text), cells);
			assert_int_equal(strspn(text, "_"), cell);
			assert_true(strchr(text, '#') && strchr(text, '#') == strrchr(text, '#'));
		}
}

static void utf8(void **state)
{
	const float values[] = { 0, 1, 2, 3, 4, 5, 6, 7, NAN };
	char text[9 * SPARKLINE_CELL + 1];

	(void)state;
	assert_string_equal(sparkline(values, 9, 9, true, text), "▁▂▃▄▅▆▇█ ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heights),     cmocka_unit_test(unknown),
		cmocka_unit_test(fewer_cells), cmocka_unit_test(all_cells),
		cmocka_unit_test(utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
