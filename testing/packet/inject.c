// SPDX-License-Identifier: GPL-2.0-only
/*
 * inject PROGRAM-ID IFINDEX: runs packets through a loaded XDP program, as if they had come in
 * by that interface of this network namespace; or through a tc program, as if they left. A line
 * of standard input is a packet, as hex, perhaps how many of its bytes are linear (the rest lies
 * in fragments; 0 is all), perhaps another interface than IFINDEX, both of which a tc program has
 * no use for; a line of standard output is the verdict and the packet as the program left it.
 */
#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACKET_MAX 65536

struct packet {
	unsigned char data[PACKET_MAX];
	unsigned int size;
	unsigned int linear;
	unsigned int ifindex;
};

static const char *const verdicts[] = { "ABORTED", "DROP", "PASS", "TX", "REDIRECT" };

static int nibble(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int packet_read(struct packet *packet, const char *line)
{
	packet->size = 0;
	while (nibble(line[0]) >= 0 && nibble(line[1]) >= 0 && packet->size < PACKET_MAX) {
		packet->data[packet->size++] = nibble(line[0]) << 4 | nibble(line[1]);
		line += 2;
	}
	packet->linear = 0;
	if (*line != '\n' && sscanf(line, " %u %u", &packet->linear, &packet->ifindex) < 1)
		return -EINVAL;
	if (!packet->linear)
		packet->linear = packet->size;
	return 0;
}

static void packet_print(const char *verdict, const unsigned char *data, unsigned int size)
{
	static const char digits[] = "0123456789abcdef";
	static char text[2 * PACKET_MAX + 1];

	for (unsigned int i = 0; i < size; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	text[2 * size] = '\0';
	printf("%s %s\n", verdict, text);
	fflush(stdout); /* who sent it may be waiting */
}

/* Runs a program, and says its verdict; `ctx` is NULL of a tc program. */
static int program_run(int program, const struct packet *packet, struct xdp_md *ctx)
{
	static unsigned char out[PACKET_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet->data, .data_size_in = packet->size,
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = ctx,
		    .ctx_size_in = ctx ? sizeof(*ctx) : 0);
	int err = bpf_prog_test_run_opts(program, &run);

	if (err)
		return err;
	if (!ctx && (int)run.retval == TC_ACT_UNSPEC)
		packet_print("UNSPEC", out, run.data_size_out);
	else if (!ctx || run.retval >= sizeof(verdicts) / sizeof(*verdicts))
		return -ERANGE;
	else
		packet_print(verdicts[run.retval], out, run.data_size_out);
	return 0;
}

static bool is_tc(int program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return !bpf_obj_get_info_by_fd(program, &info, &size) &&
	       info.type == BPF_PROG_TYPE_SCHED_CLS;
}

static int packets_run(int program, unsigned int ifindex)
{
	static struct packet packet;
	struct xdp_md ctx = {}, *at = is_tc(program) ? NULL : &ctx;
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	for (int number = 1; !err && getline(&line, &size, stdin) > 0; number++) {
		packet.ifindex = ifindex;
		err = packet_read(&packet, line);
		ctx.data_end = packet.linear;
		ctx.ingress_ifindex = packet.ifindex;
		if (!err)
			err = program_run(program, &packet, at);
		if (err)
			fprintf(stderr, "inject: line %d: %s\n", number, strerror(-err));
	}
	free(line);
	return err;
}

int main(int argc, char **argv)
{
	int program, err;

	if (argc != 3) {
		fprintf(stderr, "usage: inject PROGRAM-ID IFINDEX <PACKETS\n");
		return 2;
	}
	program = bpf_prog_get_fd_by_id(strtoul(argv[1], NULL, 10));
	if (program < 0) {
		fprintf(stderr, "inject: program %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	err = packets_run(program, strtoul(argv[2], NULL, 10));
	close(program);
	return err || ferror(stdout) ? 1 : 0;
}
