// SPDX-License-Identifier: GPL-2.0-only
/*
 * registrar: takes the registrations of services that have --registration user,
 * and tells of each. It holds the lock only while it applies some, and follows
 * what becomes of the services meanwhile.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "command.h"
#include "doors.h"
#include "error.h"
#include "names.h"
#include "output.h"
#include "services.h"
#include "show.h"
#include "tables.h"

#define BATCH 64 /* datagrams that are applied at once */
#define LOOK_MS 2000 /* how often it looks for services that have begun to need it, or ended */
#define LOOK_FAILED_MS 30000 /* the same while the balancer is not there */

struct registrar {
	const struct options *options;
	const struct service_address *only; /* NULL: all services */
	struct door *door;
	int doors;
	int signals; /* readable: it shall end */
};

/* A datagram on its way through. */
struct heard {
	struct datagram datagram;
	struct hearing hearing;
	const struct door *door;
};

/* ---- doors -------------------------------------------------------------------------- */

static bool is_wanted(const struct registrar *registrar, const struct balancer *balancer, __u32 id)
{
	const struct xdplb_service *service = &balancer->services[id];
	const struct service_address *only = registrar->only;
	const struct xdplb_table *table;

	if (!service->proto || !service_set(balancer, id))
		return false;
	table = table_of(balancer, id);
	return table && table->mode == XDPLB_REGISTRATION_USER &&
	       (!only || (service->port == only->port && service->proto == only->proto &&
			  same_address(service->addr, only->addr)));
}

static struct door *door_find(struct door *door, int doors, const struct door *like)
{
	for (int i = 0; i < doors; i++)
		if (door[i].port == like->port && same_address(door[i].addr, like->addr))
			return &door[i];
	return NULL;
}

/* The doors that are needed now, closed and each once; how many, or a negative errno. */
static int doors_list(const struct registrar *registrar, const struct balancer *balancer,
		      struct door **list)
{
	struct door *door = calloc(XDPLB_TABLES, sizeof(*door));
	int doors = 0;

	*list = door;
	if (!door)
		return fail(ENOMEM, "no memory");
	for (__u32 id = 1; id < XDPLB_SERVICES && doors < XDPLB_TABLES; id++) {
		struct door *next = &door[doors];

		if (!is_wanted(registrar, balancer, id))
			continue;
		memcpy(next->addr, balancer->services[id].addr, sizeof(next->addr));
		next->port = balancer->config->registration_port;
		next->fd[DOOR_LO] = next->fd[DOOR_OTHERS] = -1;
		doors += !door_find(door, doors, next);
	}
	return doors;
}

static void doors_close(struct registrar *registrar)
{
	for (int i = 0; i < registrar->doors; i++)
		door_close(&registrar->door[i]);
	free(registrar->door);
	registrar->door = NULL;
	registrar->doors = 0;
}

/*
 * Takes over the doors of a new list: those that are open already stay, the others
 * are opened. Why one cannot be is said once. 0, or a negative errno.
 */
static int doors_replace(struct registrar *registrar, struct door *list, int doors)
{
	int err = 0;

	for (int i = 0; i < doors; i++) {
		struct door *before = door_find(registrar->door, registrar->doors, &list[i]);

		if (before && !before->err) {
			list[i] = *before;
			before->fd[DOOR_LO] = before->fd[DOOR_OTHERS] = -1;
			continue;
		}
		if (door_open(&list[i]) && !(before && before->err == list[i].err))
			err = door_failed(&list[i]);
	}
	doors_close(registrar);
	registrar->door = list;
	registrar->doors = doors;
	return err;
}

/* Makes the doors fit the services that there are. 0, or a negative errno after an error line. */
static int doors_follow(struct registrar *registrar)
{
	struct balancer balancer;
	struct door *list;
	int err = balancer_open(&balancer, &registrar->options->choice, false), doors;

	if (err)
		return err;
	doors = doors_list(registrar, &balancer, &list);
	balancer_close(&balancer);
	return doors < 0 ? doors : doors_replace(registrar, list, doors);
}

/* Somebody needs it. 0, or a negative errno after an error line. */
static int doors_needed(const struct registrar *registrar)
{
	char text[ADDRESS_TEXT];

	if (registrar->doors)
		return 0;
	if (!registrar->only)
		return fail(ENOENT, "no service has its listeners registered here: xdplb-config "
				    "set-service SERVICE --registration user");
	service_text(registrar->only, text);
	return fail(ENOENT,
		    "%s: no such service, or its listeners are not registered here: xdplb-config "
		    "set-service %s --registration user",
		    text, text);
}

/* ---- telling ------------------------------------------------------------------------- */

static void print_heard(const struct heard *heard)
{
	const struct message *message = &heard->datagram.message;
	struct service_address at;
	char text[ADDRESS_TEXT];

	if (heard->hearing.reason != XDPLB_ANSWER_REGISTERED) {
		printf("registration from %s refused: %s\n",
		       endpoint_text(heard->datagram.from, heard->datagram.from_port, text),
		       reason_name(heard->hearing.reason));
		return;
	}
	datagram_service(&heard->datagram, &at);
	printf("registration %s :%u ", service_text(&at, text), ntohs(message->port));
	if (message->weight)
		printf("weight %u lifetime %u s\n", ntohs(message->weight),
		       ntohs(message->lifetime));
	else
		printf("goodbye\n");
}

static void json_add_registration(struct json_object *object, const struct message *message)
{
	char text[ADDRESS_TEXT];

	snprintf(text, sizeof(text), ":%u", ntohs(message->port));
	json_add_text(object, "backend", text);
	if (!message->weight)
		return;
	json_add_number(object, "weight", ntohs(message->weight));
	json_add_number(object, "lifetime", ntohs(message->lifetime));
}

static void json_heard(const struct heard *heard, bool pretty)
{
	const struct datagram *datagram = &heard->datagram;
	struct json_object *object = json_object_new_object();
	bool taken = heard->hearing.reason == XDPLB_ANSWER_REGISTERED;
	struct service_address at;
	char text[ADDRESS_TEXT];

	json_add_text(object, "event",
		      !taken		       ? "refused" :
		      datagram->message.weight ? "registered" :
						 "goodbye");
	json_add_text(object, "client", address_text(datagram->from, text));
	json_add_number(object, "client_port", ntohs(datagram->from_port));
	datagram_service(datagram, &at);
	if (datagram_is_sound(datagram))
		json_add_text(object, "service", service_text(&at, text));
	else
		json_object_object_add(object, "service", NULL);
	if (taken)
		json_add_registration(object, &datagram->message);
	else
		json_add_text(object, "reason", reason_name(heard->hearing.reason));
	json_print(object, pretty);
	json_object_put(object);
}

/* ---- hearing ------------------------------------------------------------------------- */

/* Takes what has come; how many datagrams. */
static int batch_receive(const struct registrar *registrar, struct heard *heard)
{
	int count = 0;

	for (int i = 0; i < DOOR_SOCKETS * registrar->doors; i++) {
		const struct door *door = &registrar->door[i / DOOR_SOCKETS];

		while (!door->err && count < BATCH &&
		       door_receive(door, i % DOOR_SOCKETS, &heard[count].datagram))
			heard[count++].door = door;
	}
	return count;
}

/* Answers and tells, when the lock is free again. */
static void batch_tell(const struct registrar *registrar, const struct heard *heard, int count)
{
	for (int i = 0; i < count; i++) {
		if (heard[i].hearing.answered)
			door_answer(heard[i].door, &heard[i].datagram, &heard[i].hearing.answer);
		if (registrar->options->json)
			json_heard(&heard[i], registrar->options->pretty);
		else
			print_heard(&heard[i]);
	}
	fflush(stdout);
}

/* Hears what has come. 0, or a negative errno after an error line: it is lost. */
static int batch_hear(const struct registrar *registrar)
{
	struct heard heard[BATCH];
	struct balancer balancer;
	int count = batch_receive(registrar, heard), err;

	if (!count)
		return 0;
	err = balancer_open(&balancer, &registrar->options->choice, true);
	if (err)
		return err;
	for (int i = 0; i < count; i++)
		registrar_hear(&balancer, &heard[i].datagram, registrar->only, clock_nanoseconds(),
			       &heard[i].hearing);
	balancer_close(&balancer);
	batch_tell(registrar, heard, count);
	return 0;
}

/* Waits for datagrams, a signal or `timeout` milliseconds. False: a signal. */
static bool wait_on(const struct registrar *registrar, long timeout)
{
	struct pollfd list[1 + DOOR_SOCKETS * XDPLB_TABLES] = {
		{ .fd = registrar->signals, .events = POLLIN },
	};
	int count = DOOR_SOCKETS * registrar->doors;

	for (int i = 0; i < count; i++)
		list[1 + i] = (struct pollfd){
			.fd = registrar->door[i / DOOR_SOCKETS].fd[i % DOOR_SOCKETS],
			.events = POLLIN,
		};
	poll(list, 1 + count, timeout > 0 ? timeout : 0);
	return !list[0].revents;
}

static long milliseconds(void)
{
	return clock_nanoseconds() / 1000000;
}

static void run(struct registrar *registrar)
{
	long look = milliseconds() + LOOK_MS;

	while (wait_on(registrar, look - milliseconds())) {
		batch_hear(registrar);
		if (milliseconds() < look)
			continue;
		look = doors_follow(registrar) ? LOOK_FAILED_MS : LOOK_MS;
		look += milliseconds();
	}
}

/* A descriptor that is readable when the process is to end, or a negative errno. */
static int signals_open(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return signalfd(-1, &ends, SFD_CLOEXEC);
}

int command_registrar(struct options *options)
{
	struct registrar registrar = { .options = options };
	struct service_address only;
	int err = options->count ? parse_service(options->arguments[0], &only) : 0;

	if (err)
		return err;
	registrar.only = options->count ? &only : NULL;
	registrar.signals = signals_open();
	if (registrar.signals < 0)
		return fail(errno, "cannot wait for signals: %s", strerror(errno));
	err = doors_follow(&registrar);
	if (!err)
		err = doors_needed(&registrar);
	if (!err)
		run(&registrar);
	doors_close(&registrar);
	close(registrar.signals);
	return err;
}
