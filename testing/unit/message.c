// SPDX-License-Identifier: GPL-2.0-only
/* xdp/message.h: which registrations are sound, and their tags, as client/xdplb-register.h's. */
#include "../../client/xdplb-register.h"

#include <endian.h>
#include <stdlib.h>

#include "../../xdp/message.h"
#include "unit.h"

static const char *const services[] = { "192.0.2.1:5000/udp", "[2001:db8::1]:443/tcp",
					"[::1:0:0:0]:1", "255.255.255.255:65535/tcp" };

/* The address that a packet to the service has. */
static void address_of_service(const struct xdplb_register *self, __be32 addr[4])
{
	memset(addr, 0, 16);
	if (xdplb_register_family(self) == AF_INET)
		memcpy(addr, self->service_address + 12, 4);
	else
		memcpy(addr, self->service_address, 16);
}

static struct xdplb_register client(const char *service, bool has_key)
{
	struct xdplb_register self;
	uint8_t key[16];

	assert_int_equal(xdplb_register_init(&self, service, random_from(1, 65535)), 0);
	for (int i = 0; i < 16; i++)
		key[i] = random_64();
	if (has_key)
		xdplb_register_key(&self, key);
	self.lifetime = random_from(1, 65535);
	self.counter = random_64();
	return self;
}

static struct message message_of(const struct xdplb_register *self, int type)
{
	struct message message;

	assert_int_equal(xdplb_register_message(self, type, random_from(1, 65535),
						random_from(0, 65535), (uint8_t *)&message),
			 0);
	return message;
}

/* Whatever the client's header makes is sound, and its tag is the one that is wanted. */
static void clients_are_sound(void **state)
{
	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct xdplb_register self = client(services[i % 4], i % 8 < 6);
		struct message message = message_of(&self, 1 + i / 4 % 2);
		__be32 addr[4];
		__u64 key[2];

		address_of_service(&self, addr);
		memcpy(key, self.key, sizeof(key));
		assert_true(message_is_sound(&message, addr));
		assert_true(self.has_key ? message_tag(key, &message) == message.tag :
					   !message.tag);
		assert_int_equal(ntohs(message.service_port), self.service_port);
		assert_int_equal(ntohs(message.port), self.listener_port);
		assert_int_equal(be64toh(message.counter), self.counter);
	}
}

/* Each bit that is tagged changes the tag; those of the tag itself and of the key do too. */
static void every_bit_is_tagged(void **state)
{
	struct xdplb_register self = client(services[1], true);
	struct message message = message_of(&self, 1);
	__u64 key[2];

	(void)state;
	memcpy(key, self.key, sizeof(key));
	for (size_t bit = 0; bit < 8 * sizeof(message); bit++) {
		struct message other = message;

		((uint8_t *)&other)[bit / 8] ^= 1 << bit % 8;
		assert_true(message_tag(key, &other) != other.tag);
	}
	for (int bit = 0; bit < 128; bit++) {
		key[bit / 64] ^= 1ULL << bit % 64;
		assert_true(message_tag(key, &message) != message.tag);
		key[bit / 64] ^= 1ULL << bit % 64;
	}
	assert_true(message_tag(key, &message) == message.tag);
}

/* ---- field by field ------------------------------------------------------------------- */

static bool is_sound_with(const char *service, int type, size_t at, uint8_t byte)
{
	struct xdplb_register self = client(service, false);
	struct message message;
	__be32 addr[4];

	self.lifetime = 0x0101; /* of two bytes either may be zero */
	self.listener_port = 0x0101;
	assert_int_equal(xdplb_register_message(&self, type, 0x0101, 0, (uint8_t *)&message), 0);
	((uint8_t *)&message)[at] = byte;
	address_of_service(&self, addr);
	return message_is_sound(&message, addr);
}

/* The byte may be at this offset of a sound message of this type. */
static bool is_right(int type, size_t at, uint8_t byte, const uint8_t *address)
{
	static const uint8_t magic[] = { 0x78, 0x64, 0x6c, 0x62, 1 };

	if (at < sizeof(magic))
		return byte == magic[at];
	switch (at) {
	case 5:
		return byte == type; /* the other type has other weights */
	case 6:
		return byte == 6 || byte == 17;
	case 7:
		return !byte;
	case 12 ... 15: /* weight, lifetime */
		return type == 1 || !byte;
	case 16 ... 31:
		return byte == address[at - 16];
	case 42 ... 43:
		return !byte;
	default: /* ports, counter, answer port, user and tag are looked at elsewhere */
		return true;
	}
}

static void every_byte(void **state)
{
	(void)state;
	for (int type = 1; type <= 2; type++)
		for (size_t s = 0; s < COUNT(services); s++)
			for (size_t at = 0; at < sizeof(struct message); at++)
				for (int byte = 0; byte < 256; byte++) {
					struct xdplb_register self = client(services[s], false);
					bool right = is_right(type, at, byte, self.service_address);

					if (is_sound_with(services[s], type, at, byte) != right)
						fail_msg("type %d, byte %zu is %d: %s", type, at,
							 byte, right ? "refused" : "taken");
				}
}

static void numbers_that_are_zero(void **state)
{
	struct xdplb_register self = client(services[0], false);
	__be32 addr[4];

	(void)state;
	address_of_service(&self, addr);
	for (int type = 1; type <= 2; type++)
		for (int which = 0; which < 8; which++) {
			struct message message = message_of(&self, type);
			bool right = type == 1 ? !(which & 3) : (which & 3) == 3;

			message.weight = which & 1 ? 0 : htons(256);
			message.lifetime = which & 2 ? 0 : htons(256);
			if (which & 4)
				message.port = 0;
			assert_true(message_is_sound(&message, addr) == (right && !(which & 4)));
		}
}

/* An address of the other family never is that of the packet. */
static void families(void **state)
{
	struct xdplb_register four = client(services[0], false), six = client(services[1], false);
	struct message of_four = message_of(&four, 1), of_six = message_of(&six, 1);
	__be32 addr4[4], addr6[4], mapped[4] = { 0, 0, htonl(0xffff), htonl(0xc0000201) };

	(void)state;
	address_of_service(&four, addr4);
	address_of_service(&six, addr6);
	assert_false(message_is_of(&of_four, addr6));
	assert_false(message_is_of(&of_six, addr4));
	assert_true(message_is_of(&of_four, addr4));
	assert_true(message_is_of(&of_six, addr6));
	/* A packet from and to mapped addresses is IPv6, whatever it is. */
	assert_true(message_is_of(&of_four, mapped));
	of_four.service_addr[2] = 0; /* ::192.0.2.1 */
	assert_false(message_is_of(&of_four, addr4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_sound), cmocka_unit_test(every_bit_is_tagged),
		cmocka_unit_test(every_byte),	     cmocka_unit_test(numbers_that_are_zero),
		cmocka_unit_test(families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
