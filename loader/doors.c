// SPDX-License-Identifier: GPL-2.0-only
#include "doors.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../client/xdplb-register.h"
#include "address.h"
#include "error.h"

#define LOOPBACK_IFINDEX 1

/* ---- addresses --------------------------------------------------------------------------- */

static socklen_t to_sockaddr(const __be32 addr[4], __be16 port, struct sockaddr_storage *to)
{
	int family = address_family(addr);
	__u8 bytes[16] = {};

	/* The last four bytes of sixteen are an IPv4 address. */
	if (family == AF_INET)
		memcpy(bytes + 12, addr, 4);
	else
		memcpy(bytes, addr, sizeof(bytes));
	return xdplb_register_to_sockaddr(family, bytes, ntohs(port), to);
}

static void from_sockaddr(const struct sockaddr_storage *from, __be32 addr[4], __be16 *port)
{
	__u8 bytes[16];

	*port = htons(xdplb_register_from_sockaddr(from, bytes));
	memset(addr, 0, sizeof(bytes));
	memcpy(addr, from->ss_family == AF_INET ? bytes + 12 : bytes,
	       from->ss_family == AF_INET ? 4 : sizeof(bytes));
}

/* ---- opening ------------------------------------------------------------------------------- */

static bool socket_bind(const struct door *door, int which)
{
	struct sockaddr_storage own;
	socklen_t length = to_sockaddr(door->addr, door->port, &own);
	int yes = 1;

	/* Only the second one shares the port: so the first one finds out who has it. */
	if (which == DOOR_OTHERS &&
	    (setsockopt(door->fd[DOOR_LO], SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) ||
	     setsockopt(door->fd[which], SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes))))
		return false;
	return !bind(door->fd[which], (struct sockaddr *)&own, length);
}

/* What came by lo goes to the first socket of the port, other things to the second. */
static bool sockets_divide(const struct door *door)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_IFINDEX)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOOPBACK_IFINDEX, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, DOOR_LO),
		BPF_STMT(BPF_RET | BPF_K, DOOR_OTHERS),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(*code), .filter = code };

	return !setsockopt(door->fd[DOOR_LO], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
			   sizeof(program));
}

/* Forgets what came before the sockets were told apart. */
static void sockets_drain(const struct door *door)
{
	char byte;

	for (int i = 0; i < DOOR_SOCKETS; i++)
		while (recv(door->fd[i], &byte, sizeof(byte), MSG_DONTWAIT) >= 0)
			;
}

int door_open(struct door *door)
{
	int family = address_family(door->addr), err = 0;

	for (int i = 0; i < DOOR_SOCKETS; i++)
		door->fd[i] = -1;
	for (int i = 0; !err && i < DOOR_SOCKETS; i++) {
		door->fd[i] = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (door->fd[i] < 0 || !socket_bind(door, i))
			err = errno;
	}
	if (!err && !sockets_divide(door))
		err = errno;
	if (!err)
		sockets_drain(door);
	else
		door_close(door);
	door->err = -err;
	return -err;
}

int door_failed(const struct door *door)
{
	int err = -door->err;
	char text[ADDRESS_TEXT], host[ADDRESS_TEXT];

	endpoint_text(door->addr, door->port, text);
	if (err == EADDRINUSE)
		return fail(err,
			    "%s/udp is taken by another process, which ss -ulnp shows: end it, or "
			    "choose another port with: xdplb-config set registration-port=PORT",
			    text);
	if (err == EADDRNOTAVAIL)
		return fail(err, "%s is no address of this machine: ip address add %s/%d dev lo",
			    address_text(door->addr, host), host,
			    address_family(door->addr) == AF_INET ? 32 : 128);
	return fail(err, "cannot receive at %s/udp: %s", text, strerror(err));
}

void door_close(struct door *door)
{
	for (int i = 0; i < DOOR_SOCKETS; i++) {
		if (door->fd[i] >= 0)
			close(door->fd[i]);
		door->fd[i] = -1;
	}
}

/* ---- what passes ------------------------------------------------------------------------------
 */

bool door_receive(const struct door *door, int which, struct datagram *datagram)
{
	struct sockaddr_storage from = {};
	socklen_t length = sizeof(from);
	ssize_t got;

	memset(datagram, 0, sizeof(*datagram));
	/* An error may be about an answer that could not be delivered: the next one follows. */
	do
		got = recvfrom(door->fd[which], &datagram->message, sizeof(datagram->message),
			       MSG_TRUNC, (struct sockaddr *)&from, &length);
	while (got < 0 && errno != EAGAIN && errno != EBADF);
	if (got < 0)
		return false;
	datagram->length = got;
	datagram->by_lo = which == DOOR_LO;
	memcpy(datagram->to, door->addr, sizeof(datagram->to));
	from_sockaddr(&from, datagram->from, &datagram->from_port);
	return true;
}

void door_answer(const struct door *door, const struct datagram *datagram,
		 const struct message *answer)
{
	struct sockaddr_storage to;
	socklen_t length = to_sockaddr(datagram->from, answer->answer_port, &to);

	(void)!sendto(door->fd[DOOR_LO], answer, sizeof(*answer), MSG_DONTWAIT,
		      (struct sockaddr *)&to, length);
}
