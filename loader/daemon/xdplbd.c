// SPDX-License-Identifier: GPL-2.0-only
/* xdplbd: health checks for a balancer. What lies where is told in daemon.h. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "../daemon_lock.h"
#include "../error.h"
#include "../refusal.h"
#include "act.h"
#include "announcer.h"
#include "daemon.h"
#include "http.h"
#include "log.h"
#include "look.h"
#include "passive.h"
#include "probe.h"
#include "process.h"
#include "web.h"

#define RETRY_US 20000ULL
#define STOP_SECONDS 10 /* for what comes after a withdrawal */

static const char usage[] =
	"usage: xdplbd [-d IFNAME | -p PINDIR] [-t] FILE\n\n"
	"Applies a file as xdplb.yaml(5) writes it, checks the backends and takes the failed ones\n"
	"out of their services. SIGHUP has it read the file again.\n\n"
	"  -d IFNAME   which balancer: the one on this interface,\n"
	"  -p PINDIR   or pinned there; neither: the only one here\n"
	"  -t          only says whether the file can be read\n\n"
	"example: xdplbd /etc/xdplb/xdplb.yaml\n";

/* ---- descriptors -------------------------------------------------------------------------------
 */

/* A check needs a descriptor: as many as may be. */
static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- signals -----------------------------------------------------------------------------------
 */

static void reloading_notify(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   now.tv_sec * 1000000ULL + now.tv_nsec / 1000);
}

static void reload(struct daemon *daemon)
{
	int err = daemon_load(daemon, false);
	struct event event;

	if (err == -EBUSY) {
		sd_event_source_set_time_relative(daemon->retry, RETRY_US);
		sd_event_source_set_enabled(daemon->retry, SD_EVENT_ONESHOT);
		return;
	}
	if (err) {
		event_begin(&event, LOG_ERR, "reload-failed");
		event_add(&event, "file", "%s", daemon->file);
		event_add(&event, "what", "%s", "what was in force stays in force");
		event_say(&event);
	}
	sd_notify(0, "READY=1");
}

static int on_retry(sd_event_source *source, uint64_t at, void *context)
{
	(void)source, (void)at;
	reload(context);
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	(void)source, (void)info;
	log_anew();
	reloading_notify();
	reload(context);
	return 0;
}

static int on_held(sd_event_source *source, uint64_t at, void *context)
{
	struct daemon *daemon = context;

	(void)source, (void)at;
	return sd_event_exit(daemon->event, 0);
}

static void ends_say(const char *what)
{
	struct event event;

	event_begin(&event, LOG_NOTICE, "ends");
	event_add(&event, "what", "%s", what);
	event_say(&event);
}

/* Somebody may have lowered the limit since, below what is open. */
static void reserve_use(struct daemon *daemon)
{
	descriptors_raise();
	if (daemon->reserve >= 0)
		close(daemon->reserve);
	daemon->reserve = -1;
}

/*
 * Addresses are withdrawn first, and traffic has some time to go elsewhere before
 * whoever stops us goes on. A second signal does not wait.
 */
static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct daemon *daemon = context;
	int hold;

	(void)source, (void)info;
	ends_say("told to; the balancer goes on as it is");
	reserve_use(daemon);
	hold = announcer_withdraw(daemon);
	if (!hold)
		return sd_event_exit(daemon->event, 0);
	sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu", (hold + STOP_SECONDS) * 1000000ULL);
	return sd_event_add_time_relative(daemon->event, NULL, CLOCK_MONOTONIC, hold * 1000000ULL,
					  1000, on_held, daemon);
}

/* For who starts another one at once: addresses stay announced. */
static int on_quit(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct daemon *daemon = context;

	(void)source, (void)info;
	ends_say("told that another one is to go on");
	return sd_event_exit(daemon->event, 0);
}

static int signals_begin(struct daemon *daemon)
{
	sigset_t signals;
	int err;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	err = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hangup, daemon);
	if (err >= 0)
		err = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_stop, daemon);
	if (err >= 0)
		err = sd_event_add_signal(daemon->event, NULL, SIGINT, on_stop, daemon);
	if (err >= 0)
		err = sd_event_add_signal(daemon->event, NULL, SIGQUIT, on_quit, daemon);
	if (err >= 0)
		err = sd_event_add_time(daemon->event, &daemon->retry, CLOCK_MONOTONIC, 0, 1000,
					on_retry, daemon);
	if (err >= 0)
		err = sd_event_source_set_enabled(daemon->retry, SD_EVENT_OFF);
	return err < 0 ? fail(err, "cannot wait for signals: %s", strerror(-err)) : 0;
}

/* ---- begin and end -----------------------------------------------------------------------------
 */

static int daemon_begin(struct daemon *daemon)
{
	int err = sd_event_new(&daemon->event);

	if (err < 0)
		return fail(err, "cannot begin to wait for events: %s", strerror(-err));
	daemon->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	process_begin();
	err = signals_begin(daemon);
	if (!err)
		err = web_begin(daemon);
	if (!err)
		err = act_begin(daemon);
	if (!err)
		err = announcer_begin(daemon);
	if (!err)
		err = passive_begin(daemon);
	if (!err)
		err = look_begin(daemon);
	if (!err)
		err = http_begin(daemon);
	return err ? err : daemon_load(daemon, true);
}

static void daemon_end(struct daemon *daemon)
{
	reserve_use(daemon);
	http_end(daemon);
	look_end(daemon);
	daemon_free(daemon);
	passive_end(daemon);
	probe_end(daemon);
	act_end(daemon);
	announcer_end(daemon);
	web_free(daemon);
	sd_event_source_disable_unref(daemon->retry);
	sd_event_unref(daemon->event);
}

/* Traffic goes on as last set: nothing is undone at the end. */
static int daemon_run(struct daemon *daemon)
{
	int err = daemon_lock();

	if (!err)
		err = daemon_begin(daemon);
	if (!err) {
		sd_event_set_watchdog(daemon->event, true);
		sd_notify(0, "READY=1");
		err = sd_event_loop(daemon->event);
		sd_notify(0, "STOPPING=1");
		if (err < 0)
			fail(err, "the loop has ended: %s", strerror(-err));
	}
	daemon_end(daemon);
	return err;
}

static int file_test(const char *path)
{
	struct configuration configuration;
	int err = configuration_read(path, &configuration);

	if (!err)
		configuration_free(&configuration);
	return err;
}

int main(int argc, char **argv)
{
	struct daemon daemon = { .reserve = -1 };
	bool test = false;
	int option, err;

	if (argc > 1 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) < 0;
	if (argc == 2 && !strcmp(argv[1], "--version"))
		return printf("xdplbd %s, ABI %d\n", XDPLB_VERSION, XDPLB_ABI) < 0;
	while ((option = getopt(argc, argv, "d:p:t")) >= 0) {
		if (option == 'd')
			daemon.choice.interface = optarg;
		else if (option == 'p')
			daemon.choice.pins = optarg;
		else if (option == 't')
			test = true;
		else
			return fputs(usage, stderr), 2;
	}
	if (argc - optind != 1)
		return fputs(usage, stderr), 2;
	daemon.file = argv[optind];
	log_begin(false);
	refusal_listen();
	descriptors_raise();
	srandom(time(NULL) ^ getpid());
	err = test ? file_test(daemon.file) : daemon_run(&daemon);
	return err == -EUSAGE ? 2 : err ? 1 : 0;
}
