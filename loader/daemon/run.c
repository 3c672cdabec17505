// SPDX-License-Identifier: GPL-2.0-only
#include "run.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../error.h"

#define COMMANDS_MOST 64 /* at once, killed ones that have not ended yet included */
#define WORDS 6
#define WORD_ROOM 1024

struct command_run {
	struct daemon *daemon;
	struct watched_backend *backend; /* NULL: nobody waits for it any more */
	sd_event_source *child, *output;
	pid_t pid;
	int fd; /* what it says */
	size_t length;
	char said[CHECK_REASON];
};

static void run_free(struct command_run *run)
{
	sd_event_source_disable_unref(run->child);
	sd_event_source_disable_unref(run->output);
	if (run->fd >= 0)
		close(run->fd);
	run->daemon->commands--;
	free(run);
}

bool run_has_room(const struct daemon *daemon)
{
	return daemon->commands < COMMANDS_MOST;
}

/* Reads what fits; the rest is read and forgotten, so that nobody waits for room. */
static void output_read(struct command_run *run)
{
	char rest[4096];
	ssize_t got;

	/* A few pieces: a command that never stops talking must not keep us. */
	for (int i = 0; i < 16; i++) {
		size_t room = sizeof(run->said) - 1 - run->length;

		got = read(run->fd, room ? run->said + run->length : rest,
			   room ? room : sizeof(rest));
		if (got <= 0)
			break;
		run->length += room ? got : 0;
	}
	run->said[run->length] = '\0';
	run->said[strcspn(run->said, "\r\n")] = '\0';
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *context)
{
	(void)fd;
	output_read(context);
	if (events & (EPOLLHUP | EPOLLERR))
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *context)
{
	struct command_run *run = context;
	struct watched_backend *backend = run->backend;
	bool passed = info->si_code == CLD_EXITED && info->si_status == 0;
	char reason[CHECK_REASON];

	(void)source;
	if (!backend) {
		run_free(run);
		return 0;
	}
	output_read(run);
	snprintf(reason, sizeof(reason), "%s %d%s%.100s",
		 info->si_code == CLD_EXITED ? "status" : "signal", info->si_status,
		 *run->said ? ": " : "", run->said);
	kill(-run->pid, SIGKILL); /* what it left behind */
	run_free(run);
	check_result(backend, passed ? CHECK_PASSED : CHECK_FAILED, reason);
	return 0;
}

void run_end(struct command_run *run)
{
	if (!run)
		return;
	/* It stays until the kernel has it ended. */
	run->backend = NULL;
	run->output = sd_event_source_disable_unref(run->output);
	kill(-run->pid, SIGKILL);
}

/* What the command is told: where the backend is. */
static void environment_make(const struct watched_backend *backend, char word[WORDS][WORD_ROOM],
			     char *environment[WORDS + 1])
{
	const char *path = getenv("PATH");
	const struct check_options *options = backend->options;
	char service[ADDRESS_TEXT], address[ADDRESS_TEXT], place[ADDRESS_TEXT];

	snprintf(word[0], sizeof(word[0]), "PATH=%s",
		 path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
	snprintf(word[1], sizeof(word[1]), "XDPLB_SERVICE=%s",
		 service_text(&backend->service->at, service));
	snprintf(word[2], sizeof(word[2]), "XDPLB_BACKEND=%s", watched_text(backend, place));
	snprintf(word[3], sizeof(word[3]), "XDPLB_ADDRESS=%s",
		 address_text(backend->place.addr, address));
	snprintf(word[4], sizeof(word[4]), "XDPLB_PORT=%u", ntohs(backend->place.port));
	snprintf(word[5], sizeof(word[5]), "XDPLB_TIMEOUT=%u.%03u", options->timeout / 1000,
		 options->timeout % 1000);
	for (int i = 0; i < WORDS; i++)
		environment[i] = word[i];
	environment[WORDS] = NULL;
}

static int command_spawn(const struct watched_backend *backend, int out, pid_t *pid)
{
	char *arguments[] = { "sh", "-c", (char *)backend->options->command, NULL };
	char word[WORDS][WORD_ROOM], *environment[WORDS + 1];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int err;

	environment_make(backend, word, environment);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, out, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	err = posix_spawn(pid, "/bin/sh", &files, &attributes, arguments, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return -err;
}

static int run_start(struct command_run *run)
{
	sd_event *event = run->backend->service->daemon->event;
	int pipes[2], err;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	run->fd = pipes[0];
	fcntl(run->fd, F_SETFL, O_NONBLOCK);
	err = command_spawn(run->backend, pipes[1], &run->pid);
	close(pipes[1]);
	if (err)
		return err;
	err = sd_event_add_child(event, &run->child, run->pid, WEXITED, on_child, run);
	if (err >= 0)
		err = sd_event_add_io(event, &run->output, run->fd, EPOLLIN, on_output, run);
	if (err < 0) {
		kill(-run->pid, SIGKILL);
		waitpid(run->pid, NULL, 0);
	}
	return err < 0 ? err : 0;
}

void run_begin(struct watched_backend *backend)
{
	struct command_run *run = calloc(1, sizeof(*run));
	int err = -ENOMEM;

	if (run) {
		run->fd = -1;
		run->backend = backend;
		run->daemon = backend->service->daemon;
		run->daemon->commands++;
		err = run_start(run);
	}
	backend->check.run = run;
	if (!err)
		return;
	if (run)
		run_free(run);
	check_result(backend, CHECK_NOT_RUN, strerror(-err));
}
