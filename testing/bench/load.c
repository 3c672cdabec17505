// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams to UDP listeners, whose answers are looked at and timed.
 *
 *	load ADDRESS PORT[,PORT]... ping|closed|open SECONDS [RATE]
 *
 * ping: one datagram at a time. closed: a fixed number on their way, each
 * answer lets the next go. open: RATE a second, answered or not. Several ports
 * are taken by the sockets in turn. Prints, on one line:
 *
 *	answers a second; nanoseconds of CPU time that the whole machine spent
 *	for each; median and 99th percentile of their time, in microseconds; what
 *	part of them the busiest listener gave; what part of the datagrams was
 *	answered
 *
 * Fails when an answer is not what was sent, comes twice or, but for `open`, not
 * at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define SOCKETS 64
#define WINDOW 2 /* datagrams of a socket that are on their way, closed */
#define BATCH 32
#define RING 65536 /* datagrams of a socket, of which it is known whether they were answered */
#define TIMES (1 << 22)
#define PATIENCE_NS 2000000000LL /* after which an answer is lost */
#define NS 1000000000LL
#define BEGIN_TRIES 20
#define BEGIN_MS 100 /* between them */

enum mode {
	PING,
	CLOSED,
	OPEN,
};

struct socket {
	int fd;
	uint32_t first; /* number of the first that is measured */
	uint32_t sent;
	uint64_t waiting[RING / 64]; /* bit n: datagram n modulo RING has not been answered */
};

struct load {
	struct socket socket[SOCKETS];
	int sockets;
	int epoll;
	uint32_t *times; /* nanoseconds, TIMES of them */
	uint64_t answers;
	uint64_t answers_of[LOAD_LISTENERS];
};

struct result {
	uint64_t answers;
	uint64_t sent;
	int64_t elapsed;
	int64_t busy; /* nanoseconds of all CPUs */
};

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void wrong(const char *what, int n, const struct load_datagram *datagram)
{
	fprintf(stderr, "load: socket %d: an answer %s: socket %u, number %u, listener %u\n", n,
		what, datagram->socket, datagram->number, datagram->listener);
	exit(1);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NS + time.tv_nsec;
}

/* Nanoseconds that CPUs were idle, so far: those are counted exactly, the busy ones by samples. */
static int64_t idle_time(void)
{
	unsigned long long idle, wait;
	FILE *file = fopen("/proc/stat", "r");

	if (!file || fscanf(file, "cpu %*u %*u %*u %llu %llu", &idle, &wait) != 2)
		die("/proc/stat");
	fclose(file);
	return (idle + wait) * (NS / sysconf(_SC_CLK_TCK));
}

/* ---- one socket ------------------------------------------------------------------------ */

static void socket_open(struct load *load, int n, const struct sockaddr_in *to)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = n };
	struct socket *s = &load->socket[n];
	int room = LOAD_ROOM;

	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    connect(s->fd, (const struct sockaddr *)to, sizeof(*to)) ||
	    epoll_ctl(load->epoll, EPOLL_CTL_ADD, s->fd, &event))
		die("socket");
}

static void datagram_fill(struct load_datagram *datagram, uint16_t socket, uint32_t number)
{
	memset(datagram, 0, sizeof(*datagram));
	datagram->number = number;
	datagram->socket = socket;
	datagram->run = getpid();
	datagram->sent = now();
	for (size_t i = 0; i < sizeof(datagram->rest); i++)
		datagram->rest[i] = number + i;
}

/* Sends up to BATCH datagrams; how many went. */
static int socket_send(struct load *load, int n, int count)
{
	struct socket *s = &load->socket[n];
	struct load_datagram datagram[BATCH];
	struct mmsghdr message[BATCH] = {};
	struct iovec part[BATCH];
	int sent;

	for (int i = 0; i < count; i++) {
		datagram_fill(&datagram[i], n, s->sent + i);
		part[i] = (struct iovec){ &datagram[i], sizeof(datagram[i]) };
		message[i].msg_hdr.msg_iov = &part[i];
		message[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(s->fd, message, count, 0);
	if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
		die("send");
	for (int i = 0; i < sent; i++, s->sent++)
		s->waiting[s->sent % RING / 64] |= 1ULL << s->sent % 64;
	return sent < 0 ? 0 : sent;
}

/*
 * An answer must be right in every respect, and the first to its datagram. 0: it comes late, to one
 * that is not measured.
 */
static int answer_take(struct load *load, int n, const struct load_datagram *got, size_t size)
{
	struct socket *s = &load->socket[n];
	uint64_t bit = 1ULL << got->number % 64;
	struct load_datagram same;

	datagram_fill(&same, n, got->number);
	if (size == sizeof(*got) && (got->run != same.run || got->number < s->first))
		return 0;
	if (load->answers < TIMES)
		load->times[load->answers] = same.sent - got->sent;
	same.sent = got->sent;
	same.listener = got->listener;
	if (size != sizeof(*got) || memcmp(&same, got, sizeof(same)) ||
	    got->listener >= LOAD_LISTENERS)
		wrong("is not what was sent", n, got);
	if (s->sent - got->number > RING || !(s->waiting[got->number % RING / 64] & bit))
		wrong("is to nothing that was sent, or the second", n, got);
	s->waiting[got->number % RING / 64] &= ~bit;
	load->answers_of[got->listener]++;
	load->answers++;
	return 1;
}

/* Takes up to BATCH answers; how many there were. */
static int socket_receive(struct load *load, int n)
{
	struct load_datagram datagram[BATCH];
	struct mmsghdr message[BATCH] = {};
	struct iovec part[BATCH];
	int got, taken = 0;

	for (int i = 0; i < BATCH; i++) {
		part[i] = (struct iovec){ &datagram[i], sizeof(datagram[i]) };
		message[i].msg_hdr.msg_iov = &part[i];
		message[i].msg_hdr.msg_iovlen = 1;
	}
	got = recvmmsg(load->socket[n].fd, message, BATCH, 0, NULL);
	if (got < 0 && errno != EAGAIN && errno != ECONNREFUSED)
		die("receive");
	for (int i = 0; i < got; i++)
		taken += answer_take(load, n, &datagram[i], message[i].msg_len);
	return taken;
}

/* ---- all of them ------------------------------------------------------------------------- */

/* Takes what has come, waiting so many milliseconds for the first. In `closed`, as much goes. */
static void answers_wait(struct load *load, int milliseconds, bool sending)
{
	struct epoll_event event[SOCKETS];
	int ready = epoll_wait(load->epoll, event, SOCKETS, milliseconds);

	for (int i = 0; i < ready; i++) {
		int n = event[i].data.u32, got = socket_receive(load, n);

		if (sending && got && socket_send(load, n, got) != got)
			die("send");
	}
}

/* Datagrams that are measured. */
static uint64_t sent_total(const struct load *load)
{
	uint64_t sum = 0;

	for (int i = 0; i < load->sockets; i++)
		sum += load->socket[i].sent - load->socket[i].first;
	return sum;
}

/* Waits for the answers that are on their way. */
static void answers_finish(struct load *load)
{
	int64_t end = now() + PATIENCE_NS;

	while (load->answers < sent_total(load) && now() < end)
		answers_wait(load, 10, false);
}

/*
 * Each socket's first datagram, before anything is measured: one after the other and as often as
 * it takes, because socat mixes up clients that begin at once, and is not there in between.
 */
static void sockets_begin(struct load *load)
{
	for (int i = 0; i < load->sockets; i++) {
		struct socket *s = &load->socket[i];

		load->answers = 0;
		for (int try = 0; try < BEGIN_TRIES && !load->answers; try++) {
			usleep(try * 1000);
			socket_send(load, i, 1);
			answers_wait(load, BEGIN_MS, false);
		}
		if (!load->answers) {
			fprintf(stderr, "load: socket %d gets no answer\n", i);
			exit(1);
		}
		s->first = s->sent;
	}
	load->answers = 0;
	memset(load->answers_of, 0, sizeof(load->answers_of));
}

static void closed_run(struct load *load, int64_t end, int window)
{
	for (int i = 0; i < load->sockets; i++)
		if (socket_send(load, i, window) != window)
			die("send");
	while (now() < end)
		answers_wait(load, 100, true);
}

static void open_run(struct load *load, int64_t begin, int64_t end, long rate)
{
	uint64_t sent = 0;
	int n = 0;

	for (int64_t time = begin; time < end; time = now()) {
		uint64_t due = (time - begin) * rate / NS;

		for (; sent < due; n = (n + 1) % load->sockets) {
			uint64_t count = due - sent < BATCH ? due - sent : BATCH;

			sent += socket_send(load, n, count);
		}
		answers_wait(load, 1, false);
	}
}

static struct result load_run(struct load *load, enum mode mode, double seconds, long rate)
{
	struct result result = { .elapsed = now(), .busy = -idle_time() };
	int64_t end = result.elapsed + (int64_t)(seconds * NS);

	if (mode == OPEN)
		open_run(load, result.elapsed, end, rate);
	else
		closed_run(load, end, mode == PING ? 1 : WINDOW);
	result.answers = load->answers;
	result.sent = sent_total(load);
	result.elapsed = now() - result.elapsed;
	result.busy += idle_time();
	result.busy = result.elapsed * sysconf(_SC_NPROCESSORS_ONLN) - result.busy;
	answers_finish(load);
	if (mode != OPEN && load->answers != sent_total(load)) {
		fprintf(stderr, "load: %llu of %llu datagrams were not answered\n",
			(unsigned long long)(sent_total(load) - load->answers),
			(unsigned long long)sent_total(load));
		exit(1);
	}
	return result;
}

/* ---- the command -------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void result_print(struct load *load, const struct result *result)
{
	uint64_t count = load->answers < TIMES ? load->answers : TIMES, most = 0;

	if (!result->answers) {
		fprintf(stderr, "load: nothing was answered\n");
		exit(1);
	}
	qsort(load->times, count, sizeof(*load->times), compare);
	for (int i = 0; i < LOAD_LISTENERS; i++)
		if (load->answers_of[i] > most)
			most = load->answers_of[i];
	printf("%.0f %.0f %.1f %.1f %.4f %.4f\n", (double)result->answers * NS / result->elapsed,
	       (double)result->busy / result->answers, load->times[count / 2] / 1000.,
	       load->times[count * 99 / 100] / 1000., (double)most / load->answers,
	       (double)load->answers / sent_total(load));
}

static void load_open(struct load *load, const char *address, char *ports, int sockets)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	char *port[LOAD_LISTENERS];
	int count = 0;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		die(address);
	for (char *word = strtok(ports, ","); word && count < LOAD_LISTENERS;
	     word = strtok(NULL, ","))
		port[count++] = word;
	load->times = calloc(TIMES, sizeof(*load->times));
	load->epoll = epoll_create1(0);
	if (!count || !load->times || load->epoll < 0)
		die("ports");
	load->sockets = sockets;
	for (int i = 0; i < sockets; i++) {
		to.sin_port = htons(atoi(port[i % count]));
		socket_open(load, i, &to);
	}
}

int main(int argc, char **argv)
{
	static const char *const modes[] = {
		[PING] = "ping", [CLOSED] = "closed", [OPEN] = "open"
	};
	static struct load load;
	struct result result;
	int mode = 0;

	while (argc > 4 && mode <= OPEN && strcmp(argv[3], modes[mode]))
		mode++;
	if (argc < 5 || mode > OPEN || (mode == OPEN && argc < 6)) {
		fprintf(stderr, "usage: load ADDRESS PORT[,PORT]... ping|closed|open SECONDS "
				"[RATE]\n");
		return 2;
	}
	load_open(&load, argv[1], argv[2], mode == PING ? 1 : SOCKETS);
	sockets_begin(&load);
	result = load_run(&load, mode, atof(argv[4]), mode == OPEN ? atol(argv[5]) : 0);
	result_print(&load, &result);
	return 0;
}
