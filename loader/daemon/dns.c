// SPDX-License-Identifier: GPL-2.0-only
#include "dns.h"

#include <string.h>

#define HEADER 12
#define FRAME 2

static void put16(unsigned char *at, __u16 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static unsigned int get16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

/* The labels of a name, each behind its length, and the root's; 0: one is too long, or none. */
static size_t put_name(unsigned char *at, const char *name)
{
	size_t used = 0;

	while (*name && strcmp(name, ".")) {
		size_t length = strcspn(name, ".");

		if (!length || length > 63 || used + length > 253)
			return 0;
		at[used++] = length;
		memcpy(at + used, name, length);
		used += length;
		name += length + (name[length] == '.');
	}
	at[used++] = 0;
	return used;
}

size_t dns_query(unsigned char query[DNS_QUERY], const char *name, __u16 type, __u16 id,
		 bool framed)
{
	unsigned char *header = query + (framed ? FRAME : 0);
	size_t length;

	memset(query, 0, DNS_QUERY);
	put16(header, id);
	header[2] = 1; /* recursion is desired */
	put16(header + 4, 1); /* a question */
	length = put_name(header + HEADER, name);
	if (!length)
		return 0;
	length += HEADER;
	put16(header + length, type);
	put16(header + length + 2, 1); /* the Internet's */
	length += 4;
	if (framed)
		put16(query, length);
	return length + (framed ? FRAME : 0);
}

/* Letters are the same in both cases. */
static unsigned char lower(unsigned char byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

/* The answer repeats the question. */
static bool same_question(const unsigned char *query, const unsigned char *answer, size_t length)
{
	size_t end = HEADER;

	while (query[end])
		end += query[end] + 1;
	end += 1 + 4;
	if (length < end)
		return false;
	for (size_t i = HEADER; i < end; i++)
		if (lower(query[i]) != lower(answer[i]))
			return false;
	return true;
}

static enum dns_answer judge(const unsigned char *query, const unsigned char *answer, size_t length,
			     int *code)
{
	if (length < HEADER)
		return DNS_BROKEN;
	if (memcmp(query, answer, 2) || !(answer[2] & 0x80))
		return DNS_OTHER;
	*code = answer[3] & 0xf;
	/* Whoever could not read the question need not repeat it. */
	if (get16(answer + 4) == 1 ? !same_question(query, answer, length) : *code == 0)
		return DNS_OTHER;
	return *code ? DNS_REFUSED : DNS_GOOD;
}

enum dns_answer dns_judge(const unsigned char *query, const unsigned char *answer, size_t length,
			  bool framed, int *code)
{
	*code = 0;
	if (!framed)
		return judge(query, answer, length, code);
	if (length < FRAME || length < FRAME + get16(answer))
		return DNS_INCOMPLETE;
	return judge(query + FRAME, answer + FRAME, get16(answer), code);
}

const char *dns_code_name(int code)
{
	static const char *const names[] = { "NOERROR",	 "FORMERR", "SERVFAIL",
					     "NXDOMAIN", "NOTIMP",  "REFUSED" };

	return code >= 0 && code < (int)(sizeof(names) / sizeof(*names)) ? names[code] : "error";
}
