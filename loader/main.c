// SPDX-License-Identifier: GPL-2.0-only
/* xdplb-config: the table of commands and what may stand behind them. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "command.h"
#include "error.h"
#include "names.h"

struct command {
	const char *name;
	command_function *run;
	int fewest; /* arguments */
	int most;
	const char *options; /* the letters of those it takes */
	const char *usage;
	const char *example;
};

#define ANY 65536
#define WHICH "dp" /* which balancer */
#define SHOW WHICH "jy"

static const struct command commands[] = {
	{ "load", command_load, 1, ANY, "pmENP",
	  "[-m native|skb|unspecified] [--encap] [--flows N] [-P PRIO] [-p DIR] IFNAME...",
	  "load eth0" },
	{ "unload", command_unload, 1, ANY, "pk", "[--keep-maps] [-p DIR] IFNAME...",
	  "unload eth0" },
	{ "status", command_status, 0, 0, SHOW, "", "status" },
	{ "set-backends", command_set_backends, 2, ANY, WHICH "sfoA",
	  "SERVICE [--scheduler rr|wrr] [--forward nat|dnat|dsr|ipip|gue] [--snat ADDR|none]... "
	  "BACKEND...",
	  "set-backends 192.0.2.10:80/tcp 10.0.0.1:8080,weight=3 10.0.0.2:8080" },
	{ "add-backend", command_add_backend, 2, ANY, WHICH, "SERVICE BACKEND...",
	  "add-backend 192.0.2.10:80/tcp 10.0.0.3:8080" },
	{ "del-backend", command_del_backend, 2, ANY, WHICH, "SERVICE BACKEND...",
	  "del-backend 192.0.2.10:80/tcp 10.0.0.3:8080" },
	{ "set-weight", command_set_weight, 3, 3, WHICH, "SERVICE BACKEND WEIGHT",
	  "set-weight 192.0.2.10:80/tcp 10.0.0.1:8080 5" },
	{ "del-service", command_del_service, 1, 1, WHICH, "SERVICE",
	  "del-service 192.0.2.10:80/tcp" },
	{ "flush", command_flush, 0, 0, WHICH, "", "flush" },
	{ "set", command_set, 0, ANY, SHOW, "[echo=on|off] [gue-port=PORT] [icmp-rate=N]",
	  "set echo=off" },
	{ "backend-setup", command_backend_setup, 1, 2, WHICH, "SERVICE [BACKEND]",
	  "backend-setup 192.0.2.10:80/tcp" },
	{ "list", command_list, 0, 1, SHOW, "[SERVICE]", "list" },
	{ "stats", command_stats, 0, 1, SHOW, "[SERVICE]", "-j stats" },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'y' },
	{ "dev", required_argument, NULL, 'd' },
	{ "pins", required_argument, NULL, 'p' },
	{ "mode", required_argument, NULL, 'm' },
	{ "prio", required_argument, NULL, 'P' },
	{ "flows", required_argument, NULL, 'N' },
	{ "encap", no_argument, NULL, 'E' },
	{ "keep-maps", no_argument, NULL, 'k' },
	{ "scheduler", required_argument, NULL, 's' },
	{ "forward", required_argument, NULL, 'f' },
	{ "snat", required_argument, NULL, 'o' },
	{ "affinity", required_argument, NULL, 'A' },
	{ "help", no_argument, NULL, 'h' },
	{},
};

static int usage(FILE *out)
{
	fprintf(out, "usage: xdplb-config COMMAND [options] [arguments]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-13s %s\n", commands[i].name, commands[i].usage);
	fprintf(out, "\n"
		     "Which balancer: -d IFNAME or -p PINDIR; neither: the only one here.\n"
		     "JSON: -j, indented --pretty. Each command: COMMAND --help. See "
		     "xdplb-config(8).\n");
	return 0;
}

static int command_usage(const struct command *command)
{
	printf("usage: xdplb-config %s%s%s\n\nexample: xdplb-config %s\n", command->name,
	       *command->usage ? " " : "", command->usage, command->example);
	return 0;
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* A command that is not there: never, or not yet. */
static int command_unknown(const char *name)
{
	static const char *const later[] = { "drain",	"flows",  "apply",  "save",
					     "explain", "doctor", "monitor" };

	for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++)
		if (!strcmp(later[i], name))
			return misuse("%s: not in this version yet; see: xdplb-config --help",
				      name);
	return misuse("%s: no such command; see: xdplb-config --help", name);
}

static int snat_option(struct wanted_service *wanted, const char *value)
{
	__be16 port;
	int err;

	wanted->snat_given = true;
	if (!strcmp(value, "none"))
		return 0;
	if (wanted->snats == XDPLB_SNATS)
		return fail(E2BIG, "--snat %s: a service has at most %d source addresses", value,
			    XDPLB_SNATS);
	err = parse_endpoint(value, strlen(value), wanted->snat[wanted->snats++], &port);
	if (!err && port)
		err = fail(EINVAL, "--snat %s: an address without a port is expected", value);
	return err;
}

/* The number of a word in `field`, or the error. */
static int number_option(int number, __u8 *field)
{
	if (number < 0)
		return number;
	*field = number;
	return 0;
}

static int option_take(struct options *options, int letter, char *value)
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
	case 'm':
		options->mode = value;
		return 0;
	case 'P':
		options->priority = value;
		return 0;
	case 'N':
		options->flows = value;
		return 0;
	case 'E':
		options->encap = true;
		return 0;
	case 'A':
		return fail(ENOTSUP, "--affinity %s: not in this version yet", value);
	case 'k':
		options->keep_maps = true;
		return 0;
	case 's':
		return number_option(scheduler_number(value), &options->wanted.scheduler);
	case 'f':
		return number_option(forward_number(value), &options->wanted.forward);
	default:
		return snat_option(&options->wanted, value);
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

/* Reads the options behind the command, wherever they stand. 1: help was asked for. */
static int options_read(struct options *options, const struct command *command, int argc,
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
		if (letter == '?' || !strchr(command->options, letter))
			return misuse("%s: not an option of %s; see: xdplb-config %s --help", word,
				      command->name, command->name);
		err = option_take(options, letter, optarg);
		if (err)
			return err;
	}
	options->arguments = argv + optind;
	options->count = argc - optind;
	return 0;
}

static int command_run(const struct command *command, int argc, char **argv)
{
	struct options options = {};
	int err = options_read(&options, command, argc, argv);

	if (err > 0)
		return command_usage(command);
	if (err)
		return err;
	if (options.count < command->fewest)
		return misuse("%s: too few arguments; usage: xdplb-config %s %s", command->name,
			      command->name, command->usage);
	if (options.count > command->most)
		return misuse("%s: one argument too many for %s; usage: xdplb-config %s %s",
			      options.arguments[command->most], command->name, command->name,
			      command->usage);
	err = command->run(&options);
	wanted_free(&options.wanted);
	return err;
}

/* A descriptor of ours must not take the place of a standard stream that is closed. */
static void streams_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY); /* writing to it fails, as it should */
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/*
 * Options may stand before the command too (xdplb-config -j list): moves the
 * command to the front. Returns its place then, 0 when there is none.
 */
static int command_to_front(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *word = argv[i];

		if (!strcmp(word, "-d") || !strcmp(word, "-p") || !strcmp(word, "--dev") ||
		    !strcmp(word, "--pins")) {
			i++;
			continue;
		}
		if (word[0] == '-')
			continue;
		memmove(argv + 2, argv + 1, (i - 1) * sizeof(*argv));
		argv[1] = word;
		return 1;
	}
	return 0;
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int silent_xdp(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

int main(int argc, char **argv)
{
	const struct command *command;
	int err;

	streams_open();
	libbpf_set_print(silent);
	libxdp_set_print(silent_xdp);
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")))
		err = usage(stdout);
	else if (!command_to_front(argc, argv))
		err = -EUSAGE - usage(stderr);
	else if ((command = command_find(argv[1])))
		err = command_run(command, argc - 1, argv + 1);
	else
		err = command_unknown(argv[1]);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = fail(errno, "cannot write the output: %s", strerror(errno));
	return err == -EUSAGE ? 2 : err ? 1 : 0;
}
