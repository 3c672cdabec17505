// SPDX-License-Identifier: GPL-2.0-only
/* client/xdplb-register.h: its messages against the vectors of xdplb-register(7), and its words. */
#include "../../client/xdplb-register.h"

#include <stdlib.h>

#include "unit.h"

#define COUNTER 1700000000000000000ULL

/* 00 01 02 ..., the key of all vectors, and the text of SipHash's own. */
static const uint8_t upwards[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static const char plain[] = "78646c620101110013881389000a001e"
			    "00000000000000000000ffffc0000201"
			    "17979cfe362a00000000000000000000"
			    "0000000000000000";
static const char keyed[] = "78646c620101110013881389000a001e"
			    "00000000000000000000ffffc0000201"
			    "17979cfe362a00009c40000000000000"
			    "9cdd1372c0365ca4";
static const char answer[] = "78646c620181110013881389000a001e"
			     "00000000000000000000ffffc0000201"
			     "17979cfe362a00009c40000000000000"
			     "d495d341a6d7a0da";
static const char goodbye[] = "78646c620102060001bb20fb00000000"
			      "20010db8000000000000000000000001"
			      "17979cfe362a00010000000000000000"
			      "cb61ea60e3a354c8";

/* Hexadecimal digits as bytes. Returns how many bytes they are. */
static size_t bytes_of(const char *digits, uint8_t *bytes)
{
	size_t count = 0;
	unsigned int byte;
	int read;

	while (sscanf(digits, "%2x%n", &byte, &read) == 1) {
		bytes[count++] = byte;
		digits += read;
	}
	return count;
}

/* The listener of the vectors. */
static struct xdplb_register listener(const char *service, unsigned int port, bool has_key)
{
	struct xdplb_register self;

	assert_int_equal(xdplb_register_init(&self, service, port), 0);
	if (has_key)
		xdplb_register_key(&self, upwards);
	self.counter = COUNTER;
	return self;
}

static void assert_message(const struct xdplb_register *self, int type, unsigned int weight,
			   unsigned int answer_port, const char *digits)
{
	uint8_t got[XDPLB_REGISTER_BYTES], right[XDPLB_REGISTER_BYTES];

	assert_int_equal(bytes_of(digits, right), sizeof(right));
	assert_int_equal(xdplb_register_message(self, type, weight, answer_port, got), 0);
	assert_memory_equal(got, right, sizeof(right));
}

/* ---- SipHash ------------------------------------------------------------------ */

/* The first of the vectors that come with its authors' code. */
static void siphash_vectors(void **state)
{
	static const uint64_t vectors[] = {
		0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
		0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
		0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
		0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++)
		assert_true(xdplb_register_siphash(upwards, upwards, i) == vectors[i]);
}

/* ---- messages ----------------------------------------------------------------- */

static void message_vectors(void **state)
{
	struct xdplb_register self = listener("192.0.2.1:5000/udp", 5001, false);

	(void)state;
	assert_message(&self, XDPLB_REGISTER_REGISTER, 10, 0, plain);
	self = listener("192.0.2.1:5000/udp", 5001, true);
	assert_message(&self, XDPLB_REGISTER_REGISTER, 10, 40000, keyed);
	self = listener("[2001:db8::1]:443/tcp", 8443, true);
	self.counter++;
	assert_message(&self, XDPLB_REGISTER_GOODBYE, 10, 0, goodbye);
}

static void message_mistakes(void **state)
{
	struct xdplb_register self = listener("192.0.2.1:5000/udp", 5001, false);
	uint8_t out[XDPLB_REGISTER_BYTES];

	(void)state;
	assert_int_equal(xdplb_register_message(&self, 0, 1, 0, out), -EINVAL);
	assert_int_equal(xdplb_register_message(&self, 3, 1, 0, out), -EINVAL);
	assert_int_equal(xdplb_register_message(&self, 1, 0, 0, out), -EINVAL);
	assert_int_equal(xdplb_register_message(&self, 1, 65536, 0, out), -EINVAL);
	assert_int_equal(xdplb_register_message(&self, 1, 65535, 65536, out), -EINVAL);
	assert_int_equal(xdplb_register_message(&self, 1, 65535, 65535, out), 0);
	self.lifetime = 0;
	assert_int_equal(xdplb_register_message(&self, 1, 1, 0, out), -EINVAL);
	assert_int_equal(xdplb_register_message(&self, 2, 1, 0, out), 0);
}

static void counters_grow(void **state)
{
	struct xdplb_register self = listener("192.0.2.1:5000/udp", 5001, false);
	uint64_t before = COUNTER;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		assert_true(xdplb_register_next(&self) > before);
		before = self.counter;
	}
	/* also when the clock has gone back */
	self.counter = before = UINT64_MAX - 2;
	assert_true(xdplb_register_next(&self) == before + 1);
}

/* ---- sockets ------------------------------------------------------------------ */

/* A UDP socket on a free port of 127.0.0.1, or of ::ffff:127.0.0.1. */
static int socket_open(int family, uint16_t *port)
{
	struct xdplb_register self = listener("127.0.0.1:1/udp", 1, false);
	int fd = socket(family, SOCK_DGRAM, 0);
	struct sockaddr_storage own;
	socklen_t length = xdplb_register_to_sockaddr(family, self.service_address, 0, &own);
	uint8_t address[16];

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &length), 0);
	*port = xdplb_register_from_sockaddr(&own, address);
	return fd;
}

/* From IPv4 sockets and IPv6 ones. */
static void sent(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	uint8_t got[XDPLB_REGISTER_BYTES + 1], right[XDPLB_REGISTER_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(families); i++) {
		struct xdplb_register self = listener("127.0.0.1:1/udp", 1, true);
		int to = socket_open(AF_INET, &self.registration_port);
		int from = socket_open(families[i], &self.listener_port);

		assert_int_equal(xdplb_register_send(&self, from, 7), 0);
		assert_true(self.counter > COUNTER);
		xdplb_register_message(&self, XDPLB_REGISTER_REGISTER, 7, 0, right);
		assert_int_equal(recv(to, got, sizeof(got), 0), sizeof(right));
		assert_memory_equal(got, right, sizeof(right));
		assert_int_equal(xdplb_register_bye(&self, from), 0);
		xdplb_register_message(&self, XDPLB_REGISTER_GOODBYE, 0, 0, right);
		assert_int_equal(recv(to, got, sizeof(got), 0), sizeof(right));
		assert_memory_equal(got, right, sizeof(right));
		close(from);
		close(to);
	}
}

static void not_sent(void **state)
{
	struct xdplb_register self = listener("[2001:db8::1]:1/udp", 1, false);
	int fd = socket_open(AF_INET, &self.listener_port);

	(void)state;
	assert_int_equal(xdplb_register_send(&self, fd, 1), -EAFNOSUPPORT);
	self = listener("127.0.0.1:1/udp", self.listener_port, false);
	assert_int_equal(xdplb_register_send(&self, fd, 0), -EINVAL);
	self.listener_port ^= 1;
	assert_int_equal(xdplb_register_send(&self, fd, 1), -EINVAL);
	close(fd);
	assert_int_equal(xdplb_register_send(&self, fd, 1), -EBADF);
}

/* A TCP listener's: it has the port, and hears that nobody is there. */
static void socket_of_its_own(void **state)
{
	struct xdplb_register self = listener("127.0.0.1:1/tcp", 1, false);
	int fd;

	(void)state;
	close(socket_open(AF_INET, &self.registration_port));
	close(socket_open(AF_INET, &self.listener_port));
	fd = xdplb_register_socket(&self);
	assert_true(fd >= 0);
	assert_int_equal(xdplb_register_socket(&self), -EADDRINUSE);
	assert_int_equal(xdplb_register_send(&self, fd, 1), 0);
	assert_int_equal(xdplb_register_send(&self, fd, 1), -ECONNREFUSED);
	close(fd);
}

/* ---- words and files ------------------------------------------------------------ */

static void services(void **state)
{
	static const struct {
		const char *text, *address;
		uint16_t port;
		uint8_t protocol;
	} cases[] = {
		{ "192.0.2.1:5000/udp", "00000000000000000000ffffc0000201", 5000, IPPROTO_UDP },
		{ "192.0.2.1:1/tcp", "00000000000000000000ffffc0000201", 1, IPPROTO_TCP },
		{ "192.0.2.1:65535", "00000000000000000000ffffc0000201", 65535, IPPROTO_TCP },
		{ "[2001:db8::1]:53/udp", "20010db8000000000000000000000001", 53, IPPROTO_UDP },
		{ "[2001:db8::1]:53", "20010db8000000000000000000000001", 53, IPPROTO_TCP },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct xdplb_register self = listener(cases[i].text, 5001, false);
		uint8_t address[16];

		bytes_of(cases[i].address, address);
		assert_memory_equal(self.service_address, address, sizeof(address));
		assert_int_equal(self.service_port, cases[i].port);
		assert_int_equal(self.protocol, cases[i].protocol);
		assert_int_equal(self.listener_port, 5001);
		assert_int_equal(self.registration_port, 7475);
		assert_int_equal(self.lifetime, 30);
		assert_int_equal(self.answer_port, 0);
	}
}

static void service_mistakes(void **state)
{
	static const char *const cases[] = {
		"",
		"192.0.2.1",
		"192.0.2.1/udp",
		"192.0.2.1:/udp",
		"192.0.2.1:0/udp",
		"192.0.2.1:65536/udp",
		"192.0.2.1:18446744073709551617/udp",
		"192.0.2.1:+1/udp",
		"192.0.2.1:1x/udp",
		"192.0.2.1:1/",
		"192.0.2.1:1/sctp",
		"192.0.2.1:1/udp/",
		"192.0.2:1/udp",
		"[192.0.2.1]:1/udp",
		"2001:db8::1:53/udp",
		"[2001:db8::1]/udp",
		"[2001:db8::1:53/udp",
		"[]:53/udp",
		"[::ffff:192.0.2.1]:53/udp",
		"localhost:53/udp",
		"[2001:0db8:0000:0000:0000:0000:0000:0001]:00000000000000000000000053",
	};
	struct xdplb_register self;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (xdplb_register_init(&self, cases[i], 5001) != -EINVAL)
			fail_msg("\"%s\" was taken for a service", cases[i]);
	assert_int_equal(xdplb_register_init(&self, "192.0.2.1:1/udp", 0), -EINVAL);
	assert_int_equal(xdplb_register_init(&self, "192.0.2.1:1/udp", 65536), -EINVAL);
}

/* What becomes of a key file with this text. */
static int key_file(struct xdplb_register *self, const char *text, size_t length)
{
	char path[] = "/tmp/xdplb-unit-XXXXXX";
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	close(fd);
	err = xdplb_register_key_file(self, path);
	unlink(path);
	return err;
}

static void key_files(void **state)
{
	static const char *const good[] = {
		"000102030405060708090a0b0c0d0e0f",
		"000102030405060708090a0b0c0d0e0f\n",
		" \t\n000102030405060708090A0B0C0D0E0F \r\n\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct xdplb_register self = listener("192.0.2.1:1", 1, false);

		assert_int_equal(key_file(&self, good[i], strlen(good[i])), 0);
		assert_int_equal(self.has_key, 1);
		assert_memory_equal(self.key, upwards, sizeof(upwards));
	}
}

static void key_file_mistakes(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"000102030405060708090a0b0c0d0e0",
		"000102030405060708090a0b0c0d0e0f0",
		"000102030405060708090a0b0c0d0e0f\n0",
		"000102030405060708090a0b0c0d0e0g",
		"0x0102030405060708090a0b0c0d0e0f",
		"+0-102030405060708090a0b0c0d0e0f",
		"00010203 0405060708090a0b0c0d0e0f",
		"000102030405060708090a0b0c0d0e0f # key",
	};
	struct xdplb_register self = listener("192.0.2.1:1", 1, false);

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (key_file(&self, bad[i], strlen(bad[i])) != -EINVAL)
			fail_msg("\"%s\" was taken for a key", bad[i]);
	assert_int_equal(key_file(&self, "000102030405060708090a0b0c0d0e\0f", 32), -EINVAL);
	assert_int_equal(xdplb_register_key_file(&self, "/nonexistent"), -ENOENT);
	assert_int_equal(xdplb_register_key_file(&self, "/"), -EISDIR);
	assert_int_equal(self.has_key, 0);
}

/* ---- answers ------------------------------------------------------------------ */

static struct sockaddr_storage sender(const char *service, int family)
{
	struct xdplb_register self = listener(service, 1, false);
	struct sockaddr_storage from;

	self.registration_port = self.service_port;
	assert_true(xdplb_register_balancer(&self, family, &from) > 0);
	return from;
}

static void answers(void **state)
{
	struct sockaddr_storage from = sender("192.0.2.1:7475", AF_INET);
	struct xdplb_register self = listener("192.0.2.1:5000/udp", 5001, true);
	uint8_t data[XDPLB_REGISTER_BYTES + 1];
	uint64_t counter = 0;

	(void)state;
	bytes_of(answer, data);
	assert_true(xdplb_register_is_answer(&self, data, 56, &from, &counter));
	assert_true(counter == COUNTER);
	/* as an IPv6 socket hears it */
	from = sender("192.0.2.1:7475", AF_INET6);
	assert_true(xdplb_register_is_answer(&self, data, 56, &from, NULL));

	assert_false(xdplb_register_is_answer(&self, data, 55, &from, NULL));
	assert_false(xdplb_register_is_answer(&self, data, 57, &from, NULL));
	assert_false(xdplb_register_is_answer(&self, data, 0, &from, NULL));
	from = sender("192.0.2.2:7475", AF_INET);
	assert_false(xdplb_register_is_answer(&self, data, 56, &from, NULL));
	from = sender("192.0.2.1:7476", AF_INET);
	assert_false(xdplb_register_is_answer(&self, data, 56, &from, NULL));
	from.ss_family = AF_UNIX;
	assert_false(xdplb_register_is_answer(&self, data, 56, &from, NULL));
}

/* Each bit of an answer, the tag's too. */
static void answers_changed(void **state)
{
	struct sockaddr_storage from = sender("192.0.2.1:7475", AF_INET);
	struct xdplb_register self = listener("192.0.2.1:5000/udp", 5001, true);
	uint8_t data[XDPLB_REGISTER_BYTES];

	(void)state;
	bytes_of(answer, data);
	for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= 1 << bit % 8;
		assert_false(xdplb_register_is_answer(&self, data, 56, &from, NULL));
		data[bit / 8] ^= 1 << bit % 8;
	}
	assert_true(xdplb_register_is_answer(&self, data, 56, &from, NULL));
	self.key[0] ^= 1;
	assert_false(xdplb_register_is_answer(&self, data, 56, &from, NULL));
}

/* A right tag does not make an answer of what is none. */
static void answers_tagged(void **state)
{
	static const size_t bytes[] = { 0, 4, 5, 6, 7, 8, 10, 16, 31 };
	struct sockaddr_storage from = sender("192.0.2.1:7475", AF_INET);
	struct xdplb_register self = listener("192.0.2.1:5000/udp", 5001, true);
	uint8_t data[XDPLB_REGISTER_BYTES];

	(void)state;
	bytes_of(keyed, data);
	assert_false(xdplb_register_is_answer(&self, data, 56, &from, NULL));
	for (size_t i = 0; i < COUNT(bytes); i++) {
		bytes_of(answer, data);
		data[bytes[i]] ^= 0x40;
		xdplb_register_tag(&self, data, data + XDPLB_REGISTER_TAGGED);
		assert_false(xdplb_register_is_answer(&self, data, 56, &from, NULL));
	}
}

static void answers_without_key(void **state)
{
	struct sockaddr_storage from = sender("192.0.2.1:7475", AF_INET);
	struct xdplb_register self = listener("192.0.2.1:5000/udp", 5001, false);
	uint8_t data[XDPLB_REGISTER_BYTES];

	(void)state;
	bytes_of(plain, data);
	assert_false(xdplb_register_is_answer(&self, data, 56, &from, NULL));
	data[5] |= XDPLB_REGISTER_ANSWER;
	assert_true(xdplb_register_is_answer(&self, data, 56, &from, NULL));
	data[55] = 1;
	assert_false(xdplb_register_is_answer(&self, data, 56, &from, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_vectors),
		cmocka_unit_test(message_vectors),
		cmocka_unit_test(message_mistakes),
		cmocka_unit_test(counters_grow),
		cmocka_unit_test(sent),
		cmocka_unit_test(not_sent),
		cmocka_unit_test(socket_of_its_own),
		cmocka_unit_test(services),
		cmocka_unit_test(service_mistakes),
		cmocka_unit_test(key_files),
		cmocka_unit_test(key_file_mistakes),
		cmocka_unit_test(answers),
		cmocka_unit_test(answers_changed),
		cmocka_unit_test(answers_tagged),
		cmocka_unit_test(answers_without_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
