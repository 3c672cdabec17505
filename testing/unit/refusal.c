// SPDX-License-Identifier: GPL-2.0-only
/* loader/refusal.c: the verifier's last word, out of its log. */
#include "../../loader/refusal.h"

#include <xdp/libxdp.h>

#include "unit.h"

/* Nothing is printed here. */
libbpf_print_fn_t libbpf_set_print(libbpf_print_fn_t fn)
{
	(void)fn;
	return NULL;
}

libxdp_print_fn_t libxdp_set_print(libxdp_print_fn_t fn)
{
	(void)fn;
	return NULL;
}

static void last_lines(void **state)
{
	static const struct {
		const char *log, *line;
	} cases[] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "invalid mem access 'inv'", "invalid mem access 'inv'" },
		{ "libbpf: prog 'xdplb': -- BEGIN PROG LOAD LOG --\n"
		  "0: R1=ctx(off=0,imm=0) R10=fp0\n"
		  "; return *(int *)(long)ctx->data;\n"
		  "0: (61) r1 = *(u32 *)(r1 +0)\n"
		  "R1 offset is outside of the packet\n"
		  "processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0\n"
		  "-- END PROG LOAD LOG --\n",
		  "R1 offset is outside of the packet" },
		{ "combined stack size of 8 calls is 544. Too large\n"
		  "verification time 12 usec\nstack depth 8+16\nprocessed 1 insns\n",
		  "combined stack size of 8 calls is 544. Too large" },
		{ "a line that is longer than there is room\n", "a line that is lo" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[256];
		bool cut = i == COUNT(cases) - 1;

		refusal_last_line(cases[i].log, text, cut ? 18 : sizeof(text));
		assert_string_equal(text, cases[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
