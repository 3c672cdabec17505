// SPDX-License-Identifier: GPL-2.0-only
/* loader/daemon/floor.c: whom failing checks may take out. */
#include "../../loader/daemon/floor.h"

#include <string.h>

#include "unit.h"
#include "../../xdp/xdplb.h"

/*
 * Backends by letters: U up and healthy, f up and failing since long (taken out), F the same but
 * in force yet, r taken out just now, R failing just now and in force, ? healthy whose last check
 * failed, D and d by hand down, healthy and not, g drained by hand and failing, ! forced up, B
 * backup, b backup that fails, L the fallback. The answer: u, n (drain), d, b, one for each.
 */
static void backend_of(char letter, struct standing *one)
{
	*one = (struct standing){ .own = XDPLB_UP, .now = XDPLB_UP };
	one->healthy = strchr("U?DBL", letter) != NULL;
	one->failing = letter == '?';
	one->recent = letter == 'r' || letter == 'R';
	one->forced = letter == '!';
	one->fallback = letter == 'L';
	if (letter == 'f' || letter == 'r')
		one->now = XDPLB_DOWN;
	if (letter == 'D' || letter == 'd')
		one->own = one->now = XDPLB_DOWN;
	if (letter == 'g')
		one->own = one->now = XDPLB_DRAIN;
	if (letter == 'B' || letter == 'b' || letter == 'L')
		one->own = one->now = XDPLB_BACKUP;
}

static const char *decide(const char *letters, struct amount least, __u8 on_fail, bool *suspect)
{
	static const char names[] = {
		[XDPLB_UP] = 'u', [XDPLB_DRAIN] = 'n', [XDPLB_DOWN] = 'd', [XDPLB_BACKUP] = 'b'
	};
	static char text[64];
	struct standing standing[64];
	int count = strlen(letters);

	for (int i = 0; i < count; i++)
		backend_of(letters[i], &standing[i]);
	*suspect = floor_decide(standing, count, least, on_fail);
	for (int i = 0; i < count; i++)
		text[i] = names[standing[i].then];
	text[count] = '\0';
	return text;
}

static void assert_decides(const char *letters, __u32 least, const char *states, bool suspected)
{
	const struct amount amount = { .number = least };
	bool suspect;

	assert_string_equal(decide(letters, amount, XDPLB_DOWN, &suspect), states);
	assert_true(suspect == suspected);
}

static void failed_ones_go(void **state)
{
	(void)state;
	assert_decides("UUU", 1, "uuu", false);
	assert_decides("UFU", 1, "udu", false);
	assert_decides("fFU", 1, "ddu", false);
	assert_decides("", 1, "", false);
}

/* Nobody goes while too few would be left, and who went with them comes back. */
static void too_many(void **state)
{
	(void)state;
	assert_decides("F", 1, "u", true);
	assert_decides("FF", 1, "uu", true);
	assert_decides("Rr", 1, "uu", true);
	assert_decides("FFf", 1, "uud", true);
	assert_decides("Rrf", 1, "uud", true);
	assert_decides("UFFF", 2, "uuuu", true);
	assert_decides("UUFF", 2, "uudd", false);
	assert_decides("FFFF", 0, "dddd", false);
	/* More than there are: all of them. */
	assert_decides("UF", 9, "uu", true);
	assert_decides("UU", 9, "uu", false);
}

/* Some have just failed once: wait and see who else. */
static void others_may_follow(void **state)
{
	(void)state;
	assert_decides("F?", 1, "uu", false);
	assert_decides("f?", 1, "du", false);
	assert_decides("F?U", 1, "duu", false);
	assert_decides("F?U", 2, "uuu", false);
}

static void percent(void **state)
{
	const struct amount half = { .number = 50, .percent = true };
	bool suspect;

	(void)state;
	assert_string_equal(decide("UUFF", half, XDPLB_DOWN, &suspect), "uudd");
	assert_string_equal(decide("UFF", half, XDPLB_DOWN, &suspect), "uuu");
	assert_true(suspect);
	/* Those whom the operator took out are not of them. */
	assert_string_equal(decide("UFDD", half, XDPLB_DOWN, &suspect), "uddd");
	assert_false(suspect);
}

static void the_operators_word(void **state)
{
	(void)state;
	assert_decides("Dd", 1, "dd", false);
	assert_decides("gU", 1, "nu", false);
	assert_decides("!F", 1, "ud", false);
	assert_decides("!", 0, "u", false);
}

static void backups(void **state)
{
	(void)state;
	assert_decides("FB", 1, "db", false);
	assert_decides("Fb", 1, "ub", true);
	assert_decides("Ub", 1, "ud", false);
}

/* It stands by for all of them, but lets its flows end when a backup can do it. */
static void fallback(void **state)
{
	(void)state;
	assert_decides("FFL", 1, "ddb", false);
	assert_decides("UL", 1, "ub", false);
	assert_decides("FBL", 1, "dbn", false);
	assert_decides("FbL", 1, "ddb", false);
	assert_decides("UFFL", 2, "uuub", true);
}

static void drained(void **state)
{
	const struct amount one = { .number = 1 };
	struct standing standing[2];
	bool suspect;

	(void)state;
	assert_string_equal(decide("UF", one, XDPLB_DRAIN, &suspect), "un");
	/* An agent wants less than the service would do. */
	backend_of('U', &standing[0]);
	backend_of('F', &standing[1]);
	standing[1].out = XDPLB_DRAIN;
	assert_false(floor_decide(standing, 2, one, XDPLB_DOWN));
	assert_int_equal(standing[1].then, XDPLB_DRAIN);
}

/* Whatever there is: as many stay as should, healthy ones are never touched. */
static void never_below(void **state)
{
	static const char letters[] = "UfFrR?DdgB!bL";
	char text[33];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct amount least = { .number = random_from(0, 6) };
		int count = random_from(1, 32), judged = 0, stay = 0;
		struct standing standing[32];

		for (int j = 0; j < count; j++) {
			text[j] = letters[random_from(0, sizeof(letters) - 2)];
			backend_of(text[j], &standing[j]);
		}
		text[count] = '\0';
		floor_decide(standing, count, least, XDPLB_DOWN);
		for (int j = 0; j < count; j++) {
			bool out = strchr("fr", text[j]);

			if (strchr("U?B!", text[j]))
				assert_int_equal(standing[j].then, standing[j].own);
			if (strchr("Ddg", text[j]))
				assert_int_equal(standing[j].then, standing[j].own);
			if (strchr("UFR?B!bfr", text[j]) && !out)
				judged++;
			if (strchr("UFRfr?B!b", text[j]))
				stay += standing[j].then == standing[j].own;
		}
		if (!strchr(text, 'L') && stay < (int)least.number && stay < judged)
			fail_msg("%s, at least %u: %d stay", text, least.number, stay);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failed_ones_go),     cmocka_unit_test(too_many),
		cmocka_unit_test(others_may_follow),  cmocka_unit_test(percent),
		cmocka_unit_test(the_operators_word), cmocka_unit_test(backups),
		cmocka_unit_test(fallback),	      cmocka_unit_test(drained),
		cmocka_unit_test(never_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
