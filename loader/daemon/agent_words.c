// SPDX-License-Identifier: GPL-2.0-only
#include "agent_words.h"

#include <string.h>
#include <strings.h>

#include "../../xdp/xdplb.h"

#define FINE 20

size_t agent_line(const unsigned char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\n' || text[i] == '\r' || !text[i])
			return i + 1;
	return 0;
}

static const struct {
	const char *word;
	__u8 state;
} states[] = {
	{ "up", XDPLB_UP },	  { "ready", XDPLB_UP },     { "drain", XDPLB_DRAIN },
	{ "maint", XDPLB_DRAIN }, { "down", XDPLB_DOWN },    { "failed", XDPLB_DOWN },
	{ "fail", XDPLB_DOWN },	  { "stopped", XDPLB_DOWN },
};

/* 75%: digits and the sign. */
static bool percent_read(const char *word, size_t length, __u32 *percent)
{
	__u32 value = 0;

	if (length < 2 || length > 7 || word[length - 1] != '%')
		return false;
	for (size_t i = 0; i < length - 1; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		value = 10 * value + (word[i] - '0');
	}
	*percent = value > 100 ? 100 : value;
	return true;
}

static void word_read(const char *word, size_t length, struct agent_words *words)
{
	if (percent_read(word, length, &words->percent)) {
		words->percent_given = true;
		return;
	}
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (strlen(states[i].word) != length ||
		    strncasecmp(states[i].word, word, length) != 0)
			continue;
		/* "up" and "ready" may stand beside another and take nothing back. */
		if (!words->state_given || states[i].state > words->state)
			words->state = states[i].state;
		words->state_given = true;
	}
}

bool agent_read(const unsigned char *line, size_t length, struct agent_words *words)
{
	char text[AGENT_LINE];
	const char *at = text;

	*words = (struct agent_words){};
	if (length >= sizeof(text))
		return false;
	memcpy(text, line, length);
	text[length] = '\0';
	text[strcspn(text, "#\r\n")] = '\0';
	while (*at) {
		size_t word = strcspn(at, " \t,");

		if (word)
			word_read(at, word, words);
		at += word;
		at += strspn(at, " \t,");
	}
	return words->percent_given || words->state_given;
}

double agent_smooth(double before, double now, __u8 smooth)
{
	return (before * smooth + now * (100 - smooth)) / 100;
}

__u32 agent_percent(double smoothed, __u32 applied, __u8 least, __u8 step)
{
	__u32 percent = (__u32)(smoothed / 5 + 0.5) * 5;
	__u32 distance;

	if (percent < least)
		percent = (least + 4) / 5 * 5;
	if (percent < 5)
		percent = 5;
	if (percent > 100)
		percent = 100;
	distance = percent > applied ? percent - applied : applied - percent;
	return distance < step && percent != 100 ? applied : percent;
}

__u16 agent_weight(__u16 own, __u32 percent, bool fine)
{
	__u32 weight = fine ? own * percent * FINE / 100 : own * percent / 100;

	return weight ? weight : 1;
}

bool agent_is_fine(__u16 largest)
{
	return largest <= XDPLB_WEIGHT_MAX / FINE;
}

__u32 agent_percent_of(__u16 own, __u16 weight)
{
	__u32 percent = weight > own || agent_is_fine(own) ? weight * 100U / (own * FINE) :
							     weight * 100U / own;

	return percent > 100 ? 100 : percent < 5 ? 5 : percent;
}
