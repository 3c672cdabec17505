// SPDX-License-Identifier: GPL-2.0-only
/* frame_from_hex() and pcap_read(): what they take has bounds; frame_text() tells of any frame. */
#include "../../loader/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../loader/frame_text.h"
#include "../../loader/pcap.h"
#include "fuzz.h"

static struct frame frame;

static void tell(void)
{
	char text[FRAME_TEXT];

	fuzz_check(frame.size >= FRAME_MIN && frame.size <= FRAME_MAX, "the size has its bounds");
	fuzz_check(strlen(frame_text(&frame, 6080, text)) > 0, "something is told");
}

static void as_capture(const uint8_t *data, size_t size)
{
	int fd = memfd_create("capture", 0);
	char path[64];

	fuzz_check(fd >= 0 && write(fd, data, size) == (ssize_t)size, "there is a file");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!pcap_read(path, 1 + (size ? data[size - 1] & 1 : 0), &frame))
		tell();
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *string = fuzz_string(data, size);

	if (!frame_from_hex(string, &frame))
		tell();
	free(string);
	as_capture(data, size);
	if (size >= FRAME_MIN) {
		memcpy(frame.data, data, size);
		frame.size = size;
		tell();
	}
	return 0;
}
