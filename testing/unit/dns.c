// SPDX-License-Identifier: GPL-2.0-only
/* loader/daemon/dns.c: a question, and what answers it. */
#include "../../loader/daemon/dns.h"

#include <string.h>

#include "unit.h"

static unsigned char query[DNS_QUERY];

static void question(void **state)
{
	static const unsigned char bytes[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
					     "\x07"
					     "example"
					     "\x03"
					     "org"
					     "\x00\x00\x1c\x00\x01";
	unsigned char root[] =
		"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01";
	char label[70] = "";

	(void)state;
	assert_int_equal(dns_query(query, "example.org", 28, 0x1234, false), sizeof(bytes) - 1);
	assert_memory_equal(query, bytes, sizeof(bytes) - 1);
	assert_int_equal(dns_query(query, "example.org.", 28, 0x1234, true), sizeof(bytes) + 1);
	assert_int_equal(query[0], 0);
	assert_int_equal(query[1], sizeof(bytes) - 1);
	assert_memory_equal(query + 2, bytes, sizeof(bytes) - 1);
	assert_int_equal(dns_query(query, ".", 2, 1, false), sizeof(root) - 1);
	assert_memory_equal(query, root, sizeof(root) - 1);
	memset(label, 'a', 64);
	assert_int_equal(dns_query(query, label, 1, 1, false), 0);
	assert_int_equal(dns_query(query, "a..b", 1, 1, false), 0);
}

/* As long as a name can be. */
static void longest_question(void **state)
{
	char name[300] = "";

	(void)state;
	for (int i = 0; i < 253; i++)
		name[i] = i % 64 == 63 ? '.' : 'x';
	assert_int_equal(dns_query(query, name, 1, 1, true), 2 + 12 + 255 + 4);
	strcat(name, "xxxx");
	assert_int_equal(dns_query(query, name, 1, 1, true), 0);
}

static enum dns_answer judge(const unsigned char *answer, size_t length, bool framed)
{
	int code;

	return dns_judge(query, answer, length, framed, &code);
}

static void answers(void **state)
{
	unsigned char answer[DNS_QUERY];
	size_t length = dns_query(query, "Example.org", 1, 0x1234, false);
	int code;

	(void)state;
	memcpy(answer, query, length);
	assert_int_equal(judge(answer, length, false), DNS_OTHER); /* the question itself */
	answer[2] |= 0x80;
	assert_int_equal(judge(answer, length, false), DNS_GOOD);
	answer[13] = 'e';
	assert_int_equal(judge(answer, length, false), DNS_GOOD);
	answer[13] = 'f';
	assert_int_equal(judge(answer, length, false), DNS_OTHER);
	answer[13] = 'E';
	answer[1] ^= 1;
	assert_int_equal(judge(answer, length, false), DNS_OTHER); /* another id */
	answer[1] ^= 1;
	answer[3] = 3;
	assert_int_equal(dns_judge(query, answer, length, false, &code), DNS_REFUSED);
	assert_string_equal(dns_code_name(code), "NXDOMAIN");
	answer[5] = 0;
	assert_int_equal(judge(answer, 12, false), DNS_REFUSED); /* it repeats no question */
	answer[3] = 0;
	assert_int_equal(judge(answer, 12, false), DNS_OTHER);
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(judge(answer, i, false), DNS_BROKEN);
}

/* Of TCP it comes in pieces. */
static void in_pieces(void **state)
{
	unsigned char answer[DNS_QUERY];
	size_t length = dns_query(query, "example.org", 1, 0x1234, true);

	(void)state;
	memcpy(answer, query, length);
	answer[4] |= 0x80;
	for (size_t i = 0; i < length; i++)
		assert_int_equal(judge(answer, i, true), DNS_INCOMPLETE);
	assert_int_equal(judge(answer, length, true), DNS_GOOD);
	answer[1] = 3;
	assert_int_equal(judge(answer, length, true), DNS_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question),
		cmocka_unit_test(longest_question),
		cmocka_unit_test(answers),
		cmocka_unit_test(in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
