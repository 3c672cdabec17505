// SPDX-License-Identifier: GPL-2.0-only
/*
 * monitor: new flows, drops and registrations as they happen. It holds nobody
 * up: once the balancer is found, it lets go of the lock, and the program stops
 * telling when it is not told again and again that somebody listens.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "flows.h"
#include "monitor.h"
#include "services.h"

#define LOCK_FILE "/run/xdplb-monitor.lock"
#define STEP_MS 200
#define WATCHED_SECONDS 3 /* at a time */

struct watch {
	struct balancer balancer;
	bool json;
	struct service_address only; /* protocol 0: all */
	struct ring_buffer *ring;
	int lock;
	int ends; /* a signal to end, when it can be read */
	__u32 told; /* second in which the program was last told that somebody listens */
	bool showing; /* what is in the ring is not from before */
};

/* ---- one reader ------------------------------------------------------------------ */

/*
 * An event goes to one reader alone. The lock is of one byte, at the balancer's
 * id, so that the file is one for all balancers; it ends with its holder.
 */
static int watch_lock(struct watch *watch)
{
	struct flock byte = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = balancer_id(&watch->balancer),
			      .l_len = 1 };

	watch->lock = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (watch->lock < 0)
		return fail(errno, "%s: %s; monitor needs this lock", LOCK_FILE, strerror(errno));
	if (!fcntl(watch->lock, F_SETLK, &byte))
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return fail(errno, "%s: %s", LOCK_FILE, strerror(errno));
	fcntl(watch->lock, F_GETLK, &byte);
	return fail(EBUSY,
		    "another monitor watches this balancer already (process %d), and an event goes "
		    "to one alone: end that first",
		    byte.l_type == F_UNLCK ? 0 : byte.l_pid);
}

/* Says once a second that somebody listens. */
static void watch_tell(struct watch *watch)
{
	__u32 now = clock_seconds();

	if (watch->told == now)
		return;
	watch->told = now;
	__atomic_store_n(&watch->balancer.config->watched_until, now + WATCHED_SECONDS,
			 __ATOMIC_RELAXED);
}

/* ---- output ---------------------------------------------------------------------- */

/*
 * Writes a line when there is room for it: who reads may take long, and a signal
 * shall end it meanwhile. -EPIPE: nobody reads any more, -EINTR: it is to end.
 */
static int line_write(const struct watch *watch, const char *line, size_t length)
{
	struct pollfd wait[] = { { .fd = STDOUT_FILENO, .events = POLLOUT },
				 { .fd = watch->ends, .events = POLLIN } };

	while (length) {
		ssize_t done = 0;

		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return fail(errno, "cannot wait for the output: %s", strerror(errno));
		if (wait[1].revents)
			return -EINTR;
		if (wait[0].revents)
			done = write(STDOUT_FILENO, line, length);
		if (done < 0 && errno == EPIPE)
			return -EPIPE;
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return fail(errno, "cannot write the output: %s", strerror(errno));
		if (done > 0) {
			line += done;
			length -= done;
		}
	}
	return 0;
}

static int text_show(const struct watch *watch, const struct xdplb_event *event,
		     const struct service_address *service)
{
	char line[MONITOR_TEXT];
	size_t length = strlen(monitor_text(event, service, line));

	line[length] = '\n'; /* in the place of its end */
	return line_write(watch, line, length + 1);
}

static int json_show(const struct watch *watch, const struct xdplb_event *event,
		     const struct service_address *service)
{
	struct json_object *object;
	struct timespec now;
	const char *text;
	int err;

	clock_gettime(CLOCK_REALTIME, &now);
	object = monitor_json(event, service, &now);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE |
							      JSON_C_TO_STRING_SPACED);
	err = line_write(watch, text, strlen(text));
	json_object_put(object);
	return err ? err : line_write(watch, "\n", 1);
}

/* ---- events ---------------------------------------------------------------------- */

static bool is_asked_for(const struct watch *watch, const struct service_address *service)
{
	const struct service_address *only = &watch->only;

	return !only->proto || (service->proto == only->proto && service->port == only->port &&
				same_address(service->addr, only->addr));
}

/* Shows an event of the ring, or forgets it. -EAGAIN: it is time to look up from the ring. */
static int event_take(void *context, void *data, size_t size)
{
	struct watch *watch = context;
	const struct xdplb_event *event = data;
	const struct xdplb_service *record = NULL;
	struct service_address service;
	int err = 0;

	if (watch->showing && size >= sizeof(*event)) {
		if (event->service && event->service < XDPLB_SERVICES)
			record = &watch->balancer.services[event->service];
		service = monitor_service(event, record);
		if (is_asked_for(watch, &service))
			err = watch->json ? json_show(watch, event, &service) :
					    text_show(watch, event, &service);
	}
	return err ? err : clock_seconds() != watch->told ? -EAGAIN : 0;
}

/* Until a signal comes, or nobody reads what it writes. */
static int watch_run(struct watch *watch)
{
	struct pollfd wait[] = { { .fd = ring_buffer__epoll_fd(watch->ring), .events = POLLIN },
				 { .fd = STDOUT_FILENO }, /* tells by itself that nobody reads */
				 { .fd = watch->ends, .events = POLLIN } };
	int err = 0;

	while (err >= 0 || err == -EAGAIN) {
		watch_tell(watch);
		if (poll(wait, 3, STEP_MS) < 0 && errno != EINTR)
			return fail(errno, "cannot wait for events: %s", strerror(errno));
		if (wait[1].revents || wait[2].revents)
			return 0;
		err = ring_buffer__consume(watch->ring);
	}
	return err == -EPIPE || err == -EINTR ? 0 : err;
}

/* SIGHUP ends it but for nohup, who ignores that. */
static int ends_open(void)
{
	struct sigaction now;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	if (!sigaction(SIGHUP, NULL, &now) && now.sa_handler != SIG_IGN)
		sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &ends, SFD_CLOEXEC);
}

static int watch_begin(struct watch *watch)
{
	int err = watch_lock(watch);

	close(watch->balancer.lock); /* others may change the balancer while it is watched */
	watch->balancer.lock = -1;
	if (err)
		return err;
	watch->ends = ends_open();
	if (watch->ends < 0)
		return fail(errno, "cannot wait for signals: %s", strerror(errno));
	watch->ring = ring_buffer__new(watch->balancer.fd[MAP_EVENTS], event_take, watch, NULL);
	if (!watch->ring)
		return fail(errno, "cannot read xdplb_events: %s", strerror(errno));
	watch->told = clock_seconds();
	ring_buffer__consume(watch->ring); /* what one who was killed has left */
	watch->told = 0;
	watch->showing = true;
	err = watch_run(watch);
	__atomic_store_n(&watch->balancer.config->watched_until, 0, __ATOMIC_RELAXED);
	return err;
}

int command_monitor(struct options *options)
{
	struct watch watch = { .json = options->json, .lock = -1, .ends = -1 };
	int err = options->count ? parse_service(options->arguments[0], &watch.only) : 0;

	if (!err)
		err = balancer_open(&watch.balancer, &options->choice, false);
	if (err)
		return err;
	if (options->count)
		err = service_need(&watch.balancer, &watch.only);
	if (err >= 0)
		err = watch_begin(&watch);
	ring_buffer__free(watch.ring);
	if (watch.ends >= 0)
		close(watch.ends);
	if (watch.lock >= 0)
		close(watch.lock);
	balancer_close(&watch.balancer);
	return err < 0 ? err : 0;
}
