// SPDX-License-Identifier: GPL-2.0-only
/* loader/file_words.c: options in error lines, as keys of a file. */
#include "../../loader/file_words.h"

#include <string.h>

#include "unit.h"

static void kinds(void **state)
{
	static const struct {
		const char *text, *place, *said;
	} cases[] = {
		{ "--udp each: this is needed, or --udp tracked", "a.yaml:3:4: udp",
		  "each: this is needed, or udp: tracked" },
		{ "--udp each: this is needed", "a.yaml:3:4", "udp: each: this is needed" },
		{ "--udp each: this is needed", "a b.yaml:3:4: scheduler",
		  "udp: each: this is needed" },
		{ "--registration: only with --forward local", "a.yaml:1:1: registration",
		  "only with forward: local" },
		{ "--registration-from any: give --registration-key FILE", "-:1:1: service",
		  "registration-from: any: give registration-key-file: FILE" },
		{ "leave out --snat", "a.yaml:1:1: service", "leave out snat" },
		{ "--table-size, which", "a.yaml:1:1: service", "table-size, which" },
		{ "load --flows 2 --udpish --udp-more --Udp - -- ---udp", "a.yaml:1:1: udp",
		  "load --flows 2 --udpish --udp-more --Udp - -- ---udp" },
		{ "", "a.yaml:1:1: udp", "" },
		{ "--udp", "a.yaml:1:1: udp", "" },
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		file_words(cases[i].text, cases[i].place, out, sizeof(out));
		assert_string_equal(out, cases[i].said);
	}
}

/* Cut where the room ends, wherever that is. */
static void room(void **state)
{
	static const char whole[] = "a registration-key-file: b";
	char out[sizeof(whole) + 8];

	(void)state;
	for (size_t size = 1; size < sizeof(out); size++) {
		memset(out, '#', sizeof(out));
		file_words("a --registration-key b", "f:1:1: udp", out, size);
		assert_int_equal(strlen(out), size < sizeof(whole) ? size - 1 : strlen(whole));
		assert_memory_equal(out, whole, strlen(out));
		assert_int_equal(out[size], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
