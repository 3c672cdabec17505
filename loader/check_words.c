// SPDX-License-Identifier: GPL-2.0-only
#include "check_words.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "words.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const type_names[CHECK_TYPES] = {
	[CHECK_OFF] = "off", [CHECK_TCP] = "tcp",	  [CHECK_HTTP] = "http",
	[CHECK_TLS] = "tls", [CHECK_HTTPS] = "https",	  [CHECK_DNS] = "dns",
	[CHECK_UDP] = "udp", [CHECK_COMMAND] = "command",
};

const char *check_type_name(__u8 type)
{
	return type_names[type];
}

int parse_duration(const char *text, __u32 least, __u32 most, __u32 *duration)
{
	char *end;
	double value = strtod(text, &end);
	bool plain = *text >= '0' && *text <= '9' && text[1] != 'x' && text[1] != 'X';

	if (!strcmp(end, "ms"))
		value /= 1000;
	else if (*end && strcmp(end, "s"))
		plain = false;
	if (!plain || !(value * 1000 + 0.5 >= least && value * 1000 <= most))
		return fail(EINVAL,
			    "%s: seconds such as 2 or 0.5, or 500ms, are expected, from %g to %g",
			    text, least / 1000.0, most / 1000.0);
	*duration = lround(value * 1000);
	return 0;
}

int parse_amount(const char *text, struct amount *amount)
{
	size_t length = strlen(text);
	bool percent = length && text[length - 1] == '%';
	char word[WORD];
	long number;
	int err = word_copy(word, text, length - percent);

	if (err)
		return fail(EINVAL, "%s: a number or percent, as in 50%%, is expected", text);
	err = parse_number(word, "a number, or percent as in 50%,", 0, percent ? 100 : 4096,
			   &number);
	if (!err)
		*amount = (struct amount){ .number = number, .percent = percent };
	return err;
}

int parse_choice(const char *text, const char *const *words, int count)
{
	char all[WORD] = "";

	for (int i = 0; i < count; i++) {
		if (!strcmp(text, words[i]))
			return i;
		strncat(all, i ? i == count - 1 ? " or " : ", " : "",
			sizeof(all) - strlen(all) - 1);
		strncat(all, words[i], sizeof(all) - strlen(all) - 1);
	}
	return fail(EINVAL, "%s: %s is expected", text, all);
}

int parse_check_type(const char *text)
{
	return parse_choice(text, type_names, CHECK_TYPES);
}

int parse_switch(const char *text, bool *value)
{
	static const char *const words[] = { "off", "on" };
	int choice = parse_choice(text, words, COUNT(words));

	if (choice < 0)
		return choice;
	*value = choice;
	return 0;
}

int parse_percent(const char *text, const char *what, __u8 *percent)
{
	size_t length = strlen(text);
	char word[WORD];
	long number;
	int err;

	if (word_copy(word, text, length - (length && text[length - 1] == '%')))
		return fail(EINVAL, "%s: percent are expected", text);
	err = parse_number(word, what, 0, 100, &number);
	if (!err)
		*percent = number;
	return err;
}

static int length_check(const char *text, size_t most)
{
	size_t length = strlen(text);

	if (!length)
		return fail(EINVAL, "it is empty");
	return length <= most ?
		       0 :
		       fail(E2BIG, "it has %zu bytes: at most %zu are expected", length, most);
}

/* One line, without what would end a header or a request early. */
static int line_check(const char *text, size_t most)
{
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 127)
			return fail(EINVAL, "a blank or control character is in it");
	return length_check(text, most);
}

int send_check(const char *text)
{
	return length_check(text, CHECK_SEND);
}

int path_check(const char *text)
{
	if (*text != '/')
		return fail(EINVAL, "%s: a path begins with /", text);
	return line_check(text, CHECK_PATH);
}

int host_check(const char *text)
{
	return line_check(text, CHECK_HOST);
}

int parse_port(const char *text, __be16 *port)
{
	long number;
	int err = parse_number(text, "port", 1, 65535, &number);

	if (!err)
		*port = htons(number);
	return err;
}

__u32 amount_of(struct amount amount, __u32 all)
{
	return amount.percent ? ((__u64)all * amount.number + 99) / 100 : amount.number;
}
