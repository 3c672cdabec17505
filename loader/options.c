// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "service_options.h"

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'y' },
	{ "dev", required_argument, NULL, 'd' },
	{ "pins", required_argument, NULL, 'p' },
	{ "mode", required_argument, NULL, 'm' },
	{ "prio", required_argument, NULL, 'P' },
	{ "flows", required_argument, NULL, 'N' },
	{ "encap", no_argument, NULL, 'E' },
	{ "dry-run", no_argument, NULL, 'D' },
	{ "keep-maps", no_argument, NULL, 'k' },
	{ "scheduler", required_argument, NULL, 's' },
	{ "forward", required_argument, NULL, 'f' },
	{ "snat", required_argument, NULL, 'o' },
	{ "affinity", required_argument, NULL, 'A' },
	{ "slow-start", required_argument, NULL, 'S' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "udp", required_argument, NULL, 'u' },
	{ "window", required_argument, NULL, 'W' },
	{ "table-size", required_argument, NULL, 'M' },
	{ "wait", no_argument, NULL, 'w' },
	{ "watch", no_argument, NULL, 'c' },
	{ "prometheus", no_argument, NULL, 'x' },
	{ "port", required_argument, NULL, 't' },
	{ "weight", required_argument, NULL, 'g' },
	{ "ttl", required_argument, NULL, 'l' },
	{ "renew", no_argument, NULL, 'r' },
	{ "goodbye", no_argument, NULL, 'b' },
	{ "registration-port", required_argument, NULL, 'n' },
	{ "registration-key", required_argument, NULL, 'K' },
	{ "registration", required_argument, NULL, 'R' },
	{ "registration-from", required_argument, NULL, 'F' },
	{ "src", required_argument, NULL, 'a' },
	{ "iface", required_argument, NULL, 'i' },
	{ "flags", required_argument, NULL, 'e' },
	{ "length", required_argument, NULL, 'L' },
	{ "pcap", required_argument, NULL, 'C' },
	{ "packet", required_argument, NULL, 'q' },
	{ "hex", required_argument, NULL, 'H' },
	{ "help", no_argument, NULL, 'h' },
	{},
};

/* An option of register; false: it is another's. */
static bool register_option(struct options *options, int letter, const char *value)
{
	switch (letter) {
	case 't':
		options->port = value;
		return true;
	case 'g':
		options->weight = value;
		return true;
	case 'l':
		options->ttl = value;
		return true;
	case 'r':
		options->renew = true;
		return true;
	case 'b':
		options->goodbye = true;
		return true;
	case 'n':
		options->registration_port = value;
		return true;
	case 'K':
		options->registration_key = value;
		return true;
	default:
		return false;
	}
}

/* Likewise of explain. */
static bool explain_option(struct options *options, int letter, const char *value)
{
	switch (letter) {
	case 'a':
		options->source = value;
		return true;
	case 'i':
		options->interface = value;
		return true;
	case 'e':
		options->tcp_flags = value;
		return true;
	case 'L':
		options->length = value;
		return true;
	case 'C':
		options->pcap = value;
		return true;
	case 'q':
		options->packet = value;
		return true;
	case 'H':
		options->hex = value;
		return true;
	default:
		return false;
	}
}

/* Likewise of load and unload. */
static bool load_option(struct options *options, int letter, const char *value)
{
	switch (letter) {
	case 'm':
		options->mode = value;
		return true;
	case 'P':
		options->priority = value;
		return true;
	case 'N':
		options->flows = value;
		return true;
	case 'E':
		options->encap = true;
		return true;
	case 'k':
		options->keep_maps = true;
		return true;
	default:
		return false;
	}
}

/* `name` is the long one, without its dashes. */
static int option_take(struct options *options, int letter, const char *name, char *value)
{
	switch (letter) {
	case 'j':
		options->json = true;
		return 0;
	case 'y':
		options->json = options->pretty = true;
		return 0;
	case 'd':
		options->choice.interface = value;
		return 0;
	case 'p':
		options->choice.pins = value;
		return 0;
	case 'D':
		options->dry_run = true;
		return 0;
	case 'w':
		options->wait = true;
		return 0;
	case 'c':
		options->watch = true;
		return 0;
	case 'x':
		options->prometheus = true;
		return 0;
	case 'A':
		options->any = true;
		options->affinity = value;
		return 0;
	default:
		if (load_option(options, letter, value) ||
		    register_option(options, letter, value) ||
		    explain_option(options, letter, value))
			return 0;
		options->any = true;
		return service_option(name, value, &options->wanted);
	}
}

/* The long name of an option, or the word it was not understood in. */
static const char *option_name(int letter, const char *word)
{
	static char name[32];

	for (const struct option *option = long_options; option->name; option++) {
		if (option->val != letter)
			continue;
		snprintf(name, sizeof(name), "--%s", option->name);
		return name;
	}
	return word;
}

int options_read(struct options *options, const char *command, const char *letters, int argc,
		 char **argv)
{
	int letter, err;

	opterr = 0;
	optind = 1;
	while ((letter = getopt_long(argc, argv, ":d:p:jm:P:h", long_options, NULL)) != -1) {
		const char *word = option_name(letter, argv[optind - 1]);

		if (letter == 'h')
			return 1;
		if (letter == ':')
			return misuse("%s: a value must follow", argv[optind - 1]);
		if (letter == '?' || !strchr(letters, letter))
			return misuse("%s: not an option of %s; see: xdplb-config %s --help", word,
				      command, command);
		err = option_take(options, letter, word + strspn(word, "-"), optarg);
		if (err)
			return err;
	}
	options->arguments = argv + optind;
	options->count = argc - optind;
	return 0;
}
