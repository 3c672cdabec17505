// SPDX-License-Identifier: GPL-2.0-only
/* loader/progress.c: one line, however wide the terminal. */
#include "../../loader/progress.h"

#include <string.h>

#include "unit.h"

static void assert_line(unsigned int done, unsigned int of, const char *text, int columns,
			const char *right)
{
	char line[PROGRESS_WIDTH + 1];

	assert_string_equal(progress_text(done, of, text, columns, line), right);
}

static void bars(void **state)
{
	(void)state;
	assert_line(0, 4, "4 left", 80, "[....................] 4 left");
	assert_line(1, 4, "3 left", 80, "[#####...............] 3 left");
	assert_line(4, 4, "0 left", 80, "[####################] 0 left");
	assert_line(9, 4, "0 left", 80, "[####################] 0 left");
	assert_line(0, 0, "0 left", 80, "0 left");
	assert_line(4294967294, 4294967295, "1 left", 80, "[###################.] 1 left");
}

static void narrow(void **state)
{
	(void)state;
	assert_line(1, 2, "1 left", 29, "[##########..........] 1 left");
	assert_line(1, 2, "1 left", 28, "1 left");
	assert_line(1, 2, "1 left", 6, "1 left");
	assert_line(1, 2, "1 left", 3, "1 l");
	assert_line(1, 2, "1 left", 0, "");
}

static void any_width(void **state)
{
	char text[2 * PROGRESS_WIDTH], line[PROGRESS_WIDTH + 1];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int columns = 0; columns < 2 * PROGRESS_WIDTH; columns++) {
		size_t most = columns < PROGRESS_WIDTH ? columns : PROGRESS_WIDTH;

		assert_int_equal(strlen(progress_text(1, 2, text, columns, line)), most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bars),
		cmocka_unit_test(narrow),
		cmocka_unit_test(any_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
