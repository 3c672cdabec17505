// SPDX-License-Identifier: GPL-2.0-only
/* Remedies that load the balancer, so that all it knows stays. */
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "encap.h"
#include "netdev.h"

/* The option for the program that the others have. */
static const char *encap_option(const struct doctor *doctor)
{
	bool wraps = doctor->count && !strcmp(doctor->found[0].program, PROGRAM_ENCAP);

	return wraps ? " --encap" : "";
}

static const char *mode_option(const struct chain_program *at)
{
	return at->mode == XDP_MODE_SKB ? " -m skb" : "";
}

/* Where it is pinned; what is not goes where no other balancer is. */
static const char *pins_for(const struct doctor *doctor, char pins[PATH_MAX])
{
	if (doctor->pins)
		return doctor->pins;
	snprintf(pins, PATH_MAX, "%s", DEFAULT_PINS);
	if (pins_exist(DEFAULT_PINS))
		snprintf(pins, PATH_MAX, DEFAULT_PINS "-%s", doctor->found[0].interface);
	return pins;
}

/* lo gets the mode that it has without being told. */
static bool is_generic_only(const char *interface)
{
	int ifindex = if_nametoindex(interface);

	return ifindex && ifindex != LOOPBACK && netdev_redirect(ifindex) == REDIRECT_NO &&
	       !(netdev_features(ifindex) & XDP_BASIC);
}

void finding_remedy_load(const struct doctor *doctor, const char *interface, const char *first,
			 struct json_object *finding)
{
	const struct chain_program *at = &doctor->found[0];
	char pins[PATH_MAX];

	if (doctor->pins)
		finding_remedy(finding, "%sxdplb-config load%s%s -p %s %s", first,
			       encap_option(doctor), is_generic_only(interface) ? " -m skb" : "",
			       doctor->pins, interface);
	else
		finding_remedy(finding, "%sxdplb-config load%s%s -p %s %s %s", first,
			       encap_option(doctor), mode_option(at), pins_for(doctor, pins),
			       at->interface, interface);
}

void finding_remedy_again(const struct doctor *doctor, const char *interfaces, const char *before,
			  const char *options, struct json_object *finding)
{
	const struct chain_program *at = &doctor->found[0];
	const char *encap = strstr(options, "--encap") ? "" : encap_option(doctor);
	char room[PATH_MAX], first[2 * PATH_MAX] = "";
	const char *pins = pins_for(doctor, room);

	if (!doctor->pins)
		snprintf(first, sizeof(first), "xdplb-config load%s%s -p %s %s && ",
			 encap_option(doctor), mode_option(at), pins, at->interface);
	finding_remedy(finding,
		       "%sxdplb-config unload --keep-maps %s && "
		       "%sxdplb-config load%s%s -p %s %s",
		       first, interfaces, before, encap, options, pins, interfaces);
}

/* All interfaces with the balancer, and the options of a load that gives all of them it. */
struct load_words {
	char interfaces[CHAIN_MAX * (IF_NAMESIZE + 1)]; /* each after a blank */
	char options[sizeof(" --encap -m skb")];
};

static void load_words_of(const struct doctor *doctor, struct load_words *words)
{
	const char *encap = "", *mode = "";
	size_t length = 0;

	for (int i = 0; i < doctor->count; i++) {
		const struct chain_program *at = &doctor->found[i];

		length += snprintf(words->interfaces + length, sizeof(words->interfaces) - length,
				   " %s", at->interface);
		if (!strcmp(at->program, PROGRAM_ENCAP))
			encap = " --encap";
		if (at->ifindex != LOOPBACK && *mode_option(at))
			mode = mode_option(at);
	}
	snprintf(words->options, sizeof(words->options), "%s%s", encap, mode);
}

void finding_remedy_resize(const struct doctor *doctor, __u64 flows, struct json_object *finding)
{
	bool named = doctor->pins && strcmp(doctor->pins, DEFAULT_PINS);
	struct load_words words;

	load_words_of(doctor, &words);
	finding_remedy(finding, "xdplb-config load%s%s%s --flows %llu%s", named ? " -p " : "",
		       named ? doctor->pins : "", words.options, flows, words.interfaces);
}

void finding_remedy_anew(const struct doctor *doctor, __u64 flows, struct json_object *finding)
{
	struct load_words words;

	load_words_of(doctor, &words);
	finding_remedy(finding,
		       "xdplb-config save%s >FILE && xdplb-config unload%s && "
		       "xdplb-config load%s --flows %llu%s && xdplb-config apply FILE",
		       doctor->which, words.interfaces, words.options, flows, words.interfaces);
}
