// SPDX-License-Identifier: GPL-2.0-only
/* xdplb-config: the table of commands and what may stand behind them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "command.h"
#include "error.h"
#include "options.h"

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
#define SERVICE WHICH "sfoASTuWMRKF"

static const char service_usage[] =
	"\nOPTION of a service; what is left out stays as it is:\n"
	"  --scheduler rr|wrr|lc|wlc|sh|maglev|p2c\n"
	"  --forward nat|dnat|dsr|ipip|gue|local\n"
	"  --snat ADDR|none                              more than once for several\n"
	"  --affinity client[/PREFIX][,SECONDS]|none\n"
	"  --slow-start SECONDS\n"
	"  --timeout established=SECONDS,closing=SECONDS,udp=SECONDS   or some of them\n"
	"  --window SECONDS\n"
	"  --table-size PRIME|auto\n"
	"  --udp tracked|stateless|each\n"
	"  --registration off|kernel|user                of listeners, with --forward local\n"
	"  --registration-key FILE|none\n"
	"  --registration-from local|any\n";

static const struct command commands[] = {
	{ "load", command_load, 1, ANY, "pmENP",
	  "[-m native|skb|unspecified] [--encap] [--flows N] [-P PRIO] [-p DIR] IFNAME...",
	  "load eth0" },
	{ "unload", command_unload, 1, ANY, "pk", "[--keep-maps] [-p DIR] IFNAME...",
	  "unload eth0" },
	{ "status", command_status, 0, 0, SHOW, "", "status" },
	{ "doctor", command_doctor, 0, 1, SHOW, "[IFNAME]", "doctor" },
	{ "explain", command_explain, 0, 1, SHOW "aieLCqH",
	  "[--iface IFNAME] [--src ADDR[:PORT]] [--flags FLAGS] [--length N] SERVICE\n"
	  "      | --pcap FILE [--packet N] | --hex TEXT",
	  "explain --src 198.51.100.7:40000 192.0.2.10:80/tcp" },
	{ "attach-replies", command_attach_replies, 0, ANY, WHICH, "[IFNAME...]",
	  "attach-replies" },
	{ "set-backends", command_set_backends, 1, ANY, SERVICE, "SERVICE [OPTION]... BACKEND...",
	  "set-backends 192.0.2.10:80/tcp 10.0.0.1:8080,weight=3 10.0.0.2:8080" },
	{ "set-service", command_set_service, 1, 1, SERVICE, "SERVICE OPTION...",
	  "set-service 192.0.2.10:80/tcp --scheduler wlc --affinity client,600" },
	{ "add-backend", command_add_backend, 2, ANY, WHICH, "SERVICE BACKEND...",
	  "add-backend 192.0.2.10:80/tcp 10.0.0.3:8080" },
	{ "del-backend", command_del_backend, 2, ANY, WHICH, "SERVICE BACKEND...",
	  "del-backend 192.0.2.10:80/tcp 10.0.0.3:8080" },
	{ "set-weight", command_set_weight, 3, 3, WHICH, "SERVICE BACKEND WEIGHT",
	  "set-weight 192.0.2.10:80/tcp 10.0.0.1:8080 5" },
	{ "set-state", command_set_state, 3, 3, WHICH, "SERVICE BACKEND up|drain|down|backup",
	  "set-state 192.0.2.10:80/tcp 10.0.0.1:8080 down" },
	{ "drain", command_drain, 2, 3, WHICH "w", "SERVICE BACKEND [--wait [SECONDS]]",
	  "drain 192.0.2.10:80/tcp 10.0.0.1:8080 --wait 600" },
	{ "del-service", command_del_service, 1, 1, WHICH, "SERVICE",
	  "del-service 192.0.2.10:80/tcp" },
	{ "flush", command_flush, 0, 0, WHICH, "", "flush" },
	{ "apply", command_apply, 1, 1, WHICH "D", "FILE [--dry-run]",
	  "apply /etc/xdplb/xdplb.yaml --dry-run" },
	{ "save", command_save, 0, 0, WHICH, "", "save >/etc/xdplb/xdplb.yaml" },
	{ "set", command_set, 0, ANY, SHOW,
	  "[echo=on|off] [gue-port=PORT] [icmp-rate=N] [registration-port=PORT] "
	  "[seed=HEX32|random]",
	  "set echo=off" },
	{ "backend-setup", command_backend_setup, 1, 2, WHICH, "SERVICE [BACKEND]",
	  "backend-setup 192.0.2.10:80/tcp" },
	{ "register", command_register, 1, 1, "tglrbnK",
	  "SERVICE --port PORT [--weight N] [--ttl SECONDS] [--renew | --goodbye]\n"
	  "      [--registration-key FILE] [--registration-port PORT]",
	  "register 192.0.2.10:80/tcp --port 8080 --weight 3 --renew" },
	{ "registrar", command_registrar, 0, 1, SHOW, "[SERVICE]", "registrar" },
	{ "list", command_list, 0, 1, SHOW, "[SERVICE]", "list" },
	{ "stats", command_stats, 0, 1, SHOW "cx", "[SERVICE] [--watch | --prometheus]",
	  "stats --watch" },
	{ "flows", command_flows, 0, 2, SHOW, "[SERVICE [BACKEND]]",
	  "flows 192.0.2.10:80/tcp 10.0.0.1:8080" },
	{ "monitor", command_monitor, 0, 1, WHICH "j", "[SERVICE]", "monitor 192.0.2.10:80/tcp" },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static int usage(FILE *out)
{
	fprintf(out, "usage: xdplb-config COMMAND [options] [arguments]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-14s %s\n", commands[i].name, commands[i].usage);
	fprintf(out,
		"%s\n"
		"Which balancer: -d IFNAME or -p PINDIR; neither: the only one here.\n"
		"JSON: -j, indented --pretty. Each command: COMMAND --help. See "
		"xdplb-config(8).\n",
		service_usage);
	return 0;
}

static int command_usage(const struct command *command)
{
	printf("usage: xdplb-config %s%s%s\n", command->name, *command->usage ? " " : "",
	       command->usage);
	if (strstr(command->usage, "OPTION"))
		printf("%s", service_usage);
	printf("\nexample: xdplb-config %s\n", command->example);
	return 0;
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int command_run(const struct command *command, int argc, char **argv)
{
	struct options options = {};
	int err = options_read(&options, command->name, command->options, argc, argv);

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
		err = misuse("%s: no such command; see: xdplb-config --help", argv[1]);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = fail(errno, "cannot write the output: %s", strerror(errno));
	return err == -EUSAGE ? 2 : err ? 1 : 0;
}
