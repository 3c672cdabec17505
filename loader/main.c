// SPDX-License-Identifier: GPL-2.0-only
/* xdplb-config: the table of commands and what may stand behind them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "options.h"
#include "refusal.h"

struct command {
	const char *name;
	command_function *run;
	int fewest; /* arguments */
	int most;
	const char *options; /* the letters of those it takes */
	const char *usage;
	const char *example;
	const char *about; /* what it does, a sentence */
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
	  "load eth0",
	  "Attaches the balancer to interfaces; one that is there is replaced without losing a "
	  "packet." },
	{ "unload", command_unload, 1, ANY, "pk", "[--keep-maps] [-p DIR] IFNAME...", "unload eth0",
	  "Takes it off, and forgets its services with the last interface unless --keep-maps." },
	{ "status", command_status, 0, 0, SHOW, "", "status",
	  "Interfaces, mode, place in the chain, versions, table sizes and fill." },
	{ "doctor", command_doctor, 0, 1, SHOW, "[IFNAME]", "doctor",
	  "What commonly keeps packets from flowing, each with what to do about it." },
	{ "explain", command_explain, 0, 1, SHOW "aieLCqH",
	  "[--iface IFNAME] [--src ADDR[:PORT]] [--flags FLAGS] [--length N] SERVICE\n"
	  "      | --pcap FILE [--packet N] | --hex TEXT",
	  "explain --src 198.51.100.7:40000 192.0.2.10:80/tcp",
	  "What the attached program would do with a packet, and why; nothing is changed." },
	{ "attach-replies", command_attach_replies, 0, ANY, WHICH, "[IFNAME...]", "attach-replies",
	  "Attaches what listeners' replies need, where xdp-loader has attached the balancer." },
	{ "set-backends", command_set_backends, 1, ANY, SERVICE, "SERVICE [OPTION]... BACKEND...",
	  "set-backends 192.0.2.10:80/tcp 10.0.0.1:8080,weight=3 10.0.0.2:8080",
	  "Makes the service if it is new; its backends become exactly these, in one step." },
	{ "set-service", command_set_service, 1, 1, SERVICE, "SERVICE OPTION...",
	  "set-service 192.0.2.10:80/tcp --scheduler wlc --affinity client,600",
	  "Changes options of a service; its backends stay." },
	{ "add-backend", command_add_backend, 2, ANY, WHICH, "SERVICE BACKEND...",
	  "add-backend 192.0.2.10:80/tcp 10.0.0.3:8080", "Adds backends to a service." },
	{ "del-backend", command_del_backend, 2, ANY, WHICH, "SERVICE BACKEND...",
	  "del-backend 192.0.2.10:80/tcp 10.0.0.3:8080",
	  "Takes backends out of a service; flows they have go on." },
	{ "set-weight", command_set_weight, 3, 3, WHICH, "SERVICE BACKEND WEIGHT",
	  "set-weight 192.0.2.10:80/tcp 10.0.0.1:8080 5", "Changes the weight of one backend." },
	{ "set-state", command_set_state, 3, 3, WHICH, "SERVICE BACKEND up|drain|down|backup",
	  "set-state 192.0.2.10:80/tcp 10.0.0.1:8080 down", "Changes the state of one backend." },
	{ "drain", command_drain, 0, 3, WHICH "w", "[SERVICE BACKEND] [--wait [SECONDS]]",
	  "drain 192.0.2.10:80/tcp 10.0.0.1:8080 --wait 600",
	  "No new flows for a backend; with --wait, until it has none left. Without one: the "
	  "whole balancer's addresses are withdrawn." },
	{ "undrain", command_undrain, 0, 0, "", "", "undrain",
	  "A balancer that was drained as a whole announces its addresses again." },
	{ "del-service", command_del_service, 1, 1, WHICH, "SERVICE",
	  "del-service 192.0.2.10:80/tcp", "Removes a service; packets to it are passed on." },
	{ "flush", command_flush, 0, 0, WHICH, "", "flush", "Removes all services." },
	{ "apply", command_apply, 1, 1, SHOW "D", "FILE [--dry-run]",
	  "apply /etc/xdplb/xdplb.yaml --dry-run",
	  "Makes the balancer match a file, all or nothing; with --dry-run, shows the "
	  "difference." },
	{ "save", command_save, 0, 0, SHOW, "", "save >/etc/xdplb/xdplb.yaml",
	  "Prints the balancer as a file for apply." },
	{ "set", command_set, 0, ANY, SHOW,
	  "[echo=on|off] [gue-port=PORT] [icmp-rate=N] [registration-port=PORT] "
	  "[seed=HEX32|random]",
	  "set echo=off", "Shows the balancer's settings, or changes some." },
	{ "backend-setup", command_backend_setup, 1, 2, SHOW, "SERVICE [BACKEND]",
	  "backend-setup 192.0.2.10:80/tcp", "Prints what to type on the backends." },
	{ "register", command_register, 1, 1, "tglrbnK",
	  "SERVICE --port PORT [--weight N] [--ttl SECONDS] [--renew | --goodbye]\n"
	  "      [--registration-key FILE] [--registration-port PORT]",
	  "register 192.0.2.10:80/tcp --port 8080 --weight 3 --renew",
	  "Registers a listener on this machine, or says goodbye for it." },
	{ "registrar", command_registrar, 0, 1, SHOW, "[SERVICE]", "registrar",
	  "Takes registrations of services with --registration user, and prints each." },
	{ "list", command_list, 0, 1, SHOW, "[SERVICE]", "list",
	  "Services, backends, weights, states." },
	{ "stats", command_stats, 0, 1, SHOW "cx", "[SERVICE] [--watch | --prometheus]",
	  "stats --watch",
	  "Counters, once; rates with --watch; for Prometheus' textfile collector." },
	{ "flows", command_flows, 0, 2, SHOW, "[SERVICE [BACKEND]]",
	  "flows 192.0.2.10:80/tcp 10.0.0.1:8080", "The flows that are remembered." },
	{ "monitor", command_monitor, 0, 1, WHICH "j", "[SERVICE]", "monitor 192.0.2.10:80/tcp",
	  "New flows, drops and registrations as they happen." },
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

static int version(void)
{
	printf("xdplb-config %s, ABI %d\n", XDPLB_VERSION, XDPLB_ABI);
	return 0;
}

/* What the letters of a command's options mean, where that is not one of a service. */
static const struct {
	char letter;
	const char *text;
} meanings[] = {
	{ 'm', "-m native|skb|unspecified   where in the kernel; native, and skb on lo" },
	{ 'E', "--encap                     the program that ipip and gue need" },
	{ 'N', "--flows N                   room for so many, 64 to 67108864; 1048576" },
	{ 'P', "-P PRIO                     place in the chain, 1 to 10000; 20" },
	{ 'k', "--keep-maps                 services and flows stay for the next load" },
	{ 'w',
	  "--wait [SECONDS]            until no flow is left, or no packet comes, or so long" },
	{ 'D', "--dry-run                   changes nothing, shows what would" },
	{ 'c', "--watch                     rates, once a second; q leaves" },
	{ 'x', "--prometheus                text for the textfile collector" },
	{ 't', "--port PORT                 the listener's" },
	{ 'g', "--weight N                  1 to 65535; 1" },
	{ 'l', "--ttl SECONDS               the registration's lifetime, 1 to 65535; 30" },
	{ 'r', "--renew                     goes on, and says goodbye at the end" },
	{ 'b', "--goodbye                   ends a registration" },
	{ 'n', "--registration-port PORT    of the balancer; 7475" },
	{ 'i', "--iface IFNAME              by which it comes in; the balancer's first" },
	{ 'a', "--src ADDR[:PORT]           from whom" },
	{ 'e', "--flags FLAGS               of TCP, as ACK,PSH; SYN, or ACK once connected" },
	{ 'L', "--length N                  bytes of the frame, zeros at its end" },
	{ 'C', "--pcap FILE                 the packet is in a capture" },
	{ 'q', "--packet N                  the Nth of it; 1" },
	{ 'H', "--hex TEXT                  the packet, from Ethernet on, in hexadecimal" },
	{ 'd', "-d IFNAME                   which balancer: the one on this interface," },
	{ 'p', "-p PINDIR                   or pinned there; neither: the only one here" },
	{ 'j', "-j, --pretty                JSON, indented" },
};

static const char *meaning_of(const struct command *command, size_t i)
{
	bool makes = meanings[i].letter == 'p' && !strchr(command->options, 'd');

	return makes ? "-p DIR                      where its maps are pinned; /sys/fs/bpf/xdplb" :
		       meanings[i].text;
}

static int command_usage(const struct command *command)
{
	bool service = strstr(command->usage, "OPTION");

	printf("usage: xdplb-config %s%s%s\n\n%s\n\n", command->name, *command->usage ? " " : "",
	       command->usage, command->about);
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (strchr(command->options, meanings[i].letter))
			printf("  %s\n", meaning_of(command, i));
	if (strchr(command->options, 'K') && !service)
		printf("  --registration-key FILE     with 32 hexadecimal digits\n");
	if (service)
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

int main(int argc, char **argv)
{
	const struct command *command;
	int err;

	streams_open();
	refusal_listen();
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")))
		err = usage(stdout);
	else if (argc == 2 && !strcmp(argv[1], "--version"))
		err = version();
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
